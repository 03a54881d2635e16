#!/bin/sh
# SPDX-License-Identifier: MIT
# attach_header.sh: brainmm.h and brainmm_attach.h compile without a warning in every standard of C and C++ that they
# promise. They do not disturb the file that includes them: its macros, <windows.h>, <winsock2.h>, std::min, std::max.
# shellcheck disable=SC2154  # tools/target sets them
set -eu
folder=$BUILD/tests/attach_header
mkdir -p "$folder"

# brainmm_attach.h is the first and only header of a file.
cat >"$folder/client.c" <<'END'
#include "brainmm_attach.h"
const struct brainmm_manager *client(void);
const struct brainmm_manager *client(void) {
    const struct brainmm_manager *manager = brainmm_attach();
    return manager && BRAINMM_HAS(manager, pages_get) ? manager : 0;
}
END

# The same for brainmm.h.
cat >"$folder/api.c" <<'END'
#include "brainmm.h"
void *client(void);
void *client(void) { return brainmm_realloc_array(brainmm_alloc(BRAINMM_VERSION), brainmm_system_page_size(), 1); }
END

# The file has function-like macros with the names of members and of the C library's functions. A use that the
# preprocessor expands does not compile.
cat >"$folder/macros.c" <<'END'
#define alloc(size) this is not C
#define malloc(size) this is not C
#define calloc(count, size) this is not C
#define realloc(piece, size) this is not C
#define free(piece) this is not C
#define reget(piece, size) this is not C
#define walk(visit, context) this is not C
#define get(index) this is not C
#include "brainmm_attach.h"
#if !defined(alloc) || !defined(malloc) || !defined(calloc) || !defined(realloc) || !defined(free)
#error "a macro of the including file is gone"
#endif
int client(void);
int client(void) {
    const struct brainmm_manager *manager = brainmm_attach();
    void *piece = manager && BRAINMM_HAS(manager, free) ? (manager->alloc)(10) : 0;
    return piece && (manager->free)((manager->realloc)(piece, 20)) == BRAINMM_OK;
}
END

# The macros replace names by other names.
cat >"$folder/names.c" <<'END'
#include <stdlib.h>
#define malloc my_malloc
#define realloc my_realloc
#define free my_free
#include "brainmm_attach.h"
int client(void);
int client(void) {
    const struct brainmm_manager *manager = brainmm_attach();
    return manager && BRAINMM_HAS(manager, free) && manager->free(manager->realloc(0, 20)) == BRAINMM_OK;
}
END

# C++: the file can call std::min and std::max.
cat >"$folder/minimum.cpp" <<'END'
#include "brainmm_attach.h"
#include <algorithm>
#if defined(min) || defined(max)
#error "min or max is a macro"
#endif
int client(int a, int b);
int client(int a, int b) { return brainmm_attach() ? std::min(a, b) : std::max(a, b); }
END

# Windows: <winsock2.h> may follow. The header includes the small <windows.h>, and leaves no macro behind.
cat >"$folder/winsock.c" <<'END'
#include "brainmm_attach.h"
#if defined(_WINSOCKAPI_) || defined(min) || defined(max)
#error "<windows.h> brought more than it has to"
#endif
#if defined(WIN32_LEAN_AND_MEAN) || defined(NOMINMAX) || defined(BRAINMM_ATTACH_LEAN) || \
    defined(BRAINMM_ATTACH_NOMINMAX)
#error "a macro of this header's own is left behind"
#endif
#include <winsock2.h>
#include <ws2tcpip.h>
int client(void);
int client(void) { return brainmm_attach() != 0 && sizeof(struct sockaddr_storage) > 0; }
END

# Windows: the file's own definitions stay as they are.
cat >"$folder/own.c" <<'END'
#define WIN32_LEAN_AND_MEAN 7
#define NOMINMAX 8
#include "brainmm_attach.h"
/* libstdc++ defines NOMINMAX anew, as 1 */
#if WIN32_LEAN_AND_MEAN != 7 || !defined(NOMINMAX) || (!defined(__cplusplus) && NOMINMAX != 8)
#error "the file's own definitions have changed"
#endif
int client(void);
int client(void) { return brainmm_attach() != 0; }
END

# Windows: a file that needs all of <windows.h> includes it first and keeps it.
cat >"$folder/whole.c" <<'END'
#include <windows.h>
#include "brainmm_attach.h"
#if !defined(_WINSOCKAPI_) || defined(WIN32_LEAN_AND_MEAN)
#error "<windows.h> is not as this file has included it"
#endif
#if !defined(__cplusplus) && (!defined(min) || defined(NOMINMAX)) /* MinGW never defines min for C++ */
#error "min is gone"
#endif
int client(HDROP files);
int client(HDROP files) { return brainmm_attach() != 0 && DragQueryFileA(files, 0, 0, 0) == 0; }
END

# client.c and api.c are compiled with every standard, the other files with the oldest one.
c_files='macros.c names.c' cxx_files='macros.c names.c minimum.cpp'
c_standards='c89 c99 c11 c17 c2x gnu89 gnu17'
cxx_standards='c++98 c++11 c++14 c++17 c++20 c++2b gnu++20'
eval "$(tools/target "$TARGET")"
if [ "$system" = windows ]; then
    # Only the oldest and the newest standard, because windows.h takes long to compile.
    c_standards='c89 c2x' cxx_standards='c++98 c++2b'
    c_files="$c_files winsock.c own.c whole.c" cxx_files="$cxx_files winsock.c own.c whole.c"
fi
# The compilers are words of a list, so a colon separates a compiler from its options here. For Windows, clang uses
# MinGW's headers.
c=$(echo "$cc" | tr ' ' :) cxx=$(echo "$cxx" | tr ' ' :)
[ -z "$clang" ] || c="$c $(echo "$clang" | tr ' ' :)"
[ -z "$clang" ] || [ "$system" = windows ] || cxx="$cxx $clang++"

count=0 status=0
compile() {
    # shellcheck disable=SC2046  # a compiler and its options
    set -- $(echo "$1" | tr : ' ') -std="$2" -x "$3" "$folder/$4"
    "$@" -pedantic -Wall -Wextra -Wshadow -Wconversion -Werror -Iinclude -fsyntax-only >"$folder/log" 2>&1 || {
        echo "$*:"
        head -n 5 "$folder/log"
        status=1
    }
    count=$((count + 1))
}
for compiler in $c; do
    for standard in $c_standards; do
        compile "$compiler" "$standard" c client.c
        compile "$compiler" "$standard" c api.c
    done
    for file in $c_files; do compile "$compiler" "${c_standards%% *}" c "$file"; done
done
for compiler in $cxx; do
    for standard in $cxx_standards; do
        compile "$compiler" "$standard" c++ client.c
        compile "$compiler" "$standard" c++ api.c
    done
    for file in $cxx_files; do compile "$compiler" "${cxx_standards%% *}" c++ "$file"; done
done
echo "compiled $count times"
exit $status
