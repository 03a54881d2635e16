#!/bin/sh
# SPDX-License-Identifier: MIT
# library_linux.sh: how the Linux libraries are linked. They need the C library only, glibc from version 2.34 on or
# musl. They can never be unloaded. The loader resolves all symbols when it loads them. They reach thread-local storage
# without a call with glibc. musl's loader lets no library that is loaded later do that, so there it is by descriptors.
# Their debug information is in a file beside them.
set -eu
status=0
fail() {
    echo "$*"
    status=1
}

. tests/debug_file.sh
eval "$(tools/target "$TARGET")"

for library in libbrainmm.so.2 libbrainmm-malloc.so; do
    dynamic=$(readelf --dynamic --wide "$BUILD/$library")
    for needed in $(echo "$dynamic" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
        case $needed in
        libc.so.6 | ld-linux*.so.[123] | ld64.so.1) [ "$libc" != musl ] || fail "$library needs $needed" ;;
        libc.so) [ "$libc" = musl ] || fail "$library needs $needed" ;;
        *) fail "$library needs $needed" ;;
        esac
    done
    echo "$dynamic" | grep -q "SONAME.*\[$library\]" || fail "$library has another soname"
    echo "$dynamic" | grep -q 'FLAGS_1.*NODELETE' || fail "$library can be unloaded"
    echo "$dynamic" | grep -q 'FLAGS_1.*NOW' || fail "$library is bound lazily"
    newest=$("$nm" --dynamic "$BUILD/$library" | grep -o '@GLIBC_[0-9.]*' | sort -uV | tail -n 1)
    case $libc$newest in
    musl) ;;
    @GLIBC_2.[0-9] | @GLIBC_2.[12][0-9] | @GLIBC_2.3[0-4]) ;;
    *) fail "$library needs another C library than docs/systems.md says: ${newest:-of no version}" ;;
    esac
    ! echo "$dynamic" | grep -q TEXTREL || fail "$library has text relocations"
    readelf --program-headers --wide "$BUILD/$library" >"$BUILD/tests/$library.headers"
    grep -q GNU_RELRO "$BUILD/tests/$library.headers" || fail "$library has no read-only relocations"
    grep 'GNU_STACK' "$BUILD/tests/$library.headers" | grep -q 'RW ' || fail "$library wants an executable stack"
    ! readelf --sections --wide "$BUILD/$library" | grep '\.debug_' || fail "$library is not stripped"
    debug_file "$library"
    ! "$nm" --dynamic "$BUILD/$library" | grep -q __tls_get_addr || fail "$library calls __tls_get_addr"
    ! echo "$dynamic" | grep -q STATIC_TLS || [ "$libc" != musl ] || fail "$library cannot be loaded by dlopen"
done
exit $status
