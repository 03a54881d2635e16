#!/bin/sh
# SPDX-License-Identifier: MIT
# link_lines.sh: a program is linked by exactly the command lines that the head of brainmm.h gives, and runs. On Windows
# it then needs no DLL but the library and those of the system.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
top=$PWD
folder=$BUILD/tests/link_lines
rm -rf "$folder"
mkdir -p "$folder"
cat >"$folder/program.c" <<'END'
#include <brainmm.h>
#include <stdio.h>
int main(void) {
    char *piece = brainmm_alloc_array(10, 10);
    int state = brainmm_attach_status(NULL);
    printf("state %d, version %#x, %s\n", state, brainmm_version(), brainmm_result_text(brainmm_free(piece)));
    return state == BRAINMM_OWNER && piece && brainmm_version() == BRAINMM_VERSION ? 0 : 1;
}
END
eval "$(tools/target "$TARGET")"
case $system in
linux) heading=Linux ;;
windows) heading=Windows ;;
esac
for file in libbrainmm.a "$library" "$import"; do cp "$BUILD/$file" "$folder/"; done
# What -lbrainmm means
[ "$system" = windows ] || cp "$BUILD/libbrainmm.so" "$folder/"
sed -n "s/^ \* *$heading, \([^ ]*\)  *gcc \(.*\)/\1 \2/p" include/brainmm.h >"$folder/lines"
[ "$(wc -l <"$folder/lines")" = 2 ] || { echo "brainmm.h does not have two lines for $heading"; exit 1; }

cd "$folder"
while read -r kind arguments; do
    name=$kind$exe
    # musl's compiler does not read the variable.
    C_INCLUDE_PATH=$top/include LIBRARY_PATH=. $cc $arguments -o "$name" ${libc:+-L.}
    # To a file, because Wine's server would keep a pipe open. Only Linux needs LD_LIBRARY_PATH.
    WINE_RUN_SECONDS=50 LD_LIBRARY_PATH=. ${run:+"$top/"$run} "./$name" >output 2>&1 </dev/null || {
        echo "$name ended with exit code $?:"
        cat output
        exit 1
    }
    cat output
    [ "$system" = windows ] || continue
    "$objdump" -p "$name" | sed -n 's/.*DLL Name: //p' | tr '[:upper:]' '[:lower:]' | while read -r dll; do
        case $dll in
        kernel32.dll | ntdll.dll | msvcrt.dll | ucrtbase.dll | api-ms-win-*) ;;
        "$library") [ "$kind" = DLL ] || { echo "$name needs $dll"; exit 1; } ;;
        *) echo "$name needs $dll"; exit 1 ;;
        esac
    done
done <lines
