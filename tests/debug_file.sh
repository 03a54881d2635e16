# SPDX-License-Identifier: MIT
# debug_file.sh: a function for tests of the libraries; it uses their `fail`, and $objdump and $nm of tools/target.
# shellcheck shell=sh disable=SC2154

# debug_file LIBRARY [NAME]: the library must refer to a file beside it that has its debug information, with the name of
# its function NAME. The checksum in the reference must be that of the file.
debug_file() {
    # The two are copied to a folder of their own, so that nothing else is found.
    rm -rf "$BUILD/tests/debug_file"
    mkdir -p "$BUILD/tests/debug_file"
    cp "$BUILD/$1" "$BUILD/$1.debug" "$BUILD/tests/debug_file/"
    (cd "$BUILD/tests/debug_file" && "$objdump" --dwarf=links "$1") 2>&1 |
        grep -q "Found separate debug info file: $1.debug" ||
        fail "$1 does not find its debug information"
    "$objdump" -h "$BUILD/$1.debug" | grep -q '\.debug_info' || fail "$1.debug has no debug information"
    "$nm" "$BUILD/$1.debug" | grep -q " [tT] .*${2-heap_alloc}" || fail "$1.debug has no names"
}
