#!/bin/sh
# SPDX-License-Identifier: MIT
# symbolize.sh: tools/symbolize names function, file and line of each call of a stack: in C, at any address and at fixed
# ones, and in Free Pascal, in a plug-in that was unloaded.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
cd "$BUILD/tests"
top=$OLDPWD
eval "$("$top/tools/target" "$TARGET")"
status=0

# report NAME PROGRAM ARGUMENT...: leaves the report in NAME.txt, and what symbolize makes of it in NAME.named.
report() {
    name=$1 program=$2
    shift 2
    WINE_RUN_SECONDS=60 ${run:+"$top/"$run} "./$program$exe" "$@" | tr -d '\r' >"$name.txt"
    "$top/tools/symbolize" --folder="$PWD" <"$name.txt" >"$name.named"
    [ "$(head -n 1 "$name.named")" = "a line that is none of a stack" ] || fail "$name: lost a line"
}
fail() {
    echo "$*"
    cat "$name.named"
    status=1
}

# names FUNCTION FILE COMMENT [SHOWN]: a frame of the report is FUNCTION's, at the line of FILE with COMMENT. SHOWN is a
# pattern for the file's name. (If a file includes the source, addr2line may name that file.)
names() {
    line=$(grep -n "$3" "$top/$2" | cut -d: -f1)
    grep -iq "#[0-9]* 0x[0-9a-f]* .*+0x[0-9a-f]* in .*$1.* (.*${4-$(basename "$2")}:$line)" "$name.named" ||
        fail "$name: no $1 at $2:$line"
}

report symbolize_c symbolize_helper-core
names called_back tests/symbolize_helper.c '/\* the innermost'
names straight tests/symbolize_helper.c '/\* straight'
names outer_function tests/symbolize_helper.c '/\* the outer one'
if [ "$system" = linux ]; then
    report symbolize_fixed symbolize_fixed-core
    names called_back tests/symbolize_helper.c '/\* the innermost' 'symbolize_[a-z]*.c'
    names outer_function tests/symbolize_helper.c '/\* the outer one' 'symbolize_[a-z]*.c'
fi

mkdir -p symbolized
"$top/tools/fpc" "$TARGET" -O1 -gw2 $fpc_pic -FUsymbolized "-o$PWD/symbolized$dll" \
    "$top/pascal/tests/support/symbolized.pas" >symbolized.log || { cat symbolized.log; exit 1; }
report symbolize_pascal symbolize_helper-core "symbolized$dll"
names called_back tests/symbolize_helper.c '/\* the innermost'
names pascal_calls pascal/tests/support/symbolized.pas '{ in Pascal'
names outer_function tests/symbolize_helper.c '/\* the outer one'
exit $status
