{ Free Pascal's memory manager out of six functions of somebody else's heap: what the stubs of a Delphi unit and its run-time
  library do between them. The functions know neither nil nor 0. }
unit ClientManager;

{$mode delphi}

interface

type
  TForeignHeap = record
    GetMem: function(Size: NativeUInt): Pointer;
    AllocMem: function(Size: NativeUInt): Pointer;
    ReallocMem: function(P: Pointer; Size: NativeUInt): Pointer;
    IsFreed: function(P: Pointer): Boolean; { frees it }
    MemSize: function(P: Pointer): PtrUInt;
    ThreadDone: procedure; { or nil }
  end;

{ From here on HEAP is the memory manager of this program. }
procedure UseForeignHeap(const Heap: TForeignHeap);

implementation

var
  Foreign: TForeignHeap;

function ClientGetMem(Size: PtrUInt): Pointer;
begin
  if Size = 0 then
    Size := 1;
  Result := Foreign.GetMem(Size);
  if Result = nil then
    RunError(203);
end;

function ClientFreeMem(P: Pointer): PtrUInt;
begin
  Result := 0;
  if (P <> nil) and not Foreign.IsFreed(P) then
    RunError(204);
end;

function ClientFreeMemSize(P: Pointer; Size: PtrUInt): PtrUInt;
begin
  Result := ClientFreeMem(P);
end;

function ClientAllocMem(Size: PtrUInt): Pointer;
begin
  Result := Foreign.AllocMem(Size);
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
    P := Foreign.ReallocMem(P, Size);
    if P = nil then
      RunError(203);
  end;
  Result := P;
end;

function ClientMemSize(P: Pointer): PtrUInt;
begin
  Result := Foreign.MemSize(P);
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
  if Assigned(Foreign.ThreadDone) then
    Foreign.ThreadDone;
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

procedure UseForeignHeap(const Heap: TForeignHeap);
begin
  Foreign := Heap;
  SetMemoryManager(Manager);
end;

end.
