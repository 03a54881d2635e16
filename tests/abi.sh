#!/bin/sh
# SPDX-License-Identifier: MIT
# abi.sh: the exports, prototypes, layouts, constants and macros of TARGET are those that are recorded in
# tests/abi/TARGET.abi (docs/abi.md, "The policy"). On Linux abidiff says so, too. The Pascal unit has the same layouts.
# With --selftest: each rule of the policy is enforced.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
if [ "${1-}" = --selftest ]; then
    exec /usr/bin/python3 -B tests/abi/selftest.py
fi
/usr/bin/python3 tests/abi/abi.py check "$TARGET"

# tools/setup.sh installs abidiff for the native target. If only another one is tested, it may be missing.
eval "$(tools/target "$TARGET")"
case $system-$needs_check in
linux-*abigail-tools*) has_abidiff=yes ;;
linux-*) command -v abidiff >/dev/null && has_abidiff=yes || has_abidiff=no ;;
*) has_abidiff=no ;;
esac
if [ "$has_abidiff" = yes ]; then
    reference=$BUILD/tests/abi
    rm -rf "$reference"
    mkdir -p "$reference"
    /usr/bin/python3 tests/abi/abi.py reference "$TARGET" "$reference"
    $cc $arch -shared -fPIC -nostdlib -g -w "-Wl,-soname,$library" "-Wl,--version-script=$reference/reference.map" \
        -o "$reference/$library" "$reference/reference.c"
    # Types that are not in the headers may change, and so they are left out.
    abidiff --drop-private-types --headers-dir1 "$reference" --headers-dir2 include "$reference/$library" \
        "$BUILD/obj/linked/$library" || {
        echo "abidiff: $BUILD/$library has not the ABI of tests/abi/$TARGET.abi"
        exit 1
    }
fi
