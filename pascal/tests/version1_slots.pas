// SPDX-License-Identifier: MIT
{ Finds the original's table as the original does. All its 24 slots must work when a Pascal compiler calls them in its
  own convention. }
program version1_slots;

{$mode delphi}

uses
  TestSupport, Version1;

var
  Table: TVersion1Table; { a copy, as in a module of the original }

function IsAligned(P: Pointer; Alignment: NativeUInt): Boolean;
begin
  Result := (P <> nil) and (NativeUInt(P) and (Alignment - 1) = 0);
end;

procedure Fill(P: Pointer; Size: NativeInt; Seed: Byte);
var
  I: NativeInt;
begin
  for I := 0 to Size - 1 do
    PByte(P)[I] := Byte(I * 7 + Seed);
end;

function Holds(P: Pointer; Size: NativeInt; Seed: Byte): Boolean;
var
  I: NativeInt;
begin
  Result := P <> nil;
  for I := 0 to Size - 1 do
    Result := Result and (PByte(P)[I] = Byte(I * 7 + Seed));
end;

procedure TestOptions;
begin
  ExpectEqual(SizeOf(TVersion1Table), 24 * SizeOf(Pointer), 'the size of the table');
  ExpectEqual(Table.Options.RecordSize, 11 + SizeOf(Pointer), 'RecordSize');
  ExpectEqual(Table.Options.Version, 1, 'Version');
  Expect(not Table.Options.FreePacalCompiler, 'FreeMem has Delphi''s result');
  Expect(Table.Options.PurePascal, 'PurePascal keeps attachers from patching');
  Expect(not Table.Options.Redirect, 'Redirect is off');
  Table.Options.ReportMemoryLeaksOnShutdown^ := True; { an attached module may do this at its end }
  Table.Options.ReportMemoryLeaksOnShutdown^ := False;
  Expect((Table.Reserved8to9[8] = nil) and (Table.Reserved20to23[23] = nil), 'reserved slots are nil');
end;

procedure TestPieces;
var
  P, Q: Pointer;
  I: Integer;
begin
  P := Table.GetMem(100);
  Expect(IsAligned(P, 16), 'GetMem gives 16-byte alignment');
  Fill(P, 100, 1);
  P := Table.ReallocMem(P, 70000);
  Expect(Holds(P, 100, 1), 'ReallocMem keeps the contents');
  P := Table.RegetMem(P, 200000);
  Expect(P <> nil, 'RegetMem');
  Q := Table.AllocMem(1000);
  Expect(Q <> nil, 'AllocMem');
  for I := 0 to 999 do
    Expect(PByte(Q)[I] = 0, 'AllocMem zeroes');
  ExpectEqual(Table.FreeMem(Q), 0, 'FreeMem of a piece');
  ExpectEqual(Table.FreeMem(Q), -1, 'FreeMem of a piece freed already');
  ExpectEqual(Table.FreeMem(P), 0, 'FreeMem of a large piece');
  ExpectEqual(Table.FreeMem(@P), -1, 'FreeMem of something on the stack');
  for I := 0 to 7 do
  begin
    P := Table.GetMemAligned(I, 100);
    Expect(IsAligned(P, 16 shl I), 'GetMemAligned');
    P := Table.ReallocMem(P, 5000);
    Expect(IsAligned(P, 16 shl I), 'ReallocMem keeps the alignment');
    ExpectEqual(Table.FreeMem(P), 0, 'FreeMem of an aligned piece');
  end;
  Expect(Table.GetMemAligned(8, 100) = nil, 'an alignment of 4096 is refused');
  { In the original these sizes wrap round to an empty piece. }
  for I := -16 to 0 do
    Expect((Table.GetMem(NativeUInt(NativeInt(I))) = nil) and (Table.AllocMem(NativeUInt(NativeInt(I))) = nil),
      'a size that is not positive gives nil');
  Expect(Table.RegisterExpectedMemoryLeak(P), 'a leak is announced');
  Expect(Table.UnregisterExpectedMemoryLeak(P), 'and taken back');
  Expect(not Table.UnregisterExpectedMemoryLeak(P), 'it is not there any more');
end;

procedure TestQuestions;
var
  Options: TVersion1MemoryOptions;
  Guard: NativeUInt;
  P: Pointer;
begin
  Guard := NativeUInt(-1);
  P := Table.GetMemAligned(2, 1000);
  Expect(Table.GetMemoryOptions(P, Options), 'GetMemoryOptions of a piece');
  ExpectEqual(Options.Kind, 1, 'Kind of 1000 bytes');
  ExpectEqual(Options.Align, 2, 'Align of 1000 bytes at a multiple of 64');
  ExpectEqual(Options.AccessRights, 3, 'AccessRights');
  Expect(Options.Size >= 1000, 'Size is at least what was asked for');
  Expect(Guard = NativeUInt(-1), 'nothing beside the record is written');
  ExpectEqual(Table.FreeMem(P), 0, 'FreeMem');
  Expect(not Table.GetMemoryOptions(P, Options), 'GetMemoryOptions of a freed piece');
  Expect(not Table.GetMemoryOptions(nil, Options), 'GetMemoryOptions of nil');
  { The original takes every multiple of 4096 for one of its addresses and reads memory before it. }
  Expect(not Table.GetMemoryOptions(Pointer(NativeUInt(@Options) and not NativeUInt(4095)), Options),
    'GetMemoryOptions of a page of the stack');
  Table.ThreadHeapMinimize;
  Expect(not Table.ThreadHeapMinimize, 'ThreadHeapMinimize finds nothing a second time');
end;

procedure TestBlocksAndPages;
var
  P: Pointer;
  Mode, Size: Integer;
begin
  for Mode := 0 to 2 do
  begin
    for Size := 0 to 6 do
    begin
      P := Table.GetMemoryBlock(Size, Mode);
      Expect(IsAligned(P, NativeUInt(4096) shl (2 * Size)), 'a block is aligned to its size');
      Expect(not Table.FreeMemoryBlock(P, (Mode + 1) mod 3), 'a block is freed with its own mode only');
      Expect(Table.FreeMemoryBlock(P, Mode), 'FreeMemoryBlock');
      Expect(not Table.FreeMemoryBlock(P, Mode), 'FreeMemoryBlock of a block freed already');
    end;
    P := Table.GetMemoryPages(3, Mode);
    Expect(IsAligned(P, 4096), 'pages are aligned to 4096');
    if Mode < 2 then
    begin
      Fill(P, 3 * 4096, Mode);
      P := Table.ResizeMemoryPages(P, 300, Mode or 2);
      Expect(Holds(P, 3 * 4096, Mode), 'pages keep their contents');
      P := Table.ResizeMemoryPages(P, 500, Mode);
      Expect(IsAligned(P, 4096), 'pages without their contents');
    end;
    Expect(Table.FreeMemoryPages(P, Mode), 'FreeMemoryPages');
    Expect(not Table.FreeMemoryPages(P, Mode), 'FreeMemoryPages of pages freed already');
    ExpectEqual(NativeInt(Table.ResizeMemoryPages(P, 5, 2)), 1, 'ResizeMemoryPages of what are no pages');
  end;
  Expect(Table.GetMemoryBlock(9, 0) = nil, 'a block size out of range');
  Expect(Table.GetMemoryPages(0, 0) = nil, 'no pages');
end;

procedure TestThreadEvents;
var
  Start: PVersion1Thread;
  P: Pointer;
begin
{$ifdef windows}
  Start := Table.ThreadFuncEvent(@TestOptions, @Table);
  Expect((Start.Func = @TestOptions) and (Start.Parameter = @Table), 'ThreadFuncEvent''s record');
  ExpectEqual(Table.FreeMem(Start), 0, 'FreeMem of it');
  Table.EndThreadEvent(0);
  Table.EndThreadEvent(0);
  P := Table.GetMem(50);
  ExpectEqual(Table.FreeMem(P), 0, 'a thread may go on after EndThreadEvent');
{$else}
  Expect(not Assigned(Table.ThreadFuncEvent) and not Assigned(Table.EndThreadEvent), 'no thread hooks on POSIX');
{$endif}
end;

begin
{$ifdef windows}
  Expect(PublishedTable = nil, 'nothing is published before the library is loaded');
  LoadBeside(LibraryName);
{$endif}
  if PublishedTable = nil then
    Abandon('no table is published');
  Table := PublishedTable^;
  TestOptions;
  TestPieces;
  TestQuestions;
  TestBlocksAndPages;
  TestThreadEvents;
  EndTest;
end.
