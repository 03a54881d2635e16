#!/bin/sh
# SPDX-License-Identifier: MIT
# leaks_exit.sh: what the options leaks, leaks_file, stats, dump and dump_signal do at the end of a process and at a
# sign of the user, in each way that a program can end.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
eval "$(tools/target "$TARGET")"
work="$BUILD/tests/leaks_exit"
rm -rf "$work"
mkdir -p "$work"
cp "$BUILD/tests/leaks_helper-shared$exe" "$BUILD/tests/leaks_helper-core$exe" "$BUILD/tests/leaks_module-plain$dll" \
    "$BUILD/tests/$library" "$work/"

# run OPTIONS ARGUMENT...: what PROGRAM prints, with threads and processes as T and P.
run() {
    BRAINMM_OPTIONS=$1
    shift
    export BRAINMM_OPTIONS
    $run "$work/$program$exe" "$@" >"$work/output" 2>&1 || echo "exit code $?" >>"$work/output"
    tr -d '\r' <"$work/output" | sed 's/thread [0-9]*/thread T/'
}

# expect OPTIONS ARGUMENTS LINE...
expect() {
    options=$1 arguments=$2
    shift 2
    : >"$work/expected"
    [ $# = 0 ] || printf '%s\n' "$@" >"$work/expected"
    run "$options" $arguments >"$work/found"
    if ! cmp -s "$work/expected" "$work/found"; then
        echo "$program $arguments, BRAINMM_OPTIONS='$options':"
        diff "$work/expected" "$work/found" || true
        exit 1
    fi
}

three='BrainMM: 3 allocations have not been freed, 336 bytes in all'
lines='    112 bytes, small, thread T: unknown x 3'
unsure='Other threads were using the heap: some of this may have been freed meanwhile'
four='BrainMM: 4 allocations have not been freed, 448 bytes in all'
for program in leaks_helper-shared leaks_helper-core; do
    quiet='leaks leaks_file=-'
    expect "$quiet" clean
    expect '' leak
    expect 'leaks=0' leak
    expect "$quiet" leak "$three" "$lines"
    [ "$system" = windows ] || expect "$quiet" _exit # ExitProcess() on Windows, as any other end
    expect 'leaks_file=-' flag "$three" "$lines"
    expect "$quiet" 'wishes' 1 "$three" "$lines"
    expect 'message_box' 'wishes' 2
    expect "$quiet" module "$four" "    112 bytes, small, thread T: TModule x 4"
    expect "$quiet" forget "$four" "    112 bytes, small, thread T: unknown x 4"
    expect "$quiet" take_back "$four" "    112 bytes, small, thread T: unknown x 4"
    # A module frees its piece when it ends, which may be after the owner.
    expect "$quiet" hold "$three" "    112 bytes, small, thread T: TModule x 3"
    expect "$quiet" release "$three" "$lines"
    expect "$quiet" hold_twice
    # Windows has killed the other threads by then.
    run "$quiet" thread | grep -v "^$unsure" >"$work/thread"
    printf '%s\n' "$three" "$lines" | diff - "$work/thread"
    if [ "$system" = linux ]; then
        expect "$quiet" fork__exit "$three" "$lines"
        expect "$quiet" fork_exec "$three" "$lines"
        # The child has what the parent had, and its own. In a child the heap never stands still for sure.
        run "$quiet" fork_exit >"$work/forks"
        [ "$(grep -c '^BrainMM: 5 allocations have not been freed, 560 bytes in all' "$work/forks")" = 1 ]
        [ "$(grep -c "^$three" "$work/forks")" = 1 ]
    fi

    # Files: reports are appended, and only where there is something to report.
    log="$work/${program}_BrainMM.log"
    expect leaks clean
    [ ! -e "$log" ]
    expect leaks leak "$three" "$lines"
    expect leaks leak "$three" "$lines"
    tr -d '\r' <"$log" | tr '\\' / |
        sed "s|^---- .*/$program, process [0-9]*|---- PROGRAM|; s/thread [0-9]*/thread T/" >"$work/log"
    printf '%s\n' '---- PROGRAM' "$three" "$lines" '---- PROGRAM' "$three" "$lines" | diff - "$work/log"
    rm "$log"
    expect "leaks leaks_file=\"$work/a %% b.%p\"" leak "$three" "$lines"
    cat "$work/a % b."[0-9]* | sed -n 2p | grep -qx "$three"
    rm "$work/a % b."[0-9]*
    expect "leaks leaks_file=$work/no/folder" leak \
        "BrainMM: this file cannot be written: $work/no/folder" "$three" "$lines"

    run stats leak >"$work/stats"
    grep -qx 'BrainMM: statistics' "$work/stats"
    grep -qx '    live_count 3' "$work/stats"
    grep -qx '    live_bytes 336' "$work/stats"

    expect "dump=$work/dump.json" leak
    python3 - "$work/dump.json" <<'END'
import json, sys
dump = json.load(open(sys.argv[1]))
assert [a["size"] for a in dump["allocations"]] == [112] * 3 and dump["stats"]["live_count"] == 3, dump
END
    rm "$work/dump.json"

    # A sign of the user.
    none='BrainMM: the option dump_signal has no effect:'
    if [ "$system" = linux ]; then
        expect "dump=$work/dump.json dump_signal=10" "dump $work/dump.json"
        expect "dump_signal=10" "dump $work/${program}_BrainMM.json"
        expect dump_signal=event clean "$none this system has signals, and no events"
        expect dump_signal=64 clean
        expect dump_signal=32 clean "$none the system has no such signal"
        expect dump_signal=9 clean "$none that signal can have no handler"
        (trap '' USR1 && expect dump_signal=10 clean "$none the program handles or ignores that signal itself")
    else
        expect "dump=$work/dump.json dump_signal=event" "dump $work/dump.json"
        expect dump_signal=10 clean "$none this system has events, and no signals"
    fi
done

# The C library's malloc under the interposer.
if [ "$system" = linux ] && [ -z "$run" ]; then
    cp "$BUILD/libbrainmm-malloc.so" "$BUILD/tests/leaks_malloc-plain" "$work/"
    LD_PRELOAD="$work/libbrainmm-malloc.so" BRAINMM_OPTIONS="leaks leaks_file=- dump=$work/malloc.json" \
        "$work/leaks_malloc-plain" 2>"$work/found"
    grep -q '^BrainMM: [0-9]* allocations have not been freed, ' "$work/found"
    grep -q '^    [0-9]* bytes, medium, thread [0-9]*: unknown x 3$' "$work/found"
    python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$work/malloc.json"
fi
