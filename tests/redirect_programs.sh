#!/bin/sh
# SPDX-License-Identifier: MIT
# redirect_programs.sh: programs of others, which know nothing of BrainMM, print and write the same with brainmm-run.exe
# as without it: Lua, and 7za where npm could fetch it. tools/windows-programs.sh does that, also with more programs.
set -eu
folder=${XDG_CACHE_HOME:-$HOME/.cache}/brainmm/windows-programs/$TARGET
set -- lua
[ ! -e "$folder/7za.exe" ] || set -- lua 7za
exec sh tools/windows-programs.sh "$TARGET" "$folder" "$@"
