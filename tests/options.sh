#!/bin/sh
# SPDX-License-Identifier: MIT
# options.sh: the sources of options. The library reports what it does not understand by name and source, and refuses a
# source that is too long as a whole. The program works all the same. Of several sources the last that gives an option
# decides. A program with other rights than its caller ignores the environment and the file beside it.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
eval "$(tools/target "$TARGET")"
work="$BUILD/tests/options"
rm -rf "$work"
mkdir -p "$work"
for program in options_helper options_own; do
    for mode in shared core; do
        cp "$BUILD/tests/$program-$mode$exe" "$work/"
    done
done
cp "$BUILD/tests/$library" "$work/"

# run PROGRAM [NAME...]: prints what the program prints. It uses a file: Wine's own processes keep a pipe open.
run() {
    program=$1
    shift
    $run "$work/$program$exe" "$@" >"$work/output" 2>&1 || echo "exit code $?" >>"$work/output"
    tr -d '\r' <"$work/output"
}

# expect PROGRAM NAMES LINE...: the program says these lines and that the heap works.
expect() {
    program=$1 names=$2
    shift 2
    printf '%s\n' "$@" 'the heap works' >"$work/expected"
    [ $# -gt 0 ] || echo 'the heap works' >"$work/expected"
    # A path is whole, or from a drive on, and may have backslashes.
    run "$program" $names | tr '\\' / | sed "s|BrainMM: [^ ]*/$program\\.brainmm |BrainMM: FILE |" >"$work/found"
    if ! cmp -s "$work/expected" "$work/found"; then
        echo "$program $names, BRAINMM_OPTIONS='${BRAINMM_OPTIONS-}', SET_OPTIONS='${SET_OPTIONS-}':"
        diff "$work/expected" "$work/found" || true
        exit 1
    fi
}

# ---- Wrong words and values ---------------------------------------------------------------------------------------

export BRAINMM_OPTIONS
wrong() { # wrong TEXT LINE...: what the library says about BRAINMM_OPTIONS=TEXT
    BRAINMM_OPTIONS=$1
    shift
    expect options_helper-shared '' "$@"
}
unknown='BrainMM: BRAINMM_OPTIONS has an unknown word, which is ignored:'
value='BrainMM: BRAINMM_OPTIONS has a wrong value, which is ignored:'
none='BrainMM: BRAINMM_OPTIONS has an option without its value, which is ignored:'
long=$(printf '%0200d' 0)
for right in '' fastmm ' ,fastmm,, ' fixed_addresses 'leaks=1	leaks=0' 'scan=256,on_error=log' \
    'leaks_file="a b,c" zero' '# anything' 'guard=none'; do
    wrong "$right"
done
wrong 'quick' "$unknown quick"
wrong 'fastmm,FASTMM fastmm4' "$unknown FASTMM" "$unknown fastmm4"
wrong '=1,=,fast' "$unknown =1" "$unknown =" "$unknown fast"
wrong 'scan,leaks_file,guard' "$none scan" "$none leaks_file" "$none guard"
wrong 'leaks=2,leaks=,leaks=yes' "$value leaks=2" "$value leaks=" "$value leaks=yes"
wrong 'scan=-1,scan=1x,scan=0x1,scan=K' "$value scan=-1" "$value scan=1x" "$value scan=0x1" "$value scan=K"
wrong 'scan=2M,scan=99999999999999999999999,quarantine=9999999999G' "$value scan=2M" \
    "$value scan=99999999999999999999999" "$value quarantine=9999999999G"
wrong 'on_error=,on_error=lo,on_error=log|abort,on_error=1' "$value on_error=" "$value on_error=lo" \
    "$value on_error=log|abort" "$value on_error=1"
wrong 'leaks_file="a b' "$unknown leaks_file=\"a b"
wrong 'leaks_file="a"b zero' "$unknown leaks_file=\"a\"b"
wrong "$long" "$unknown $long"
wrong "${long}0" "$unknown $long..."
longest=$(printf '%4091s' x)
wrong "$longest zero" "$unknown x"
wrong "$longest  zero" 'BrainMM: BRAINMM_OPTIONS has more than 4096 characters, and is ignored'
wrong "leaks_file=$(printf '%01023d' 0)"
too_long='BrainMM: BRAINMM_OPTIONS has a value of more than 1023 characters, which is ignored:'
wrong "leaks_file=$(printf '%01024d' 0)" "$too_long leaks_file=$(printf '%0189d' 0)..."

# ---- The sources --------------------------------------------------------------------------------------------------

own="BrainMM: the program's own text of options has an unknown word, which is ignored: own_word"
file='BrainMM: FILE has an unknown word, which is ignored: file_word'
four='scan quarantine leaks_file stacks'
unset BRAINMM_OPTIONS
expect options_own-shared '' "$own"
expect options_own-core "$four" "$own" 'scan=1 ' 'quarantine=1024 ' 'leaks_file=0 own' 'stacks=1 '
printf '# a comment, scan=5\nquarantine=2M\r\nleaks_file="a file" # more\n\n stacks file_word' \
    >"$work/options_own-core.brainmm"
cp "$work/options_own-core.brainmm" "$work/options_own-shared.brainmm"
expect options_own-shared '' "$own" "$file"
expect options_own-core "$four" "$own" "$file" 'scan=1 ' 'quarantine=2097152 ' 'leaks_file=0 a file' 'stacks=16 '
BRAINMM_OPTIONS='leaks_file=env stacks=3'
export BRAINMM_OPTIONS
expect options_own-core "$four" "$own" "$file" 'scan=1 ' 'quarantine=2097152 ' 'leaks_file=0 env' 'stacks=3 '
expect options_helper-core 'on_error guard checked' 'on_error=1 ' 'guard=0 ' 'checked=0 '
BRAINMM_OPTIONS='on_error=debugger,guard=none,checked'
expect options_helper-core 'on_error guard checked' 'on_error=3 ' 'guard=2 ' 'checked=1 '
if [ "$system" = windows ]; then
    BRAINMM_OPTIONS='dump_signal=event'
    expect options_helper-core 'dump_signal' 'dump_signal=65 '
fi

# brainmm_set_options() comes before all other sources and decides.
early() { # early TEXT RESULT LINE...
    SET_OPTIONS=$1 result=$2
    shift 2
    export SET_OPTIONS
    expect options_helper-core 'stacks' "$@" "early $result, late 8" "$stacks"
    unset SET_OPTIONS
}
BRAINMM_OPTIONS='stacks=3'
stacks='stacks=5 '
early 'stacks=5' 0
call='BrainMM: brainmm_set_options() has an unknown word, which is ignored: call_word'
early 'call_word,stacks=5' 4 "$call"
stacks='stacks=3 '
early "$(printf '%4097s' stacks=5)" 4 'BrainMM: brainmm_set_options() has more than 4096 characters, and is ignored'
if [ "$system" = linux ]; then # a DLL starts before any code of the program
    BRAINMM_OPTIONS='' SET_OPTIONS='stacks,call_word'
    export SET_OPTIONS
    expect options_helper-shared '' "$call" 'early 4, late 8'
    unset SET_OPTIONS
fi

# ---- A program with other rights than its caller ------------------------------------------------------------------

# The program's own text counts. Only root can make such a program that is not root's itself.
if [ "$system" = linux ] && [ "$(id -u)" = 0 ]; then
    chmod 755 "$work"
    BRAINMM_OPTIONS='leaks_file=env'
    chown nobody "$work/options_own-core"
    chmod u+s "$work/options_own-core"
    if run options_own-core | grep -qx 'it has other rights than its caller'; then
        expect options_own-core 'leaks_file' "$own" 'it has other rights than its caller' 'leaks_file=0 own'
    else
        echo "no set-user-id programs here: not tested"
    fi
fi
