// SPDX-License-Identifier: MIT
{ The sharing test with a host that uses the unit BrainMM. It shares the heap with plug-ins in Free Pascal and in C. At
  the end as much memory is in use as at the beginning. }
program share_host;

{$mode delphi}

uses
  BrainMM, {$ifdef unix}CThreads, {$endif}TestSupport, ShareHost;

var
  Used: PtrUInt;

begin
  Used := GetFPCHeapStatus.CurrHeapUsed;
  Expect(Used > 0, 'the heap counts what is used');
  Play;
  ExpectEqual(GetFPCHeapStatus.CurrHeapUsed, Used, 'the memory in use at the end');
  EndTest;
end.
