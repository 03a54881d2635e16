#!/bin/sh
# SPDX-License-Identifier: MIT
# pascal_leaks.sh: reports of leaks in Free Pascal programs: the names in them, leaks that are meant, each way in which
# a module can end, and where a message box is shown.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
eval "$(tools/target "$TARGET")"
top=$PWD
work="$BUILD/tests/pascal_leaks"
rm -rf "$work"
mkdir -p "$work/unmended"
for program in helper stranger; do
    cp "$BUILD/tests/pascal_leaks_$program-pascal$exe" "$work/$program$exe"
done
cp "$BUILD/tests/pascal_leaks_plugin-pascal$dll" "$work/plugin$dll"
cp "$BUILD/tests/$library" "$work/"

# run OPTIONS PROGRAM ARGUMENT...: keeps what the program prints.
run() {
    (
        export BRAINMM_OPTIONS="$1"
        program=$2
        shift 2
        cd "$work" && ${run:+"$top/"$run} "./$program$exe" "$@" >output 2>&1 || echo "exit code $?" >>output
    )
    tr -d '\r' <"$work/output" >"$work/text"
}

fail() {
    echo "$1:"
    cat "$work/text"
    exit 1
}

# How many reports there are, and what they name, one kind in a line with its count.
names() {
    awk '/^BrainMM: [0-9]+ allocations? ha(s|ve) not been freed/ { reports++ }
        /^    [0-9]+ bytes, / {
            sub(/^[^:]*: /, "")
            count = split($0, parts, ", ")
            for (i = 1; i <= count; i++) {
                split(parts[i], part, " x ")
                sum[part[1]] += part[2]
            }
        }
        /^[0-9]+ expected leaks?, / { sum["(expected)"] += $1 }
        /^exit code|does not hold|cannot be / { sum[$0] = 1 }
        END {
            print reports + 0
            for (name in sum)
                print name, sum[name]
        }' "$work/text" | LC_ALL=C sort
}

# expect OPTIONS PROGRAM ARGUMENTS NAME...: so many reports, and these names.
expect() {
    options=$1 program=$2 arguments=$3
    shift 3
    printf '%s\n' "$@" | LC_ALL=C sort >"$work/expected"
    run "$options" "$program" $arguments
    names >"$work/names"
    cmp -s "$work/expected" "$work/names" ||
        fail "$program $arguments, BRAINMM_OPTIONS='$options': expected $(tr '\n' ';' <"$work/expected")"
}

# contains OPTIONS PROGRAM ARGUMENTS TEXT...: one report, and all of these.
contains() {
    options=$1 program=$2 arguments=$3
    shift 3
    run "$options" "$program" $arguments
    [ "$(names | grep -c '^1$')" = 1 ] || fail "$program $arguments, BRAINMM_OPTIONS='$options': no report, or several"
    for text; do
        grep -q "$text" "$work/text" || fail "$program $arguments, BRAINMM_OPTIONS='$options': '$text' is not there"
    done
}

quiet='leaks leaks_file=-'
plugin=plugin$dll
all='AnsiString 3|UnicodeString 1|dynamic array 2|TLeaked 3|TOther 1|TList<System.LongInt> 1|unknown 2'
(
    IFS='|'
    set -- $all
    unset IFS
    # Names.
    expect "$quiet" helper all 1 "$@"
    expect "$quiet checked" helper all 1 "$@"
    expect '' helper all 0
)
for mode in '' ' checked'; do
    expect "$quiet$mode" helper clean 0
    expect "$quiet$mode" helper one 1 'TLeaked 1'
    expect "$quiet$mode" helper expected 1 '(expected) 7' 'TLeaked 1' 'TList<System.LongInt> 1' 'unknown 2'
    run "$quiet$mode" helper disguised
    grep -q TDisguised "$work/text" && fail 'what is no object has the name of a class'
    names | grep -q '^unknown 14$' || fail 'what is no object'

    # The ways to ask.
    expect "leaks_file=-$mode" helper flag 1 'TLeaked 1'
    expect "leaks_file=-$mode" helper box 1 'TLeaked 1'
    expect "message_box$mode" helper one 1 'TLeaked 1'
    expect "$quiet message_box$mode" helper one 1 'TLeaked 1'
    expect "message_box$mode" helper clean 0

    # The ways to end.
    contains "$quiet$mode" helper halt 'TLeaked x 1' '^exit code 3$'
    contains "$quiet$mode" helper error 'TLeaked x 1' '^exit code 5$'
    contains "$quiet message_box$mode" helper thread 'TLeaked x 1' 'TSleeper x 1'
    contains "message_box$mode" helper thread 'TLeaked x 1' 'TSleeper x 1'

    # Plug-ins.
    expect "$quiet$mode" helper "plugin $plugin" 1 'TPluginClass 1' 'AnsiString 1'
    expect "$quiet$mode" helper "unload $plugin" 1 'AnsiString 1' 'unknown 1'
    expect "$quiet$mode" helper "often $plugin" 1 'AnsiString 40' 'unknown 40'
    expect "$quiet$mode" stranger "$plugin" 1 'TPluginClass 1' 'AnsiString 1'
    expect "$quiet$mode" stranger "$plugin unload" 1 'unknown 2'
    expect "message_box$mode" stranger "$plugin" 0 # a library shows no report by itself
done

# The order of finalization. Without the call that waits for the other units, what they free afterwards is reported.
expect message_box helper late 0
expect "$quiet" helper late 0
mkdir -p "$work/unmended/units"
grep -v '^  FinalizeUnits;$' pascal/BrainMM.pas >"$work/unmended/BrainMM.pas"
cmp -s pascal/BrainMM.pas "$work/unmended/BrainMM.pas" && fail 'the call is not there'
tools/fpc "$TARGET" -Sew -Fu"$work/unmended" -Fupascal/tests/support -FU"$work/unmended/units" \
    -o"$work/unmended_helper$exe" pascal/tests/pascal_leaks_helper.pas
expect message_box unmended_helper late 1 'TInterfacedObject 1' 'unknown 1'

# A program with windows.
if [ "$system" = windows ]; then
    cp "$BUILD/tests/pascal_leaks_box-pascal$exe" "$work/box$exe"
    expect message_box box one 1 'TLeaked 1'
    grep -q '^\[Unexpected memory leak$' "$work/text" || fail 'no box is shown'
    expect '' box one 0
    expect "$quiet" box one 1 'TLeaked 1'
    grep -q '^\[' "$work/text" && fail 'a box is shown that nobody has asked for'
    expect "$quiet message_box" box one 2 'TLeaked 2' # a box, and the owner's report
    expect message_box box 'one service' 1 'TLeaked 1'
    grep -q '^\[' "$work/text" && fail 'a service shows a box'
    expect message_box box late 0
    contains message_box box many '^    [0-9]* bytes, big: unknown x 1$' '^\.\.\.\]$'
fi
echo "all reports are right"
