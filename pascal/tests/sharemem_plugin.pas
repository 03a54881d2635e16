// SPDX-License-Identifier: MIT
{ The library of sharemem_host. It, too, uses Free Pascal's own unit ShareMem and nothing of BrainMM. }
library sharemem_plugin;

{$mode delphi}

uses
  ShareMem, SharedTypes;

function MakeText(Length: Integer): AnsiString;
begin
  SetLength(Result, Length);
  FillChar(Result[1], Length, Ord('p'));
end;

procedure GrowText(var Text: AnsiString; Count: Integer);
var
  I: Integer;
begin
  for I := 1 to Count do
    Text := Text + 'x';
end;

procedure GrowWide(var Text: UnicodeString; Count: Integer);
begin
  SetLength(Text, Length(Text) + Count);
  Text[Length(Text)] := 'z';
end;

procedure GrowNumbers(var Numbers: TNumbers; Count: Integer);
begin
  SetLength(Numbers, Length(Numbers) + Count);
  Numbers[High(Numbers)] := Count;
end;

procedure Drop(var Text: AnsiString; var Wide: UnicodeString; var Numbers: TNumbers);
begin
  Text := '';
  Wide := '';
  Numbers := nil;
end;

procedure FreePiece(P: Pointer);
begin
  FreeMem(P);
end;

exports
  MakeText, GrowText, GrowWide, GrowNumbers, Drop, FreePiece;

begin
end.
