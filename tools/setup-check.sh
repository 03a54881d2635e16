#!/bin/sh
# Builds the test framework Check for a target for which Debian has no package.
#   tools/setup-check.sh linux-i386|win64|win32 PREFIX
# The source is Debian's source package `check`, found through the machine's own apt sources. Lists and downloads are
# kept in a folder beside PREFIX, so that the system's apt state stays as it is. Needs no root.
set -eu

target=$1
prefix=$2
work=$(dirname "$prefix")/source
mkdir -p "$work"

fetch_source() {
    set -- "$work"/check_*.orig.tar.gz
    [ -e "$1" ] && return
    mkdir -p "$work/apt/sources" "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
    signed=
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -e $keyring ] && signed="[signed-by=$keyring] "
    apt-get indextargets --format "deb-src $signed\$(REPO_URI) \$(RELEASE) main" \
        'Created-By: Packages' 'Component: main' 'Origin: Debian' | sort -u >"$work/apt/sources/check.list"
    [ -s "$work/apt/sources/check.list" ] || {
        echo "apt knows no Debian source on this machine: run apt-get update first" >&2
        exit 1
    }
    apt_private() {
        apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/apt/sources" \
            -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User= "$@"
    }
    apt_private update
    (cd "$work" && apt_private source --download-only check)
    rm -rf "$work/apt"
}

(
    flock 9
    fetch_source
) 9>"$work/lock"

set -- -DCHECK_ENABLE_TESTS=OFF -DCHECK_ENABLE_SUBUNIT=OFF -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix"
case $target in
linux-i386)
    compiler=$("$(dirname "$0")/i386-compiler")
    set -- "$@" -DCMAKE_C_COMPILER="${compiler% -m32}"
    [ "$compiler" = i686-linux-gnu-gcc ] || set -- "$@" -DCMAKE_C_FLAGS=-m32
    ;;
win64 | win32)
    cpu=x86_64
    flags=
    [ "$target" = win32 ] && cpu=i686 flags=-mincoming-stack-boundary=2
    set -- "$@" -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_C_COMPILER=$cpu-w64-mingw32-gcc \
        -DCMAKE_RC_COMPILER=$cpu-w64-mingw32-windres -DCMAKE_C_FLAGS="$flags"
    ;;
*)
    echo "no recipe for Check on $target" >&2
    exit 2
    ;;
esac

build=$work/$target
rm -rf "$build"
mkdir -p "$build/source"
tar -xf "$work"/check_*.orig.tar.gz -C "$build/source" --strip-components=1
cmake -S "$build/source" -B "$build/build" "$@"
cmake --build "$build/build" --parallel 2 --target check
# Only the static library and its headers are needed; `make install` would build the shared one, too.
rm -rf "$prefix"
mkdir -p "$prefix/include" "$prefix/lib"
cp "$build/build/src/check.h" "$build/build/check_stdint.h" "$prefix/include/"
cp "$build/build/src/libcheck.a" "$prefix/lib/"
# For MinGW "printf" in an attribute means Microsoft's formats, but Check was built with those of C99, such as %zu.
case $target in
win*) sed -i 's/CK_ATTRIBUTE_FORMAT(printf,/CK_ATTRIBUTE_FORMAT(gnu_printf,/' "$prefix/include/check.h" ;;
esac
rm -rf "$build"
