#!/bin/sh
# static_user.sh: a program is linked with the static core by the command that brainmm.h and README.md give, in a folder
# of its own, and works. static_user.c tells what else is tried.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
top=$PWD
eval "$(tools/target "$TARGET")"
folder=$BUILD/tests/static_user
rm -rf "$folder"
mkdir -p "$folder"
cp "$BUILD/libbrainmm.a" include/brainmm.h tests/static_user.c "$folder/"
cd "$folder"

cat >program.c <<'END'
#include "brainmm.h"
int main(void) {
    void *piece = brainmm_alloc(100);
    return !piece || brainmm_free(piece) != BRAINMM_OK;
}
END

# run PROGRAM
run_program() { WINE_RUN_SECONDS=60 ${run:+"$top/"$run} "./$1$exe"; }

for program in program static_user; do
    $cc -DBRAINMM_STATIC $program.c libbrainmm.a $static -o $program$exe
    run_program $program || {
        echo "$program ended with exit code $?"
        exit 1
    }
done
