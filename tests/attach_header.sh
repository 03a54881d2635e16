#!/bin/sh
# attach_header.sh: brainmm_attach.h compiles without a warning in every language it promises, alone and first in a
# file.
# shellcheck disable=SC2154  # tools/target sets them
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

# windows.h takes its time, so for Windows it is the oldest and the newest.
eval "$(tools/target "$TARGET")"
# windows.h takes its time, so for Windows it is the oldest and the newest.
c_standards='c89 c99 c11 c17 gnu89 gnu17' cxx_standards='c++98 c++11 c++17 c++20 gnu++20'
[ "$system" = linux ] || c_standards='c89 c17' cxx_standards='c++98 c++20'
# An option of a compiler stands behind a colon here, for the compilers are words of a list.
c=$(echo "$cc" | tr ' ' :) cxx=$(echo "$cxx" | tr ' ' :)
[ -z "$clang" ] || c="$c $clang" cxx="$cxx $clang++"

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
