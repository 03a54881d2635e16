#!/bin/sh
# SPDX-License-Identifier: MIT
# companion_exports.sh: each companion DLL exports exactly the names that docs/companions.md lists and is built like
# brainmm.dll. It imports kernel32 only; brainmm_com.dll also imports advapi32 for the registry. On 32 bit, call stacks
# lead through it.
# shellcheck disable=SC2154  # tools/target sets them
set -u
status=0
eval "$(tools/target "$TARGET")"

fail() {
    echo "$*"
    status=1
}

for companion in borlndmm fpcmemdll brainmm_com; do
    file=$BUILD/$companion.dll
    dump=$(TZ=UTC "$objdump" -p "$file") || exit 1

    # The names are in the first column of the table below the heading with the DLL's name.
    documented=$(awk -v heading="## $companion.dll" '
        /^## / { on = index($0, heading) == 1 }
        on && /^\| `/ { split($0, parts, "`"); print parts[2] }' docs/companions.md | LC_ALL=C sort)
    exported=$(echo "$dump" | awk '/Ordinal\/Name Pointer/ { on = 1; next } on && !NF { exit } on { print $NF }' |
        LC_ALL=C sort)
    [ -n "$documented" ] || fail "docs/companions.md has no list for $companion.dll"
    if [ "$documented" != "$exported" ]; then
        fail "$companion.dll exports something else than docs/companions.md says"
        printf 'documented:\n%s\nexported:\n%s\n' "$documented" "$exported"
    fi
    forwarded=$(echo "$dump" | grep -c 'Forwarder RVA')
    [ "$forwarded" = 0 ] || fail "$companion.dll forwards $forwarded exports to another DLL"

    imports=$(echo "$dump" | sed -n 's/.*DLL Name: //p' | tr '[:upper:]' '[:lower:]')
    [ $companion != brainmm_com ] || imports=$(echo "$imports" | grep -v '^advapi32.dll$') # the registry
    [ "$imports" = kernel32.dll ] || fail "$companion.dll imports from: $imports"
    for flag in DYNAMIC_BASE NX_COMPAT; do
        echo "$dump" | grep -qw $flag || fail "$companion.dll lacks $flag"
    done
    sections=$("$objdump" -h "$file")
    ! echo "$sections" | grep '\.debug' || fail "$companion.dll is not stripped"
    echo "$sections" | grep -q '\.reloc' || fail "$companion.dll cannot be relocated"
    echo "$sections" | grep -q '\.rsrc' || fail "$companion.dll has no version resource"
    ! "$nm" "$BUILD/obj/linked/$companion.dll" | grep __emutls ||
        fail "$companion.dll uses emulated thread-local storage"
done

. tests/frame_pointers.sh
keep_frame_pointers companions/borlndmm companions/fpcmemdll malloc_object || status=1
exit $status
