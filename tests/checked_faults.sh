#!/bin/sh
# SPDX-License-Identifier: MIT
# checked_faults.sh: in checked mode a program faults at once where it touches a guard page, a run, pages or a block
# that it has freed, or a piece of size 0. With guard=all,guard_end it also does right behind a small piece and in a
# freed one. Code that was freed traps, and there are guard pages around the memory of code. What it may touch it can
# touch.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
eval "$(tools/target "$TARGET")"

# run OPTIONS CASE: what the helper prints. A program that faults under Wine prints more, on standard error.
run() {
    helper=$BUILD/tests/checked_faults_helper-shared$exe
    BRAINMM_OPTIONS="$1" $run "$helper" "$2" 2>/dev/null >"$BUILD/tests/faults" || true
    tr -d '\r' <"$BUILD/tests/faults" | tr '\n' ' '
}

faults() { # faults OPTIONS CASE...
    options=$1
    shift
    for case; do
        found=$(run "$options" "$case")
        case $found in
        *survived* | '')
            echo "$options: case $case: $found"
            exit 1
            ;;
        esac
    done
}

[ "$(run checked 11)" = 'within all of them survived ' ]
[ "$(run checked 12)" = 'behind a small piece survived ' ] # found later, by the canary or not at all
faults checked 1 2 3 4 5 6 7 8 9 10 14 15 16 17
case $(run checked 16) in 'live code freed code '*) ;; *) exit 1 ;; esac
faults checked,guard=all,guard_end 7 12 13
