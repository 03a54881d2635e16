// SPDX-License-Identifier: MIT
{ A program that leaks, and ends in the way that its first argument says. For tests/pascal_leaks.sh. The second argument
  is the plug-in. }
program pascal_leaks_helper;

{$mode delphi}

uses
  LateFinal, BrainMM, {$ifdef unix}CThreads, {$endif}SysUtils, Classes, TestSupport;

type
  TLeaked = class
    Number: Int64;
    Text: string;
  end;

  TOther = class(TLeaked)
  end;

  TList<T> = class
    Item: T;
  end;

  TSleeper = class(TThread)
    procedure Execute; override;
  end;

  TProcedureOf = procedure;

var
  Asleep: Boolean; { 32-bit Wine crashes if a process ends while a thread begins }
  Strings: array[0..2] of string;
  Wide: UnicodeString;
  Numbers: array of Int64;
  Bytes: array of Byte;
  Raw: Pointer;
  Plugin: THandleOfModule;

procedure TSleeper.Execute;
begin
  Asleep := True;
  while True do
    Sleep(1000);
end;

{ The run-time library frees what variables refer to, so these references are forgotten. }
procedure LeakAll;
var
  I: Integer;
begin
  for I := 1 to 3 do
    TLeaked.Create;
  TOther.Create;
  TList<Integer>.Create;
  for I := 0 to High(Strings) do
    Strings[I] := StringOfChar('x', 200 + I);
  SetLength(Strings[2], 100);
  SetLength(Wide, 300);
  SetLength(Numbers, 50);
  SetLength(Bytes, 700);
  FillChar(Strings, SizeOf(Strings), 0);
  Pointer(Wide) := nil;
  Pointer(Numbers) := nil;
  Pointer(Bytes) := nil;
  GetMem(Raw, 5000);
  FillChar(Raw^, 5000, $FF);
  GetMem(Raw, 40);
  FillChar(Raw^, 40, 0);
end;

procedure Expected;
var
  One: TObject;
  I: Integer;
begin
  One := TOther.Create;
  Expect(RegisterExpectedMemoryLeak(One), 'a leak by address');
  for I := 1 to 5 do
    TLeaked.Create;
  Expect(RegisterExpectedMemoryLeak(TLeaked, 3), 'leaks by class');
  Expect(RegisterExpectedMemoryLeak(TLeaked), 'one more by class');
  for I := 1 to 4 do
  begin
    GetMem(Raw, 3000);
    FillChar(Raw^, 3000, $FF);
  end;
  Expect(RegisterExpectedMemoryLeak(3000, 2), 'leaks by size');
  { taken back }
  TList<Integer>.Create;
  Expect(RegisterExpectedMemoryLeak(TList<Integer>, 2), 'leaks of a generic class');
  Expect(UnregisterExpectedMemoryLeak(TList<Integer>, 2), 'they are taken back');
  Expect(not UnregisterExpectedMemoryLeak(TList<Integer>, 1), 'nothing is left to take back');
  Expect(RegisterExpectedMemoryLeak(700, 1) and UnregisterExpectedMemoryLeak(700), 'a size is taken back');
  Expect(not UnregisterExpectedMemoryLeak(700), 'no size is left');
  Expect(RegisterExpectedMemoryLeak(Raw) and UnregisterExpectedMemoryLeak(Raw), 'an address is taken back');
  Expect(not UnregisterExpectedMemoryLeak(Raw), 'no address is left');
  Expect(not RegisterExpectedMemoryLeak(TClass(nil)), 'no class');
  Expect(not RegisterExpectedMemoryLeak(TLeaked, 0), 'none of a class');
  Expect(not RegisterExpectedMemoryLeak(0), 'no size');
  if FailureCount > 0 then
    Halt(1);
end;

{ What looks like an object at first, and is none. Reports must not crash and not name it. }
procedure Disguised;
var
  Table: array[0..63] of NativeInt;
  Name: string[20];
  At: PAnsiChar;
  Good: TObject;

  procedure Add(First: NativeUInt);
  begin
    GetMem(Raw, 256);
    FillChar(Raw^, 256, $FF);
    PNativeUInt(Raw)^ := First;
  end;

begin
  FillChar(Table, SizeOf(Table), 0);
  Name := 'TDisguised';
  Good := TLeaked.Create;
  Add(1);
  Add(NativeUInt(@Table)); { size 0 }
  At := @Table[8];
  PNativeInt(At)[0] := 16;
  PNativeInt(At)[1] := -16;
  Add(NativeUInt(At)); { no name }
  At := @Table[16];
  PNativeInt(At)[0] := 1000; { larger than the piece }
  PNativeInt(At)[1] := -1000;
  PNativeInt(At)[3] := PtrInt(@Name);
  Add(NativeUInt(At));
  At := @Table[24];
  PNativeInt(At)[0] := 16;
  PNativeInt(At)[1] := -16;
  PNativeInt(At)[2] := 12345; { no parent can be read there }
  PNativeInt(At)[3] := PtrInt(@Name);
  Add(NativeUInt(At));
  Table[40] := PtrInt(@Table[32]); { its own parent }
  At := @Table[32];
  PNativeInt(At)[0] := 16;
  PNativeInt(At)[1] := -16;
  PNativeInt(At)[2] := PtrInt(@Table[40]);
  PNativeInt(At)[3] := PtrInt(@Name);
  Add(NativeUInt(At));
  At := @Table[48];
  PNativeInt(At)[0] := 16;
  PNativeInt(At)[1] := -17; { not the size once more }
  PNativeInt(At)[3] := PtrInt(@Name);
  Add(NativeUInt(At));
  Add($10000); { a string without the zero at its end }
  PNativeInt(Raw)[1] := 1;
  PNativeInt(Raw)[2] := 200;
  Add(1); { an array that is too long }
  PNativeInt(Raw)[1] := 1000;
  Add(1024); { one with too many references }
  PNativeInt(Raw)[1] := 10;
  Add(NativeUInt(Raw)); { the heap }
  Add(NativeUInt(@Name)); { the stack }
  Add(NativeUInt(Pointer(Good)^) + 1); { into a class }
  Add(not NativeUInt(4095));
  RegisterExpectedMemoryLeak(Good);
  Halt(0);
end;

procedure LoadPlugin;
begin
  Plugin := LoadBeside(ParamStr(2));
  TProcedureOf(FunctionOf(Plugin, 'leak_in_plugin'))();
end;

function DescribeNothing(Context, Address: Pointer; Size: NativeUInt): PAnsiChar; cdecl;
begin
  Result := nil;
end;

{ The heap takes 32 functions that describe. Unloaded plug-ins have left none. }
procedure LoadOften;
var
  I: Integer;
begin
  for I := 1 to 40 do
  begin
    LoadPlugin;
    UnloadModule(Plugin);
  end;
  for I := 1 to 31 do
    Expect(AddMemoryDescriber(DescribeNothing, @I) = BRAINMM_OK, 'unloaded plug-ins leave no describer');
  Expect(AddMemoryDescriber(DescribeNothing, @I) = BRAINMM_E_MEMORY, 'there are 32');
  for I := 1 to 31 do
    Expect(RemoveMemoryDescriber(DescribeNothing, @I) = BRAINMM_OK, 'a describer can be removed');
  if FailureCount > 0 then
    Halt(1);
end;

procedure Act(const Way: string);
begin
  if Way = 'all' then
    LeakAll
  else if Way = 'expected' then
    Expected
  else if Way = 'disguised' then
    Disguised
  else if Way = 'flag' then
  begin
    ReportMemoryLeaksOnShutdown := True;
    TLeaked.Create;
  end
  else if Way = 'box' then
  begin
    ShowMemoryLeaksInMessageBox := True;
    TLeaked.Create;
  end
  else if Way = 'one' then
    TLeaked.Create
  else if Way = 'late' then
    TakeLate
  else if Way = 'halt' then
  begin
    TLeaked.Create;
    Halt(3);
  end
  else if Way = 'error' then
  begin
    TLeaked.Create;
    RunError(5);
  end
  else if Way = 'thread' then
  begin
    TSleeper.Create(False).FreeOnTerminate := True;
    while not Asleep do
      Sleep(1);
    Sleep(20);
    TLeaked.Create;
  end
  else if Way = 'plugin' then
    LoadPlugin
  else if Way = 'unload' then
  begin
    LoadPlugin;
    UnloadModule(Plugin);
  end
  else if Way = 'often' then
    LoadOften
  else if Way <> 'clean' then
    Abandon('no such way');
end;

begin
  Act(ParamStr(1));
end.
