#!/bin/sh
# SPDX-License-Identifier: MIT
# library_macos.sh: how the library for macOS is linked. It exports the names of brainmm.def and no others, and needs
# the system's own library only. It asks for no newer function without looking whether it is there. No code has to be
# changed when it is loaded, nothing is writable and executable, and the tables have a segment of their own. It calls
# nothing for a thread's own variables. Its version is that of the Makefile, and it is signed, or Apple's processors do
# not run it.
# shellcheck disable=SC2154  # tools/target sets them
set -eu
status=0
fail() {
    echo "$*"
    status=1
}
eval "$(tools/target "$TARGET")"
file=$BUILD/$library
work=$BUILD/tests/library_macos
mkdir -p "$work"

"$objdump" --macho --exports-trie "$file" | sed -n 's/^0x[0-9A-F]* *_//p' | sort >"$work/exports"
sed 's/^_//' "$BUILD/obj/names" | sort >"$work/expected"
[ -s "$work/expected" ] || fail "brainmm.def has no names"
diff "$work/expected" "$work/exports" || fail "the exports are not those of brainmm.def"

"$objdump" --macho --dylibs-used "$file" | sed '1d; s/ (.*//; s/^[[:space:]]*//' >"$work/needs"
printf '%s\n' "@rpath/$library" /usr/lib/libSystem.B.dylib | diff - "$work/needs" || fail "it needs other libraries"

# Each function that is newer than the oldest system: docs/ports.md.
"$objdump" --macho --bind --lazy-bind --weak-bind "$file" >"$work/bound"
grep -q libSystem "$work/bound" || fail "it imports nothing"
sed -n 's/.* \(_[^ ]*\) (weak_import)$/\1/p' "$work/bound" | sort -u >"$work/weak"
printf '%s\n' _os_sync_wait_on_address_with_timeout _os_sync_wake_by_address_any | diff - "$work/weak" ||
    fail "the functions that may be missing are others"
! grep -E 'tlv_bootstrap|_syscall$|ulock' "$work/bound" || fail "it calls what it must not call"

"$objdump" --macho --private-headers "$file" >"$work/headers"
awk '$1 == "segname" { name = $2 } $1 == "initprot" { print name, $2 }' "$work/headers" | sort -u >"$work/rights"
! grep 'rwx' "$work/rights" || fail "a segment is writable and executable"
grep -q '^__BRAINMM rw-$' "$work/rights" || fail "the tables have no segment of their own"
grep -q '^__TEXT r-x$' "$work/rights" || fail "the code can be written to"
grep -q LC_CODE_SIGNATURE "$work/headers" || [ "$TARGET" = macos-x86_64 ] || fail "it is not signed"
version=$(sed -n 's/^VERSION := //p' Makefile)
grep -q "current version $version" "$work/headers" || fail "its version is not $version"
! "$objdump" --macho --rebase "$file" | grep __TEXT || fail "it has text relocations"
exit $status
