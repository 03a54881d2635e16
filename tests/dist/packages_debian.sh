#!/bin/sh
# SPDX-License-Identifier: MIT
# packages_debian.sh: Debian's packages in dist/, as somebody uses them who has just got them. lintian finds nothing. In
# an empty Debian, apt installs them over an older version; programs in C, C++ and Pascal, pkg-config, CMake, memcheck,
# brainmm-run and the manual work; the programs run without the development package; nothing is left in the end.
# It needs root: an overlay in memory lies over the empty Debian, in a mount namespace of its own.
set -eu
fail() {
    echo "$*"
    exit 1
}
root=${XDG_CACHE_HOME:-$HOME/.cache}/brainmm/dist-root
version=$(sed -n 's/^VERSION := *//p' Makefile)
work=$PWD/$BUILD/tests/packages
rm -rf "$work"
mkdir -p "$work/debs" "$work/old"
set -- libbrainmm2 libbrainmm-dev brainmm-malloc brainmm-pascal libbrainmm2-dbgsym brainmm-malloc-dbgsym
for package; do
    cp dist/"${package}_$version"-1_*.deb "$work/debs/" || fail "dist/ has no $package; make dist makes it"
done

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
# lintian takes root for a mistake.
lintian --allow-root --tag-display-limit 0 --display-info --fail-on error,warning,info "$work"/debs/*.deb ||
    fail "lintian has found something"

# The same packages with an older version, to upgrade from. Its library has another name.
for package in libbrainmm2 libbrainmm-dev brainmm-malloc brainmm-pascal; do
    dpkg-deb -R "$work/debs/$package"_*.deb "$work/old/$package"
    sed -i "s/$version-1/1.9.9-1/" "$work/old/$package/DEBIAN/control"
    for file in "$work/old/$package"/usr/lib/*/libbrainmm.so."$version"; do
        [ ! -e "$file" ] || {
            mv "$file" "${file%"$version"}1.9.9"
            ln -sf libbrainmm.so.1.9.9 "${file%."$version"}.2"
        }
    done
    dpkg-deb --root-owner-group -b "$work/old/$package" "$work/old/$package.deb" >/dev/null
done

cp tests/dist/packages_debian_inside.sh "$work/inside.sh"
cp -r tests/dist/newcomer "$work/"
# timeout ends what runs inside, too: it is in the same group of processes.
as_root unshare --mount --net sh -eu -c '
    root=$1 work=$2 version=$3
    mkdir -p "$work/mount"
    mount -t tmpfs -o size=2G none "$work/mount"
    mkdir "$work/mount/upper" "$work/mount/inner" "$work/mount/root"
    mount -t overlay -o "lowerdir=$root,upperdir=$work/mount/upper,workdir=$work/mount/inner" none "$work/mount/root"
    mkdir -p "$work/mount/root/given"
    mount --bind "$work" "$work/mount/root/given"
    mount -t proc none "$work/mount/root/proc"
    mount --rbind /dev "$work/mount/root/dev"
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        chroot "$work/mount/root" sh /given/inside.sh "$version"' sh "$root" "$work" "$version"
