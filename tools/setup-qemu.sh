#!/bin/sh
# SPDX-License-Identifier: MIT
# Lets qemu execute i386 programs of Linux, for a machine whose kernel executes none (needs root, directly or through
# sudo). The registration holds until the machine starts again. Then tools/setup.sh calls this script again.
#   tools/setup-qemu.sh
# What it registers is removed by: echo -1 >/proc/sys/fs/binfmt_misc/brainmm-i386
set -eu

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}
apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends "$@"; }

qemu=/usr/bin/qemu-i386-static
[ -x $qemu ] || apt install qemu-user-static || { apt update && apt install qemu-user-static; }

formats=/proc/sys/fs/binfmt_misc
[ -e $formats/register ] || as_root mount -t binfmt_misc binfmt_misc $formats
# An older registration may name a qemu that is gone.
[ ! -e $formats/brainmm-i386 ] || echo -1 | as_root tee $formats/brainmm-i386
# The first bytes of a program or shared object for i386, and which of their bits count. P: the program keeps the name
# by which it was called. F: the kernel opens qemu now, so that it is found inside a chroot, too.
magic='\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x03\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
printf '%s' ":brainmm-i386:M::$magic:$mask:$qemu:PF" | as_root tee $formats/register >/dev/null
"$(dirname "$0")/executes" linux-i386 | grep '^qemu'
