#!/bin/sh
# SPDX-License-Identifier: MIT
# dist.sh: makes the files of a release in dist/, from what git has committed: the source archive, the archives for
# Windows and for Linux, Debian's packages, and SHA256SUMS. Called by `make dist`.
#   packaging/dist.sh VERSION
# All is built from the unpacked source archive, in build/dist. The same source gives the same files, byte for byte, in
# whatever folder: times are those of the last commit, and orders are fixed. A tree that was unpacked from an archive
# has no git; then the archive has all its files outside build/ and dist/, and the time is that of the Makefile.
set -eu
umask 022
LC_ALL=C TZ=UTC
CCACHE= # all is compiled anew
export LC_ALL TZ CCACHE

version=$1
name=brainmm-$version
top=$PWD
work=$top/build/dist
dist=$top/dist
rm -rf "$work" "$dist"
mkdir -p "$work/$name" "$dist"

if [ -e .git ]; then
    [ -z "$(git status --porcelain --untracked-files=no)" ] ||
        echo "make dist: there are changes that are not committed; they are left out"
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
    git archive HEAD | tar -xf - -C "$work/$name"
else
    SOURCE_DATE_EPOCH=$(stat -c %Y Makefile)
    tar -cf - --exclude=./build --exclude=./dist . | tar -xf - -C "$work/$name"
fi
export SOURCE_DATE_EPOCH
# Each file gets the same time, so that each archive has it.
date_all() { find "$1" -exec touch -hcd "@$SOURCE_DATE_EPOCH" {} +; }
date_all "$work/$name"

# pages FOLDER: the pages for readers, as HTML.
pages() {
    cp -r docs LICENSE CHANGELOG.md README.md SECURITY.md "$1/"
    # The chart on the first page
    mkdir -p "$1/bench/results"
    cp bench/results/linux-x86_64.svg bench/results/linux-x86_64.md "$1/bench/results/"
    rm -rf "$1/docs/man"
    packaging/pages.py "$1"
}
# archive NAME: dist/NAME.tar.xz of the folder NAME
archive() {
    echo "  dist/$1.tar.xz"
    tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --format=ustar \
        --mtime="@$SOURCE_DATE_EPOCH" -cf - "$1" | xz -9 -T1 >"$dist/$1.tar.xz"
}

archive "$name"

# The inner make must not get the options of the outer one.
build() { env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$work/$name" --no-print-directory -s -j2 "$@"; }

# ---- Windows --------------------------------------------------------------------------------------------------------

zip=$name-windows
echo "  dist/$zip.zip"
build win64 win32 demo-programs-win64 demo-programs-win32 >"$work/windows.log" 2>&1 || {
    tail -n 30 "$work/windows.log" >&2
    exit 1
}
(
    cd "$work/$name"
    to=$work/$zip
    mkdir -p "$to/cmake" "$to/demo" "$to/pascal"
    pages "$to"
    cp -r include "$to/"
    cp pascal/BrainMM.pas pascal/brainmm_package.* "$to/pascal/"
    cp demos/*.c demos/*.h demos/*.pas "$to/demo/"
    cp packaging/windows/BrainMMConfig.cmake "$to/cmake/"
    sed "s/@version@/$version/g; s/@major@/${version%%.*}/g; s/@bits@/32 64/g" \
        packaging/BrainMMConfigVersion.cmake.in >"$to/cmake/BrainMMConfigVersion.cmake"
    sed "s/@version@/$version/g; s/\$/\r/" packaging/windows/README.txt.in >"$to/README.txt"
    for pair in win32:x86:i386:i686 win64:x64:i386:x86-64:x86_64; do
        target=${pair%%:*} rest=${pair#*:}
        folder=${rest%%:*} rest=${rest#*:}
        machine=${rest%:*} binutils=${rest##*:}-w64-mingw32-
        mkdir -p "$to/$folder/demo/vendor"
        for file in build/"$target"/*; do
            [ ! -f "$file" ] || cp "$file" "$to/$folder/"
        done
        # The .def file names the DLL, so one serves both. llvm-dlltool adds x86's underscore itself.
        cp brainmm.def "$to/$folder/"
        llvm-dlltool -m "$machine" -d brainmm.def -l "$to/$folder/brainmm.lib"
        llvm-dlltool -m "$machine" -d win32/redirect/brainmm-malloc.def -l "$to/$folder/brainmm-redirect.lib"
        (cd "build/$target/demo" && find . -name '*.exe' -o -name '*.dll') >"$work/demo"
        while read -r file; do
            # The libraries are stripped already, and their debug information refers to them as they are.
            case $file in
            */brainmm.dll) cp -p "build/$target/demo/$file" "$to/$folder/demo/$file" ;;
            *) "${binutils}strip" -p -o "$to/$folder/demo/$file" "build/$target/demo/$file" ;;
            esac
        done <"$work/demo"
    done
)
chmod -R u=rwX,go=rX "$work/$zip"
date_all "$work/$zip"
(cd "$work" && find "$zip" | sort | zip -X -9 -q -@ "$dist/$zip.zip")

# ---- Any Linux ------------------------------------------------------------------------------------------------------

# gcc links as everywhere, but with the symbols of an older C library.
linux=$name-linux-x86_64
older="gcc '-L${XDG_CACHE_HOME:-$HOME/.cache}/brainmm/zig/glibc-2.17' -Wl,--no-as-needed -ldl"
{
    build linux-x86_64 LINK="$older"
    build install prefix=/usr/local DESTDIR="$work/installed" LINK="$older"
} >"$work/linux.log" 2>&1 || {
    tail -n 30 "$work/linux.log" >&2
    exit 1
}
mv "$work/installed/usr/local" "$work/$linux"
(
    cd "$work/$name"
    mkdir -p "$work/$linux/lib/.debug" "$work/$linux/share/doc/brainmm"
    cp build/linux-x86_64/*.debug "$work/$linux/lib/.debug/"
    pages "$work/$linux/share/doc/brainmm"
    sed "s/@version@/$version/g" packaging/linux/README.txt.in >"$work/$linux/README.txt"
)
archive "$linux"
rm -rf "$work/$name/build/linux-x86_64"

# ---- Debian ---------------------------------------------------------------------------------------------------------

# dpkg-buildpackage writes its files beside the source.
mkdir "$work/debian"
tar -xf "$dist/$name.tar.xz" -C "$work/debian"
cp -r packaging/debian "$work/debian/$name/debian"
cat >"$work/debian/$name/debian/changelog" <<END
brainmm ($version-1) unstable; urgency=medium

  * See the file changelog.

 -- The BrainMM authors <maintainers@brainmm.example>  $(date -Rd "@$SOURCE_DATE_EPOCH")
END
echo "  dist/*.deb"
(
    cd "$work/debian/$name"
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u CFLAGS dpkg-buildpackage -us -uc -b
) >"$work/debian.log" 2>&1 || {
    tail -n 30 "$work/debian.log" >&2
    exit 1
}
cp "$work"/debian/*.deb "$dist/"

(cd "$dist" && sha256sum -- * >"$work/SHA256SUMS" && mv "$work/SHA256SUMS" .)
rm -rf "$work"
