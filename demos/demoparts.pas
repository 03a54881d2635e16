// SPDX-License-Identifier: MIT
{ demo.h and piece.h for the demo's modules in Free Pascal: what they pass to each other, and the bookkeeping around
  GetMem, ReallocMem and FreeMem. The unit BrainMM makes these three use the process's heap. }
unit DemoParts;

{$mode delphi}
{$pointermath on}

interface

type
  TModule = (HOST, READER, SPLITTER, CUTTER, INDEXER, RANKER);

  PChunk = ^TChunk;
  TChunk = record
    Length: NativeUInt;
    Text: array[0..0] of AnsiChar; { as long as needed, here and below }
  end;

  PLine = ^TLine;
  TLine = record
    Number, Length: UInt32;
    Text: array[0..0] of AnsiChar;
  end;

  PWord = ^TWord;
  TWord = record { one occurrence, in lower case }
    Line, Length: UInt32;
    Text: array[0..0] of AnsiChar;
  end;

  PBatch = ^TBatch;
  TBatch = record
    Count, Capacity: NativeUInt;
    Items: array[0..0] of Pointer;
  end;

  PNode = ^TNode;
  TNode = record { all occurrences of a word }
    Next: PNode;
    Lines: ^UInt32;
    Count, Capacity, Hash, Length: UInt32;
    Text: array[0..0] of AnsiChar;
  end;

  PRanking = ^TRanking;
  TRanking = record
    Count: NativeUInt;
    Nodes: array[0..0] of PNode;
  end;

  TEntry = record
    Pieces, Bytes: NativeInt;
  end;

  PLedger = ^TLedger;
  TLedger = record
    Module: Int32;
    Name: PAnsiChar;
    Made: TEntry;
    Resized, Freed: array[TModule] of TEntry;
    Refused: NativeInt;
  end;

  PPlugin = ^TPlugin;
  TPlugin = record
    Failure, JoinedBy: PAnsiChar;
    Entry: Pointer;
    HeapId: NativeUInt;
    Version1: Pointer;
    Proof: Pointer;
    Read: procedure(var Rest: PChunk; var Line: UInt32; Chunk: PChunk; var Lines: PBatch); cdecl;
    Split: procedure(Lines: PBatch; var Words: PBatch); cdecl;
    Index: procedure(var Index: Pointer; Words: PBatch); cdecl;
    Rank: function(Indexes: PPointer; Count: NativeUInt): PRanking; cdecl;
  end;

  TPluginStart = procedure(Ledger: PLedger; Plugin: PPlugin); cdecl;

var
  Ledger: PLedger; { this module's }

{ Allocates memory with a label in front. The label tells who made the piece and how large it is. }
function PieceMake(Size: NativeUInt): Pointer;
function PieceResize(Piece: Pointer; Size: NativeUInt): Pointer;
procedure PieceFree(Piece: Pointer);
{ Adds Item. Makes the batch if there is none yet, and grows it, whichever module made it. }
procedure BatchAdd(var Batch: PBatch; Item: Pointer);

implementation

type
  PLabel = ^TLabel;
  TLabel = packed record
    Size: NativeUInt;
    Maker, Check: UInt32;
{$ifndef CPU64}
    Unused: UInt32;
{$endif}
  end;

procedure Fatal(const What: ShortString);
begin
  WriteLn(StdErr, Ledger.Name, ': ', What);
  Halt(3);
end;

function CheckOf(L: PLabel): UInt32;
begin
  Result := $51ED xor (UInt32(L.Size) * 31) xor L.Maker;
end;

function LabelOf(Piece: Pointer): PLabel;
begin
  Result := PLabel(Piece) - 1;
  if (Result.Maker > Ord(High(TModule))) or (Result.Check <> CheckOf(Result)) then
    Fatal('a piece of memory was overwritten or has already been freed');
end;

procedure Enter(var Entry: TEntry; Bytes: NativeInt);
begin
{$ifdef CPU64}
  InterlockedIncrement64(Entry.Pieces);
  InterlockedExchangeAdd64(Entry.Bytes, Bytes);
{$else}
  InterlockedIncrement(Entry.Pieces);
  InterlockedExchangeAdd(Entry.Bytes, Bytes);
{$endif}
end;

function PieceMake(Size: NativeUInt): Pointer;
var
  L: PLabel;
begin
  GetMem(L, SizeOf(TLabel) + Size);
  L.Size := SizeOf(TLabel) + Size;
  L.Maker := Ledger.Module;
  L.Check := CheckOf(L);
  Enter(Ledger.Made, L.Size);
  Result := L + 1;
end;

function PieceResize(Piece: Pointer; Size: NativeUInt): Pointer;
var
  L: PLabel;
  Old: NativeUInt;
begin
  L := LabelOf(Piece);
  Old := L.Size;
  ReallocMem(L, SizeOf(TLabel) + Size);
  L.Size := SizeOf(TLabel) + Size;
  L.Check := CheckOf(L);
  Enter(Ledger.Resized[TModule(L.Maker)], L.Size - Old);
  Result := L + 1;
end;

procedure PieceFree(Piece: Pointer);
var
  L: PLabel;
  Maker: TModule;
  Size: NativeUInt;
begin
  L := LabelOf(Piece);
  Maker := TModule(L.Maker);
  Size := L.Size;
  L.Check := 0;
  FreeMem(L); { ends the program if the heap refuses it }
  Enter(Ledger.Freed[Maker], Size);
end;

procedure BatchAdd(var Batch: PBatch; Item: Pointer);
begin
  if Batch = nil then
  begin
    Batch := PieceMake(SizeOf(TBatch) + 15 * SizeOf(Pointer));
    Batch.Count := 0;
    Batch.Capacity := 16;
  end
  else if Batch.Count = Batch.Capacity then
  begin
    Batch := PieceResize(Batch, SizeOf(TBatch) + (2 * Batch.Capacity - 1) * SizeOf(Pointer));
    Batch.Capacity := 2 * Batch.Capacity;
  end;
  PPointer(@Batch.Items)[Batch.Count] := Item;
  Inc(Batch.Count);
end;

end.
