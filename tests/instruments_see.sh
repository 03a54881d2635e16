#!/bin/sh
# SPDX-License-Identifier: MIT
# instruments_see.sh: the sanitizer and valgrind builds report misuse of the heap's pieces. Otherwise a clean run of a
# suite under them would prove nothing.
set -eu
status=0
output=$BUILD/tests/instruments_see.output

# see MODE MISUSE REPORT [WRAPPER...]: the program must end with an error and print REPORT.
see() {
    mode=$1 misuse=$2 report=$3
    shift 3
    code=0
    "$@" "$BUILD/tests/misuse-$mode" "$misuse" >"$output" 2>&1 || code=$?
    if [ $code = 0 ] || ! grep -q "$report" "$output"; then
        echo "$mode does not see $misuse (exit code $code):"
        cat "$output"
        status=1
    fi
}

see asan read_after_free 'ERROR: AddressSanitizer: use-after-poison' setarch -R
see ubsan signed_overflow 'runtime error: signed integer overflow'
see tsan race 'WARNING: ThreadSanitizer: data race' setarch -R
see valgrind read_after_free 'Invalid read of size 1' valgrind --error-exitcode=99
see valgrind decide_by_uninitialised 'Conditional jump .* uninitialised' valgrind --error-exitcode=99
exit $status
