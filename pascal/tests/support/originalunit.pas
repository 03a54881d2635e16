{ Attaches as the unit of the original does, and makes its table the memory manager of this program: it reads the pointer
  at the beginning of the mapping, copies 24 slots without looking at anything else, turns FreeMem's result around because
  the owner's compiler is another, and calls the slots as they are. Where the original would become the owner itself, this
  loads the library first. }
unit OriginalUnit;

{$mode delphi}

interface

uses
  Version1;

var
  Table: TVersion1Table;

implementation

uses
  TestSupport;

var
  OwnersFreeMem: function(P: Pointer): Integer;

{ Free Pascal's flavour: 0 is a refusal. }
function FreeMemInverted(P: Pointer): Integer;
begin
  Result := Ord(OwnersFreeMem(P) = 0);
end;

{ The table knows neither nil nor 0; the original's run-time library and stubs see to that. }

function ClientGetMem(Size: PtrUInt): Pointer;
begin
  if Size = 0 then
    Size := 1;
  Result := Table.GetMem(Size);
  if Result = nil then
    RunError(203);
end;

function ClientFreeMem(P: Pointer): PtrUInt;
begin
  Result := 0;
  if (P <> nil) and (Table.FreeMem(P) = 0) then
    RunError(204);
end;

function ClientFreeMemSize(P: Pointer; Size: PtrUInt): PtrUInt;
begin
  Result := ClientFreeMem(P);
end;

function ClientAllocMem(Size: PtrUInt): Pointer;
begin
  Result := Table.AllocMem(Size);
  if Result = nil then
    RunError(203);
end;

function ClientReallocMem(var P: Pointer; Size: PtrUInt): Pointer;
begin
  if Size = 0 then
  begin
    ClientFreeMem(P);
    P := nil;
  end
  else if P = nil then
    P := ClientGetMem(Size)
  else
  begin
    P := Table.ReallocMem(P, Size);
    if P = nil then
      RunError(203);
  end;
  Result := P;
end;

function ClientMemSize(P: Pointer): PtrUInt;
var
  Options: TVersion1MemoryOptions;
begin
  if not Table.GetMemoryOptions(P, Options) then
    RunError(204);
  Result := Options.Size;
end;

function ClientHeapStatus: THeapStatus;
begin
  FillChar(Result, SizeOf(Result), 0);
end;

function ClientFPCHeapStatus: TFPCHeapStatus;
begin
  FillChar(Result, SizeOf(Result), 0);
end;

procedure ClientThreadDone;
begin
  if Assigned(Table.EndThreadEvent) then
    Table.EndThreadEvent(0);
end;

const
  Manager: TMemoryManager = (
    NeedLock: False;
    GetMem: ClientGetMem;
    FreeMem: ClientFreeMem;
    FreeMemSize: ClientFreeMemSize;
    AllocMem: ClientAllocMem;
    ReAllocMem: ClientReallocMem;
    MemSize: ClientMemSize;
    InitThread: nil;
    DoneThread: ClientThreadDone;
    RelocateHeap: nil;
    GetHeapStatus: ClientHeapStatus;
    GetFPCHeapStatus: ClientFPCHeapStatus);

{ Temporary strings are gone at the end, before this program has another memory manager. }
procedure Attach;
begin
{$ifdef windows}
  if PublishedTable = nil then
    LoadBeside(LibraryName);
{$endif}
  Table := PublishedTable^;
end;

initialization
  Attach;
  if not Table.Options.FreePacalCompiler then
  begin
    OwnersFreeMem := Table.FreeMem;
    Table.FreeMem := FreeMemInverted;
  end;
  SetMemoryManager(Manager);
end.
