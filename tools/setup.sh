#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what the demo, the tests and the benchmarks need on Debian 12, and only what is missing.
#   tools/setup.sh GOAL TARGET...      no target: all; GOAL: demo, check, bench, programs, view, release or dist
# make/targets.mk says which packages and which of the steps below a target needs for a goal. A step builds what no
# package has, in ${XDG_CACHE_HOME:-~/.cache}/brainmm. Packages and 32-bit Wine need root, directly or through sudo.
# If nothing is missing, the script changes nothing, and ends within a fraction of a second.
#
# If something is missing that cannot be installed, a message names its package, and the exit code is 1. The demo works
# without Free Pascal: a message says that it is missing, which is no failure.
set -eu
cd "$(dirname "$0")/.."

goal=${1-}
case $goal in
demo | check | bench | programs | view | release | dist) shift ;;
*)
    sed -n '3,4s/^# //p' "$0" >&2
    exit 2
    ;;
esac
table=$(tools/target --table)
[ $# -gt 0 ] || eval "set -- $(tools/target | tr '\n' ' ')"
targets=$*

cache=${XDG_CACHE_HOME:-$HOME/.cache}/brainmm
log=$cache/setup.log
mkdir -p "$cache"
: >"$log"

say() { echo "set-up: $*"; }
die() {
    say "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}
can_install() { command -v apt-get && { [ "$(id -u)" = 0 ] || command -v sudo; }; }
apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends "$@"; }

# logged WHAT COMMAND...: says WHAT, keeps the output in the log, and ends with the log's last lines if COMMAND fails.
logged() {
    say "$1"
    shift
    "$@" >>"$log" 2>&1 </dev/null && return
    tail -n 20 "$log" >&2
    die "failed: $*  (all of its output: $log)"
}

# ---- What is needed, and what of it is missing --------------------------------------------------------------------

# needs TARGET...: the words of the table, each once
needs() {
    printf '%s\n' "$table" | awk -v goal="$goal" -v targets=" $* " '
        $1 == "target" && index(targets, " " $2 " ") && ($3 == "NEEDS_build" || $3 == "NEEDS_" goal) {
            for (i = 4; i <= NF; i++) if (!seen[$i]++) print $i
        }'
}

# Sets $missing to the packages that are missing. The table has a command for each that tests whether it is installed.
find_missing() {
    missing=
    # shellcheck disable=SC2086  # words
    for package in $(needs $targets); do
        case $package in +* | gcc-*-linux-*) continue ;; esac # not a cross compiler: see find_steps
        probe=$(printf '%s\n' "$table" | sed -n "s/^package $package HAVE //p")
        sh -c "$probe" >/dev/null 2>&1 || missing="$missing $package"
    done
}

# Sets $steps to a line "STEP WHICH" for each step that must be done. WHICH is a target, a kind of Wine prefix, or all.
find_steps() {
    steps=
    for target in $targets; do
        for step in $(needs "$target"); do
            case $step in
            # Without a Wine that can be executed there is no use for it.
            +wine* | +programs) ! nothing_executes "$target" || continue ;;
            esac
            case $step in
            +fpc) cmp -s tools/setup-fpc.sh "$cache/fpc-3.2.2/ready" || add_step "fpc all" ;;
            +root) cmp -s tools/setup-dist-root.sh "$cache/dist-root.ready" || add_step "root all" ;;
            +npm) cmp -s tools/view/package-lock.json "$cache/view/ready" || add_step "npm all" ;;
            gcc-*-linux-*) command -v "${step#gcc-}-gcc" >/dev/null || add_step "cross ${step#gcc-}" ;;
            +binfmt)
                processor=$(run_word "$target")
                [ -e "/proc/sys/fs/binfmt_misc/brainmm-${processor%%-*}" ] || add_step "binfmt ${processor%%-*}"
                ;;
            +zig) cmp -s tools/zig/package-lock.json "$cache/zig/ready" || add_step "zig all" ;;
            +check) [ -e "$cache/check/$target/lib/libcheck.a" ] || add_step "check $target" ;;
            +programs)
                [ -e "$cache/windows-programs/$target/lua.exe" ] || add_step "programs $target"
                ;;
            +wine32)
                [ -e /usr/lib/wine/wine ] || [ -e "$cache/wine32-root/usr/lib/wine/wine" ] || add_step "wine32 all"
                ;;
            +qemu) ! nothing_executes "$target" || add_step "qemu all" ;;
            +wine) [ -e "$cache/wine-$(run_word "$target")/ready" ] || add_step "wine $(run_word "$target")" ;;
            esac
        done
    done
}
nothing_executes() { case $(tools/executes "$1") in nothing*) ;; *) return 1 ;; esac }
add_step() {
    case "$steps" in *"$1
"*) ;; *) steps="$steps$1
" ;; esac
}
# The second word of the command that runs a target's programs: of wine-run the prefix, of qemu-run the processor.
run_word() { printf '%s\n' "$table" | awk -v target="$1" '$1 == "target" && $2 == target && $3 == "RUN" { print $5 }'; }

# ---- Packages -----------------------------------------------------------------------------------------------------

# gcc-multilib conflicts with Debian's other cross compilers; the i686 cross compiler does not.
choose_i386_compiler() {
    case $missing in *multilib*) ;; *) return 0 ;; esac
    plan=$(apt-get --simulate install --no-install-recommends gcc-multilib g++-multilib 2>/dev/null) &&
        ! echo "$plan" | grep -q '^Remv' || missing=$(echo "$missing" |
            sed 's/gcc-multilib/gcc-i686-linux-gnu/; s/g++-multilib/g++-i686-linux-gnu/')
}

# Prints how much the packages need, as apt says: "12.3 MB to download", "45.6 MB on disk".
apt_needs() {
    # shellcheck disable=SC2086  # words
    LC_ALL=C apt-get --assume-no --no-install-recommends -o Debug::NoLocking=1 install $missing 2>/dev/null |
        sed -n 's/^Need to get \(.*\) of archives.*/\1 to download/p
            s/^After .*, \(.*\) of additional disk.*/\1 on disk/p' |
        paste -sd, | sed 's/,/, /'
}

# Prints a line for each missing package, and whether the goal works without it.
name_missing() {
    optional=yes
    for package in $missing; do
        case $goal-$package in
        demo-fp-* | demo-fpc-*) ;;
        *) optional=no ;;
        esac
        say "missing: package $package"
    done
}

# Ends the set-up if packages are missing and cannot be installed.
require_root() {
    [ -n "$missing" ] || return 0
    ! can_install >/dev/null || return 0
    name_missing
    [ $optional = yes ] || die "it takes root, or sudo, and apt-get to install packages"
    say "the demo runs without Free Pascal"
    exit 0
}

install_packages() {
    [ -n "$missing" ] || return 0
    # An empty or outdated package index is the usual reason for a failure.
    # shellcheck disable=SC2086  # words
    apt-get --simulate install $missing >/dev/null 2>&1 || logged "apt-get update" apt update
    choose_i386_compiler
    amount=$(apt_needs)
    # shellcheck disable=SC2086
    apt install --download-only $missing >>"$log" 2>&1 </dev/null || logged "apt-get update" apt update
    # shellcheck disable=SC2086
    logged "installing the packages$missing (${amount:-of unknown size}; a minute or two)" apt install $missing
    find_missing
    [ -z "$missing" ] || die "still missing after installing:$missing"
}

# ---- Everything ---------------------------------------------------------------------------------------------------

find_missing
find_steps
require_root
if [ -n "$missing$steps" ]; then
    # Seconds and megabytes of each step, measured on two processors.
    printf '%s\n' "$steps" | awk -v packages="$(echo "$missing" | wc -w)" '
        BEGIN {
            seconds["fpc"] = 25; seconds["check"] = 20; seconds["wine32"] = 90; seconds["wine"] = 15
            seconds["npm"] = 10; size["npm"] = 20; seconds["root"] = 120; size["root"] = 650
            seconds["zig"] = 60; size["zig"] = 350
            size["fpc"] = 11; size["check"] = 1; size["wine32"] = 1100; size["wine"] = 650
            seconds["programs"] = 10; size["programs"] = 3; seconds["cross"] = 20; size["cross"] = 200
        }
        NF { time += seconds[$1]; disk += size[$1] }
        END {
            if (packages) printf "set-up: %d packages are to be installed\n", packages
            if (time) printf "set-up: what no package has takes %d s and up to %d MB in ~/.cache/brainmm\n", time, disk
        }'
fi
install_packages
while read -r step which; do
    case $step in
    qemu)
        # Not a failure: on such a machine tests and demo say what they leave out.
        say "this kernel executes no 32-bit programs: installing qemu for those of Linux (63 MB to download, if at all)"
        tools/setup-qemu.sh >>"$log" 2>&1 </dev/null ||
            say "qemu does not execute them here either: linux-i386 is built, but not executed  (why: $log)"
        ;;
    fpc)
        logged "building Free Pascal's compiler and units for the targets (25 s)" \
            tools/setup-fpc.sh "$cache/fpc-3.2.2"
        ;;
    root)
        [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || die "an empty Debian takes root, or sudo"
        logged "making an empty Debian, in which the tests install the packages (root, two minutes)" \
            tools/setup-dist-root.sh "$cache/dist-root"
        ;;
    npm) logged "fetching what brainmm-view draws with, by npm (10 s)" tools/setup-npm.sh "$cache/view" ;;
    zig)
        logged "fetching zig, which knows the C libraries of older systems, by npm (350 MB, a minute)" \
            tools/setup-zig.sh "$cache/zig"
        ;;
    programs)
        # 7za is left out where npm is missing, and the test says so.
        logged "building Lua for $which, and fetching 7za if npm is there (10 s)" \
            tools/setup-windows-programs.sh "$which" "$cache/windows-programs/$which" --optional lua 7za
        ;;
    cross)
        case $which in
        *-musl) how=tools/setup-musl.sh ;;
        *) how=tools/setup-cross.sh ;;
        esac
        logged "fetching the cross compiler for $which (20 s)" $how "$which" "$cache/cross"
        ;;
    binfmt)
        # Not a failure: then tests that start programs themselves say so.
        tools/setup-binfmt.sh "$which" >>"$log" 2>&1 </dev/null ||
            say "the kernel does not start qemu for programs of $which  (why: $log)"
        ;;
    check) logged "building Check for $which (20 s)" tools/setup-check.sh "$which" "$cache/check/$which" ;;
    wine32)
        [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || die "32-bit Wine is missing, which takes root, or sudo"
        logged "installing 32-bit Wine (a minute or two)" tools/setup-wine32.sh "$cache/wine32-root"
        ;;
    wine) logged "creating a Wine prefix for $which (15 s)" tools/wine-run "$which" cmd /c exit 0 ;;
    esac
done <<END
$steps
END
