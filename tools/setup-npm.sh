#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches the packages of tools/view/package-lock.json into FOLDER: what the page of brainmm-view draws with, and the
# driver of its tests. Their versions are fixed and npm compares their hashes. No script of a package is run.
#   tools/setup-npm.sh FOLDER
set -eu
folder=$1
mkdir -p "$folder"
rm -f "$folder/ready"
cp tools/view/package.json tools/view/package-lock.json "$folder/"
cd "$folder"
npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier
cp package-lock.json ready
