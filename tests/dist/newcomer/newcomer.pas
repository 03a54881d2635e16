// SPDX-License-Identifier: MIT
{ newcomer.pas: what somebody who has just got the files of a release may try first. }
program newcomer;
uses BrainMM, SysUtils;
var
  text: ansistring;
  options: TMemoryOptions;
begin
  text := IntToStr(6 * 7);
  if GetMemoryOptions(GetMemory(100), options) then writeln('in the heap: ', text);
end.
