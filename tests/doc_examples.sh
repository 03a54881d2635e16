#!/bin/sh
# SPDX-License-Identifier: MIT
# doc_examples.sh: each example in C, C++ and Pascal of README.md and of the pages below compiles as it stands, and the
# program ends with 0. docs/cpp.md has a test of its own, cpp_examples.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
top=$PWD
folder=$top/$BUILD/tests/doc_examples
rm -rf "$folder"
mkdir -p "$folder"
eval "$(tools/target "$TARGET")"
cp "$BUILD/$library" "$folder/"
[ "$import" = "$library" ] || cp "$BUILD/$import" "$folder/"
[ "$system" = windows ] || cp "$BUILD/libbrainmm-malloc.so" "$folder/"
fail() {
    echo "$*"
    exit 1
}

# examples PAGE COUNT: PAGE has COUNT examples. One in C that includes <windows.h> is for Windows, and one in Pascal
# that names brainmm-run is for Linux. The beginning of a program in Pascal gets its end.
examples() {
    name=$(basename "$1" .md)
    awk -v path="$folder/$name" '/^```(c|cpp|pascal)$/ { file = path (++count) "." substr($0, 4); next }
        /^```/ { file = "" } file { print >file }' "$1"
    found=0
    for file in "$folder/$name"[0-9].*; do
        [ -f "$file" ] || continue
        found=$((found + 1))
    done
    [ $found = "$2" ] || fail "$1 has $found examples, and the test knows $2"
}
examples README.md 3
examples docs/pascal.md 2
examples docs/from-fastmm.md 2
examples docs/from-cmem.md 2
examples docs/from-imalloc.md 2

# On Windows a program contains the C++ run-time library; on Linux it may need another loader.
link=-static com=-lole32
[ "$system" = windows ] || link='' com=''
[ -z "$loader" ] || link="-Wl,--dynamic-linker=$loader -Wl,-rpath,${loader%/*}"

cd "$folder"
count=0
run() { WINE_RUN_SECONDS=60 LD_LIBRARY_PATH=. ${run:+"$top/"$run} "./$1$exe" >output 2>&1 </dev/null; }
for file in *.c *.cpp *.pascal; do
    name=${file%.*}
    case $file in
    *.c)
        if grep -q '<windows.h>' "$file"; then
            [ "$system" = windows ] || continue
        fi
        $cc $arch -Wall -Wextra -Werror -I"$top/include" -o "$name$exe" "$file" "$import" $link $com
        ;;
    *.cpp) $cxx $arch -std=c++17 -Wall -Wextra -Werror -I"$top/include" -o "$name$exe" "$file" "$import" $link ;;
    *.pascal)
        case $(grep -c '^program' "$file")-$(grep -ci '^begin' "$file") in
        0-*) continue ;; # lines of a program
        1-0) echo 'begin end.' >>"$file" ;;
        esac
        mkdir "$name.units"
        (cd "$top" && tools/fpc "$TARGET" -Sew -Fupascal -FU"$folder/$name.units" -o"$folder/$name$exe" \
            "$folder/$file") >"$name.log" 2>&1 || fail "$file: $(tail -n 5 "$name.log")"
        ;;
    esac
    code=0
    if grep -q brainmm-run "$file"; then
        [ "$system" = linux ] || continue
        # What brainmm-run sets
        (LD_PRELOAD=./libbrainmm-malloc.so run "$name") || code=$?
    else
        run "$name" || code=$?
    fi
    [ $code = 0 ] || fail "$file ended with $code: $(cat output)"
    count=$((count + 1))
    echo "$file"
done
[ $count -ge 7 ] || fail "only $count examples were run"
