#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the test framework Check for a target for which Debian has no package.
#   tools/setup-check.sh TARGET PREFIX
# The source is Debian's source package `check`, found through the machine's own apt sources. Lists and downloads are
# kept in a folder beside PREFIX, so that the system's apt state stays as it is. Needs no root.
# shellcheck disable=SC2154  # tools/target sets them
set -eu

target=$1
prefix=$2
tools=$(dirname "$0")
eval "$("$tools/target" "$target")"
work=$(dirname "$prefix")/source
mkdir -p "$work"

(
    flock 9
    "$tools/debian-source" check "$work"
) 9>"$work/lock"

set -- -DCHECK_ENABLE_TESTS=OFF -DCHECK_ENABLE_SUBUNIT=OFF -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix"
set -- "$@" -DCMAKE_C_COMPILER="${cc%% *}" -DCMAKE_C_FLAGS="${cc#"${cc%% *}"} $arch"
[ "$system" != windows ] || set -- "$@" -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_RC_COMPILER="${binutils}windres"

build=$work/$target
rm -rf "$build"
mkdir -p "$build/source"
tar -xf "$work"/check_*.orig.tar.gz -C "$build/source" --strip-components=1
cmake -S "$build/source" -B "$build/build" "$@"
cmake --build "$build/build" --parallel 2 --target check
# Only the static library and its headers are needed. `make install` would also build the shared one.
rm -rf "$prefix"
mkdir -p "$prefix/include" "$prefix/lib"
cp "$build/build/src/check.h" "$build/build/check_stdint.h" "$prefix/include/"
cp "$build/build/src/libcheck.a" "$prefix/lib/"
# In MinGW's attributes "printf" means Microsoft's formats. Check was built with those of C99, such as %zu.
case $system in
windows) sed -i 's/CK_ATTRIBUTE_FORMAT(printf,/CK_ATTRIBUTE_FORMAT(gnu_printf,/' "$prefix/include/check.h" ;;
esac
rm -rf "$build"
