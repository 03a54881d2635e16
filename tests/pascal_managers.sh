#!/bin/sh
# SPDX-License-Identifier: MIT
# pascal_managers.sh: a Pascal module notices at its start if a unit behind BrainMM has set another memory manager, and
# stops. A manager that passes on to the heap does no harm.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
top=$PWD
folder=$top/$BUILD/tests/pascal_managers
rm -rf "$folder"
mkdir -p "$folder/source" "$folder/units"
eval "$(tools/target "$TARGET")"
cp "$BUILD/$library" "$folder"

unit() { cat >"$folder/source/$1.pas"; }

# build NAME FILE OPTION...: compiles the source on standard input to FILE.
build() {
    name=$1 file=$2
    shift 2
    mkdir "$folder/units/$name"
    cat >"$folder/source/$name.pas"
    tools/fpc "$TARGET" -Sew -Mdelphi "$@" -Fupascal -Fu"$folder/source" -FU"$folder/units/$name" -o"$folder/$file" \
        "$folder/source/$name.pas"
}

# expect CODE TEXT NAME [ARGUMENT]: the program NAME must end with CODE and print TEXT, and $most errors at most.
most=1
expect() {
    code=0
    (cd "$folder" && ${run:+"$top/"$run} "./$3$exe" ${4+"$4"}) >"$folder/output" 2>&1 || code=$?
    errors=$(grep -c 'Runtime error\|exception' "$folder/output" || true)
    if [ $code != "$1" ] || ! grep -q "$2" "$folder/output" || [ "$errors" -gt $most ]; then
        echo "$3 ended with $code, expected $1 and '$2':"
        cat "$folder/output"
        exit 1
    fi
}

# A program that starts prints which functions System has called by InitProc, how many pieces a manager has counted, and
# how many of one are in the heap.
unit Started <<'END'
unit Started;
interface
var
  Calls: ShortString;
  Count: Integer;
implementation
end.
END
body='
var
  Before, After: TMemoryStatistics;
  P: Pointer;
begin
  GetMemoryStatistics(Before);
  GetMem(P, 300);
  GetMemoryStatistics(After);
  FreeMem(P);
  WriteLn(Calls, Count:1, After.LiveCount - Before.LiveCount:2);
end.'

# A manager of its own, with a few pieces that are never free
unit OwnManager <<'END'
unit OwnManager;
interface
implementation
var
  Manager: TMemoryManager;
  Memory: array[0..99999] of Int64;
  Used: PtrUInt;
function OwnGetMem(Size: PtrUInt): Pointer;
begin
  Result := @Memory[Used + 1];
  Memory[Used] := Size;
  Inc(Used, Size div 8 + 2);
end;
function OwnFreeMem(P: Pointer): PtrUInt;
begin
  Result := 0;
  if (P <> nil) and ((PtrUInt(P) < PtrUInt(@Memory)) or (PtrUInt(P) > PtrUInt(@Memory) + SizeOf(Memory))) then
    RunError(204);
end;
function OwnMemSize(P: Pointer): PtrUInt;
begin
  Result := PInt64(PByte(P) - 8)^;
end;
function OwnReallocMem(var P: Pointer; Size: PtrUInt): Pointer;
var
  Old: Pointer;
begin
  Old := P;
  P := OwnGetMem(Size);
  if Old <> nil then
    Move(Old^, P^, OwnMemSize(Old));
  Result := P;
end;
initialization
  GetMemoryManager(Manager);
  Manager.GetMem := OwnGetMem;
  Manager.AllocMem := OwnGetMem;
  Manager.FreeMem := OwnFreeMem;
  Manager.ReallocMem := OwnReallocMem;
  Manager.MemSize := OwnMemSize;
  SetMemoryManager(Manager);
end.
END
# A unit that frees at its end what it has taken at its start
unit Holding <<'END'
unit Holding;
interface
implementation
var
  P: Pointer;
initialization
  GetMem(P, 100);
finalization
  FreeMem(P);
end.
END
# A manager that counts, puts a word before each piece, and passes on
unit Counting <<'END'
unit Counting;
interface
implementation
uses
  Started;
var
  Next, Manager: TMemoryManager;
function CountedGetMem(Size: PtrUInt): Pointer;
begin
  Inc(Count);
  Result := Next.GetMem(Size + 16);
  Inc(PByte(Result), 16);
end;
function CountedFreeMem(P: Pointer): PtrUInt;
begin
  Result := 0;
  if P <> nil then
    Result := Next.FreeMem(PByte(P) - 16);
end;
function CountedFreeMemSize(P: Pointer; Size: PtrUInt): PtrUInt;
begin
  Result := CountedFreeMem(P);
end;
function CountedAllocMem(Size: PtrUInt): Pointer;
begin
  Result := CountedGetMem(Size);
  FillChar(Result^, Size, 0);
end;
function CountedReallocMem(var P: Pointer; Size: PtrUInt): Pointer;
begin
  if P <> nil then
    Dec(PByte(P), 16);
  Result := Next.ReallocMem(P, Size + 16);
  Inc(PByte(P), 16);
end;
function CountedMemSize(P: Pointer): PtrUInt;
begin
  Result := Next.MemSize(PByte(P) - 16) - 16;
end;
initialization
  GetMemoryManager(Next);
  Manager := Next;
  Manager.GetMem := CountedGetMem;
  Manager.FreeMem := CountedFreeMem;
  Manager.FreeMemSize := CountedFreeMemSize;
  Manager.AllocMem := CountedAllocMem;
  Manager.ReallocMem := CountedReallocMem;
  Manager.MemSize := CountedMemSize;
  SetMemoryManager(Manager);
finalization
  SetMemoryManager(Next);
end.
END
# Units that have a function called by InitProc: before BrainMM, and behind it as ComObj does
unit First <<'END'
unit First;
interface
implementation
uses
  Started;
procedure CallFirst;
begin
  Calls := Calls + 'first ';
end;
initialization
  InitProc := @CallFirst;
end.
END
unit Last <<'END'
unit Last;
interface
implementation
uses
  Started;
var
  Next: procedure;
procedure CallLast;
begin
  Calls := Calls + 'last ';
  Next;
end;
initialization
  @Next := InitProc;
  InitProc := @CallLast;
end.
END

echo "program none; uses BrainMM, Started; $body" | build none "none$exe"
echo "program own; uses BrainMM, Started, OwnManager; $body" | build own "own$exe"
echo "program behind; uses BrainMM, SysUtils, Classes, Started, OwnManager, Holding; $body" | build behind "behind$exe"
echo "program traced; uses BrainMM, Started, HeapTrc; $body" | build traced "traced$exe"
echo "program wrapped; uses BrainMM, Started, Counting; $body" | build wrapped "wrapped$exe"
echo "program chained; uses First, BrainMM, Last, Started; $body" | build chained "chained$exe"
echo "program both; uses First, BrainMM, Last, OwnManager, Started; $body" | build both "both$exe"
echo 'library plugin; uses BrainMM, OwnManager; begin end.' | build plugin "plugin$dll" $fpc_pic
build host "host$exe" <<'END'
program host;
uses BrainMM, DynLibs;
begin
  if LoadLibrary(ParamStr(1)) = NilHandle then
    WriteLn('not loaded');
end.
END

sentence='BrainMM: a unit that is used after the unit BrainMM has set another memory manager'
expect 0 '^0 1' none
expect 204 "$sentence" own
expect 204 "$sentence" behind
expect 204 "$sentence" traced
expect 0 '^2 1' wrapped
expect 0 '^last first 0 1' chained
expect 204 "$sentence" both
case $system in
linux)
    echo "program c; uses BrainMM, CMem, Started; $body" | build c "c$exe"
    expect 204 "$sentence" c
    expect 204 "$sentence" host "./plugin$dll"
    ;;
windows)
    most=2 # a DLL of Free Pascal prints an error of its start a second time when it is unloaded
    expect 0 'not loaded' host "plugin$dll"
    grep -q "$sentence" "$folder/output" || { echo 'the plug-in does not say why'; exit 1; }
    # fpcmemdll.dll has the same heap.
    cp "$BUILD/fpcmemdll.dll" "$folder"
    echo "program shared; uses BrainMM, ShareMem, Started; $body" | build shared "shared$exe"
    expect 0 '^0 1' shared
    ;;
esac
echo "all managers are told apart"
