// SPDX-License-Identifier: MIT
{ The sharing test with a host that attaches as a module of the original does: it uses the original's table only. }
program share_original;

{$mode delphi}

uses
  OriginalUnit, {$ifdef unix}CThreads, {$endif}TestSupport, ShareHost;

begin
  Play;
  EndTest;
end.
