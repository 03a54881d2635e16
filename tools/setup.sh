#!/bin/sh
# Installs what `make demo` and `make check` need on Debian 12, by package name, and only what is missing:
#   compilers for the four targets, Wine for 64 and 32 bit, valgrind and clang's sanitizers, the test framework Check
#   for all targets (built from Debian's source package where there is no binary one), and Free Pascal for all targets
#   (what Debian's package cannot compile for is built from Debian's fpc-source).
#   tools/setup.sh           everything above
#   tools/setup.sh bench     also the allocators that `make bench` compares with
# What is not a package goes below ${XDG_CACHE_HOME:-~/.cache}/brainmm. Root is needed only to install packages:
# directly or through sudo. If nothing is missing, it changes nothing and takes a fraction of a second.
set -eu
cd "$(dirname "$0")/.."

cache=${XDG_CACHE_HOME:-$HOME/.cache}/brainmm
log=$cache/setup.log
mkdir -p "$cache"

say() { echo "set-up: $*"; }
die() {
    say "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# need_root WHAT: ends with a message if this user cannot become root, which WHAT needs.
need_root() {
    [ "$(id -u)" = 0 ] || have sudo || die "$1: this needs root, or sudo"
}

# logged WHAT COMMAND...: says WHAT, keeps the output in the log, and ends with the log's last lines if COMMAND fails.
logged() {
    say "$1"
    shift
    "$@" >>"$log" 2>&1 </dev/null && return
    tail -n 20 "$log" >&2
    die "failed: $*  (all of its output: $log)"
}

apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends "$@"; }

# ---- Packages -----------------------------------------------------------------------------------------------------

missing=
need() { # need PACKAGE COMMAND...: PACKAGE is missing unless COMMAND succeeds
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}
need_command() { need "$2" command -v "$1"; }
need_file() { need "$2" test -e "$1"; }

# Whether COMPILER finds its own FILE: gcc prints a path for a file that it has, and the bare name for one that it
# lacks.
finds() { $1 -print-file-name="$2" 2>/dev/null | grep -q /; }
compiles_i386() {
    case $(tools/i386-compiler) in
    'gcc -m32') finds 'g++ -m32' libstdc++.a ;;
    i686-linux-gnu-gcc) have i686-linux-gnu-g++ ;;
    *) false ;;
    esac
}

check_packages() {
    missing=
    need_command gcc gcc
    need_command g++ g++
    need_file /usr/include/stdio.h libc6-dev
    for cpu in x86_64 i686; do
        name=$(echo $cpu | tr _ -)
        need_command $cpu-w64-mingw32-gcc "gcc-mingw-w64-$name-win32"
        need_command $cpu-w64-mingw32-g++ "g++-mingw-w64-$name-win32"
    done
    need gcc-multilib compiles_i386
    need_file /usr/lib/wine/wine64 wine64
    need_command wine wine
    need_command clang clang
    need_command valgrind valgrind
    need_file /usr/include/check.h check
    need_command cmake cmake
    need_file /usr/bin/python3 python3
    need_file /usr/lib/x86_64-linux-gnu/fpc/3.2.2/ppcx64 fp-compiler-3.2.2
    need_file /usr/lib/x86_64-linux-gnu/fpc/3.2.2/units/x86_64-linux/rtl-objpas/variants.ppu fp-units-rtl-3.2.2
    need_file /usr/share/fpcsrc/3.2.2/rtl/win64/system.pp fpc-source-3.2.2
    need libclang-rt-dev finds clang libclang_rt.tsan-x86_64.a
    [ "$1" != bench ] || for package in libmimalloc2.0 libjemalloc2 libtcmalloc-minimal4; do
        need $package dpkg-query --show "$package"
    done
}

# gcc-multilib conflicts with Debian's other cross compilers; the i686 cross compiler does not.
choose_i386_compiler() {
    case $missing in *gcc-multilib*) ;; *) return 0 ;; esac
    compiler="gcc-multilib g++-multilib"
    # shellcheck disable=SC2086  # words
    if apt-get --simulate install --no-install-recommends $compiler 2>/dev/null | grep -q '^Remv' ||
        ! apt-get --simulate install --no-install-recommends $compiler >/dev/null 2>&1; then
        compiler="gcc-i686-linux-gnu g++-i686-linux-gnu"
    fi
    missing=$(echo "$missing" | sed "s/gcc-multilib/$compiler/")
}

install_packages() {
    check_packages "$1"
    [ -n "$missing" ] || return 0
    have apt-get || die "this is not a Debian system; it lacks:$missing"
    need_root "missing packages:$missing"
    # An empty or outdated package index is the usual reason for a failure.
    apt-get --simulate install gcc-mingw-w64-base >/dev/null 2>&1 || logged "apt-get update" apt update
    choose_i386_compiler
    # shellcheck disable=SC2086  # words
    apt install --download-only $missing >>"$log" 2>&1 </dev/null || logged "apt-get update" apt update
    # shellcheck disable=SC2086
    logged "installing the packages$missing" apt install $missing
    check_packages "$1"
    [ -z "$missing" ] || die "still missing after installing:$missing"
}

# ---- Everything ---------------------------------------------------------------------------------------------------

: >"$log"
install_packages "${1:-}"
if [ ! -e /usr/lib/wine/wine ] && [ ! -e "$cache/wine32-root/usr/lib/wine/wine" ]; then
    need_root "32-bit Wine is missing"
    logged "installing 32-bit Wine (a minute or two)" tools/setup-wine32.sh "$cache/wine32-root"
fi
for target in linux-i386 win64 win32; do
    [ -e "$cache/check/$target/lib/libcheck.a" ] ||
        logged "building Check for $target (20 s)" tools/setup-check.sh $target "$cache/check/$target"
done
cmp -s tools/setup-fpc.sh "$cache/fpc/ready" ||
    logged "building Free Pascal's compiler and units for the targets (25 s)" tools/setup-fpc.sh "$cache/fpc"
for target in win64 win32; do
    [ -e "$cache/wine-$target/ready" ] ||
        logged "creating a Wine prefix for $target (15 s)" tools/wine-run $target cmd /c exit 0
done
