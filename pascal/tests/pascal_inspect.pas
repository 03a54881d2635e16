// SPDX-License-Identifier: MIT
{ What the unit BrainMM offers to look at the heap: attach status, statistics, walk, dump, reports, differences of
  snapshots, describers, errors, reads of any memory. They do what brainmm.h says of the C functions. }
program pascal_inspect;

{$mode delphi}

uses
  BrainMM, {$ifdef unix}CThreads, {$endif}TestSupport;

type
  TMarked = class
    Number: Int64;
  end;

  TState = function(out Text: PAnsiChar): Integer; cdecl;
  TVersion = function: Cardinal; cdecl;
  TResultText = function(MemoryResult: Integer): PAnsiChar; cdecl;

var
  Collected: array[0..1 shl 20] of AnsiChar;
  CollectedLength: NativeUInt;
  Calls: Integer;
  P: Pointer;

function Collect(Context: Pointer; Text: PAnsiChar; Length: NativeUInt): Integer; cdecl;
begin
  Result := 0;
  Expect(Context = @Collected, 'a writer gets its context');
  if CollectedLength + Length >= SizeOf(Collected) then
    Abandon('a text is too long');
  Move(Text^, Collected[CollectedLength], Length);
  Inc(CollectedLength, Length);
  Collected[CollectedLength] := #0;
end;

function Stop(Context: Pointer; Text: PAnsiChar; Length: NativeUInt): Integer; cdecl;
begin
  Inc(Calls);
  Result := 1;
end;

{ Whether the text that was collected has Part in it. No string is made for it: that would be one more allocation. }
function Has(const Part: ShortString): Boolean;
var
  I, J: NativeInt;
begin
  Result := False;
  for I := 0 to NativeInt(CollectedLength) - Length(Part) do
  begin
    J := 0;
    while (J < Length(Part)) and (Collected[I + J] = Part[J + 1]) do
      Inc(J);
    if J = Length(Part) then
    begin
      Result := True;
      Exit;
    end;
  end;
end;

procedure ForgetText;
begin
  CollectedLength := 0;
  Collected[0] := #0;
end;

procedure TestAttachStatus;
var
  Text, Same: PAnsiChar;
  State: TMemoryAttachState;
begin
  State := GetAttachStatus(Text);
  Expect(State = masOwner, 'the library owns the heap');
  Expect(Text <> nil, 'the state has a text');
  ExpectEqual(TState(FunctionOf(LoadBeside(LibraryName), 'brainmm_attach_status'))(Same), Ord(State), 'the state');
  Expect(Text = Same, 'the library has the same text');
end;

procedure TestVersion;
var
  ResultText: TResultText;
  I: Integer;
begin
  ExpectEqual(GetLibraryVersion, TVersion(FunctionOf(LoadBeside(LibraryName), 'brainmm_version'))(),
    'the version of the library');
  ExpectEqual(GetLibraryVersion, BRAINMM_VERSION, 'the version of the unit');
  @ResultText := FunctionOf(LoadBeside(LibraryName), 'brainmm_result_text');
  for I := -1 to BRAINMM_E_TAKEN + 1 do
    Expect(AnsiString(GetMemoryResultText(I)) = AnsiString(ResultText(I)), 'the text of a result');
end;

procedure TestStatistics;
var
  Before, After: TMemoryStatistics;
  Classes: array[0..199] of TMemoryClassStatistics;
  I: Integer;
  Live: Int64;
begin
  ExpectEqual(GetMemoryStatistics(Before), BRAINMM_OK, 'the statistics');
  P := AllocMem(3000);
  ExpectEqual(GetMemoryStatistics(After, @Classes, Length(Classes)), BRAINMM_OK, 'the statistics with classes');
  ExpectEqual(After.StructSize, SizeOf(After), 'the size of the statistics');
  ExpectEqual(After.LiveCount - Before.LiveCount, 1, 'new allocations');
  Expect(After.LiveBytes - Before.LiveBytes >= 3000, 'their bytes');
  Expect(After.CommittedBytes > 0, 'memory is committed');
  Expect(After.ReservedBytes >= After.CommittedBytes, 'addresses are reserved');
  Expect(After.Kinds[Ord(mkMedium)].Count >= 1, 'the kind is counted');
  Expect((After.ClassCount > 0) and (After.ClassCount <= Length(Classes)), 'classes are counted');
  Live := 0;
  for I := 0 to After.ClassCount - 1 do
    Live := Live + Classes[I].Live;
  ExpectEqual(Live, After.LiveCount, 'what is live by classes');
  Expect(After.Threads >= 1, 'threads are counted');
  ExpectEqual(GetMemoryStatistics(After, nil, 1), BRAINMM_E_ARGUMENT, 'no place for classes');
  ExpectEqual(After.LiveCount, 0, 'figures after an error');
  FreeMem(P);
end;

var
  Met: TMemoryAllocation;
  LastAddress: Pointer;

function Visit(Context: Pointer; Allocation: PMemoryAllocation): Integer; cdecl;
begin
  Result := 0;
  Expect(NativeUInt(Allocation.Address) > NativeUInt(LastAddress), 'addresses ascend');
  LastAddress := Allocation.Address;
  if Allocation.Address <> Context then
    Exit;
  Inc(Calls);
  Met := Allocation^;
end;

function StopVisit(Context: Pointer; Allocation: PMemoryAllocation): Integer; cdecl;
begin
  Inc(Calls);
  Result := 1;
end;

procedure TestWalk;
begin
  GetMemAligned(P, ma64Bytes, 500);
  Calls := 0;
  LastAddress := nil;
  ExpectEqual(WalkMemory(Visit, P), BRAINMM_OK, 'the walk');
  ExpectEqual(Calls, 1, 'how often it meets a piece');
  ExpectEqual(Met.StructSize, SizeOf(Met), 'the size of the record');
  Expect((Met.Kind = mkMedium) and (Met.Mode = 0) and (Met.Certainty = 0), 'kind, mode and certainty');
  Expect((Met.Size >= 500) and (Met.Alignment = 64), 'size and alignment');
  Expect(Met.ThreadId <> 0, 'the thread');
  Expect((Met.Requested = 0) or (Met.Requested = 500), 'what was asked for');
  Calls := 0;
  ExpectEqual(WalkMemory(StopVisit), BRAINMM_E_STOPPED, 'a walk that is stopped');
  ExpectEqual(Calls, 1, 'its calls');
  ExpectEqual(WalkMemory(nil), BRAINMM_E_ARGUMENT, 'a walk without a visitor');
  FreeMem(P);
end;

procedure TestDump;
begin
  ForgetText;
  ExpectEqual(DumpMemory(Collect, @Collected), BRAINMM_OK, 'the dump');
  Expect(Has('{"brainmm":2') and Has('"live_count"') and Has('"allocations":['), 'statistics and allocations');
  ForgetText;
  ExpectEqual(DumpMemory(Collect, @Collected, BRAINMM_DUMP_STATS), BRAINMM_OK, 'the dump of statistics');
  Expect(Has('"live_count"') and not Has('"allocations"'), 'only statistics');
  ExpectEqual(DumpMemory(Collect, @Collected, 0), BRAINMM_E_ARGUMENT, 'a dump of nothing');
  ExpectEqual(DumpMemory(Stop), BRAINMM_E_STOPPED, 'a dump that is stopped');
end;

function DescribeByFirst(Context, Address: Pointer; Size: NativeUInt): PAnsiChar; cdecl;
var
  First: PtrUInt;
begin
  Result := nil;
  Expect(Context = @Met, 'a describer gets its context');
  if (Address <> nil) and PeekMemory(@First, Address, SizeOf(First)) and (First = $ABCDEF) then
    Result := 'TABCD';
end;

procedure TestLeaks;
var
  Before, After: TMemorySnapshot;
  One: TMarked;
  Marked: PPtrUInt;
begin
  ExpectEqual(TakeMemorySnapshot(Before), BRAINMM_OK, 'a snapshot');
  One := TMarked.Create;
  Marked := AllocMem(40);
  Marked^ := $ABCDEF;
  ExpectEqual(TakeMemorySnapshot(After), BRAINMM_OK, 'another snapshot');
  ForgetText;
  ExpectEqual(WriteMemoryDifference(Before, After, Collect, @Collected), BRAINMM_OK, 'their difference');
  Expect(Has('2 allocations more') and Has('TMarked x +1') and Has('unknown x +1'), 'what came');
  ExpectEqual(AddMemoryDescriber(DescribeByFirst, @Met), BRAINMM_OK, 'a describer');
  ForgetText;
  ExpectEqual(WriteMemoryDifference(Before, nil, Collect, @Collected), BRAINMM_OK, 'the difference to now');
  Expect(Has('TMarked x +1') and Has('TABCD x +1'), 'what came, with both describers');
  ExpectEqual(RemoveMemoryDescriber(DescribeByFirst, @Met), BRAINMM_OK, 'its removal');
  ExpectEqual(RemoveMemoryDescriber(DescribeByFirst, @Met), BRAINMM_E_ARGUMENT, 'its second removal');
  ForgetText;
  ExpectEqual(ReportMemoryLeaks(Collect, @Collected), BRAINMM_OK, 'a report');
  Expect(Has('BrainMM: ') and Has('TMarked x 1'), 'it names what is live');
  Expect(RegisterExpectedMemoryLeak(TMarked), 'it may stay');
  ForgetText;
  ReportMemoryLeaks(Collect, @Collected);
  Expect(not Has('TMarked'), 'what may stay is left out');
  Expect(UnregisterExpectedMemoryLeak(TMarked), 'it may not stay');
  FreeMem(Marked);
  One.Free;
  ForgetText;
  ExpectEqual(WriteMemoryDifference(Before, nil, Collect, @Collected), BRAINMM_OK, 'the difference at the end');
  Expect(CollectedLength = 0, 'nothing is left');
  ExpectEqual(FreeMemorySnapshot(Before), BRAINMM_OK, 'the end of a snapshot');
  ExpectEqual(FreeMemorySnapshot(After), BRAINMM_OK, 'the end of the other');
  ExpectEqual(FreeMemorySnapshot(@Met), BRAINMM_E_POINTER, 'the end of what is no snapshot');
end;

{ A report looks at memory anew: another module may be where a class was before. }
procedure TestFreshness;
var
  Table: record { the beginning of a class's table }
    Size, NegatedSize: NativeInt;
    Parent: Pointer;
    Name: PShortString;
  end;
  Name: ShortString;
begin
  Table.Size := 16;
  Table.NegatedSize := -16;
  Table.Parent := nil;
  Table.Name := @Name;
  Name := 'TBefore';
  P := AllocMem(100);
  PPointer(P)^ := @Table;
  ForgetText;
  ReportMemoryLeaks(Collect, @Collected);
  Expect(Has('TBefore x 1'), 'a class');
  Name := 'TAfter';
  ForgetText;
  ReportMemoryLeaks(Collect, @Collected);
  Expect(Has('TAfter x 1') and not Has('TBefore'), 'another class at its place');
  Table.Size := 17;
  ForgetText;
  ReportMemoryLeaks(Collect, @Collected);
  Expect(not Has('TAfter'), 'no class at its place');
  FreeMem(P);
end;

var
  ErrorAddress: Pointer;
  ErrorKind: Cardinal;
  ErrorText: AnsiChar;

procedure NoteError(Context: Pointer; Error: PMemoryError); cdecl;
begin
  Expect(Context = @ErrorText, 'a handler gets its context');
  ErrorAddress := Error.Address;
  ErrorKind := Error.Kind;
  ErrorText := Error.Text^;
end;

procedure TestErrors;
var
  Checked: Boolean;
  Allocator: IMalloc; { refuses without a run-time error }
begin
  Allocator := TMalloc.Create;
  Checked := CheckMemory <> BRAINMM_E_UNSUPPORTED;
  ExpectEqual(SetMemoryErrorHandler(NoteError, @ErrorText), BRAINMM_OK, 'a handler of errors');
  GetMem(P, 100);
  Expect(Allocator.Realloc(PAnsiChar(P) + 1, 200) = nil, 'a wrong pointer is refused');
  Expect(ErrorAddress = PAnsiChar(P) + 1, 'the handler hears of it');
  Expect((ErrorKind = 2) and (ErrorText > ' '), 'with its kind and a text');
  if Checked then
  begin
    ExpectEqual(CheckMemory, BRAINMM_OK, 'memory as it should be');
    PAnsiChar(P)[100] := #1; { no byte of the program }
    ExpectEqual(CheckMemory, BRAINMM_E_DAMAGED, 'memory that was written to');
    ExpectEqual(ErrorKind, 4, 'the kind of error');
  end
  else
    FreeMem(P);
  ExpectEqual(SetMemoryErrorHandler(nil), BRAINMM_OK, 'no handler');
  ExpectEqual(GetMemoryStack(0, nil, 0), 0, 'frames of no stack');
end;

procedure TestPeek;
var
  Copy: array[0..3] of Byte;
  Pages: MemoryPages;
begin
  GetMemoryPages(Pages, 2);
  PByte(Pages)[4095] := 7;
  Expect(PeekMemory(@Copy, PByte(Pages) + 4094, 4) and (Copy[1] = 7), 'readable memory');
{$ifdef unix} { Wine lets a process read protected pages this way; Windows does not }
  ChangeMemoryAccessRights(Pointer(PByte(Pages) + 4096), 1, []);
  Expect(not PeekMemory(@Copy, PByte(Pages) + 4094, 4), 'memory that cannot be read');
{$endif}
  Expect(not PeekMemory(@Copy, Pointer(not NativeUInt(4095)), 4), 'the last page');
  Expect(not PeekMemory(@Copy, nil, 1), 'nil');
  FreeMemoryPages(Pages);
end;

begin
  TestAttachStatus;
  TestVersion;
  TestStatistics;
  TestWalk;
  TestDump;
  TestLeaks;
  TestFreshness;
  TestErrors;
  TestPeek;
  EndTest;
end.
