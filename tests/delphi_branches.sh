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
  DelphiSystem, BrainMM, SysUtils, Classes, TestSupport;

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

begin
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
  EndTest;
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
done
echo "versions $versions"
