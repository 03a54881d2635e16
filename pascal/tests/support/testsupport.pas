// SPDX-License-Identifier: MIT
{ What every Pascal test needs: checks, and the files in its folder. It does not use SysUtils, because some tests of the
  memory manager must run without it. }
unit TestSupport;

{$mode delphi}

interface

uses
  DynLibs;

const
{$ifdef windows}
  LibraryName = 'brainmm.dll';
  ModuleSuffix = '.dll';
{$else}
  LibraryName = 'libbrainmm.so.2';
  ModuleSuffix = '.so';
{$endif}

type
  THandleOfModule = TLibHandle;

{ Prints What and counts a failure unless Condition holds. Any thread may call it. }
procedure Expect(Condition: Boolean; const What: string);
{ The same for two numbers. It prints them. }
procedure ExpectEqual(Actual, Expected: Int64; const What: string);
function FailureCount: Integer;
{ The last statement of a test. Ends the program with exit code 0 if nothing failed, else with 1. }
procedure EndTest;

{ Prints Reason and ends the test, which has failed. }
procedure Abandon(const Reason: string);

{ The folder of this program, with the separator at its end. }
function OwnFolder: string;
{ Loads a library from that folder; finds a function in it. Both end the test if they fail. }
function LoadBeside(const FileName: string): THandleOfModule;
function FunctionOf(Module: THandleOfModule; const Name: string): Pointer;
procedure UnloadModule(Module: THandleOfModule);

implementation

var
  Failures: Integer;

procedure Expect(Condition: Boolean; const What: string);
begin
  if Condition then
    Exit;
  InterlockedIncrement(Failures);
  WriteLn('does not hold: ', What);
  Flush(Output);
end;

procedure ExpectEqual(Actual, Expected: Int64; const What: string);
begin
  if Actual = Expected then
    Exit;
  InterlockedIncrement(Failures);
  WriteLn(What, ' is ', Actual, ', expected ', Expected);
  Flush(Output);
end;

function FailureCount: Integer;
begin
  Result := Failures;
end;

procedure EndTest;
begin
  if Failures <> 0 then
    Abandon('a test failed');
  Halt(0);
end;

procedure Abandon(const Reason: string);
begin
  WriteLn(Reason);
  Flush(Output);
  Halt(1);
end;

function OwnFolder: string;
begin
  Result := ParamStr(0);
  while (Result <> '') and not (Result[Length(Result)] in ['/', '\']) do
    SetLength(Result, Length(Result) - 1);
end;

function LoadBeside(const FileName: string): THandleOfModule;
begin
  Result := LoadLibrary(OwnFolder + FileName);
  if Result = NilHandle then
    Abandon(FileName + ' cannot be loaded: ' + GetLoadErrorStr);
end;

function FunctionOf(Module: THandleOfModule; const Name: string): Pointer;
begin
  Result := GetProcedureAddress(Module, Name);
  if Result = nil then
    Abandon('there is no function ' + Name);
end;

procedure UnloadModule(Module: THandleOfModule);
begin
  Expect(UnloadLibrary(Module), 'a module can be unloaded');
end;

end.
