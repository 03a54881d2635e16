// SPDX-License-Identifier: MIT
{ The original's table of 24 pointers, and how modules of the original find it. docs/abi.md and the original's unit
  define both. All functions use Pascal's own convention, `register` on x86. }
unit Version1;

{$mode delphi}
{$Z1}

interface

uses
  TestSupport;

type

  TVersion1Options = packed record
    RecordSize: Integer;
    Version: Integer;
    FreePacalCompiler: Boolean;
    PurePascal: Boolean;
    Redirect: Boolean;
    ReportMemoryLeaksOnShutdown: PBoolean;
  end;
  PVersion1Options = ^TVersion1Options;

  TVersion1MemoryOptions = packed record
    Kind: Byte;
    Align: Byte;
    BlockSize: Byte;
    AccessRights: Byte;
    ThreadId: NativeUInt;
    Size: NativeUInt;
  end;

  TVersion1Thread = record
    Func: Pointer;
    Parameter: Pointer;
  end;
  PVersion1Thread = ^TVersion1Thread;

  TVersion1Table = packed record
    Options: PVersion1Options;
    ThreadFuncEvent: function(ThreadFunc: Pointer; Parameter: Pointer): Pointer;
    EndThreadEvent: procedure(ExitCode: Integer);
    GetMemoryBlock: function(BlockSize: Byte; Mode: NativeUInt): Pointer;
    FreeMemoryBlock: function(Block: Pointer; Mode: NativeUInt): Boolean;
    GetMemoryPages: function(Count, Mode: NativeUInt): Pointer;
    FreeMemoryPages: function(Pages: Pointer; Mode: NativeUInt): Boolean;
    ResizeMemoryPages: function(Pages: Pointer; NewCount, Flags: NativeUInt): Pointer;
    Reserved8to9: array[8..9] of Pointer;
    GetMemoryOptions: function(P: Pointer; var Options: TVersion1MemoryOptions): Boolean;
    ThreadHeapMinimize: function: Boolean;
    GetMemAligned: function(Align: Byte; Size: NativeUInt): Pointer;
    RegetMem: function(P: Pointer; NewSize: NativeUInt): Pointer;
    GetMem: function(Size: NativeUInt): Pointer;
    FreeMem: function(P: Pointer): Integer;
    ReallocMem: function(P: Pointer; NewSize: NativeUInt): Pointer;
    AllocMem: function(Size: NativeUInt): Pointer;
    RegisterExpectedMemoryLeak: function(P: Pointer): Boolean;
    UnregisterExpectedMemoryLeak: function(P: Pointer): Boolean;
    Reserved20to23: array[20..23] of Pointer;
  end;
  PVersion1Table = ^TVersion1Table;

{ The table that the first owner of the process has published, or nil. On Windows it is found as the original's unit
  finds it. The original does not run on other systems, so there the library is asked. }
function PublishedTable: PVersion1Table;

implementation

{$ifdef windows}

uses
  Windows;

function PublishedTable: PVersion1Table;
const
  Digits: array[0..15] of WideChar = '0123456789ABCDEF';
var
  Name: array[0..26] of WideChar;
  Process: Cardinal;
  Digit: Integer;
  Mapping: THandle;
  View: PPointer;
begin
  Result := nil;
  Name := 'Local\BrainMM_PID_';
  Process := GetCurrentProcessId;
  for Digit := 25 downto 18 do
  begin
    Name[Digit] := Digits[Process and 15];
    Process := Process shr 4;
  end;
  Name[26] := #0;
  Mapping := OpenFileMappingW(FILE_MAP_READ, False, Name);
  if Mapping = 0 then
    Exit;
  View := MapViewOfFile(Mapping, FILE_MAP_READ, 0, 0, 0);
  Result := View^;
  UnmapViewOfFile(View);
  CloseHandle(Mapping);
end;

{$else}

type
  { the members of struct brainmm_manager up to `version1` }
  PManager = ^TManager;
  TManager = record
    Magic: array[0..15] of AnsiChar;
    Size, AbiVersion: UInt32;
    Self: PManager;
    Version1: PVersion1Table;
  end;

function PublishedTable: PVersion1Table;
type
  TGetManager = function: PManager; cdecl;
begin
  Result := TGetManager(FunctionOf(LoadBeside(LibraryName), 'brainmm_get_manager'))().Version1;
end;

{$endif}

end.
