#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds what Debian's Free Pascal lacks for the targets: a 32-bit code generator and units.
#   tools/setup-fpc.sh FOLDER        about 25 s; needs the packages fp-compiler, fp-units-rtl and fpc-source
# FOLDER then holds ppcross386, units/TARGET and, as `ready`, a copy of this script, which tells that all was built and
# how. tools/fpc is the command that uses them.
#
# Debian's compiler generates code for Linux and Windows, but for x86-64 only, and it comes with units for Linux only.
# Its source package has no Makefiles, so everything is compiled directly. Windows needs no other tool: Free Pascal has
# its own assembler, linker and resource compiler for it.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu

script=$(realpath "$0")
tools=$(dirname "$script")
version=3.2.2
source=/usr/share/fpcsrc/$version
rtl=$source/rtl
rtl_objpas=$source/packages/rtl-objpas/src
fcl_base=$source/packages/fcl-base/src
debian=/usr/lib/x86_64-linux-gnu/fpc/$version
rm -rf "$1"
mkdir -p "$1/work/units" "$1/work/messages" "$1/units"
folder=$(cd "$1" && pwd)
work=$folder/work

# Compiles the compiler's source for i386. Its table of messages is made from the file that comes with the compiler.
build_i386_compiler() {
    "$debian/ppcx64" -n -v0e -Fu"$debian/units/x86_64-linux/rtl" -FE"$work" -FU"$work/units" \
        "$source/compiler/utils/msg2inc.pp"
    (cd "$work/messages" && "$work/msg2inc" "$debian/msg/errore.msg" msg msg)
    (cd "$source/compiler" && "$debian/ppcx64" -n -v0e -O2 -Xs -Fu"$debian/units/x86_64-linux/*" \
        -di386 -dGDB -dBROWSERLOG -dRELEASE -Fui386 -Fusystems -Fux86 -Fii386 -Fi"$work/messages" -Fi. \
        -FE"$work" -FU"$work/units" -o"$folder/ppcross386" pp.pas)
}

# build_units TARGET: the run-time library and what else programs may use.
# The table of targets says by which units a program starts; the linker adds one of them.
build_units() {
    eval "$("$tools/target" "$1")"
    [ "$fpc_start" ] || return 0 # Debian has its units
    units=$folder/units/$1 compiler=$debian/ppcx64 cpu=$fpc_cpu
    [ "$cpu" = x86_64 ] || compiler=$folder/ppcross386
    case $system in
    windows) family=win variants=win more='Windows, Messages, ShareMem' ;;
    linux) family=unix variants=common more='BaseUnix, Unix, Linux, CThreads, CMem, CWString, DL, InitC' ;;
    esac
    mkdir "$units"
    echo "unit all_units; interface uses FPIntRes, SysUtils, Classes, Types, TypInfo, Math, StrUtils, DateUtils," \
        "Variants, SyncObjs, Contnrs, DynLibs, Strings, CTypes, HeapTrc, LnfoDwrf, $more;" \
        "implementation end." >"$work/all_units.pp"
    cd "$rtl/$fpc_system"
    for unit in system.pp ../inc/uuchar.pp ../objpas/objpas.pp $fpc_start "$work/all_units.pp"; do
        only_system=
        [ "$unit" != system.pp ] || only_system=-Us
        # shellcheck disable=SC2086  # nothing or an option
        "$compiler" -n -v0e -T"$fpc_system" -P"$cpu" -d"$cpu" -dRELEASE -O2 -Xs -Ur -Sg $only_system \
            -FE"$units" -FU"$units" -Fu"$units" -Fu. -Fi. -Fi"$cpu" -Fu../inc -Fi../inc -Fu../"$cpu" -Fi../"$cpu" \
            -Fu../"$family" -Fi../"$family" -Fu../"$family"/wininc -Fi../"$family"/wininc \
            -Fu../objpas -Fi../objpas -Fi../objpas/sysutils -Fi../objpas/classes \
            -Fu"$rtl_objpas/inc" -Fi"$rtl_objpas/inc" -Fu"$rtl_objpas/$variants" -Fu"$fcl_base" "$unit"
    done
}

# linux-x86_64 uses Debian's own units. Only those of fcl-base are built: Debian's package brings database drivers
# along.
build_fcl_units() {
    mkdir "$folder/units/linux-x86_64"
    cd "$fcl_base"
    for unit in contnrs syncobjs; do
        "$debian/ppcx64" -n -v0e -O2 -Xs -Cg -Fu"$debian/units/x86_64-linux/*" -FU"$folder/units/linux-x86_64" \
            -Fiunix $unit.pp
    done
}

build_i386_compiler
for target in $("$tools/target"); do build_units "$target"; done
build_fcl_units
rm -rf "$work"
cp "$script" "$folder/ready"
