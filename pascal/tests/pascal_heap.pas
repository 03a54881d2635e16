// SPDX-License-Identifier: MIT
{ Tests the heap in a Free Pascal program: what the run-time library needs from a memory manager, the functions of the
  unit BrainMM, and the errors of both as exceptions. }
program pascal_heap;

{$mode delphi}

uses
  BrainMM, {$ifdef unix}CThreads, {$endif}SysUtils, TestSupport;

type
  TFailing = procedure;

var
  UsableSize: function(P: Pointer): NativeUInt; cdecl; { the library's function }
  P, Old: Pointer;

function IsAligned(P: Pointer; Alignment: NativeUInt): Boolean;
begin
  Result := (P <> nil) and (NativeUInt(P) and (Alignment - 1) = 0);
end;

procedure ExpectError(Failing: TFailing; Expected: ExceptClass; const What: string);
begin
  try
    Failing;
    Expect(False, What + ' raises ' + Expected.ClassName);
  except
    on E: Exception do
      Expect(E is Expected, What + ' raises ' + Expected.ClassName + ' and not ' + E.ClassName);
  end;
end;

procedure TestManager;
var
  Manager: TMemoryManager;
  Q: Pointer;
  I: Integer;
  Options: TMemoryOptions;
begin
  Expect(IsMemoryManagerSet, 'a memory manager is set');
  P := GetMem(0);
  Q := GetMem(0);
  Expect((P <> nil) and (Q <> nil) and (P <> Q), 'GetMem(0) gives a piece of its own');
  Expect(GetMemoryOptions(P, Options) and (Options.Size = 0) and (MemSize(P) = 0), 'it is a piece of size 0');
  FreeMem(Q, 0);
  Expect(not GetMemoryOptions(Q, Options), 'FreeMem(P, 0) frees it');
  FreeMem(@I, 0); { not a piece: ignored, as in Free Pascal's own manager }
  Q := ReallocMem(P, 100);
  Expect((Q = P) and (MemSize(P) >= 100), 'ReallocMem of a piece of size 0');
  FreeMem(P);
  ExpectEqual(UsableSize(P), 0, 'the size of a piece freed with FreeMem(P)');
  FreeMem(nil);

  GetMem(P, 100);
  Expect(IsAligned(P, 16) and (MemSize(P) >= 100) and (MemSize(P) = UsableSize(P)), 'MemSize');
  FillChar(P^, MemSize(P), 5);
  I := MemSize(P);
  Q := ReallocMem(P, 100000);
  Expect(Q = P, 'ReallocMem returns what it stores');
  for I := 0 to I - 1 do
    Expect(PByte(P)[I] = 5, 'ReallocMem keeps all of MemSize');
  Old := P;
  Expect(ReallocMem(P, 0) = nil, 'ReallocMem to 0 returns nil');
  Expect(P = nil, 'ReallocMem to 0 stores nil');
  ExpectEqual(UsableSize(Old), 0, 'the size of a piece freed with ReallocMem to 0');
  Expect(ReallocMem(P, 0) = nil, 'ReallocMem of nil to 0');
  ReallocMem(P, 50);
  Expect(MemSize(P) >= 50, 'ReallocMem of nil');
  FreeMem(P, 50);

  P := AllocMem(0);
  Expect(P <> nil, 'AllocMem(0) gives a piece');
  FreeMem(P);
  P := AllocMem(5000);
  for I := 0 to MemSize(P) - 1 do
    Expect(PByte(P)[I] = 0, 'AllocMem zeroes all of MemSize');
  FreeMem(P);

  GetMemoryManager(Manager);
  Manager.DoneThread();
  Manager.DoneThread();
  P := GetMem(10);
  Expect(P <> nil, 'a thread may go on after DoneThread');
  FreeMem(P);
end;

procedure TestStatus;
var
  Before, After: TFPCHeapStatus;
  Status: THeapStatus;
begin
  Before := GetFPCHeapStatus;
  GetMem(P, 1000000);
  After := GetFPCHeapStatus;
  Status := GetHeapStatus;
  Expect(After.CurrHeapUsed >= Before.CurrHeapUsed + 1000000, 'CurrHeapUsed grows with what is used');
  Expect(After.CurrHeapSize >= After.CurrHeapUsed + After.CurrHeapFree, 'CurrHeapSize covers used and free');
  Expect((After.MaxHeapSize > 0) and (After.MaxHeapUsed >= After.CurrHeapUsed), 'the maxima cover the figures');
  ExpectEqual(Status.TotalAllocated, After.CurrHeapUsed, 'TotalAllocated');
  ExpectEqual(Status.TotalCommitted, After.CurrHeapSize, 'TotalCommitted');
  Expect(Status.TotalAddrSpace >= Status.TotalCommitted, 'TotalAddrSpace covers TotalCommitted');
  ExpectEqual(Status.HeapErrorCode, 0, 'HeapErrorCode');
  FreeMem(P);
  After := GetFPCHeapStatus;
  ExpectEqual(After.CurrHeapUsed, Before.CurrHeapUsed, 'CurrHeapUsed after FreeMem');
end;

procedure TooMuch;
begin
  GetMem(P, High(PtrInt));
end;

procedure TooMuchZeroed;
begin
  P := AllocMem(High(PtrUInt) - 5);
end;

procedure TooMuchMore;
begin
  ReallocMem(P, High(PtrInt) - 100);
end;

procedure FreeTwice;
begin
  FreeMem(Old);
end;

procedure FreeOfTheStack;
var
  Here: array[0..99] of Byte;
begin
  FreeMem(@Here[48]);
end;

procedure ResizeFreed;
begin
  ReallocMem(Old, 500);
end;

procedure TestManagerErrors;
begin
  ExpectError(TooMuch, EOutOfMemory, 'GetMem of half the address space');
  ExpectError(TooMuchZeroed, EOutOfMemory, 'AllocMem of a negative size');
  GetMem(P, 100);
  Old := P;
  ExpectError(TooMuchMore, EOutOfMemory, 'ReallocMem to half the address space');
  Expect((P = Old) and (MemSize(P) >= 100), 'a piece stays when ReallocMem fails');
  FreeMem(P);
  ExpectError(FreeTwice, EInvalidPointer, 'FreeMem of a freed piece');
  ExpectError(FreeOfTheStack, EInvalidPointer, 'FreeMem of the stack');
  ExpectError(ResizeFreed, EInvalidPointer, 'ReallocMem of a freed piece');
  ReturnNilIfGrowHeapFails := True;
  P := GetMem(High(PtrInt));
  Expect(P = nil, 'GetMem returns nil with ReturnNilIfGrowHeapFails');
  ReturnNilIfGrowHeapFails := False;
end;

{ ---- The unit's own functions -------------------------------------------------------------------------------------- }

procedure AlignOutOfRange;
var
  Value: Byte;
begin
  Value := 8;
  GetMemAligned(P, TMemoryAlign(Value), 100);
end;

procedure AlignedTooMuch;
begin
  GetMemAligned(P, ma64Bytes, High(NativeInt));
end;

procedure RegetFreed;
begin
  RegetMem(Old, 1000);
end;

procedure RegetTooMuch;
begin
  RegetMem(P, High(NativeInt));
end;

procedure RegetFreedToNothing;
begin
  RegetMem(Old, 0);
end;

procedure TestPieces;
var
  Align: TMemoryAlign;
  Options: TMemoryOptions;
begin
  for Align := ma16Bytes to ma2048Bytes do
  begin
    GetMemAligned(P, Align, 100);
    Expect(IsAligned(P, 16 shl Ord(Align)), 'GetMemAligned');
    Expect(GetMemoryOptions(P, Options) and (Options.Align = Align), 'GetMemoryOptions tells the alignment');
    ReallocMem(P, 3000);
    Expect(IsAligned(P, 16 shl Ord(Align)), 'ReallocMem keeps the alignment');
    RegetMem(P, 60000);
    Expect(IsAligned(P, 16 shl Ord(Align)) and (MemSize(P) >= 60000), 'RegetMem keeps the alignment');
    RegetMem(P, 0);
    Expect(P = nil, 'RegetMem to 0 stores nil');
  end;
  GetMem(P, 10);
  Old := P;
  GetMemAligned(P, ma32Bytes, -1);
  Expect(P = nil, 'GetMemAligned of a size below 0 stores nil');
  FreeMem(Old);
  RegetMem(P, -5);
  Expect(P = nil, 'RegetMem of nil to a size below 0');
  RegetMem(P, 100);
  Expect(MemSize(P) >= 100, 'RegetMem of nil');
  Old := P;
  ExpectError(RegetTooMuch, EOutOfMemory, 'RegetMem to half the address space');
  ExpectError(AlignOutOfRange, EInvalidCast, 'GetMemAligned with an alignment out of range');
  ExpectError(AlignedTooMuch, EOutOfMemory, 'GetMemAligned of half the address space');
  Expect((P = Old) and (MemSize(P) >= 100), 'a variable keeps its value when a function fails');
  FreeMem(P);
  ExpectError(RegetFreed, EInvalidPointer, 'RegetMem of a freed piece');
  ExpectError(RegetFreedToNothing, EInvalidPointer, 'RegetMem of a freed piece to 0');
end;

var
  Block: MemoryBlock;
  Pages: MemoryPages;

procedure BlockOutOfRange;
var
  Value: Byte;
begin
  Value := 9;
  GetMemoryBlock(Block, TMemoryBlockSize(Value));
end;

procedure FreeBlockInside;
begin
  FreeMemoryBlock(PByte(Block) + 4096);
end;

procedure FreeBlockAsPiece;
begin
  FreeMem(Block);
end;

procedure PagesTooMany;
begin
  GetMemoryPages(Pages, High(NativeInt) div 4096);
end;

procedure ReallocPagesTooMany;
begin
  ReallocMemoryPages(Pages, High(NativeInt) div 4096);
end;

procedure FreePagesInside;
begin
  FreeMemoryPages(PByte(Pages) + 100);
end;

procedure ReallocBlockAsPages;
begin
  ReallocMemoryPages(Block, 5);
end;

procedure FreePagesTwice;
begin
  FreeMemoryPages(Old);
end;

procedure TestBlocksAndPages;
var
  Size: TMemoryBlockSize;
  Options: TMemoryOptions;
begin
  for Size := BLOCK_4K to BLOCK_16MB do
  begin
    GetMemoryBlock(Block, Size);
    Expect(IsAligned(Block, NativeUInt(4096) shl (2 * Ord(Size))), 'a block is aligned to its size');
    Expect(GetMemoryOptions(Block, Options) and (Options.Kind = mkBlock) and (Options.BlockSize = Size) and
      (Options.AccessRights = [marRead, marWrite]), 'GetMemoryOptions of a block');
    FreeMemoryBlock(Block);
  end;
  FreeMemoryBlock(nil);
  ExpectError(BlockOutOfRange, EInvalidCast, 'GetMemoryBlock with a size out of range');
  GetMemoryBlock(Block, BLOCK_64K);
  ExpectError(FreeBlockInside, EInvalidPointer, 'FreeMemoryBlock of an address inside');
  ExpectError(FreeBlockAsPiece, EInvalidPointer, 'FreeMem of a block');
  ExpectError(ReallocBlockAsPages, EInvalidPointer, 'ReallocMemoryPages of a block');
  FreeMemoryBlock(Block);

  GetMemoryPages(Pages, 0);
  Expect(Pages = nil, 'GetMemoryPages of no pages stores nil');
  ReallocMemoryPages(Pages, 2);
  Expect(IsAligned(Pages, 4096), 'ReallocMemoryPages of nil');
  PByte(Pages)[8191] := 77;
  ReallocMemoryPages(Pages, 500);
  Expect(PByte(Pages)[8191] = 77, 'ReallocMemoryPages keeps the contents');
  Expect(GetMemoryOptions(Pages, Options) and (Options.Kind = mkPages) and (Options.Size = 500 * 4096),
    'GetMemoryOptions of pages');
  RegetMemoryPages(Pages, 1000);
  Expect(GetMemoryOptions(Pages, Options) and (Options.Size = 1000 * 4096), 'RegetMemoryPages');
  Old := Pages;
  ExpectError(PagesTooMany, EOutOfMemory, 'GetMemoryPages of half the address space');
  ExpectError(ReallocPagesTooMany, EOutOfMemory, 'ReallocMemoryPages to half the address space');
  ExpectError(FreePagesInside, EInvalidPointer, 'FreeMemoryPages of an address inside');
  Expect(Pages = Old, 'Pages stay when a function fails');
  ReallocMemoryPages(Pages, 0);
  Expect(Pages = nil, 'ReallocMemoryPages to 0 stores nil');
  ExpectError(FreePagesTwice, EInvalidPointer, 'FreeMemoryPages of freed pages');
  FreeMemoryPages(nil);
end;

procedure TestOptions;
var
  Options: TMemoryOptions;
begin
  ExpectEqual(SizeOf(TMemoryOptions), 4 + 2 * SizeOf(Pointer), 'the size of TMemoryOptions');
  GetMem(P, 20);
  Expect(GetMemoryOptions(P, Options) and (Options.Kind = mkSmall) and (Options.ThreadId <> 0), 'a small piece');
  FreeMem(P);
  GetMem(P, 2000);
  Expect(GetMemoryOptions(P, Options) and (Options.Kind = mkMedium) and (Options.Size = MemSize(P)), 'a medium piece');
  FreeMem(P);
  GetMem(P, 200000);
  Expect(GetMemoryOptions(P, Options) and (Options.Kind = mkBig), 'a big piece');
  FreeMem(P);
  GetMem(P, 2000000);
  Expect(GetMemoryOptions(P, Options) and (Options.Kind = mkLarge), 'a large piece');
  FreeMem(P);
  Options.Size := 12345;
  Expect(not GetMemoryOptions(P, Options) and not GetMemoryOptions(nil, Options) and
    not GetMemoryOptions(@Options, Options), 'GetMemoryOptions of no pieces');
  Expect(Options.Size = 12345, 'GetMemoryOptions leaves the record alone');
  ThreadHeapMinimize;
  Expect(not ThreadHeapMinimize, 'ThreadHeapMinimize finds nothing a second time');
end;

procedure ChangeNil;
begin
  ChangeMemoryAccessRights(nil, 1, [marRead]);
end;

procedure ChangeMisaligned;
begin
  ChangeMemoryAccessRights(PByte(Pages) + 16, 1, [marRead]);
end;

procedure ChangeTooMany;
begin
  ChangeMemoryAccessRights(Pages, 5, [marRead]);
end;

procedure ChangeUnknown;
var
  Rights: TMemoryAccessRights;
begin
  PByte(@Rights)^ := 8;
  ChangeMemoryAccessRights(Pages, 1, Rights);
end;

procedure AskNil;
begin
  GetMemoryAccessRights(nil);
end;

procedure TestRights;
var
  Bits: Byte;
  Rights, Granted: TMemoryAccessRights;
begin
  GetMemoryPages(Pages, 4);
  Expect(GetMemoryAccessRights(Pages) = [marRead, marWrite], 'pages begin readable and writable');
  for Bits := 0 to 7 do
  begin
    PByte(@Rights)^ := Bits;
    Granted := Rights;
    if marWrite in Granted then
      Include(Granted, marRead);
    ChangeMemoryAccessRights(Pages, 4, Rights);
    Expect(GetMemoryAccessRights(Pages) = Granted, 'rights are as they were set');
  end;
  ChangeMemoryAccessRights(Pages, 4, [marRead]);
  ChangeMemoryAccessRights(Pages, 0, []);
  ChangeMemoryAccessRights(Pages, -1, []);
  Expect(GetMemoryAccessRights(Pages) = [marRead], 'a count of 0 or less changes nothing');
  ExpectError(ChangeNil, EInvalidPointer, 'ChangeMemoryAccessRights of nil');
  ExpectError(ChangeMisaligned, EInvalidPointer, 'ChangeMemoryAccessRights of half a page');
  ExpectError(ChangeTooMany, EInvalidPointer, 'ChangeMemoryAccessRights beyond the run');
  ExpectError(ChangeUnknown, EInvalidCast, 'ChangeMemoryAccessRights with unknown rights');
  ExpectError(AskNil, EInvalidPointer, 'GetMemoryAccessRights of nil');
  FreeMemoryPages(Pages);
end;

procedure TestMove;
var
  From, Target: Pointer;
  I: Integer;
begin
  GetMem(From, 16000);
  for I := 0 to 15999 do
    PByte(From)[I] := I * 7;
  Target := PByte(From) + 1600;
  MoveB16Aligned(From^, Target^, 900); { up, onto itself }
  for I := 0 to 14399 do
    Expect(PByte(Target)[I] = Byte(I * 7), 'MoveB16Aligned moves up');
  MoveB16Aligned(Target^, From^, 900);
  for I := 0 to 14399 do
    Expect(PByte(From)[I] = Byte(I * 7), 'MoveB16Aligned moves down');
  MoveB16Aligned(Target^, From^, 0);
  MoveB16Aligned(Target^, From^, -1);
  FreeMem(From);
end;

type
  TFunction = function: Integer;

var
  Code: IJITHeap;

procedure FreeCodeTwice;
begin
  Code.FreeMemory(P);
end;

procedure TestJIT;
var
  I: Integer;
  Run: TFunction;
  Codes: array[0..199] of Pointer;
begin
  Code := TJITHeap.Create;
  for I := 0 to High(Codes) do
  begin
    if Odd(I) then
      Codes[I] := Code.GetMemory(16)
    else
      Codes[I] := Code.SyncGetMemory(1 + I * 100);
    PByte(Codes[I])[0] := $B8; { mov eax, I; ret }
    PCardinal(PByte(Codes[I]) + 1)^ := I;
    PByte(Codes[I])[5] := $C3;
  end;
  for I := 0 to High(Codes) do
  begin
    @Run := Codes[I];
    Expect(Run() = I, 'what was written to the heap runs');
  end;
  Expect(Code.GetMemoryViews(16, P) = P, 'one address to write and to run code');
  Expect((Code.GetMemoryViews(0, P) = nil) and (P = nil), 'GetMemoryViews of nothing is nil');
  Expect((Code.GetMemory(0) = nil) and (Code.GetMemory(-5) = nil), 'GetMemory of nothing is nil');
  Code.FreeMemory(nil);
  P := Codes[3];
  Code.FreeMemory(P);
  ExpectError(FreeCodeTwice, EInvalidPointer, 'FreeMemory a second time');
  Code.SyncFreeMemory(Codes[4]);
  Code.Clear;
  P := Codes[5];
  ExpectError(FreeCodeTwice, EInvalidPointer, 'FreeMemory after Clear');
  Expect(Code.GetMemory(100) <> nil, 'the heap goes on after Clear');
  Code := nil;
end;

procedure TestMalloc;
var
  Malloc: IMalloc;
  Same: IUnknown;
begin
  Malloc := TMalloc.Create;
  Expect(Malloc.QueryInterface(IMalloc, Same) = S_OK, 'TMalloc is an IMalloc');
  P := Malloc.Alloc(100);
  Expect((UsableSize(P) >= 100) and (Malloc.GetSize(P) = UsableSize(P)), 'Alloc and GetSize');
  Expect((Malloc.DidAlloc(P) = 1) and (Malloc.DidAlloc(nil) = -1) and (Malloc.DidAlloc(@P) = 0), 'DidAlloc');
  P := Malloc.Realloc(P, 5000);
  Expect(Malloc.GetSize(P) >= 5000, 'Realloc');
  Expect((Malloc.GetSize(nil) = not NativeUInt(0)) and (Malloc.GetSize(@P) = not NativeUInt(0)), 'GetSize of no piece');
  Expect(Malloc.Alloc(not NativeUInt(0)) = nil, 'Alloc of too much returns nil without an exception');
  Old := P;
  Expect(Malloc.Realloc(P, 0) = nil, 'Realloc to 0');
  Expect(Malloc.DidAlloc(Old) = 0, 'frees');
  P := Malloc.Alloc(0);
  Expect((P <> nil) and (Malloc.DidAlloc(P) = 1), 'Alloc(0) is a piece');
  Malloc.Free(P);
  Malloc.Free(nil);
  Malloc.HeapMinimize;
end;

{ SetLength of a string asks MemSize whether the string can grow in place. }
procedure TestStrings;
var
  S: string;
  U: UnicodeString;
  I: Integer;
begin
  S := '';
  U := '';
  for I := 1 to 5000 do
  begin
    SetLength(S, I);
    S[I] := Chr(I and 127);
    U := U + WideChar(I);
  end;
  for I := 1 to 5000 do
    Expect((S[I] = Chr(I and 127)) and (U[I] = WideChar(I)), 'strings keep their characters as they grow');
end;

begin
  @UsableSize := FunctionOf(LoadBeside(LibraryName), 'brainmm_usable_size');
  TestManager;
  TestStatus;
  TestManagerErrors;
  TestPieces;
  TestBlocksAndPages;
  TestOptions;
  TestRights;
  TestMove;
  TestJIT;
  TestMalloc;
  TestStrings;
  EndTest;
end.
