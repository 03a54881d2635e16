#!/bin/sh
# SPDX-License-Identifier: MIT
# redirect_programs.sh PROGRAM: a program of others, which knows nothing of BrainMM, prints and writes the same with
# brainmm-run.exe as without it. The set-up has made or fetched it. tools/windows-programs.sh has more programs.
set -eu
folder=${XDG_CACHE_HOME:-$HOME/.cache}/brainmm/windows-programs/$TARGET
if [ "$1" = 7za ] && [ ! -e "$folder/7za.exe" ]; then
    echo "npm is missing, or could not fetch 7za"
    exit 77
fi
exec sh tools/windows-programs.sh "$TARGET" "$folder" "$1"
