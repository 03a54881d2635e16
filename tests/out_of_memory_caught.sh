#!/bin/sh
# SPDX-License-Identifier: MIT
# out_of_memory_caught.sh: a Pascal program catches EOutOfMemory, three times for each of six sizes of pieces. The
# system's limit is one on data. Under Wine that limit makes VirtualAlloc refuse to commit memory.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
top=$PWD
eval "$(tools/target "$TARGET")"
output=$top/$BUILD/tests/out_of_memory_caught.output
kib=100000

cd "$BUILD/tests"
# The first program of a Wine server starts it, and the limit is not for the server.
[ -z "$run" ] || "$top/"$run "version-core$exe" >/dev/null 2>&1 || true
code=0
(ulimit -S -d $kib && exec ${run:+"$top/"$run} "./out_of_memory_catch-pascal$exe") >"$output" 2>&1 || code=$?
times=$(grep -c 'EOutOfMemory after [0-9]* pieces' "$output" || true)
if [ $code != 0 ] || [ "$times" != 18 ]; then
    echo "the program ended with $code and caught EOutOfMemory $times times, expected 18:"
    cat "$output"
    exit 1
fi
echo "caught 18 times"
