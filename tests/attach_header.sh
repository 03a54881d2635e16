#!/bin/sh
# attach_header.sh: brainmm_attach.h compiles without a warning in every language that it promises. It is the only
# header and the first one of its file.
set -eu
folder=$BUILD/tests/attach_header
mkdir -p "$folder"
cat >"$folder/client.c" <<'END'
#include "brainmm_attach.h"
const struct brainmm_manager *client(void);
const struct brainmm_manager *client(void) {
    const struct brainmm_manager *manager = brainmm_attach();
    return manager && BRAINMM_HAS(manager, pages_get) ? manager : 0;
}
END
cp "$folder/client.c" "$folder/client.cpp"

# windows.h takes long to compile, so for Windows only the oldest and the newest standards are tried.
c_standards='c89 c99 c11 c17 gnu89 gnu17' cxx_standards='c++98 c++11 c++17 c++20 gnu++20'
case $TARGET in win*) c_standards='c89 c17' cxx_standards='c++98 c++20' ;; esac
case $TARGET in
linux-x86_64) c='gcc clang' cxx='g++ clang++' ;;
linux-i386) c='gcc:-m32' cxx='g++:-m32' ;;
win64) c=x86_64-w64-mingw32-gcc cxx=x86_64-w64-mingw32-g++ ;;
win32) c=i686-w64-mingw32-gcc cxx=i686-w64-mingw32-g++ ;;
esac
# The compiler for i386 may be a cross compiler.
if [ "$TARGET" = linux-i386 ] && ! gcc -m32 -print-file-name=crt1.o | grep -q /; then
    c=i686-linux-gnu-gcc cxx=i686-linux-gnu-g++
fi

count=0
compile() {
    # shellcheck disable=SC2046  # a compiler and its option
    $(echo "$1" | tr : ' ') -std="$2" -pedantic -Wall -Wextra -Wshadow -Wconversion -Werror -Iinclude \
        -c -o "$folder/client.o" "$folder/$3"
    count=$((count + 1))
}
for compiler in $c; do
    for standard in $c_standards; do compile "$compiler" $standard client.c; done
done
for compiler in $cxx; do
    for standard in $cxx_standards; do compile "$compiler" $standard client.cpp; done
done
echo "compiled $count times"
