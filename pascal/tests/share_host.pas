{ A Free Pascal host on the process's heap shares it with plug-ins in Free Pascal and C, and at the end the heap counts what
  it counted at the beginning. }
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
  ExpectEqual(GetFPCHeapStatus.CurrHeapUsed, Used, 'what is used at the end');
  EndTest;
end.
