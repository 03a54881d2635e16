// SPDX-License-Identifier: MIT
{ The unit BrainMM publishes under FastMM's name if the program asks: by PublishFastMM or, before anything else of the
  program runs, by the define BRAINMM_FASTMM. tests/fastmm_asked.sh compiles this with and without the define. }
program fastmm_asked;

{$mode delphi}

uses
  BrainMM {$ifdef MSWINDOWS}, Windows{$endif}, TestSupport;

{$ifdef MSWINDOWS}
const
  Wanted = BRAINMM_OK;

function IsPublished: Boolean;
var
  Mapping: THandle;
  View: PPointer;
begin
  Mapping := OpenFileMappingA(FILE_MAP_READ, False, PAnsiChar('Local\FastMM_PID_' + HexStr(GetCurrentProcessId, 8)));
  Result := Mapping <> 0;
  if not Result then
    Exit;
  View := MapViewOfFile(Mapping, FILE_MAP_READ, 0, 0, 0);
  Result := View^ <> nil;
  UnmapViewOfFile(View);
  CloseHandle(Mapping);
end;
{$else}
const
  Wanted = BRAINMM_E_UNSUPPORTED;

function IsPublished: Boolean;
begin
  Result := FastMMPublication = BRAINMM_OK;
end;
{$endif}

begin
{$ifdef BRAINMM_FASTMM}
  ExpectEqual(FastMMPublication, Wanted, 'the result of the start');
  Expect(IsPublished = (Wanted = BRAINMM_OK), 'it is published at the start, where that can be');
{$else}
  ExpectEqual(FastMMPublication, BRAINMM_E_UNSUPPORTED, 'nobody has asked');
  Expect(not IsPublished, 'nothing is published unasked');
{$endif}
  ExpectEqual(PublishFastMM, Wanted, 'a call');
  Expect(IsPublished = (Wanted = BRAINMM_OK), 'it is published then');
  ExpectEqual(FastMMPublication, Wanted, 'the result is kept');
  ExpectEqual(PublishFastMM, Wanted, 'another call');
  EndTest;
end.
