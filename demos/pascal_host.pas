// SPDX-License-Identifier: MIT
{ The demo's host in Free Pascal. It has `uses BrainMM` in the first place, so its strings, lists and threads are on the
  heap that the plug-ins find, four in C and one in Pascal. They index a text in two threads. Then they are unloaded in
  an order that the seed shuffles, and the host reads and frees the index that they made.

      pascal_host [SEED]      the text is made from SEED, which is 1 by default

  The exit code is 0 only if the index agrees with a count of its own and all memory was freed. }
program pascal_host;

{$mode delphi}
{$pointermath on}

uses
  BrainMM, {$ifdef unix}CThreads, {$endif}SysUtils, Classes, DynLibs, DemoParts;

const
  WordCount = 200000;
  ChunkSize = 8192;
  Names: array[TModule] of PAnsiChar = ('host', 'reader', 'splitter', 'cutter', 'indexer', 'ranker');
{$ifdef windows}
  Files: array[READER..RANKER] of string = ('reader.dll', 'splitter.dll', 'cutter.dll', 'vendor\indexer.dll',
    'ranker.dll');
{$else}
  Files: array[READER..RANKER] of string = ('reader.so', 'splitter.so', 'cutter.so', 'vendor/indexer.so', 'ranker.so');
{$endif}
  Target = {$ifdef windows}'win'{$else}'linux-'{$endif} + {$ifdef windows}{$ifdef CPU64}'64'{$else}'32'{$endif}
    {$else}{$ifdef CPU64}'x86_64'{$else}'i386'{$endif}{$endif};

type
  TBatches = array of PBatch;

  { Splits every second batch of lines with its plug-in and indexes the words. }
  TWorker = class(TThread)
    First: Integer;
    Plugin: PPlugin;
    Batches: TBatches;
    Index: Pointer;
    procedure Execute; override;
  end;

var
  Ledgers: array[TModule] of TLedger;
  Plugins: array[TModule] of TPlugin;
  Modules: array[READER..RANKER] of TLibHandle;
  Problems: Integer;
  Seed: UInt32;

procedure Problem(const What: string);
begin
  WriteLn('PROBLEM: ', What);
  Inc(Problems);
end;

{ Text, padded with spaces to Width }
function Padded(const Text: string; Width: Integer): string;
begin
  Result := Text + StringOfChar(' ', Width - Length(Text));
end;

function Random(Range: UInt32): UInt32;
begin
  Seed := Seed * 1664525 + 1013904223;
  Result := (Seed shr 8) mod Range;
end;

{ ---- The text, and what must come out ------------------------------------------------------------------------------ }

function InventedWord(Number: Integer): string;
const
  Syllables: array[0..15] of string = ('ba', 'ce', 'di', 'fo', 'gu', 'ha', 'je', 'ki', 'lo', 'mu', 'na', 'pe', 'ri',
    'so', 'tu', 'wy');
begin
  Result := '';
  repeat
    Result := Result + Syllables[Number and 15];
    Number := Number shr 4;
  until Number = 0;
end;

{ Makes a text and counts it: the object of each string in Counts is the word's number of occurrences. }
procedure InventText(Text: TStringList; Counts: TStringList);
var
  I, At: Integer;
  Line, Word: string;
begin
  Counts.Sorted := True;
  Counts.CaseSensitive := True;
  Line := '';
  for I := 1 to WordCount do
  begin
    Word := InventedWord(Random(Random(20000) + 1)); { small numbers are more frequent }
    if not Counts.Find(Word, At) then
      At := Counts.Add(Word);
    Counts.Objects[At] := TObject(PtrInt(Counts.Objects[At]) + 1);
    Line := Line + Word;
    if (Random(8) = 0) or (I = WordCount) then
    begin
      Text.Add(Line);
      Line := '';
    end
    else if Random(5) = 0 then
      Line := Line + ', '
    else
      Line := Line + ' ';
  end;
end;

{ ---- The work ------------------------------------------------------------------------------------------------------ }

procedure LoadPlugins;
var
  Module: TModule;
  Start: TPluginStart;
begin
  for Module := HOST to RANKER do
  begin
    Ledgers[Module].Module := Ord(Module);
    Ledgers[Module].Name := Names[Module];
  end;
  Ledger := @Ledgers[HOST];
  for Module := READER to RANKER do
  begin
    Modules[Module] := LoadLibrary(ExtractFilePath(ExpandFileName(ParamStr(0))) + Files[Module]);
    if Modules[Module] = NilHandle then
      raise Exception.Create(Files[Module] + ' cannot be loaded: ' + GetLoadErrorStr);
    Start := TPluginStart(GetProcedureAddress(Modules[Module], 'plugin_start'));
    Start(@Ledgers[Module], @Plugins[Module]);
    if Plugins[Module].Failure <> nil then
      raise Exception.Create(Files[Module] + ': ' + Plugins[Module].Failure);
    if Plugins[Module].Proof <> nil then
      FreeMem(Plugins[Module].Proof);
    WriteLn('  ', Padded(Names[Module], 10), Plugins[Module].JoinedBy);
  end;
end;

procedure UnloadPlugins;
var
  Order: array[READER..RANKER] of TModule;
  Module, Other, Swapped: TModule;
begin
  for Module := READER to RANKER do
    Order[Module] := Module;
  for Module := RANKER downto SPLITTER do
  begin
    Other := TModule(1 + Random(Ord(Module)));
    Swapped := Order[Module];
    Order[Module] := Order[Other];
    Order[Other] := Swapped;
  end;
  Write('Unloaded ');
  for Module in Order do
  begin
    if not UnloadLibrary(Modules[Module]) then
      Problem(Names[Module] + ' cannot be unloaded');
    Write(' ', Names[Module]);
  end;
  WriteLn;
end;

{ Passes the text to the reader in chunks, which may end inside a word. }
function ReadLines(const Text: string): TBatches;
var
  At, Length: Integer;
  Chunk, Rest: PChunk;
  Line: UInt32;
  Batch: PBatch;
begin
  Result := nil;
  Rest := nil;
  Line := 0;
  At := 0;
  repeat
    Chunk := nil;
    Length := System.Length(Text) - At;
    if Length > ChunkSize then
      Length := ChunkSize;
    if Length > 0 then
    begin
      Chunk := PieceMake(SizeOf(TChunk) + Length);
      Chunk.Length := Length;
      Move(Text[At + 1], Chunk.Text, Length);
      Inc(At, Length);
    end;
    Batch := nil;
    Plugins[READER].Read(Rest, Line, Chunk, Batch);
    if Batch <> nil then
    begin
      SetLength(Result, System.Length(Result) + 1);
      Result[High(Result)] := Batch;
    end;
  until Chunk = nil;
end;

procedure TWorker.Execute;
var
  I: Integer;
  Words: PBatch;
begin
  I := First;
  while I <= High(Batches) do
  begin
    Words := nil;
    Plugin.Split(Batches[I], Words);
    PieceFree(Batches[I]);
    if Words <> nil then
    begin
      Plugins[INDEXER].Index(Index, Words);
      PieceFree(Words);
    end;
    Inc(I, 2);
  end;
end;

function MakeIndex(const Batches: TBatches): PRanking;
var
  Workers: array[0..1] of TWorker;
  Indexes: array[0..1] of Pointer;
  I: Integer;
begin
  for I := 0 to 1 do
  begin
    Workers[I] := TWorker.Create(True);
    Workers[I].First := I;
    Workers[I].Batches := Batches;
  end;
  Workers[0].Plugin := @Plugins[SPLITTER];
  Workers[1].Plugin := @Plugins[CUTTER];
  for I := 0 to 1 do
    Workers[I].Start;
  for I := 0 to 1 do
  begin
    Workers[I].WaitFor;
    Indexes[I] := Workers[I].Index;
    Workers[I].Free;
  end;
  Result := Plugins[RANKER].Rank(@Indexes, 2);
end;

{ ---- The result ---------------------------------------------------------------------------------------------------- }

{ Compares the number of occurrences of every word and frees the index. Returns a checksum. }
function CheckIndex(Ranking: PRanking; Counts: TStringList): UInt32;
var
  I, At: Integer;
  Node: PNode;
  Word: string;
  Letter: AnsiChar;
begin
  Result := 0;
  if Integer(Ranking.Count) <> Counts.Count then
    Problem('the index has ' + IntToStr(Ranking.Count) + ' words, the text ' + IntToStr(Counts.Count));
  for I := 0 to Integer(Ranking.Count) - 1 do
  begin
    Node := PPointer(@Ranking.Nodes)[I];
    SetString(Word, PAnsiChar(@Node.Text), Node.Length);
    if not Counts.Find(Word, At) or (PtrInt(Counts.Objects[At]) <> Node.Count) then
      Problem('"' + Word + '" has a wrong count');
    if I < 5 then
      Write('  ', I + 1, '. ', Word, ' ', Node.Count);
    for Letter in Word do
      Result := (Result xor Ord(Letter)) * 2654435761;
    Result := (Result xor Node.Count) * 2654435761;
    PieceFree(Node.Lines);
    PieceFree(Node);
  end;
  WriteLn;
  PieceFree(Ranking);
end;

procedure CheckLedgers;
var
  Maker, By: TModule;
  Pieces, Bytes: NativeInt;
begin
  WriteLn('Memory made by ...     pieces  freed by others');
  for Maker := HOST to RANKER do
  begin
    Pieces := Ledgers[Maker].Made.Pieces;
    Bytes := Ledgers[Maker].Made.Bytes;
    WriteLn('  ', Padded(Names[Maker], 10), Pieces:17, Pieces - Ledgers[Maker].Freed[Maker].Pieces:17);
    for By := HOST to RANKER do
    begin
      Dec(Pieces, Ledgers[By].Freed[Maker].Pieces);
      Inc(Bytes, Ledgers[By].Resized[Maker].Bytes - Ledgers[By].Freed[Maker].Bytes);
    end;
    if (Pieces <> 0) or (Bytes <> 0) or (Ledgers[Maker].Refused <> 0) then
      Problem(IntToStr(Pieces) + ' pieces made by ' + Names[Maker] + ' were not freed');
  end;
end;

function Run: UInt32;
var
  Text, Counts: TStringList;
  Ranking: PRanking;
begin
  Text := TStringList.Create;
  Counts := TStringList.Create;
  try
    Text.LineBreak := #10;
    InventText(Text, Counts);
    LoadPlugins;
    Ranking := MakeIndex(ReadLines(Text.Text));
    UnloadPlugins;
    Result := CheckIndex(Ranking, Counts);
    CheckLedgers;
  finally
    Counts.Free;
    Text.Free;
  end;
end;

var
  Used: PtrUInt;
  Sum: UInt32;

begin
  Seed := StrToIntDef(ParamStr(1), 1);
  WriteLn('BrainMM on ', Target, ': a host in Free Pascal and five plug-ins on one heap');
  TStringList.Create.Free; { the first one allocates memory that stays }
  Used := GetFPCHeapStatus.CurrHeapUsed;
  try
    Sum := Run;
  except
    on E: Exception do
      Problem(E.Message);
  end;
  if GetFPCHeapStatus.CurrHeapUsed <> Used then
    Problem(IntToStr(PtrInt(GetFPCHeapStatus.CurrHeapUsed - Used)) + ' bytes more are in use than at the beginning');
  if Problems > 0 then
  begin
    WriteLn(Padded(Target, 13), ' FAILED  ', Problems, ' problem(s)');
    Halt(1);
  end;
  WriteLn(Padded(Target, 13), ' passed  the host in Free Pascal, nothing left; index ', LowerCase(IntToHex(Sum, 8)));
end.
