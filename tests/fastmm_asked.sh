#!/bin/sh
# SPDX-License-Identifier: MIT
# fastmm_asked.sh: compiles pascal/tests/fastmm_asked.pas with and without the define BRAINMM_FASTMM, and runs it.
# shellcheck disable=SC2154  # tools/target sets them
set -eu
eval "$(tools/target "$TARGET")"
folder=$BUILD/tests/fastmm_asked
rm -rf "$folder"
mkdir -p "$folder"
cp "$BUILD/$library" "$folder/"
for define in '' -dBRAINMM_FASTMM; do
    name=fastmm_asked$define
    mkdir -p "$folder/units$define"
    # shellcheck disable=SC2086  # $define may be nothing
    tools/fpc "$TARGET" -O2 -Sew -v0 $define -Fupascal -Fupascal/tests/support -FU"$folder/units$define" \
        -o"$folder/$name$exe" pascal/tests/fastmm_asked.pas
    # shellcheck disable=SC2086  # $run may be nothing, or two words
    WINE_RUN_SECONDS=50 $run "$folder/$name$exe" >"$folder/output" 2>&1 </dev/null || {
        echo "$name ended with exit code $?:"
        cat "$folder/output"
        exit 1
    }
done
