#!/bin/sh
# SPDX-License-Identifier: MIT
# options.sh: the environment variable BRAINMM_OPTIONS. The library reports an unknown word by name and refuses a text
# that is too long as a whole. The program works all the same. Known words are not reported.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
eval "$(tools/target "$TARGET")"

# run VALUE: prints what a program that uses the heap prints. It uses a file: Wine's own processes keep a pipe open.
run() {
    BRAINMM_OPTIONS="$1" $run "$BUILD/tests/options_helper-shared$exe" >"$BUILD/tests/options.output" 2>&1
    tr -d '\r' <"$BUILD/tests/options.output"
}

expect() { # expect VALUE LINE...
    value=$1
    shift
    printf '%s\n' "$@" 'the heap works' >"$BUILD/tests/options.expected"
    run "$value" >"$BUILD/tests/options.found"
    if ! cmp -s "$BUILD/tests/options.expected" "$BUILD/tests/options.found"; then
        echo "BRAINMM_OPTIONS='$value':"
        diff "$BUILD/tests/options.expected" "$BUILD/tests/options.found" || true
        exit 1
    fi
}

unknown='BrainMM: BRAINMM_OPTIONS has an unknown word, which is ignored:'
long=$(printf '%0255d' 0)
[ "$(run '')" = 'the heap works' ]
[ "$(run 'fastmm')" = 'the heap works' ]
[ "$(run ' ,fastmm,, ')" = 'the heap works' ]
[ "$(run 'fixed_addresses')" = 'the heap works' ]
expect 'quick' "$unknown quick"
expect 'fastmm,FASTMM fastmm4' "$unknown FASTMM" "$unknown fastmm4"
expect "$long" "$unknown $long"
expect "${long}0" 'BrainMM: BRAINMM_OPTIONS is longer than 255 characters, and ignored'
