#!/bin/sh
# SPDX-License-Identifier: MIT
# headers.sh: brainmm.h, brainmm_attach.h and brainmm.hpp compile without a warning in every standard of C and C++ that
# they promise, with gcc, clang and MinGW; the C headers also in clang's Visual C++ mode. They do not disturb the file
# that includes them: its macros, <windows.h>, <winsock2.h>, std::min, std::max.
# shellcheck disable=SC2154  # tools/target sets them
set -eu
folder=$BUILD/tests/headers
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

# All of brainmm.hpp, which is the first header of the file. Templates are checked where they are used.
cat >"$folder/all.cpp" <<'END'
#include "brainmm.hpp"
#include <map>
#include <string>
#include <vector>

BRAINMM_REPLACE_NEW_AND_DELETE;

struct first {
    virtual ~first() {}
};
struct second {
    virtual ~second() {}
    int number = 0;
};
struct both : first, second {};
struct alignas(128) wide {
    char bytes[128];
};
template <class T> using vector = std::vector<T, brainmm::allocator<T>>;

int client(std::size_t count);
int client(std::size_t count) {
    vector<int> numbers(count);
    vector<vector<wide>> table(count, vector<wide>(count));
    std::map<int, wide, std::less<int>, brainmm::allocator<std::pair<const int, wide>>> map;
    map[5] = wide();
    std::pmr::string text(count, 'x', brainmm::resource());
    brainmm::unique_ptr<second> object = brainmm::make_unique<both>();
    brainmm::unique_ptr<const int> constant = brainmm::make_unique<int>(3);
    brainmm::unique_ptr<int[]> array = brainmm::make_unique<int[]>(count);
    brainmm::unique_bytes bytes = brainmm::make_bytes(count, 64);
    auto shared = std::allocate_shared<both>(brainmm::allocator<both>());
    brainmm::pages pages(count), other(std::nothrow, count, brainmm::memory_mode::jit);
    other = std::move(pages);
    pages.resize(count);
    pages.resize_discard(count);
    brainmm::block block(brainmm::block_size::mib_1), none(std::nothrow, brainmm::block_size::kib_4);
    swap(block, none);
    int result = block.set_rights(brainmm::rights::none);
    result += pages.set_rights(brainmm::rights::read | brainmm::rights::write);
    brainmm::jit_heap heap, third(std::nothrow, result, brainmm::jit_kind::two_views);
    brainmm::jit_buffer code(heap, count), more(std::nothrow, third, count);
    *code.writable() = std::byte{1};
    void *given_up = pages.release();
    return object->number + *constant + array[0] + result + code.entry<int()>()() + (given_up == block.release()) +
           (brainmm::manager() != nullptr) + brainmm::error(result).result() +
           (brainmm::block::start_of(&count, brainmm::block_size::kib_4) == bytes.get()) +
           (brainmm::resource()->heap_id() == 0) + (brainmm::allocator<int>() != brainmm::allocator<char>());
}
END

# Visual C++: clang has its mode, but not the SDK. These two headers declare what brainmm_attach.h uses of it.
mkdir -p "$folder/sdk"
cat >"$folder/sdk/string.h" <<'END'
#pragma once
#include <stddef.h>
#if defined(__cplusplus)
extern "C" {
#endif
void *__cdecl memcpy(void *to, const void *from, size_t size);
void *__cdecl memset(void *to, int value, size_t size);
int __cdecl memcmp(const void *a, const void *b, size_t size);
#if defined(__cplusplus)
}
#endif
END
cat >"$folder/sdk/windows.h" <<'END'
#pragma once
#include <stddef.h>
typedef int BOOL;
typedef char CHAR;
typedef unsigned long DWORD;
typedef void *HANDLE, *HLOCAL, *PVOID, *LPVOID;
typedef const void *LPCVOID;
typedef size_t SIZE_T;
#if defined(__cplusplus)
typedef wchar_t WCHAR;
#define DECLARE extern "C" __declspec(dllimport)
#define PROCEDURE()
#else
typedef unsigned short WCHAR;
#define DECLARE __declspec(dllimport)
#define PROCEDURE() void
#endif
typedef const CHAR *LPCSTR;
typedef const WCHAR *LPCWSTR;
typedef WCHAR *LPWSTR;
typedef struct HINSTANCE__ *HMODULE;
#if defined(_WIN64)
typedef long long(__stdcall *FARPROC)(PROCEDURE());
#else
typedef int(__stdcall *FARPROC)(PROCEDURE());
#endif
typedef struct {
    PVOID BaseAddress, AllocationBase;
    DWORD AllocationProtect;
    SIZE_T RegionSize;
    DWORD State, Protect, Type;
} MEMORY_BASIC_INFORMATION;
enum { FALSE, TRUE, FILE_MAP_READ = 4, LMEM_FIXED = 0, MEM_COMMIT = 0x1000, MEM_IMAGE = 0x1000000 };
enum { PAGE_EXECUTE = 16, PAGE_EXECUTE_READ = 32, PAGE_EXECUTE_READWRITE = 64, PAGE_EXECUTE_WRITECOPY = 128 };
#define GET_MODULE_HANDLE_EX_FLAG_PIN 1
#define GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT 2
#define GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS 4
#define LOAD_WITH_ALTERED_SEARCH_PATH 8
DECLARE SIZE_T __stdcall VirtualQuery(LPCVOID address, MEMORY_BASIC_INFORMATION *info, SIZE_T size);
DECLARE BOOL __stdcall ReadProcessMemory(HANDLE process, LPCVOID from, LPVOID to, SIZE_T size, SIZE_T *done);
DECLARE HANDLE __stdcall GetCurrentProcess(PROCEDURE());
DECLARE DWORD __stdcall GetCurrentProcessId(PROCEDURE());
DECLARE BOOL __stdcall GetModuleHandleExW(DWORD flags, LPCWSTR name, HMODULE *module);
DECLARE DWORD __stdcall GetModuleFileNameW(HMODULE module, LPWSTR path, DWORD size);
DECLARE DWORD __stdcall GetEnvironmentVariableW(LPCWSTR name, LPWSTR text, DWORD size);
DECLARE HANDLE __stdcall OpenFileMappingW(DWORD access, BOOL inherit, LPCWSTR name);
DECLARE LPVOID __stdcall MapViewOfFile(HANDLE mapping, DWORD access, DWORD high, DWORD low, SIZE_T size);
DECLARE BOOL __stdcall UnmapViewOfFile(LPCVOID view);
DECLARE BOOL __stdcall CloseHandle(HANDLE handle);
DECLARE HLOCAL __stdcall LocalAlloc(unsigned flags, SIZE_T size);
DECLARE HLOCAL __stdcall LocalFree(HLOCAL memory);
DECLARE HMODULE __stdcall LoadLibraryExW(LPCWSTR path, HANDLE file, DWORD flags);
DECLARE FARPROC __stdcall GetProcAddress(HMODULE module, LPCSTR name);
END

c_standards='c89 c99 c11 c17 c2x' cxx_standards='c++98 c++11 c++14 c++17 c++20 c++2b' hpp_standards='c++17 c++20 c++2b'
[ "$TARGET" != linux-x86_64 ] || c_standards="$c_standards gnu89 gnu17" cxx_standards="$cxx_standards gnu++20"
c_files='macros.c names.c' cxx_files='macros.c names.c minimum.cpp'
eval "$(tools/target "$TARGET")"
[ "$system" = linux ] || { c_files="$c_files winsock.c own.c whole.c" cxx_files="$cxx_files winsock.c own.c whole.c"; }

# The compilers are words of a list, so a colon separates a compiler from its options here.
words() { echo "$*" | tr ' ' :; }
c=$(words "$cc") cxx=$(words "$cxx")
if [ -n "$clang" ]; then
    c="$c $(words "$clang")"
    clangxx=clang++${clang#clang}
    # For Windows, clang uses MinGW's headers. It finds those of C, but those of C++ it has to be told.
    if [ "$system" = windows ]; then
        mingw=$($cxx -print-file-name=include/c++)
        clangxx="$clangxx -isystem $mingw -isystem $mingw/$($cxx -dumpmachine)"
    fi
    cxx="$cxx $(words "$clangxx")"
fi

count=0 status=0
# compile COMPILER STANDARD LANGUAGE FILE OPTION...
compile() {
    compiler=$1 standard=$2 language=$3 file=$4
    shift 4
    # shellcheck disable=SC2046  # a compiler and its options
    set -- $(echo "$compiler" | tr : ' ') "$@" -std="$standard" -x "$language" "$folder/$file"
    "$@" -pedantic -Wall -Wextra -Wshadow -Wconversion -Werror -Iinclude -fsyntax-only >"$folder/log" 2>&1 || {
        echo "$*:"
        head -n 5 "$folder/log"
        status=1
    }
    count=$((count + 1))
}
# brainmm.h and brainmm_attach.h with every standard, the other files with the oldest one.
for compiler in $c; do
    for standard in $c_standards; do
        for file in client.c api.c; do compile "$compiler" "$standard" c "$file"; done
    done
    for file in $c_files; do compile "$compiler" "${c_standards%% *}" c "$file"; done
done
for compiler in $cxx; do
    for standard in $cxx_standards; do
        for file in client.c api.c; do compile "$compiler" "$standard" c++ "$file"; done
    done
    for file in $cxx_files; do compile "$compiler" "${cxx_standards%% *}" c++ "$file"; done
    for standard in $hpp_standards; do
        compile "$compiler" "$standard" c++ all.cpp
        compile "$compiler" "$standard" c++ all.cpp -fno-exceptions -fno-rtti -DBRAINMM_USE_ATTACH
    done
    compile "$compiler" gnu++17 c++ all.cpp -fno-exceptions -DBRAINMM_STATIC
    compile "$compiler" c++17 c++ all.cpp -fno-rtti
done
if [ "$system" = windows ]; then
    processor=x86_64
    [ "$bits" = 64 ] || processor=i686
    visual="clang:--target=$processor-pc-windows-msvc:-fms-compatibility:-fms-extensions:-isystem:$folder/sdk"
    for file in client.c api.c; do
        for standard in $c_standards; do compile "$visual" "$standard" c "$file"; done
        for standard in $cxx_standards; do compile "$visual" "$standard" c++ "$file"; done
    done
fi

# An older standard does not compile, and the message says why.
[ -n "$cxx" ] || { echo "compiled $count times, C alone"; exit $status; }
printf '#include "brainmm.hpp"\n' >"$folder/old.cpp"
# shellcheck disable=SC2046  # a compiler and its options
if $(echo "${cxx%% *}" | tr : ' ') -std=c++14 -Iinclude -fsyntax-only "$folder/old.cpp" >"$folder/log" 2>&1 ||
    ! grep -q 'brainmm.hpp needs C++17 or later' "$folder/log"; then
    echo "brainmm.hpp does not say that C++14 is too old:"
    head -n 5 "$folder/log"
    status=1
fi
echo "compiled $count times"
exit $status
