// SPDX-License-Identifier: MIT
{ The sharing test with a host that attaches as FastMM and SimpleShareMem do. It finds a heap if and only if
  BRAINMM_OPTIONS asks for that. }
program share_fastmm;

{$mode delphi}

uses
  FastMMUnit, TestSupport, ShareHost;

begin
  Expect(Attached = (ParamStr(1) = 'attached'), 'there is a heap under FastMM''s name if that is wanted');
  if Attached then
    Play;
  EndTest;
end.
