#!/bin/sh
# SPDX-License-Identifier: MIT
# pascal_start.sh: what the unit BrainMM promises about the start of a Pascal module: how the module finds its heap, and
# when the program stops.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
top=$PWD
folder=$top/$BUILD/tests/pascal_start
rm -rf "$folder"
mkdir -p "$folder/with" "$folder/without" "$folder/other" "$folder/later" "$folder/source"
eval "$(tools/target "$TARGET")"
program=$exe module=$dll pic=$fpc_pic

# compile NAME FILE OPTION...: compiles the source on standard input, and puts FILE into all folders.
compile() {
    name=$1 file=$2
    shift 2
    mkdir -p "$folder/units/$name"
    cat >"$folder/source/$name.pas"
    tools/fpc "$TARGET" -Sew -Mdelphi "$@" -Fupascal -FU"$folder/units/$name" -o"$folder/with/$file" \
        "$folder/source/$name.pas"
    cp "$folder/with/$file" "$folder/without"
    cp "$folder/with/$file" "$folder/other"
    cp "$folder/with/$file" "$folder/later"
}

# expect CODE TEXT WHERE NAME [ARGUMENT...]: the program NAME in the folder WHERE must end with CODE and print TEXT. The
# current folder is another one, which has a library.
expect() {
    code=0
    (cd "$BUILD/tests" && ${run:+"$top/"$run} "pascal_start/$3/$4$exe" ${5+"$5"} ${6+"$6"}) \
        >"$folder/output" 2>&1 || code=$?
    if [ $code != "$1" ] || ! grep -q "$2" "$folder/output"; then
        fail "$3/$4 ended with $code, expected $1 and '$2':"
    fi
}

fail() {
    echo "$1"
    cat "$folder/output"
    exit 1
}

compile plain "plain$program" -Xm <<'END'
program plain;
uses BrainMM;
var S: AnsiString;
begin
  SetLength(S, 100000);
  WriteLn('on a heap: ', IsMemoryManagerSet);
end.
END
compile empty "empty$program" <<'END'
program empty;
uses BrainMM;
begin
  WriteLn('has started');
end.
END
compile traced "traced$program" -gw -gl <<'END'
program traced;
uses BrainMM, SysUtils, Classes;
begin
  raise Exception.Create('a trace');
end.
END
compile checked "checked$program" -gh <<'END'
program checked;
uses BrainMM;
begin
end.
END
compile late "late$program" <<'END'
program late;
uses SysUtils, BrainMM;
begin
end.
END
case $system in linux)
    compile threads_first threads_first <<'END'
program threads_first;
uses CThreads, BrainMM;
begin
end.
END
    ;;
esac
compile plugin "plugin$module" $pic <<'END'
library plugin;
uses BrainMM, {$ifdef unix}CThreads, {$endif}SysUtils;
{ 1: threads are expected. 2: the heap's owner counts what is in use, which an owner of another make does not. 4: this
  module has loaded the library. }
function State: Integer;
begin
  Result := Ord(Boolean(IsMultiThread)) + 2 * Ord(GetFPCHeapStatus.CurrHeapUsed > 0) + 4 * Ord(GetLibraryVersion <> 0);
end;
exports State;
begin
end.
END
# With a second argument the host first loads the foreign owner, which then owns the heap.
host='
type TState = function: Integer;
type TPartyGet = function: Pointer; cdecl;
var Module: TLibHandle;
begin
  if ParamCount > 1 then
    TPartyGet(GetProcedureAddress(LoadLibrary(ParamStr(2)), %s))();
  Module := LoadLibrary(ParamStr(1));
  if Module = NilHandle then
    WriteLn(%s)
  else
    WriteLn(%s, TState(GetProcedureAddress(Module, %s))(), %s, IsMultiThread);
end.'
# shellcheck disable=SC2059  # the format is the program
printf "program host; uses BrainMM, DynLibs; $host" "'party_get'" "'not loaded'" "'plug-in '" "'State'" "' host '" |
    compile host "host$program"
# shellcheck disable=SC2059
printf "program stranger; uses DynLibs; $host" "'party_get'" "'not loaded'" "'plug-in '" "'State'" "' host '" |
    compile stranger "stranger$program"
compile impostor "$library" $pic <<'END'
library impostor;
procedure Nothing;
begin
end;
exports Nothing;
begin
end.
END
cp "$BUILD/$library" "$folder/with/"
rm "$folder/without/$library"
# A library whose table has another form
cat >"$folder/source/later.c" <<'END'
#include "brainmm.h"
__attribute__((visibility("default"))) const struct brainmm_manager *BRAINMM_CALL brainmm_get_manager(void) {
    static const struct brainmm_manager table = {
        .magic = BRAINMM_MAGIC, .size = sizeof table, .abi_version = BRAINMM_ABI_VERSION + 1, .self = &table};
    return &table;
}
END
$cc $arch -shared -fPIC -DBRAINMM_STATIC -Iinclude -o "$folder/later/$library" "$folder/source/later.c"
plugin=pascal_start/without/plugin$module

# The library is loaded from the folder of the module, and never from the current one. On Linux an installed one is
# found, too: installed_library.sh.
expect 0 'on a heap: TRUE' with plain
installed=no
if [ $system = linux ]; then
    cp "$BUILD/tests/loader_finds-plain" "$folder/source"
    ! ${run:+"$top/"$run} "$folder/source/loader_finds-plain" || installed=yes
fi
[ $installed = yes ] || expect 203 "BrainMM: no heap is published, and $library could not be loaded" without plain
expect 203 "BrainMM: $library in the folder of this module is another library" other plain
expect 203 "BrainMM: the $library that was found is of a version that this unit does not know" later plain
# A module without the library attaches to a heap that exists. It expects threads, because its host may have some.
expect 0 'plug-in 3 host FALSE' with host "$plugin"
case $system-$installed in
windows-*) expect 0 'not loaded' without stranger "$plugin" ;;
*-no) expect 203 'BrainMM: no heap is published' without stranger "$plugin" ;;
esac
# If the owner has the original's table only, the unit loads the library, and uses its adapter.
expect 0 'plug-in 5 host FALSE' with stranger "pascal_start/with/plugin$module" \
    "./rendezvous_foreign_owner-plain$module"
# The unit must be the first.
expect 204 'BrainMM: SysUtils has taken memory already' with late
expect 204 'BrainMM: another memory manager is set already' with checked
case $system in linux) expect 204 'BrainMM: memory has been taken already' with threads_first ;; esac
# It works with the unit for line numbers in traces.
expect 217 'line [0-9]* of .*traced.pas' with traced
# If the system gives no memory for a heap, a program says so. The limits, in KiB, grow until it starts: of addresses on
# Linux, of data under Wine, where it makes VirtualAlloc refuse to commit memory. The server of Wine runs already.
case $system in
linux) resource=-v limit=2000 step=100 last=40000 ;;
windows) resource=-d limit=24000 step=500 last=80000 ;;
esac
refused=0
while
    code=0
    (
        ulimit -S $resource $limit
        cd "$folder/with" && exec ${run:+"$top/"$run} "./empty$exe"
    ) >"$folder/output" 2>&1 || code=$?
    [ $code != 0 ]
do
    if grep -q 'BrainMM: no heap could be started' "$folder/output"; then
        refused=$((refused + 1))
        [ $code = 203 ] || fail "without memory for a heap a program ended with $code"
    elif grep -q 'Runtime error' "$folder/output"; then
        grep -q BrainMM: "$folder/output" || fail "with a limit of $limit KiB there is no sentence about the error"
    fi
    limit=$((limit + step))
    [ $limit -le $last ] || fail 'the program starts with no limit'
done
grep -q 'has started' "$folder/output" || fail "with a limit of $limit KiB"
[ $refused -gt 0 ] || fail 'no limit left too little memory for a heap'
echo "$refused limits left too little memory for a heap"
# The unit does not use SysUtils.
if grep -i sysutils "$folder/with/plain.map"; then
    echo "the unit BrainMM uses SysUtils"
    exit 1
fi
echo "all promises hold"
