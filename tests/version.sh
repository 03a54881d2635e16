#!/bin/sh
# SPDX-License-Identifier: MIT
# version.sh: BRAINMM_VERSION in brainmm.h and the version resource of brainmm.dll say the same as VERSION in the
# Makefile.
set -eu
version=$(sed -n 's/^VERSION := *//p' Makefile)
number=$(echo "$version" | awk -F. 'NF == 3 { printf "0x%02x%02x%02xu", $1, $2, $3 }')
header=$(sed -n 's/^#define BRAINMM_VERSION \([0-9a-fx]*u\).*/\1/p' include/brainmm.h)
[ -n "$number" ] || { echo "VERSION in the Makefile is '$version', not three numbers"; exit 1; }
[ "$header" = "$number" ] || { echo "BRAINMM_VERSION is $header; the Makefile's $version would be $number"; exit 1; }

eval "$(tools/target "$TARGET")"
# shellcheck disable=SC2154  # tools/target sets it
case $system in
windows)
    # The texts of the resource are in UTF-16.
    LC_ALL=C tr -d '\000' <"$BUILD/brainmm.dll" | LC_ALL=C grep -aq "FileVersion.*$version" ||
        { echo "the version resource of brainmm.dll does not say $version"; exit 1; }
    ;;
esac
