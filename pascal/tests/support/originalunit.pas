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
  ClientManager, TestSupport;

var
  OwnersFreeMem: function(P: Pointer): Integer;

{ Free Pascal's flavour: 0 is a refusal. }
function FreeMemInverted(P: Pointer): Integer;
begin
  Result := Ord(OwnersFreeMem(P) = 0);
end;

function TableIsFreed(P: Pointer): Boolean;
begin
  Result := Table.FreeMem(P) <> 0;
end;

function TableMemSize(P: Pointer): PtrUInt;
var
  Options: TVersion1MemoryOptions;
begin
  if not Table.GetMemoryOptions(P, Options) then
    RunError(204);
  Result := Options.Size;
end;

procedure TableThreadDone;
begin
  if Assigned(Table.EndThreadEvent) then
    Table.EndThreadEvent(0);
end;

{ Temporary strings are gone at the end, before this program has another memory manager. }
procedure Attach;
begin
{$ifdef windows}
  if PublishedTable = nil then
    LoadBeside(LibraryName);
{$endif}
  Table := PublishedTable^;
end;

procedure Install;
var
  Heap: TForeignHeap;
begin
  Heap.GetMem := Table.GetMem;
  Heap.AllocMem := Table.AllocMem;
  Heap.ReallocMem := Table.ReallocMem;
  Heap.IsFreed := TableIsFreed;
  Heap.MemSize := TableMemSize;
  Heap.ThreadDone := TableThreadDone;
  UseForeignHeap(Heap);
end;

initialization
  Attach;
  if not Table.Options.FreePacalCompiler then
  begin
    OwnersFreeMem := Table.FreeMem;
    Table.FreeMem := FreeMemInverted;
  end;
  Install;
end.
