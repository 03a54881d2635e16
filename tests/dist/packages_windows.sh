#!/bin/sh
# SPDX-License-Identifier: MIT
# packages_windows.sh: the archive for Windows, as somebody uses it who has just unpacked it, in a fresh Wine prefix and
# a folder with a blank in its name: programs by MinGW, CMake, clang with lld-link (Visual C++'s ABI) and Free Pascal,
# the demo, brainmm-run.exe. README.txt names each file. The DLLs have a version and a copyright, and find their debug
# information. Links of the pages lead somewhere.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
top=$PWD
eval "$(tools/target "$TARGET")"
version=$(sed -n 's/^VERSION := *//p' Makefile)
zip=$top/dist/brainmm-$version-windows.zip
work=$top/$BUILD/tests/packages
real=${XDG_CACHE_HOME:-$HOME/.cache}/brainmm
rm -rf "$work"
mkdir -p "$work/cache/brainmm" "$work/new comer"
cd "$work/new comer"
fail() {
    echo "$*"
    [ ! -s output ] || tail -n 20 output
    exit 1
}
# The prefix is Wine's alone: no DLL of the project is in it, and no variable names one.
ln -s "$real/wine32-root" "$work/cache/brainmm/wine32-root"
ln -s "$real/fpc-3.2.2" "$work/cache/brainmm/fpc-3.2.2"
XDG_CACHE_HOME=$work/cache WINE_RUN_SECONDS=120
export XDG_CACHE_HOME WINE_RUN_SECONDS
trap '"$top/tools/wine-run" stop' EXIT
# runs PATTERN PROGRAM ARGUMENT...: it succeeds, and its output has PATTERN.
runs() {
    pattern=$1
    shift
    "$top/"$run "$@" >output.dos 2>&1 || { tr -d '\r' <output.dos >output; fail "exit code $?: $*"; }
    tr -d '\r' <output.dos >output
    [ -z "$pattern" ] || grep -q -- "$pattern" output || fail "no '$pattern': $*"
}

[ -e "$zip" ] || fail "$zip is missing; make dist makes it"
unzip -q "$zip"
there=$PWD/brainmm-$version-windows
case $bits in
32) folder=x86 machine=i386-pc-windows-msvc name=i386 stack=@4 format=pei-i386 ;;
64) folder=x64 machine=x86_64-pc-windows-msvc name=i386:x86-64 stack='' format=pei-x86-64 ;;
esac
libraries=$there/$folder

# ---- What is in it --------------------------------------------------------------------------------------------------

tr -d '\r' <"$there/README.txt" >readme
for file in "$libraries"/* "$there"/*; do
    base=$(basename "$file")
    case $base in
    README.txt) continue ;;
    *.debug) base='*.debug' ;;
    esac
    grep -qF -- "$base" readme || fail "README.txt does not name $base"
done
grep -o '[a-zA-Z0-9_-]*[\\.][a-zA-Z0-9._\\-]*[a-z]' readme | sed 's/^x[0-9]*\\//' | tr '\\' '/' | sort -u >words
for word in $(cat words); do
    case $word in
    *.dll | *.lib | *.a | *.def | *.h | *.hpp | *.pas | *.html | */*) ;;
    *) continue ;;
    esac
    [ -e "$there/$word" ] || [ -e "$libraries/$word" ] || [ -e "$there/include/$word" ] ||
        [ "$word" = kernel32.dll ] || [ "$word" = brainmm.a ] || fail "README.txt names $word, which is not there"
done
"$top/tests/dist/links.py" "$there" || fail "links of the pages are broken"

for file in "$libraries"/*.dll "$libraries"/*.exe; do
    base=$(basename "$file")
    "$objdump" -f "$file" | grep -q "$format" || fail "$base is for another processor"
    ! "$objdump" -h "$file" | grep '\.debug' || fail "$base is not stripped"
    /usr/bin/python3 - "$file" "$version" >output 2>&1 <<'END_PYTHON' || fail "$base has no version or no copyright"
import os
import sys
import pefile

pe = pefile.PE(sys.argv[1])
texts = {key: value for info in pe.FileInfo[0] if info.Key == b"StringFileInfo" for table in info.StringTable
         for key, value in table.entries.items()}
assert texts[b"FileVersion"].decode() == sys.argv[2], texts
assert b"The BrainMM authors" in texts[b"LegalCopyright"], texts
assert texts[b"OriginalFilename"].decode() == os.path.basename(sys.argv[1]), texts
fixed = pe.VS_FIXEDFILEINFO[0]
number = [fixed.FileVersionMS >> 16, fixed.FileVersionMS & 65535, fixed.FileVersionLS >> 16]
assert number == [int(part) for part in sys.argv[2].split(".")], number
END_PYTHON
    (cd "$libraries" && "$objdump" --dwarf=links "$base") 2>&1 |
        grep -q "Found separate debug info file: $base.debug" || fail "$base does not find its debug information"
done
# A frame of a report becomes a line of the source.
offset=$("$nm" "$libraries/brainmm.dll.debug" | sed -n "s/ T ${underscore}brainmm_alloc\$//p")
base=$("$objdump" -p "$libraries/brainmm.dll" | sed -n 's/^ImageBase[[:space:]]*//p')
offset=$(printf '%x' $((0x$offset - 0x$base)))
printf '#0 0x1 %s+0x%s\n' 'C:\brainmm.dll' "$offset" | "$top/tools/symbolize" --folder="$libraries" >output
grep -q 'in .* (.*/manager\.c:[0-9]*)' output || fail "symbolize does not find brainmm_alloc"

# ---- C and C++ by MinGW ---------------------------------------------------------------------------------------------

cp "$top"/tests/dist/newcomer/* .
cat >attached.c <<'END_C'
#include <brainmm_attach.h>
#include <stdio.h>
int main(void) {
    const struct brainmm_manager *heap = brainmm_attach();
    void *piece = heap ? heap->alloc(100) : NULL;
    return !piece || puts(heap->free(piece) == BRAINMM_OK ? "attached" : "not freed") < 0;
}
END_C
mkdir run
$cc "-I$there/include" program.c "$libraries/libbrainmm.dll.a" -o run/c.exe
$cc "-I$there/include" -DBRAINMM_STATIC program.c "$libraries/libbrainmm.a" -o static.exe
$cxx -std=c++17 -static "-I$there/include" program.cpp "$libraries/libbrainmm.dll.a" -o run/cpp.exe
runs 'succeeded.*not valid' static.exe
# Without the DLL a program does not start.
if "$top/"$run run/c.exe >output 2>&1; then fail "c.exe runs without brainmm.dll"; fi
cp "$libraries/brainmm.dll" run/
runs 'succeeded.*not valid' run/c.exe
runs '' run/cpp.exe

# ---- CMake ----------------------------------------------------------------------------------------------------------

cat >CMakeLists.txt <<'END_CMAKE'
cmake_minimum_required(VERSION 3.16)
project(newcomer C)
find_package(BrainMM 2 REQUIRED)
foreach(kind brainmm static malloc)
    add_executable(with-${kind} program.c)
    target_link_libraries(with-${kind} BrainMM::${kind})
endforeach()
END_CMAKE
cmake -S . -B build -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_C_COMPILER="${cc%% *}" -DCMAKE_PREFIX_PATH="$there" \
    >output 2>&1 || fail "cmake"
cmake --build build >output 2>&1 || fail "cmake --build"
cp "$libraries/brainmm.dll" build/
for kind in brainmm static malloc; do runs 'succeeded.*not valid' build/with-$kind.exe; done

# ---- Visual C++'s ABI: clang and lld-link, without any SDK ----------------------------------------------------------

cat >msvc.c <<'END_C'
#include <brainmm.h>
__declspec(dllimport) void __stdcall ExitProcess(unsigned code);
int _fltused;
void start(void) {
    char *name = brainmm_realloc(brainmm_alloc(100), 5000);
    int good = name && brainmm_free(name) == BRAINMM_OK && brainmm_free(&name) != BRAINMM_OK;
    ExitProcess(good && brainmm_manager.abi_version == BRAINMM_ABI_VERSION ? 42 : 1);
}
END_C
printf 'LIBRARY kernel32.dll\nEXPORTS\n    ExitProcess%s\n' "$stack" >kernel32.def
llvm-dlltool -m "$name" -k -d kernel32.def -l kernel32.lib
clang --target=$machine -ffreestanding -O1 "-I$there/include" -c msvc.c -o msvc.obj 2>output || fail "clang"
lld-link /nologo /entry:start /subsystem:console /nodefaultlib /safeseh:no /out:run/msvc.exe msvc.obj \
    "$libraries/brainmm.lib" kernel32.lib >output 2>&1 || fail "lld-link"
code=0
"$top/"$run run/msvc.exe >output 2>&1 || code=$?
[ $code = 42 ] || fail "msvc.exe ended with $code"
# All names, decorated or not, are those of the DLL.
sed -n 's/^ *\(brainmm_[a-z0-9_]*\).*/\1/p' "$libraries/brainmm.def" | sort >in-def
"$objdump" -p "$libraries/brainmm.dll" | sed -n 's/.*\[ *[0-9]*\] *.* \(brainmm_[a-z0-9_]*\)$/\1/p' | sort -u >in-dll
diff in-def in-dll >output || fail "brainmm.def and brainmm.dll have other names"
[ "$(wc -l <in-def)" -gt 40 ] || fail "brainmm.def has too few names"
for each in $(cat in-def); do
    llvm-nm "$libraries/brainmm.lib" 2>/dev/null | grep -q " __imp_$underscore$each\$" || fail "brainmm.lib lacks $each"
done

# ---- Pascal, and a module that links nothing ------------------------------------------------------------------------

"$top/tools/fpc" "$TARGET" "-Fu$there/pascal" -orun/newcomer.exe newcomer.pas >output 2>&1 || fail "fpc"
runs 'in the heap: 42' run/newcomer.exe
$cc "-I$there/include" attached.c -o run/attached.exe
runs '^attached' run/attached.exe

# ---- The demo, and programs that were not built for it --------------------------------------------------------------

for host in "$libraries"/demo/*host.exe; do runs 'heap' "$host"; done
cat >plain.c <<'END_C'
#include <stdio.h>
#include <stdlib.h>
int main(void) { return puts(malloc(100) ? "plain" : "no memory") < 0; }
END_C
$cc plain.c -o plain.exe
runs 'plain' "$libraries/brainmm-run.exe" --report plain.exe
grep -qi 'plain.exe.*heap' output || fail "brainmm-run.exe does not tell that the program has used the heap"
echo "brainmm-$version-windows.zip works on $TARGET"
