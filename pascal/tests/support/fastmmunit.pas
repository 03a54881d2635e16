{ Attaches as FastMM 4 and 5 and Delphi's SimpleShareMem do, and makes what it finds the memory manager of this program: it
  reads the address of a Delphi TMemoryManagerEx from a mapping with FastMM's name, copies the six pointers and calls them.
  Loads the library first, which an import table would do in other programs. }
unit FastMMUnit;

{$mode delphi}

interface

var
  Attached: Boolean;

implementation

uses
  Windows, ClientManager, TestSupport;

type
  PMemoryManagerEx = ^TMemoryManagerEx;
  TMemoryManagerEx = record
    GetMem: function(Size: NativeInt): Pointer;
    FreeMem: function(P: Pointer): Integer;
    ReallocMem: function(P: Pointer; Size: NativeInt): Pointer;
    AllocMem: function(Size: NativeInt): Pointer;
    RegisterExpectedMemoryLeak: function(P: Pointer): Boolean;
    UnregisterExpectedMemoryLeak: function(P: Pointer): Boolean;
  end;

var
  Shared: TMemoryManagerEx;
  UsableSize: function(P: Pointer): NativeUInt; cdecl; { what Delphi does not ask for and Free Pascal does }

function SharedIsFreed(P: Pointer): Boolean;
begin
  Result := Shared.FreeMem(P) = 0;
end;

function SharedMemSize(P: Pointer): PtrUInt;
begin
  Result := UsableSize(P);
end;

{ Temporary strings are gone at the end, before this program has another memory manager. }
procedure Find;
var
  Mapping: THandle;
  View: ^PMemoryManagerEx;
begin
  @UsableSize := FunctionOf(LoadBeside(LibraryName), 'brainmm_usable_size');
  Mapping := OpenFileMappingA(FILE_MAP_READ, False,
    PAnsiChar('Local\FastMM_PID_' + HexStr(GetCurrentProcessId, 8)));
  if Mapping = 0 then
    Exit;
  View := MapViewOfFile(Mapping, FILE_MAP_READ, 0, 0, 0);
  Shared := View^^;
  UnmapViewOfFile(View);
  CloseHandle(Mapping);
  Attached := True;
end;

procedure Install;
var
  Heap: TForeignHeap;
begin
  FillChar(Heap, SizeOf(Heap), 0);
  @Heap.GetMem := @Shared.GetMem; { Delphi's sizes are signed }
  @Heap.AllocMem := @Shared.AllocMem;
  @Heap.ReallocMem := @Shared.ReallocMem;
  Heap.IsFreed := SharedIsFreed;
  Heap.MemSize := SharedMemSize;
  UseForeignHeap(Heap);
end;

initialization
  Find;
  if Attached then
    Install;
end.
