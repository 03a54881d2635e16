#!/bin/sh
# SPDX-License-Identifier: MIT
# redirect_run.sh: brainmm-run.exe. A program gets its arguments, standard handles, folder and environment as without
# it, and its exit code comes back. Its malloc is the heap's, on request also in its children. What cannot be run is
# refused with a sentence and the exit codes of `env`.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words
set -u
eval "$(tools/target "$TARGET")"
top=$PWD
run="$top/$run"
folder="$BUILD/tests/redirect run"
rm -rf "$folder"
mkdir -p "$folder/bin" "$folder/alone" "$folder/no heap" "$folder/a folder.exe"
cp "$BUILD/brainmm.dll" "$BUILD/brainmm-malloc.dll" "$BUILD/brainmm-run.exe" "$folder/bin"
cp "$BUILD/brainmm-run.exe" "$folder/alone"
cp "$BUILD/brainmm-run.exe" "$BUILD/brainmm-malloc.dll" "$folder/no heap"
cp "$BUILD/tests/redirect_program-plain.exe" "$folder/program.exe"
cp "$BUILD/tests/redirect_program-plain.exe" "$folder/a program.exe"
start=start
[ -z "$underscore" ] || start=_start@0

# build NAME SOURCE OPTION...: a program without MinGW's start-up code
build() {
    name=$1 source=$2
    shift 2
    $cc $arch -O1 -Wall -Wextra -Werror -fno-builtin -Iinclude -Itests -nostdlib -Wl,-e,$start -o "$folder/$name" \
        "tests/$source.c" "$@" -lkernel32 || exit 1
}
build redirect_ucrt.exe redirect_ucrt -lucrt
build static.exe redirect_static
build gui.exe redirect_static -mwindows
cp "$BUILD/tests/redirect_module-plain.dll" "$folder"
build with_module.exe redirect_static -DWITH_MODULE "$folder/redirect_module-plain.dll"

# A DLL that passes all on to ucrtbase.dll, and a program that imports from it.
{
    echo 'LIBRARY forward.dll'
    echo EXPORTS
    for name in malloc realloc _recalloc _aligned_malloc _aligned_free free _msize _strdup _wgetcwd _wdupenv_s; do
        echo "    $name = ucrtbase.$name"
    done
} >"$folder/forward.def"
$cc $arch -shared -nostdlib -Wl,-e,0 -o "$folder/forward.dll" "$folder/forward.def" -L"$folder" -lkernel32 \
    -Wl,--out-implib,"$folder/libforward.dll.a" || exit 1
build forward.exe redirect_ucrt "$folder/libforward.dll.a"

# A program that is linked with brainmm-malloc.dll. It lies beside it.
cat >"$folder/linked.c" <<'C'
#include "brainmm_redirect.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    void *before = malloc(10), *after;
    int result = brainmm_redirect_imports(NULL);
    puts(brainmm_redirect_text(result));
    after = malloc(10);
    free(before);
    free(after);
    return result == BRAINMM_REDIRECTED && brainmm_restore_imports(NULL, BRAINMM_RESTORE_ALL) == result ? 6 : 5;
}
C
$cc -O1 -Wall -Wextra -Werror -Iinclude -o "$folder/bin/linked.exe" "$folder/linked.c" -L"$BUILD" -lbrainmm-redirect ||
    exit 1

# A program in C++, whose run-time is a DLL.
cat >"$folder/program.cpp" <<'CPP'
#include <cstdio>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

int main() {
    std::map<std::string, std::vector<int>> words;
    for (int i = 0; i < 20000; i++)
        words[std::to_string(i * 7919 % 997)].push_back(i);
    long total = 0;
    for (auto &word : words)
        total += static_cast<long>(word.second.size()) * static_cast<long>(word.first.size());
    const char *caught = "nothing";
    volatile std::size_t much = static_cast<std::size_t>(-1) / 2;
    try {
        delete[] new char[much];
    } catch (const std::bad_alloc &) {
        caught = "bad_alloc";
    }
    std::printf("%ld %s %d\n", total, caught, new (std::nothrow) char[much] == nullptr);
    return 3;
}
CPP
$cxx -O1 -o "$folder/cxx.exe" "$folder/program.cpp" || exit 1
for dll in libstdc++-6.dll libgcc_s_seh-1.dll libgcc_s_dw2-1.dll; do
    file=$($cxx -print-file-name=$dll)
    [ ! -e "$file" ] || cp "$file" "$folder"
done
cd "$folder" || exit 1

status=0
fail() {
    echo "$*"
    status=1
}

# windows COMMAND...: runs it under Wine; leaves its output in out and err, and sets $code.
windows() {
    $run "$@" >out 2>err
    code=$?
    tr -d '\r' <out >out.text
    tr -d '\r' <err >err.text
}

# expect CODE TEXT COMMAND...: it ends with CODE, and its output or what it says of errors contains TEXT.
expect() {
    expected=$1 text=$2
    shift 2
    windows "$@" </dev/null
    [ $code = "$expected" ] || fail "exit code $code, not $expected: $*"
    [ -z "$text" ] || grep -qF -- "$text" out.text err.text || {
        fail "no '$text': $*"
        cat out.text err.text
    }
}

# same ARGUMENT...: the program prints the same and ends with the same exit code with and without the runner.
same() {
    windows program.exe "$@" <input.txt
    mv out.text plain.out
    mv err.text plain.err
    plain=$code
    windows bin/brainmm-run.exe program.exe "$@" <input.txt
    [ $code = $plain ] || fail "exit code $code, not $plain: $*"
    cmp plain.out out.text || fail "other output: $*"
    # Wine tells of a crash, and which thread it was.
    [ "$*" = crash ] || cmp plain.err err.text || fail "other errors: $*"
}

# ---- What a program gets --------------------------------------------------------------------------------------------

printf 'one line\nand another with "quotes"\n' >input.txt
export REDIRECT_VARIABLE='a value'
export COMSPEC='C:\windows\system32\cmd.exe' # Wine forgets it on 32 bit
same
same a 'b c' 'd"e' 'f\' '' 'g\\"h' '*.exe' '--anyway' 'input'
same 'exit=1'
same 'exit=255' 'input'
same crash
same 'shell=cmd /c exit 5'
expect 0 'heap: no' program.exe heap
expect 0 'heap: yes' bin/brainmm-run.exe program.exe heap
expect 0 'heap: yes' bin/brainmm-run.exe program heap
expect 0 'heap: yes' bin/brainmm-run.exe -- 'a program.exe' heap
expect 0 'heap: yes' bin/brainmm-run.exe "$(pwd)/program.exe" heap
expect 9 'heap: yes' bin/brainmm-run.exe bin/../program.exe heap exit=9
(cd bin && $run brainmm-run.exe ../program.exe </dev/null 2>/dev/null | tr -d '\r' | grep -q 'folder: .*\\bin$') ||
    fail "the program does not run in the runner's folder"
expect 0 'program.exe: it uses the heap' bin/brainmm-run.exe --report program.exe heap
expect 0 'tied: yes' program.exe 'tied=bin\brainmm-run.exe'

# The Universal C Run-Time
expect 100 '' redirect_ucrt.exe
expect 0 '' bin/brainmm-run.exe redirect_ucrt.exe

# Functions that come through another DLL, a program in C++, and one whose DLL alone imports malloc
expect 100 '' forward.exe
expect 0 '' bin/brainmm-run.exe forward.exe
expect 3 ' bad_alloc 1' cxx.exe
expect 3 ' bad_alloc 1' bin/brainmm-run.exe --report cxx.exe
for module in cxx.exe libstdc++-6.dll; do
    grep -q "^$module: it uses the heap" err.text || fail "$module does not use the heap"
done
expect 6 'it uses the heap' bin/linked.exe
expect 9 '' with_module.exe
expect 8 '' bin/brainmm-run.exe with_module.exe

# ---- Children -------------------------------------------------------------------------------------------------------

for how in shell narrow wide; do
    expect 0 'heap: no' bin/brainmm-run.exe program.exe "$how=program.exe heap"
    expect 0 'heap: yes' bin/brainmm-run.exe --children program.exe "$how=program.exe heap"
    ! grep -q 'heap: no' out.text || fail "a child has not got the heap: $how"
done
expect 0 'child: 12' bin/brainmm-run.exe --children program.exe 'narrow=program.exe exit=12'
expect 0 'heap: yes' bin/brainmm-run.exe --children program.exe 'narrow=program.exe "wide=program.exe heap"'
expect 0 'child: 7' bin/brainmm-run.exe --children program.exe 'narrow=static.exe'

# ---- What is refused ------------------------------------------------------------------------------------------------

# bytes FILE OFFSET OCTAL: changes bytes of it
bytes() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }

expect 125 'usage:' bin/brainmm-run.exe
expect 125 'usage:' bin/brainmm-run.exe --anyway
expect 125 'usage:' bin/brainmm-run.exe --what program.exe
expect 125 'its C run-time is a part of it, or it has none' bin/brainmm-run.exe static.exe
expect 7 '' bin/brainmm-run.exe --anyway static.exe
expect 125 '' bin/brainmm-run.exe gui.exe
expect 7 '' bin/brainmm-run.exe --anyway gui.exe
expect 127 'there is no such program' bin/brainmm-run.exe nothing.exe
expect 127 'there is no such program' bin/brainmm-run.exe 'no such/program.exe'
expect 126 'is a folder' bin/brainmm-run.exe alone
expect 126 'is a folder' bin/brainmm-run.exe 'a folder'
expect 126 'is no program for Windows' bin/brainmm-run.exe input.txt
expect 126 'is a DLL' bin/brainmm-run.exe bin/brainmm.dll
echo exit >batch.bat
expect 126 'is a batch file' bin/brainmm-run.exe batch.bat
: >empty.exe
expect 126 'is no program for Windows' bin/brainmm-run.exe empty.exe
cp program.exe dos.exe
header=$(od -An -tu4 -j60 -N4 program.exe | tr -d ' ')
bytes dos.exe "$header" 'NE'
expect 126 'for DOS or for 16-bit Windows' bin/brainmm-run.exe dos.exe
cp program.exe other.exe
case $bits in
64) bytes other.exe $((header + 4)) '\114\001' && other='is a 32-bit program' ;;
32) bytes other.exe $((header + 4)) '\144\206' && other='is a 64-bit program' ;;
esac
expect 126 "$other" bin/brainmm-run.exe other.exe
bytes other.exe $((header + 4)) '\144\252'
expect 126 'for another processor' bin/brainmm-run.exe other.exe
expect 125 'brainmm-malloc.dll is not beside' alone/brainmm-run.exe program.exe
expect 125 'no heap is published' 'no heap/brainmm-run.exe' program.exe
grep -q 'ended before brainmm-malloc.dll was loaded' err.text || fail "the runner does not say that it failed"

# A program for .NET: its header tells of such a part.
cp program.exe net.exe
case $bits in
64) directories=$((header + 24 + 112)) ;;
32) directories=$((header + 24 + 96)) ;;
esac
bytes net.exe $((directories + 14 * 8)) '\000\020\000\000\110'
expect 125 'a program for .NET' bin/brainmm-run.exe net.exe
exit $status
