#!/bin/sh
# SPDX-License-Identifier: MIT
# static_user.sh: two programs are linked with the static core by the command of docs/shipping.md, in a folder of their
# own, and work. static_user.c tells what the second one tries.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
top=$PWD
eval "$(tools/target "$TARGET")"
folder=$BUILD/tests/static_user
rm -rf "$folder"
mkdir -p "$folder"
cp "$BUILD/libbrainmm.a" include/brainmm.h tests/static_user.c "$folder/"
cd "$folder"

# The names that static_user.c takes must still be names inside the core. The compiler's own (__name) may be missing.
"$nm" --defined-only --format=posix libbrainmm.a | awk '{ print $1 }' >names
sed -n 's/^TAKEN[_A-Z]*(\([a-z].*\))$/\1/p' static_user.c >taken
[ "$(wc -l <taken)" -gt 10 ] || { echo "static_user.c takes too few names"; exit 1; }
while read -r name; do
    grep -qx "$underscore$name" names || { echo "static_user.c takes $name, which is no name of the core"; exit 1; }
done <taken

cat >program.c <<'END'
#include "brainmm.h"
int main(void) {
    void *piece = brainmm_alloc(100);
    return !piece || brainmm_free(piece) != BRAINMM_OK;
}
END

# try PROGRAM OPTION...
try() {
    program=$1
    shift
    $cc -DBRAINMM_STATIC $program.c libbrainmm.a $static "$@" -o $program$exe
    WINE_RUN_SECONDS=60 ${run:+"$top/"$run} "./$program$exe" || {
        echo "$program $* ended with exit code $?"
        exit 1
    }
}
try program
try static_user
# Other ways to link put the core's tables elsewhere among the program's variables. Without read-only relocations
# (relro) they share pages with them, and stay writable. Then nothing else may become read-only.
if [ "$system" = linux ]; then
    try static_user -static
    try static_user -no-pie
    try static_user -static-pie
    try static_user -Wl,-z,norelro -DTABLE_RIGHTS=3
fi
