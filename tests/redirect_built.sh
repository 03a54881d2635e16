#!/bin/sh
# SPDX-License-Identifier: MIT
# redirect_built.sh: brainmm-malloc.dll and brainmm-run.exe are built like brainmm.dll: they import kernel32 only,
# because the DLL begins before all others; they are relocatable and stripped, and have version resources. The DLL
# exports what brainmm_redirect.h declares. On 32 bit, call stacks lead through its functions.
# shellcheck disable=SC2154  # tools/target sets them
set -u
status=0
eval "$(tools/target "$TARGET")"

fail() {
    echo "$*"
    status=1
}
. tests/debug_file.sh

for file in brainmm-malloc.dll brainmm-run.exe; do
    dump=$(TZ=UTC "$objdump" -p "$BUILD/$file") || exit 1
    imports=$(echo "$dump" | sed -n 's/.*DLL Name: //p' | tr '[:upper:]' '[:lower:]')
    [ "$imports" = kernel32.dll ] || fail "$file imports from: $imports"
    flags="DYNAMIC_BASE NX_COMPAT"
    [ "$bits" = 32 ] || flags="$flags HIGH_ENTROPY_VA"
    for flag in $flags; do
        echo "$dump" | grep -qw $flag || fail "$file lacks $flag"
    done
    echo "$dump" | grep -Eq '^Time/Date[[:space:]]+(Thu Jan +1 00:00:00 1970|0*$)' ||
        fail "$file contains the time of its build"
    sections=$("$objdump" -h "$BUILD/$file")
    ! echo "$sections" | grep '\.debug' || fail "$file is not stripped"
    # A 64-bit program may have no address in it, and then has nothing to relocate.
    ! echo "$dump" | grep -qi 'relocations stripped' || fail "$file cannot be relocated"
    echo "$sections" | grep -q '\.rsrc' || fail "$file has no version resource"
    LC_ALL=C tr -d '\000' <"$BUILD/$file" | LC_ALL=C grep -aq "OriginalFilename.*$file" ||
        fail "the version resource of $file does not name it"
    ! "$nm" "$BUILD/obj/linked/$file" | grep __emutls || fail "$file uses emulated thread-local storage"
    debug_file "$file" process_inject
done

declared=$(sed -n 's/^BRAINMM_REDIRECT_API .*__cdecl \(brainmm_[a-z_]*\)(.*/\1/p' include/brainmm_redirect.h |
    LC_ALL=C sort)
exported=$("$objdump" -p "$BUILD/brainmm-malloc.dll" |
    awk '/Ordinal\/Name Pointer/ { on = 1; next } on && !NF { exit } on { print $NF }' | LC_ALL=C sort)
[ -n "$declared" ] || fail "brainmm_redirect.h declares nothing"
[ "$declared" = "$exported" ] ||
    fail "brainmm_redirect.h declares: $declared. brainmm-malloc.dll exports: $exported"

. tests/frame_pointers.sh
keep_frame_pointers malloc/crt_malloc malloc/crt_aligned redirect/run_times || status=1
exit $status
