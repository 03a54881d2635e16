// SPDX-License-Identifier: MIT
{ The plug-in in Pascal of the sharing tests. }
library share_plugin;

{$mode delphi}

uses
  BrainMM, {$ifdef unix}CThreads, {$endif}ShareParty;

exports
  GetParty name 'share_party';

begin
end.
