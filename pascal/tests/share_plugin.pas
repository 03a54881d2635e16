{ The plug-in of the sharing tests that is written in Pascal. }
library share_plugin;

{$mode delphi}

uses
  BrainMM, {$ifdef unix}CThreads, {$endif}ShareParty;

exports
  GetParty name 'share_party';

begin
end.
