// SPDX-License-Identifier: MIT
{ The host of the sharing tests, with any memory manager. It works with a plug-in in Free Pascal and one in C. Strings,
  arrays, objects, interfaces, variants and blocks are made in one module, grown in another and freed in a third. All
  combinations are tried, in threads of all kinds and while the plug-ins are loaded and unloaded in every order. Memory
  that is freed in another heap than its own gives an error, which ends the plug-in in C. }
unit ShareHost;

{$mode delphi}

interface

procedure Play;

implementation

uses
  SysUtils, Classes, Variants, ShareParty, TestSupport;

type
  TParties = array[0..2] of PParty; { the host, the plug-in in Pascal, the plug-in in C }
  TNumbers = array of PtrInt;

const
  ThreadCount = 3;
  Sizes: array[0..3] of PtrInt = (1, 40, 900, 50000);

var
  Parties: TParties;
  Combinations: Integer; { how many all threads have tried }

function IsText(const S: string; Length: PtrInt): Boolean;
var
  I: PtrInt;
begin
  Result := System.Length(S) = Length;
  for I := 1 to Length do
    Result := Result and (S[I] = Chr(Ord('a') + (I - 1) mod 26));
end;

function IsUnicodeText(const S: UnicodeString; Length: PtrInt): Boolean;
var
  I: PtrInt;
begin
  Result := System.Length(S) = Length;
  for I := 1 to Length do
    Result := Result and (S[I] = WideChar(Ord('a') + (I - 1) mod 26));
end;

function AreNumbers(const Numbers: TNumbers; Count: PtrInt): Boolean;
var
  I: PtrInt;
begin
  Result := Length(Numbers) = Count;
  for I := 0 to Count - 1 do
    Result := Result and (Numbers[I] = 3 * I);
end;

{ A function of its own: at its end no temporary string refers to the variant's string. }
function IsVariantText(const V: Variant; Length: PtrInt): Boolean;
begin
  Result := IsText(string(V), Length);
end;

{ A value grows twice: a little, which may work in place, and a lot, which moves it. }
procedure ExerciseStrings(Maker, Grower, Freer: PParty; Size: PtrInt);
var
  Value: Pointer;
  Shared: string;
begin
  Value := Maker.MakeString(Size);
  Expect(IsText(string(Value), Size), 'a string as it was made');
  Value := Grower.GrowString(Value, Size + 3);
  Value := Grower.GrowString(Value, 3 * Size + 50);
  Expect(IsText(string(Value), 3 * Size + 50), 'a string that has grown');
  Shared := string(Value);
  Shared[1] := 'X'; { copies the string, so that the module has its own again }
  Freer.FreeString(Value);

  Value := Maker.MakeUnicode(Size);
  Value := Grower.GrowUnicode(Value, Size + 3);
  Value := Grower.GrowUnicode(Value, 3 * Size + 50);
  Expect(IsUnicodeText(UnicodeString(Value), 3 * Size + 50), 'a Unicode string that has grown');
  Freer.FreeUnicode(Value);
end;

procedure ExerciseArrays(Maker, Grower, Freer: PParty; Size: PtrInt);
var
  Value: Pointer;
begin
  Value := Maker.MakeArray(Size);
  Expect(AreNumbers(TNumbers(Value), Size), 'an array as it was made');
  Value := Grower.GrowArray(Value, Size + 1);
  Value := Grower.GrowArray(Value, 2 * Size + 70);
  Expect(AreNumbers(TNumbers(Value), 2 * Size + 70), 'an array that has grown');
  Freer.FreeArray(Value);
end;

procedure ExerciseObjects(Maker, Freer: PParty; Number: PtrInt);
var
  Value: Pointer;
  Part: TPart;
  Variable: Variant;
begin
  Part := TPart(Maker.MakeObject(TPart, TPart.InstanceSize, Number));
  Expect((Part.Number = Number) and (Part.ClassType = TPart), 'an object');
  Freer.FreeObject(Part);

  Value := Maker.MakeInterface(Number);
  Expect(IPart(Value).Number = Number, 'an interface');
  Freer.FreeInterface(Value);

  Maker.MakeVariant(@Variable, 100);
  Expect(IsVariantText(Variable, 100), 'a variant');
  Freer.FreeVariant(@Variable);
  Expect(VarIsEmpty(Variable), 'a variant that was cleared');
end;

procedure ExerciseBlocks(Maker, Grower, Freer: PParty; Size: PtrInt);
var
  Value: PByte;
begin
  Value := Maker.MakeBlock(Size);
  FillChar(Value^, Size, 99);
  Value := Grower.GrowBlock(Value, Size + 1);
  Value := Grower.GrowBlock(Value, 4 * Size);
  Expect((Value[0] = 99) and (Value[Size div 2] = 99) and (Value[Size - 1] = 99), 'a block that has grown');
  Freer.FreeBlock(Value);
end;

{ The plug-in catches its exception and gives the object to the host, which raises it. }
procedure ExerciseExceptions(Party: PParty);
var
  Failure: TObject;
begin
  Failure := TObject(Party.Fail(5000));
  if Failure = nil then
    Exit;
  try
    raise Failure;
  except
    { The object's class is the plug-in's, which is not the host's Exception. }
    Expect((ExceptObject = Failure) and IsText(Exception(ExceptObject).Message, 5000), 'an exception of the plug-in');
  end;
end;

procedure ExerciseAll;
var
  Maker, Grower, Freer: PParty;
  Size: PtrInt;
begin
  for Maker in Parties do
    for Grower in Parties do
      for Freer in Parties do
      begin
        for Size in Sizes do
        begin
          ExerciseStrings(Maker, Grower, Freer, Size);
          ExerciseArrays(Maker, Grower, Freer, Size div 4 + 1);
          ExerciseBlocks(Maker, Grower, Freer, Size);
        end;
        ExerciseObjects(Maker, Freer, 12345);
        ExerciseExceptions(Maker);
        InterlockedIncrement(Combinations);
      end;
end;

procedure Work(Context: Pointer); cdecl;
begin
  ExerciseAll;
end;

function ThreadFunction(Context: Pointer): PtrInt;
begin
  ExerciseAll;
  Result := 0;
end;

procedure ExerciseThreads;
var
  Party: PParty;
  Threads: array[1..ThreadCount] of TThreadID;
  I, Expected: Integer;
begin
  Combinations := 0;
  for I := 1 to ThreadCount do
    Threads[I] := BeginThread(ThreadFunction, nil);
  for I := 1 to ThreadCount do
  begin
    WaitForThreadTerminate(Threads[I], 0);
    CloseThread(Threads[I]);
  end;
  Expected := ThreadCount * 27;
  ExpectEqual(Combinations, Expected, 'combinations after BeginThread');
  for Party in Parties do
  begin
    Party.RunThreads(ThreadCount, Work, nil);
    Inc(Expected, ThreadCount * 27);
    ExpectEqual(Combinations, Expected, 'combinations after threads of a module');
  end;
end;

{ Memory that a plug-in has made outlives the plug-in if it refers to no code of the plug-in. }
type
  TLeftOver = record
    Text: string;
    Numbers: TNumbers;
    Variable: Variant;
    Block: Pointer;
  end;

var
  Pascal, C: THandleOfModule;
  Left: array[1..2] of TLeftOver;

procedure LoadPlugIns(PascalFirst: Boolean);
begin
  if not PascalFirst then
    C := LoadBeside('share_c-plain' + ModuleSuffix);
  Pascal := LoadBeside('share_plugin-pascal' + ModuleSuffix);
  if PascalFirst then
    C := LoadBeside('share_c-plain' + ModuleSuffix);
  Parties[0] := GetParty;
  Parties[1] := TGetParty(FunctionOf(Pascal, 'share_party'))();
  Parties[2] := TGetParty(FunctionOf(C, 'share_party'))();
end;

procedure UnloadPlugIns(PascalFirst: Boolean);
var
  I: Integer;
begin
  for I := 1 to 2 do
  begin
    Pointer(Left[I].Text) := Parties[I].MakeString(1000);
    Pointer(Left[I].Numbers) := Parties[I].MakeArray(1000);
    Parties[I].MakeVariant(@Left[I].Variable, 1000);
    Left[I].Block := Parties[I].MakeBlock(1000);
  end;
  if PascalFirst then
    UnloadModule(Pascal);
  UnloadModule(C);
  if not PascalFirst then
    UnloadModule(Pascal);
end;

procedure UseLeftOvers;
var
  I: Integer;
begin
  for I := 1 to 2 do
  begin
    Left[I].Text := Left[I].Text + '!';
    SetLength(Left[I].Text, 1000);
    Expect(IsText(Left[I].Text, 1000), 'a string of an unloaded plug-in');
    SetLength(Left[I].Numbers, 2000);
    SetLength(Left[I].Numbers, 1000);
    Expect(AreNumbers(Left[I].Numbers, 1000), 'an array of an unloaded plug-in');
    Expect(IsVariantText(Left[I].Variable, 1000), 'a variant of an unloaded plug-in');
    ReallocMem(Left[I].Block, 5000);
    FreeMem(Left[I].Block);
    Left[I].Text := '';
    Left[I].Numbers := nil;
    VarClear(Left[I].Variable);
  end;
end;

procedure Play;
var
  Round: Integer;
begin
  for Round := 0 to 3 do
  begin
    LoadPlugIns(Odd(Round));
    ExerciseAll;
    ExerciseThreads;
    UnloadPlugIns(Round >= 2);
    UseLeftOvers;
  end;
end;

end.
