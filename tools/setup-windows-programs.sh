#!/bin/sh
# SPDX-License-Identifier: MIT
# Gets Windows programs that know nothing of BrainMM, for tests of brainmm-run.exe.
#   tools/setup-windows-programs.sh TARGET FOLDER [--optional] [lua | zstd | sqlite3 | 7za]...
# FOLDER, outside the tree, gets each program and the DLLs that it brings. Lua, zstd and the shell of SQLite are
# compiled by MinGW from Debian's source packages, as they are. 7za is the binary of npm's package 7zip-bin, of one
# version, whose checksum is compared; nothing of the package is executed but that. Needs apt-get; npm for 7za; tclsh
# for SQLite.
# What is in FOLDER already stays. The exit code is 77 if a program cannot be had because npm or tclsh is missing, or
# because npm cannot fetch it; with --optional it is 0 then.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words
set -eu

target=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
shift 2
optional=no
[ "${1-}" != --optional ] || { optional=yes && shift; }
[ $# -gt 0 ] || set -- lua zstd sqlite3 7za
tools=$(cd "$(dirname "$0")" && pwd)
eval "$(cd "$tools/.." && tools/target "$target")"
work=$folder/source
missing=0

# source_of PACKAGE NAME: fetches it, and unpacks it to the folder NAME
source_of() {
    mkdir -p "$work"
    (
        flock 9
        "$tools/debian-source" "$1" "$work"
        [ -e "$work/$2" ] || {
            mkdir "$work/$2.new"
            # SQLite's web pages are an archive of their own.
            for archive in "$work"/*"${1#lib}"_*.orig.tar.*; do
                case $archive in *.asc) ;; *) tar -xf "$archive" -C "$work/$2.new" --strip-components=1 ;; esac
            done
            mv "$work/$2.new" "$work/$2"
        }
    ) 9>"$work/lock"
}

# The interpreter and its library are two modules.
lua() {
    source_of lua5.4 lua
    cd "$work/lua/src"
    library=$(ls ./*.c | grep -vxF -e ./lua.c -e ./luac.c)
    options="-O2 -w -static-libgcc -DLUA_BUILD_AS_DLL -DLUA_COMPAT_5_3"
    $cc $arch $options -shared -o "$folder/lua54.dll" $library
    $cc $arch $options -o "$folder/lua.exe.new" lua.c "$folder/lua54.dll"
    mv "$folder/lua.exe.new" "$folder/lua.exe"
}

zstd() {
    source_of libzstd zstd
    cd "$work/zstd"
    $cc $arch -O2 -w -static-libgcc -DZSTD_MULTITHREAD -DZSTD_DISABLE_ASM -DZSTD_LEGACY_SUPPORT=0 -Ilib -Ilib/common \
        -Iprograms -o "$folder/zstd.exe.new" programs/*.c lib/common/*.c lib/compress/*.c lib/decompress/*.c \
        lib/dictBuilder/*.c
    mv "$folder/zstd.exe.new" "$folder/zstd.exe"
}

# SQLite's sources become one file first, which takes tclsh and a native compiler.
sqlite3() {
    command -v tclsh >/dev/null || return 77
    source_of sqlite3 sqlite3
    mkdir -p "$work/sqlite3/$target"
    cd "$work/sqlite3/$target"
    # The options of the package's own build, as far as they concern the shell.
    ../configure --disable-tcl --disable-readline >configure.log 2>&1
    make sqlite3.c shell.c >make.log 2>&1
    $cc $arch -O2 -w -static-libgcc -I. -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_RTREE -DSQLITE_ENABLE_MATH_FUNCTIONS \
        -o "$folder/sqlite3.exe.new" shell.c sqlite3.c
    mv "$folder/sqlite3.exe.new" "$folder/sqlite3.exe"
}

SEVEN_ZIP=7zip-bin@5.2.0
SEVEN_ZIP_SUM=ba44cf561a86e2337332ba36a80f4748249254937768deed95bfa17ea602b771
SEVEN_ZIP_SUM=${SEVEN_ZIP_SUM}11d325aba1e036551dfc30dace1cb43f7158fe0da20c69dd24142b565a8c21fc
seven_zip() {
    command -v npm >/dev/null || return 77
    mkdir -p "$work"
    cd "$work"
    npm pack --silent --ignore-scripts "$SEVEN_ZIP" >npm.log 2>&1 || return 77
    echo "$SEVEN_ZIP_SUM  7zip-bin-${SEVEN_ZIP#*@}.tgz" | sha512sum --check --quiet
    case $bits in 64) cpu=x64 ;; 32) cpu=ia32 ;; esac
    tar -xzf "7zip-bin-${SEVEN_ZIP#*@}.tgz" -C "$folder" --strip-components=3 "package/win/$cpu/7za.exe"
    chmod +x "$folder/7za.exe"
}

for program in "$@"; do
    [ ! -e "$folder/$program.exe" ] || continue
    name=$program
    [ "$program" != 7za ] || name=seven_zip
    set +e # or the subshell would not end at what fails in it
    (set -e; $name)
    code=$?
    set -e
    [ $code != 0 ] || continue
    [ $code = 77 ] || exit $code
    echo "setup-windows-programs.sh: no $program: npm or tclsh is missing, or npm could not fetch it" >&2
    [ $optional = yes ] || missing=77
done
rm -rf "$work"
exit $missing
