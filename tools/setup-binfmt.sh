#!/bin/sh
# SPDX-License-Identifier: MIT
# Lets the kernel start qemu for programs of another processor (needs root, directly or through sudo). tools/qemu-run
# starts the programs of the tests; this is for the programs that these start. The registration holds until the machine
# starts again. Then tools/setup.sh calls this script again.
#   tools/setup-binfmt.sh PROCESSOR...      aarch64, arm, riscv64 or s390x
# What it registers is removed by: echo -1 >/proc/sys/fs/binfmt_misc/brainmm-PROCESSOR
set -eu

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

formats=/proc/sys/fs/binfmt_misc
[ -e $formats/register ] || as_root mount -t binfmt_misc binfmt_misc $formats
for processor; do
    # The first bytes of a program or shared object, and which of their bits count: the class, the order of bytes, the
    # kind of the file, the processor.
    order='\x01' kind='\x02\x00'
    case $processor in
    aarch64) class='\x02' machine='\xb7\x00' ;;
    arm) class='\x01' machine='\x28\x00' ;;
    riscv64) class='\x02' machine='\xf3\x00' ;;
    s390x) class='\x02' order='\x02' kind='\x00\x02' machine='\x00\x16' ;;
    esac
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff'
    case $order in
    *1) mask=$mask'\xfe\xff\xff\xff' ;;
    *) mask=$mask'\xff\xfe\xff\xff' ;;
    esac
    magic='\x7fELF'$class$order'\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00'$kind$machine
    # An older registration may name a qemu that is gone. P: the program keeps the name by which it was called.
    [ ! -e $formats/brainmm-"$processor" ] || echo -1 | as_root tee $formats/brainmm-"$processor"
    printf '%s' ":brainmm-$processor:M::$magic:$mask:$(command -v "qemu-$processor-static"):PF" |
        as_root tee $formats/register >/dev/null
done
