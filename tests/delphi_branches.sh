#!/bin/sh
# SPDX-License-Identifier: MIT
# delphi_branches.sh: compiles the parts of the unit BrainMM for Delphi with Free Pascal, once for each version of
# Delphi that they distinguish, and runs them with a unit that imitates Delphi's System. docs/pascal.md tells what this
# shows.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
top=$PWD
folder=$top/$BUILD/tests/delphi_branches
rm -rf "$folder"
mkdir -p "$folder"
cp "$BUILD/brainmm.dll" "$folder"
cat >"$folder/branches.pas" <<'END'
program branches;

{$mode delphi}

uses
  DelphiSystem, LateFinal, BrainMM, SysUtils, Classes, TestSupport;

var
  P: Pointer;
  Error: Integer;

procedure NoteError(ErrorCode: Byte; ErrorAddr: Pointer);
begin
  Error := ErrorCode;
  Abort; { as SysUtils raises an exception }
end;

procedure ExpectError(Code: Integer; Failing: TProcedure; const What: string);
begin
  Error := 0;
  try
    Failing;
  except
    on EAbort do;
  end;
  ExpectEqual(Error, Code, What);
end;

procedure AlignOutOfRange;
var
  Align: Byte;
begin
  Align := 8;
  GetMemAligned(P, TMemoryAlign(Align), 100);
end;

procedure TooMuch;
begin
  GetMemAligned(P, ma64Bytes, High(NativeInt));
end;

procedure FreeNoBlock;
begin
  FreeMemoryBlock(@P);
end;

procedure TestHeap;
var
  List: TStringList;
  I: Integer;
begin
  List := TStringList.Create;
  for I := 1 to 10000 do
    List.Add(StringOfChar('x', I mod 300));
  for I := List.Count - 1 downto 0 do
    Expect(Length(List[I]) = (I + 1) mod 300, 'strings of a list');
  List.Free;
  GetMemAligned(P, ma512Bytes, 100);
  ReallocMem(P, 5000);
  Expect(NativeUInt(P) and 511 = 0, 'the alignment is kept');
  RegetMem(P, 0);
  P := AllocMem(3000);
  for I := 0 to 2999 do
    Expect(PByte(P)[I] = 0, 'AllocMem zeroes');
  FreeMem(P);
  ExpectError(Ord(reInvalidCast), AlignOutOfRange, 'the error of an alignment out of range');
  ExpectError(Ord(reOutOfMemory), TooMuch, 'the error of too much memory');
  ExpectError(Ord(reInvalidPtr), FreeNoBlock, 'the error of an invalid pointer');
end;

{ Objects, strings and arrays as Delphi lays them out }

type
  TBytes = array[0..999] of Byte;
  PBytes = ^TBytes;

const
  ArrayHead = {$ifdef CPU64}16{$else}8{$endif};
  StringHead = {$if CompilerVersion < 20}8{$else}{$ifdef CPU64}16{$else}12{$endif}{$ifend};

var
  Class1, Class2: TBytes;
  ParentPlace: Pointer; { where the address of the parent lies }
  Name1, Name2: ShortString;
  Report: array[0..10000] of AnsiChar;
  ReportLength: NativeUInt;

function Collect(Context: Pointer; Text: PAnsiChar; Length: NativeUInt): Integer; cdecl;
begin
  Move(Text^, Report[ReportLength], Length);
  Inc(ReportLength, Length);
  Report[ReportLength] := #0;
  Result := 0;
end;

{ The class is the address behind its tables. }
function MakeClass(var Tables: TBytes; const Name: ShortString; Parent: PPointer; Size: Integer): PAnsiChar;
begin
  Result := PAnsiChar(@Tables) + 500;
  PPointer(Result + vmtSelfPtr)^ := Result;
  PPointer(Result + vmtClassName)^ := @Name;
  PInteger(Result + vmtInstanceSize)^ := Size;
  PPointer(Result + vmtParent)^ := Parent;
end;

function MakeText(ElementSize, Length: Integer): Pointer;
begin
  GetMem(Result, StringHead + (Length + 1) * ElementSize);
  FillChar(Result^, StringHead + Length * ElementSize, 'x');
  FillChar(PAnsiChar(Result)[StringHead + Length * ElementSize], ElementSize, 0);
  PInteger(PAnsiChar(Result) + StringHead - 8)^ := 1;
  PInteger(PAnsiChar(Result) + StringHead - 4)^ := Length;
{$if CompilerVersion >= 20}
  PWord(PAnsiChar(Result) + StringHead - 10)^ := ElementSize;
{$ifend}
end;

function MakeArray(Length: Integer): Pointer;
begin
  GetMem(Result, ArrayHead + Length * 4);
  FillChar(Result^, ArrayHead + Length * 4, 7);
  PInteger(PAnsiChar(Result) + ArrayHead - SizeOf(Pointer) - 4)^ := 1;
  PNativeInt(PAnsiChar(Result) + ArrayHead - SizeOf(Pointer))^ := Length;
end;

procedure TestLeaks;
var
  Before: TMemorySnapshot;
  Base, Derived: PAnsiChar;
  Pieces: array[1..6] of PPointer;
  I: Integer;
begin
  Name1 := 'TBase';
  Name2 := 'TDerived';
  Base := MakeClass(Class1, Name1, nil, 12);
  ParentPlace := Base;
  Derived := MakeClass(Class2, Name2, @ParentPlace, 100);
  ExpectEqual(TakeMemorySnapshot(Before), BRAINMM_OK, 'a snapshot');
  for I := 1 to 2 do
  begin
    GetMem(Pieces[I], 100);
    FillChar(Pieces[I]^, 100, $FF);
    Pieces[I]^ := Derived;
  end;
  Pieces[3] := MakeText(1, 50);
{$if CompilerVersion >= 20}
  Pieces[4] := MakeText(2, 60);
{$else}
  Pieces[4] := MakeText(1, 60);
{$ifend}
  Pieces[5] := MakeArray(70);
  GetMem(Pieces[6], 100);
  FillChar(Pieces[6]^, 100, $FF);
  Pieces[6]^ := Base + 4;
  Expect(WriteMemoryDifference(Before, nil, Collect) = BRAINMM_OK, 'a difference');
  Expect(Pos('TDerived x +2', Report) > 0, 'a class of Delphi');
  Expect(Pos('TBase', Report) = 0, 'what is no class of Delphi');
  Expect(Pos('AnsiString x +1', Report) > 0, 'a string of Delphi');
{$if CompilerVersion >= 20}
  Expect(Pos('UnicodeString x +1', Report) > 0, 'a UnicodeString of Delphi');
{$ifend}
  Expect(Pos('dynamic array x +1', Report) > 0, 'a dynamic array of Delphi');
  if FailureCount > 0 then
    WriteLn(Report);
  Expect(RegisterExpectedMemoryLeak(TClass(Pointer(Derived)), 2), 'expected by class');
  ReportLength := 0;
  ReportMemoryLeaks(Collect);
  Expect(Pos('TDerived', Report) = 0, 'what is expected is not reported');
  Expect(UnregisterExpectedMemoryLeak(TClass(Pointer(Derived))), 'one less');
  ReportLength := 0;
  ReportMemoryLeaks(Collect);
  Expect(Pos('TDerived x 1', Report) > 0, 'what is not expected is reported');
{$if CompilerVersion >= 18}
  Expect(ExpectLeak(Pieces[1]), 'the manager registers');
  Expect(UnexpectLeak(Pieces[1]) and not UnexpectLeak(Pieces[1]), 'and takes back');
{$ifend}
  for I := 3 to 6 do
    FreeMem(Pieces[I]);
  FreeMemorySnapshot(Before);
end;

begin
  ReportMemoryLeaksOnShutdown := ParamStr(1) = 'flag';
  ShowMemoryLeaksInMessageBox := ParamStr(1) = 'box';
  TakeLate; { what the unit frees that finalizes after BrainMM is no leak }
  DelphiSystem.ErrorProc := NoteError;
  Expect(IsMemoryManagerSet, 'a memory manager is set');
  TestHeap;
{$if CompilerVersion >= 18}
  SystemThreadEndProc(0);
  ExpectEqual(EndedThreads, 1, 'the hook that was there before is called');
  TestHeap; { a thread may go on }
{$else}
  Expect(@SystemThreadEndProc = @ThreadEnded, 'hooks of threads are left alone');
{$endif}
  TestLeaks;
  EndTest;
end.
END

# Another memory manager is set. The unit notices it when TApplication.Initialize calls InitProc.
cat >"$folder/replaced.pas" <<'END'
program replaced;

{$mode delphi}

uses
  DelphiSystem, BrainMM;

var
  Memory: array[0..99] of Int64;

function OwnGetMem(Size: TManagerSize): Pointer;
begin
  Result := @Memory;
end;

function OwnFreeMem(P: Pointer): Integer;
begin
  Result := 0;
end;

function OwnReallocMem(P: Pointer; Size: TManagerSize): Pointer;
begin
  Result := nil;
end;

const
  Own: TMemoryManager = (GetMem: OwnGetMem; FreeMem: OwnFreeMem; ReallocMem: OwnReallocMem);
begin
  TProcedure(InitProc)();
  WriteLn('the heap is in use');
  Flush(Output);
  SetMemoryManager(Own);
  TProcedure(InitProc)();
end.
END

# Delphi 7, 2005, 2006, 2009, 2010, XE, XE2, XE4, 10.3 and 12. XE2 is the first with a 64-bit compiler.
eval "$(tools/target "$TARGET")"
versions='23 24 33 36'
[ "$fpc_cpu" != i386 ] || versions="15 17 18 20 21 22 $versions"
for version in $versions; do
    mkdir "$folder/$version"
    tools/fpc "$TARGET" -Sew -Sm -dBRAINMM_DELPHI "-dCompilerVersion:=$version" -Fupascal -Fupascal/tests/support \
        -FU"$folder/$version" -o"$folder/branches$version.exe" "$folder/branches.pas"
    (cd "$folder" && "$top/"$run "branches$version.exe")
    tools/fpc "$TARGET" -Sew -Sm -dBRAINMM_DELPHI "-dCompilerVersion:=$version" -Fupascal -Fupascal/tests/support \
        -FU"$folder/$version" -o"$folder/replaced$version.exe" "$folder/replaced.pas"
    code=0
    (cd "$folder" && "$top/"$run "replaced$version.exe") >"$folder/report" 2>&1 || code=$?
    if [ $code != 204 ] || ! grep -q 'the heap is in use' "$folder/report" ||
        ! grep -q 'BrainMM: a unit that is used after the unit BrainMM has set another' "$folder/report"; then
        echo "version $version: another memory manager, and exit code $code:"
        cat "$folder/report"
        exit 1
    fi
    # The report at the end: the owner's, and the unit's own on standard error.
    for way in flag box; do
        (cd "$folder" && BRAINMM_OPTIONS=leaks_file=- "$top/"$run "branches$version.exe" $way) >"$folder/report" 2>&1
        if [ "$(grep -c 'TDerived x 1' "$folder/report")" != 1 ]; then
            echo "version $version: no report with $way, or several:"
            cat "$folder/report"
            exit 1
        fi
        if grep '^    6[0-9]\{4\} bytes' "$folder/report"; then
            echo "version $version: with $way, that is reported before it is freed"
            exit 1
        fi
    done
done
echo "versions $versions"
