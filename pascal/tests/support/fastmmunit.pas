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
  Windows, TestSupport;

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

function ClientGetMem(Size: PtrUInt): Pointer;
begin
  if Size = 0 then
    Size := 1;
  Result := Shared.GetMem(Size);
  if Result = nil then
    RunError(203);
end;

function ClientFreeMem(P: Pointer): PtrUInt;
begin
  Result := 0;
  if (P <> nil) and (Shared.FreeMem(P) <> 0) then
    RunError(204);
end;

function ClientFreeMemSize(P: Pointer; Size: PtrUInt): PtrUInt;
begin
  Result := ClientFreeMem(P);
end;

function ClientAllocMem(Size: PtrUInt): Pointer;
begin
  Result := Shared.AllocMem(Size);
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
    P := Shared.ReallocMem(P, Size);
    if P = nil then
      RunError(203);
  end;
  Result := P;
end;

function ClientMemSize(P: Pointer): PtrUInt;
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
  Manager: TMemoryManager;
begin
  GetMemoryManager(Manager);
  Manager.GetMem := ClientGetMem;
  Manager.FreeMem := ClientFreeMem;
  Manager.FreeMemSize := ClientFreeMemSize;
  Manager.AllocMem := ClientAllocMem;
  Manager.ReAllocMem := ClientReallocMem;
  Manager.MemSize := ClientMemSize;
  SetMemoryManager(Manager);
end;

initialization
  Find;
  if Attached then
    Install;
end.
