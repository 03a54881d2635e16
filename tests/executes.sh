#!/bin/sh
# SPDX-License-Identifier: MIT
# executes.sh: tools/executes says "nothing" exactly if a program of the target cannot be executed, and tests/run skips
# exactly the tests that need more than there is.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
eval "$(tools/target "$TARGET")"
top=$PWD
work=$BUILD/tests/executes
rm -rf "$work"
mkdir -p "$work/tests" "$work/tools"
fail() {
    echo "$*"
    exit 1
}

# ---- What is said is so -------------------------------------------------------------------------------------------

echo 'int main(void) { return 42; }' >"$work/program.c"
$cc $arch -static -o "$work/program$exe" "$work/program.c"
code=0
(cd "$work" && ${run:+"$top/"$run} "./program$exe") >"$work/log" 2>&1 </dev/null || code=$?
by=$(tools/executes "$TARGET")
case "${by%% *} $code" in
'kernel 42' | 'qemu 42') ;;
'nothing 42') fail "a program of $TARGET is executed, but tools/executes says: $by" ;;
'nothing '*) ;;
*) fail "tools/executes says $by, but a program of $TARGET ended with exit code $code: $(cat "$work/log")" ;;
esac

# ---- What tests/run does with it ----------------------------------------------------------------------------------

# A tree with three tests that pass, where tools/executes says what $work/says holds.
ln -s "$top/make" "$work/make"
ln -s "$top/tests/list.awk" "$work/tests/list.awk"
cp tests/run "$work/tests/run"
for tool in tools/*; do ln -s "$top/$tool" "$work/tools/"; done
rm "$work/tools/executes"
printf '#!/bin/sh\ncat says\n' >"$work/tools/executes"
chmod +x "$work/tools/executes"
ports=
if [ "$port" = yes ]; then
    ports=--ports
    mkdir "$work/tests/ports"
    echo "run $TARGET *" >"$work/tests/ports/list"
fi
printf '%s\n' 'files reads' 'qemu both' 'test reads all script 20' 'test both all script 20' \
    'test other all script 20' >"$work/tests/list"
for name in reads both other; do echo true >"$work/tests/$name.sh"; done

counts() { # counts ANSWER EXPECTED
    echo "$1" >"$work/says"
    "$work/tests/run" $ports --target="$TARGET" >"$work/log" || fail "tests/run failed: $(cat "$work/log")"
    [ "$(tail -n 1 "$work/log")" = "$2" ] || fail "with \"$1\" it is not $2: $(cat "$work/log")"
}
counts kernel '3 passed, 0 failed, 0 skipped'
counts 'qemu because' '2 passed, 0 failed, 1 skipped'
counts 'nothing because' '1 passed, 0 failed, 2 skipped'
grep -q 'SKIPPED.* because$' "$work/log" || fail "a skipped test does not say why: $(cat "$work/log")"
echo "programs of $TARGET: $by"
