#!/bin/sh
# SPDX-License-Identifier: MIT
# install.sh: `make install` and `make uninstall`, for the native target. Both go through the same list of files.
#   posix/install.sh install|uninstall
# Variables, on the command line of make:
#   DESTDIR      a folder that stands before all others, for packages; the files do not know it
#   prefix       /usr/local; the others lie below it: bindir, libdir, includedir, mandir, pascaldir
#   mallocdir    where libbrainmm-malloc.so goes: libdir
#   STRIP=no     libraries with their debug information, for who splits them himself
# shellcheck disable=SC2034,SC2153,SC2154  # the Makefile sets them; eval uses others
set -eu

what=$1
libraries=$BUILD
[ "$STRIP" != no ] || libraries=$BUILD/obj/linked
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for folder in "$prefix" "$bindir" "$libdir" "$mallocdir" "$includedir" "$mandir" "$pascaldir"; do
    case $folder in
    *"'"*) echo "make $what: a name with a quotation mark in it does not work: $folder" >&2; exit 1 ;;
    /*) ;;
    *) echo "make $what: the name of a folder must be absolute: $folder" >&2; exit 1 ;;
    esac
done

# put MODE FILE FOLDER [NAME]
put() {
    name=${4-${2##*/}}
    case $what in
    install)
        mkdir -p "$DESTDIR$3"
        install -m "$1" "$2" "$DESTDIR$3/$name"
        ;;
    uninstall) rm -f "$DESTDIR$3/$name" ;;
    esac
}

# put_link TO FOLDER NAME
put_link() {
    case $what in
    install) ln -sf "$1" "$DESTDIR$2/$3" ;;
    uninstall) rm -f "$DESTDIR$2/$3" ;;
    esac
}

# put_filled MODE FILE FOLDER NAME: FILE with values in the place of @name@
put_filled() {
    into=$1 from=$2 folder=$3 name=$4
    set --
    for variable in prefix libdir mallocdir includedir pascaldir version major bits file soname include malloc \
        beside; do
        eval "value=\$$variable"
        value=$(printf '%s\n' "$value" | sed 's/[&|\\]/\\&/g')
        set -- "$@" -e "s|@$variable@|$value|g"
    done
    sed "$@" "$from" >"$work/$name"
    put "$into" "$work/$name" "$folder" "$name"
}

# put_manual NAME: a page of docs/man; @functions@ stands for what brainmm.h says of each function
put_manual() {
    section=${1##*.}
    case $what in
    install)
        awk -f posix/manual.awk include/brainmm.h >"$work/functions"
        sed -e "s|@version@|$version|g; s|@libdir@|$libdir|g; s|@mallocdir@|$mallocdir|g; s|@pascaldir@|$pascaldir|g" \
            -e "/^@functions@\$/r $work/functions" -e '/^@functions@$/d' "docs/man/$1.md" >"$work/$1.md"
        go-md2man -in "$work/$1.md" -out "$work/$1"
        put 644 "$work/$1" "$mandir/man$section"
        ;;
    uninstall) rm -f "$DESTDIR$mandir/man$section/$1" ;;
    esac
}

version=$VERSION major=${VERSION%%.*} bits=64
soname=$library file=libbrainmm.so.$VERSION
include=$(realpath -ms --relative-to="$libdir" "$includedir")
malloc=$(realpath -ms --relative-to="$libdir" "$mallocdir")
beside=$(realpath -ms --relative-to="$bindir" "$mallocdir")

put 755 "$libraries/$library" "$libdir" "$file"
put_link "$file" "$libdir" "$library"
put_link "$library" "$libdir" libbrainmm.so
put 644 "$BUILD/libbrainmm.a" "$libdir"
put 755 "$libraries/libbrainmm-malloc.so" "$mallocdir"
for header in include/*; do put 644 "$header" "$includedir"; done
for unit in BrainMM.pas brainmm_package.lpk brainmm_package.pas; do put 644 "pascal/$unit" "$pascaldir"; done
put_filled 755 posix/brainmm-run.in "$bindir" brainmm-run
put_filled 644 posix/brainmm.pc.in "$libdir/pkgconfig" brainmm.pc
put_filled 644 posix/BrainMMConfig.cmake.in "$libdir/cmake/BrainMM" BrainMMConfig.cmake
put_filled 644 packaging/BrainMMConfigVersion.cmake.in "$libdir/cmake/BrainMM" BrainMMConfigVersion.cmake
if [ "$what" = uninstall ] || command -v go-md2man >/dev/null; then
    put_manual brainmm-run.1
    put_manual brainmm.3
else
    echo "the manual pages are left out: missing package go-md2man"
fi

case $what in
uninstall)
    # Folders of our own; others may have put something there.
    for folder in "$libdir/cmake/BrainMM" "$pascaldir" "$prefix/share/brainmm"; do
        rmdir "$DESTDIR$folder" 2>/dev/null || true
    done
    ;;
install)
    # The loader finds a new library only once its cache has it.
    [ -n "$DESTDIR" ] || PATH=$PATH:/usr/sbin:/sbin ldconfig -p 2>/dev/null | grep -qF "$libdir/$library" ||
        echo "programs find $libdir/$library once root has run: ldconfig" \
            "(if a file in /etc/ld.so.conf.d names $libdir)"
    ;;
esac
