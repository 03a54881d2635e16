#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes an empty Debian in a folder, with what a newcomer has before he installs BrainMM: compilers, CMake, valgrind
# (needs root, directly or through sudo).
#   tools/setup-dist-root.sh ROOT        650 MB; two minutes
# The tests of tests/dist use it as the lower half of an overlay, so that it stays as it is. When all is done,
# ROOT.ready is a copy of this script.
set -eu
root=$1
rm -f "$root.ready"
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}
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
as_root rm -rf "$root.new" "$root"
mkdir -p "$(dirname "$root")"
as_root env PATH="$PATH:/usr/sbin:/sbin" debootstrap --variant=minbase \
    --include=gcc,g++,libc6-dev,make,cmake,pkg-config,valgrind,fp-compiler-3.2.2,fp-units-rtl-3.2.2,man-db \
    "$VERSION_CODENAME" "$root.new" "$mirror"
as_root rm -rf "$root.new/var/cache/apt/archives" "$root.new/usr/share/doc" "$root.new/usr/share/locale"
as_root mv "$root.new" "$root"
cp "$0" "$root.ready"
