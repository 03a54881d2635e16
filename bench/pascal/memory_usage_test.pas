// SPDX-License-Identifier: MIT
{ The MemoryUsageTest of the original BrainMM: 100 MiB in pieces of one size. Prints how much of the system's memory
  they take, as a multiple of these 100 MiB.

    memory_usage_test SIZE }
program memory_usage_test;

{$mode delphi}

uses
{$I manager.inc}
  Clocks;

const
  Payload = 100 * 1024 * 1024;

var
  First, P: PPointer;
  Before: Int64;
  Size, Error, Count, I: Integer;

begin
  Val(ParamStr(1), Size, Error);
  if (Error <> 0) or (Size < SizeOf(Pointer)) or (Size > Payload) then
  begin
    WriteLn('usage: memory_usage_test SIZE');
    Halt(2);
  end;
  Count := Payload div Size;
  First := nil;
  ResidentBytes; { the first call uses memory itself }
  Before := ResidentBytes;
  for I := 1 to Count do { all of each piece is written; it holds the address of the piece before }
  begin
    GetMem(P, Size);
    FillChar(P^, Size, 1);
    P^ := First;
    First := P;
  end;
  WriteLn('ratio ', (ResidentBytes - Before) / (Int64(Count) * Size): 0: 4);
  while First <> nil do
  begin
    P := First^;
    FreeMem(First);
    First := P;
  end;
end.
