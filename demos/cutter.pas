// SPDX-License-Identifier: MIT
{ A plug-in in Free Pascal. To be on the process's heap it needs nothing but `uses BrainMM` in the first place.

  It does the same job as the splitter: it cuts half of the lines into words and the splitter cuts the other half. The
  reader allocates the lines; they are freed here. }
library cutter;

{$mode delphi}
{$pointermath on}

uses
  BrainMM, {$ifdef unix}CThreads, {$endif}DemoParts;

{ The letter in lower case, or #0 if C is no letter. Bytes of UTF-8 count as letters. }
function Letter(C: AnsiChar): AnsiChar;
begin
  case C of
    'A'..'Z': Result := AnsiChar(Ord(C) + 32);
    'a'..'z', #128..#255: Result := C;
  else
    Result := #0;
  end;
end;

procedure Cut(Line: PLine; var Words: PBatch);
var
  Text: PAnsiChar;
  I, J, Start: UInt32;
  Word: PWord;
begin
  Text := @Line.Text;
  I := 0;
  while I < Line.Length do
  begin
    Start := I;
    while (I < Line.Length) and (Letter(Text[I]) <> #0) do
      Inc(I);
    if I = Start then
    begin
      Inc(I);
      Continue;
    end;
    Word := PieceMake(SizeOf(TWord) + I - Start);
    Word.Line := Line.Number;
    Word.Length := I - Start;
    for J := Start to I - 1 do
      PAnsiChar(@Word.Text)[J - Start] := Letter(Text[J]);
    BatchAdd(Words, Word);
  end;
end;

procedure Split(Lines: PBatch; var Words: PBatch); cdecl;
var
  I: NativeInt;
begin
  for I := 0 to NativeInt(Lines.Count) - 1 do
  begin
    Cut(PPointer(@Lines.Items)[I], Words);
    PieceFree(PPointer(@Lines.Items)[I]);
  end;
  Lines.Count := 0;
end;

procedure Start(MyLedger: PLedger; Plugin: PPlugin); cdecl;
var
  Manager: TMemoryManager;
begin
  Ledger := MyLedger;
  GetMemoryManager(Manager);
  Plugin.JoinedBy := 'uses BrainMM';
  Plugin.Entry := @Manager.GetMem;
  GetMem(Plugin.Proof, 100);
  Plugin.Split := Split;
end;

exports
  Start name 'plugin_start';

begin
end.
