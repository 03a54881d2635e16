#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs Wine for 32-bit Windows programs (needs root, directly or through sudo).
#   tools/setup-wine32.sh ROOT
# The normal way is the package wine32 of the foreign architecture i386. If apt cannot install it without removing
# packages, because its i386 index does not match what is installed, the script removes the architecture again. It then
# puts an i386 Debian of its own, 1.1 GB, into the folder ROOT, which tools/wine-run enters.
set -eu
root=$1

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}
apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends "$@"; }

install_package() {
    plan=$(apt-get --simulate --no-install-recommends install wine32:i386) || return 1
    ! echo "$plan" | grep '^Remv' || return 1
    apt install --download-only wine32:i386 && apt install wine32:i386
}

if dpkg --print-foreign-architectures | grep -qx i386; then
    ! install_package || exit 0
else
    as_root dpkg --add-architecture i386
    if apt update && install_package; then exit 0; fi
    as_root dpkg --remove-architecture i386
    apt update
fi

echo "the package wine32:i386 cannot be installed here: making an i386 root in $root"
command -v debootstrap >/dev/null || [ -e /usr/sbin/debootstrap ] || apt install debootstrap
# The first source of the running release that has the component main is a complete Debian mirror.
# shellcheck source=/dev/null
. /etc/os-release
# shellcheck disable=SC2016  # apt expands these
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' \
    "Codename: $VERSION_CODENAME" | head -n 1)
[ -n "$mirror" ] || {
    echo "apt has no source for $VERSION_CODENAME on this machine" >&2
    exit 1
}
as_root rm -rf "$root"
mkdir -p "$(dirname "$root")"
as_root env PATH="$PATH:/usr/sbin:/sbin" \
    debootstrap --arch=i386 --variant=minbase --include=wine32 "$VERSION_CODENAME" "$root.new" "$mirror"
as_root mkdir -p "$root.new/mnt/host"
as_root mv "$root.new" "$root"
