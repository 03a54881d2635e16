#!/bin/sh
# version.sh: BRAINMM_VERSION in brainmm.h is the Makefile's VERSION, and both are what the built library says of
# itself.
set -eu
version=$(sed -n 's/^VERSION := *//p' Makefile)
number=$(echo "$version" | awk -F. 'NF == 3 { printf "0x%02x%02x%02xu", $1, $2, $3 }')
header=$(sed -n 's/^#define BRAINMM_VERSION \([0-9a-fx]*u\).*/\1/p' include/brainmm.h)
[ -n "$number" ] || { echo "the Makefile's VERSION is '$version', and not three numbers"; exit 1; }
[ "$header" = "$number" ] || { echo "brainmm.h says $header, the Makefile $version, which is $number"; exit 1; }

eval "$(tools/target "$TARGET")"
# shellcheck disable=SC2154  # tools/target sets it
case $system in
windows)
    # The resource holds its texts as UTF-16.
    LC_ALL=C tr -d '\000' <"$BUILD/brainmm.dll" | LC_ALL=C grep -aq "FileVersion.*$version" ||
        { echo "the version resource of brainmm.dll lacks $version"; exit 1; }
    ;;
esac
