// SPDX-License-Identifier: MIT
{ The plug-in of pascal_leaks_helper.pas: leaks an object of a class of its own, and a string. }
library pascal_leaks_plugin;

{$mode delphi}

uses
  BrainMM, {$ifdef unix}CThreads, {$endif}SysUtils;

type
  TPluginClass = class
    Number: Int64;
  end;

var
  Text: string;

procedure LeakInPlugin; cdecl;
begin
  TPluginClass.Create;
  Text := StringOfChar('z', 500);
  Pointer(Text) := nil;
end;

exports
  LeakInPlugin name 'leak_in_plugin';

begin
end.
