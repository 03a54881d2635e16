// SPDX-License-Identifier: MIT
{ Attaches as FastMM 4 and 5 and Delphi's SimpleShareMem do: reads the address of a Delphi TMemoryManagerEx from the
  file mapping of FastMM's name, copies its six pointers and makes them the memory manager of this program. First it
  loads the library, which other programs do by their import table. }
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
    { Delphi's sizes are signed; here none is negative. }
    GetMem: TForeignGetMem;
    FreeMem: function(P: Pointer): Integer;
    ReallocMem: TForeignReallocMem;
    AllocMem: TForeignGetMem;
    RegisterExpectedMemoryLeak: function(P: Pointer): Boolean;
    UnregisterExpectedMemoryLeak: function(P: Pointer): Boolean;
  end;

var
  Shared: TMemoryManagerEx;
  UsableSize: function(P: Pointer): NativeUInt; cdecl; { Free Pascal asks for the size of a piece, Delphi does not }

function SharedIsFreed(P: Pointer): Boolean;
begin
  Result := Shared.FreeMem(P) = 0;
end;

function SharedMemSize(P: Pointer): PtrUInt;
begin
  Result := UsableSize(P);
end;

{ A procedure of its own: its temporary strings are freed before the memory manager changes. }
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

initialization
  Find;
  if Attached then
    UseForeignHeap(Shared.GetMem, Shared.AllocMem, Shared.ReallocMem, SharedIsFreed, SharedMemSize, nil);
end.
