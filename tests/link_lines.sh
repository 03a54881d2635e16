#!/bin/sh
# link_lines.sh: a program is linked by the very command lines that the head of brainmm.h gives, with nothing added, and
# runs; on Windows it then needs no DLL that a system or the library does not bring.
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
case $TARGET in
linux-x86_64) system=Linux cc=gcc objdump='' ;;
linux-i386) system=Linux cc=$(tools/i386-compiler) objdump='' ;;
win64) system=Windows cc=x86_64-w64-mingw32-gcc objdump=x86_64-w64-mingw32-objdump ;;
win32) system=Windows cc=i686-w64-mingw32-gcc objdump=i686-w64-mingw32-objdump ;;
esac
for file in libbrainmm.a libbrainmm.so libbrainmm.dll.a brainmm.dll; do
    [ ! -e "$BUILD/$file" ] || cp "$BUILD/$file" "$folder/"
done
sed -n "s/^ \* *$system, \([^ ]*\)  *gcc \(.*\)/\1 \2/p" include/brainmm.h >"$folder/lines"
[ "$(wc -l <"$folder/lines")" = 2 ] || { echo "brainmm.h does not have two lines for $system"; exit 1; }

cd "$folder"
while read -r kind arguments; do
    name=$kind
    [ "$system" = Linux ] || name=$kind.exe
    # shellcheck disable=SC2086  # lists of options
    C_INCLUDE_PATH=$top/include LIBRARY_PATH=. $cc $arguments -o "$name"
    case $TARGET in
    linux-*) LD_LIBRARY_PATH=. timeout 30 "./$name" ;;
    win*)
        # Into a file: Wine's server would keep the test's output open.
        WINE_RUN_SECONDS=60 "$top/tools/wine-run" "$TARGET" "$name" >output 2>&1 </dev/null || { cat output; exit 1; }
        cat output
        $objdump -p "$name" | sed -n 's/.*DLL Name: //p' | tr '[:upper:]' '[:lower:]' | while read -r dll; do
            case $dll in
            kernel32.dll | ntdll.dll | msvcrt.dll | ucrtbase.dll | api-ms-win-*) ;;
            brainmm.dll) [ "$kind" = DLL ] || { echo "$name needs $dll"; exit 1; } ;;
            *) echo "$name needs $dll"; exit 1 ;;
            esac
        done
        ;;
    esac
done <lines
