// SPDX-License-Identifier: MIT
{ Makes the functions of another module's heap the memory manager of a Free Pascal program. It does what a Delphi unit
  and Delphi's run-time library do between them: the functions are never called with nil or with size 0. }
unit ClientManager;

{$mode delphi}

interface

type
  TForeignGetMem = function(Size: NativeUInt): Pointer;
  TForeignReallocMem = function(P: Pointer; Size: NativeUInt): Pointer;
  TForeignFree = function(P: Pointer): Boolean; { True: P was freed. False: it was refused }
  TForeignMemSize = function(P: Pointer): PtrUInt;
  TForeignThreadDone = procedure;

{ Makes these functions the memory manager of this program. ThreadDone may be nil. }
procedure UseForeignHeap(GetMem, AllocMem: TForeignGetMem; ReallocMem: TForeignReallocMem; IsFreed: TForeignFree;
  MemSize: TForeignMemSize; ThreadDone: TForeignThreadDone);

implementation

var
  Foreign: record
    GetMem, AllocMem: TForeignGetMem;
    ReallocMem: TForeignReallocMem;
    IsFreed: TForeignFree;
    MemSize: TForeignMemSize;
    ThreadDone: TForeignThreadDone;
  end;

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

procedure UseForeignHeap(GetMem, AllocMem: TForeignGetMem; ReallocMem: TForeignReallocMem; IsFreed: TForeignFree;
  MemSize: TForeignMemSize; ThreadDone: TForeignThreadDone);
begin
  Foreign.GetMem := GetMem;
  Foreign.AllocMem := AllocMem;
  Foreign.ReallocMem := ReallocMem;
  Foreign.IsFreed := IsFreed;
  Foreign.MemSize := MemSize;
  Foreign.ThreadDone := ThreadDone;
  SetMemoryManager(Manager);
end;

end.
