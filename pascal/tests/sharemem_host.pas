// SPDX-License-Identifier: MIT
{ A program and a library use Free Pascal's own unit ShareMem and nothing of BrainMM. With our fpcmemdll.dll in their
  folder they share its heap: one makes strings and arrays, the other grows and frees them. }
program sharemem_host;

{$mode delphi}

uses
  ShareMem, TestSupport, SharedTypes;

const
  { The bytes in front of a string's first character: code page and element size, reference count, length. }
  StringHeader = {$ifdef cpu64}24{$else}12{$endif};

type
  TUsableSize = function(P: Pointer): NativeUInt; cdecl;

var
  UsableSize: TUsableSize;
  MakeText: TMakeText;
  GrowText: TGrowText;
  GrowWide: TGrowWide;
  GrowNumbers: TGrowNumbers;
  Drop: TDrop;
  FreePiece: TFreePiece;

procedure TestBothWays(Round: Integer);
var
  Text, Own: AnsiString;
  Wide: UnicodeString;
  Numbers: TNumbers;
  I: Integer;
begin
  Text := MakeText(10 + Round * 37); { made in the library, grown in both modules }
  for I := 1 to 300 do
    Text := Text + 'h';
  GrowText(Text, 500);
  ExpectEqual(Length(Text), 810 + Round * 37, 'the length of the text');
  Expect((Text[1] = 'p') and (Text[10 + Round * 37 + 1] = 'h') and (Text[Length(Text)] = 'x'), 'its letters');

  Own := StringOfChar('o', 1000 * Round + 1); { made here, freed in the library }
  Wide := 'wide';
  GrowWide(Wide, 5000 * Round + 1);
  Expect((Wide[1] = 'w') and (Wide[Length(Wide)] = 'z'), 'the wide text');
  SetLength(Numbers, 100);
  Numbers[99] := 99;
  GrowNumbers(Numbers, 20000 * Round + 1);
  Expect((Numbers[99] = 99) and (Numbers[High(Numbers)] = 20000 * Round + 1), 'the numbers');
  Drop(Own, Wide, Numbers);
  Expect((Own = '') and (Wide = '') and (Numbers = nil), 'dropped values are empty');
end;

{ Asks the heap whether memory belongs to it. }
procedure TestWhoseHeap;
var
  Text: AnsiString;
  P: Pointer;
begin
  GetMem(P, 1000);
  Expect(UsableSize(P) >= 1000, 'GetMem is the heap''s');
  Expect(MemSize(P) = UsableSize(P), 'MemSize');
  ReallocMem(P, 100000);
  Expect(UsableSize(P) >= 100000, 'ReallocMem is the heap''s');
  FreePiece(P);
  Expect(UsableSize(P) = 0, 'FreeMem in the library ends it');
  Text := MakeText(100);
  Expect(UsableSize(PByte(Pointer(Text)) - StringHeader) <> 0, 'the library''s strings are the heap''s');
  GetMem(P, 0);
  Expect(P <> nil, 'GetMem(0) is a piece');
  FreeMem(P);
end;

{ Compares the heap's count of live memory before and after. }
procedure TestNothingIsLeft;
var
  Before: NativeUInt;
  P: Pointer;
  I: Integer;
begin
  Before := GetFPCHeapStatus.CurrHeapUsed;
  GetMem(P, 5000);
  Expect(GetFPCHeapStatus.CurrHeapUsed >= Before + 5000, 'what is live is counted');
  FreeMem(P);
  for I := 0 to 20 do
    TestBothWays(I);
  ExpectEqual(GetFPCHeapStatus.CurrHeapUsed, Before, 'the memory in use after all rounds');
  ExpectEqual(GetHeapStatus.TotalAllocated, Before, 'the same in the other status');
end;

function Work(Parameter: Pointer): PtrInt;
var
  I: Integer;
begin
  for I := 1 to 50 do
    TestBothWays(I mod 7);
  Result := 0;
end;

procedure TestThreads;
var
  Threads: array[0..3] of TThreadID;
  I: Integer;
begin
  for I := 0 to High(Threads) do
    Threads[I] := BeginThread(Work);
  for I := 0 to High(Threads) do
    WaitForThreadTerminate(Threads[I], 0);
end;

var
  Plugin: THandleOfModule;

begin
  UsableSize := FunctionOf(LoadBeside(LibraryName), 'brainmm_usable_size');
  Plugin := LoadBeside('sharemem_plugin-pascal' + ModuleSuffix);
  MakeText := FunctionOf(Plugin, 'MakeText');
  GrowText := FunctionOf(Plugin, 'GrowText');
  GrowWide := FunctionOf(Plugin, 'GrowWide');
  GrowNumbers := FunctionOf(Plugin, 'GrowNumbers');
  Drop := FunctionOf(Plugin, 'Drop');
  FreePiece := FunctionOf(Plugin, 'FreePiece');
  TestWhoseHeap;
  TestNothingIsLeft;
  TestThreads;
  EndTest;
end.
