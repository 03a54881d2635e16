#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes a cross compiler for musl of one for glibc (tools/setup-cross.sh), with musl's packages of that processor.
#   tools/setup-musl.sh aarch64-linux-musl FOLDER      needs no root
# FOLDER/bin then has aarch64-linux-musl-gcc. FOLDER/usr/aarch64-linux-musl looks like the root of a system with musl.
#
# apt has no packages of another processor without being told of it. So it gets lists of its own for the moment, and the
# system's state stays as it is.
set -eu

triplet=$1
processor=${triplet%%-*}
case $processor in
aarch64) debian=arm64 ;;
*) debian=$processor ;;
esac
folder=$(cd "$2" && pwd)
work=$(mktemp -d "$folder/packages/XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/sources" "$work/lists/partial" "$work/cache/archives/partial"
: >"$work/status"
signed=
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ ! -e $keyring ] || signed="signed-by=$keyring "
apt-get indextargets --format "deb [${signed}arch=$debian] \$(REPO_URI) \$(RELEASE) main" \
    'Created-By: Packages' 'Component: main' 'Origin: Debian' | sort -u >"$work/sources/source.list"
[ -s "$work/sources/source.list" ] || {
    echo "apt knows no Debian source on this machine: run apt-get update first" >&2
    exit 1
}
apt_private() {
    apt-get -qq -o APT::Architecture="$debian" -o APT::Architectures="$debian" -o Dir::Etc::sourcelist=/dev/null \
        -o Dir::Etc::sourceparts="$work/sources" -o Dir::State::lists="$work/lists" \
        -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache" -o APT::Sandbox::User= "$@"
}
apt_private update
(cd "$work" && apt_private download musl musl-dev)
root=$folder/usr/$triplet
mkdir -p "$root"
for package in "$work"/*.deb; do dpkg-deb --extract "$package" "$root"; done
# The package has no name for -lc but that of the static library.
[ -e "$root/usr/lib/$triplet/libc.so" ] ||
    ln -sf "../../../lib/$triplet/libc.so" "$root/usr/lib/$triplet/libc.so"

# gcc reads how to find headers, start-up files and libraries from this file. Only a library for static links is taken
# of gcc's own.
headers=$root/usr/include/$triplet libraries=$root/usr/lib/$triplet
cat >"$root/musl-gcc.specs" <<END
%rename cpp_options old_cpp_options

*cpp_options:
-nostdinc -isystem $headers -isystem include%s %(old_cpp_options)

*cc1:
%(cc1_cpu) -nostdinc -isystem $headers -isystem include%s

*link_libgcc:
-L$libraries -L .%s

*libgcc:
libgcc.a%s %:if-exists(libgcc_eh.a%s)

*startfile:
%{!shared: $libraries/Scrt1.o} $libraries/crti.o crtbeginS.o%s

*endfile:
crtendS.o%s $libraries/crtn.o

*link:
-dynamic-linker /lib/ld-musl-$processor.so.1 -nostdlib %{shared:-shared} %{static:-static} %{rdynamic:-export-dynamic} \
-X -EL -maarch64linux

*esp_link:


*esp_options:


*esp_cpp_options:


END
cat >"$folder/bin/.$triplet-gcc" <<END
#!/bin/sh
exec "$processor-linux-gnu-gcc" "\$@" -specs "$root/musl-gcc.specs"
END
chmod +x "$folder/bin/.$triplet-gcc"
mv "$folder/bin/.$triplet-gcc" "$folder/bin/$triplet-gcc"
