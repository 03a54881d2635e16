#!/bin/sh
# SPDX-License-Identifier: MIT
# Puts one of Debian's cross compilers, with its C library, into a folder. Needs no root.
#   tools/setup-cross.sh TRIPLET FOLDER      for example aarch64-linux-gnu
# FOLDER/bin then has TRIPLET-gcc, TRIPLET-objdump and so on.
#
# Debian's packages of cross compilers conflict with gcc-multilib, the compiler for linux-i386: apt would remove one or
# the other. Both work when they lie in different folders, and gcc finds its parts beside itself.
set -eu

triplet=$1
mkdir -p "$2/bin" "$2/packages"
folder=$(cd "$2" && pwd)
version=12
case $triplet in
aarch64-*) debian=arm64 ;;
arm-*) debian=armhf ;;
*) debian=${triplet%%-*} ;;
esac

packages="binutils-$triplet cpp-$version-$triplet gcc-$version-$triplet g++-$version-$triplet
    libc6-$debian-cross libc6-dev-$debian-cross linux-libc-dev-$debian-cross libgcc-s1-$debian-cross
    libgcc-$version-dev-$debian-cross libstdc++6-$debian-cross libstdc++-$version-dev-$debian-cross
    libatomic1-$debian-cross"
work=$(mktemp -d "$folder/packages/XXXXXX")
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2086  # words
(cd "$work" && apt-get -o APT::Sandbox::User= download $packages)
for package in "$work"/*.deb; do dpkg-deb --extract "$package" "$folder"; done

# These name the libraries where the packages would put them.
for script in "$folder/usr/$triplet/lib"/*.so; do
    [ -L "$script" ] || [ "$(head -c 2 "$script")" != '/*' ] ||
        sed -i "s|/usr/$triplet/lib/\([^ ]*\)|\"$folder/usr/$triplet/lib/\1\"|g" "$script"
done

# The assembler and its kin have libraries, which are in the folder, too. The compiler comes last: it tells that all is
# there.
libraries=$(dirname "$(find "$folder/usr/lib" -name 'libbfd-*.so' | head -n 1)")
for program in "$folder/usr/bin/$triplet"-* "$folder/usr/bin/$triplet-gcc-$version"; do
    name=$(basename "$program")
    printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@"\n' "$libraries" "$program" >"$folder/bin/.$name"
    chmod +x "$folder/bin/.$name"
    mv "$folder/bin/.$name" "$folder/bin/${name%-"$version"}"
done
