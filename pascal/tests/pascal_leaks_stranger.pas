// SPDX-License-Identifier: MIT
{ A program that does not use the unit BrainMM. It loads the plug-in of pascal_leaks_helper.pas, which leaks, and leaves
  it loaded, or unloads it if the second argument is `unload`. For tests/pascal_leaks.sh. }
program pascal_leaks_stranger;

{$mode delphi}

uses
  TestSupport;

type
  TProcedureOf = procedure;

var
  Plugin: THandleOfModule;

begin
  Plugin := LoadBeside(ParamStr(1));
  TProcedureOf(FunctionOf(Plugin, 'leak_in_plugin'))();
  if ParamStr(2) = 'unload' then
    UnloadModule(Plugin);
  if FailureCount > 0 then
    Halt(1);
end.
