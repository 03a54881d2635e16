// SPDX-License-Identifier: MIT
{ symbolized.pas: a plug-in in Free Pascal that calls the program, for tests/symbolize.sh. }
library symbolized;

{$mode objfpc}

type
  TCalled = procedure; cdecl;

procedure pascal_calls(Called: TCalled); cdecl;
begin
  Called(); { in Pascal }
  IsMultiThread := IsMultiThread;
end;

exports
  pascal_calls;

end.
