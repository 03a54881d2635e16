#!/bin/sh
# SPDX-License-Identifier: MIT
# cmake_part.sh: the source archive as a part of another project. On Linux by FetchContent, for Windows, with MinGW, by
# add_subdirectory. The targets are those of the installed package: programs with the shared library, the static core
# and BrainMM::malloc run, in C and C++. The libraries export what those of the Makefile do. A part builds no companion
# DLLs unless they are asked for; then these work, too.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
top=$PWD
eval "$(tools/target "$TARGET")"
version=$(sed -n 's/^VERSION := *//p' Makefile)
archive=$top/dist/brainmm-$version.tar.xz
work=$top/$BUILD/tests/cmake_part
rm -rf "$work"
mkdir -p "$work/their project"
cd "$work/their project"
fail() {
    echo "$*"
    [ ! -s output ] || tail -n 20 output
    exit 1
}
[ -e "$archive" ] || fail "$archive is missing; make dist makes it"

cp "$top/tests/dist/newcomer/program.c" .
# Who links BrainMM::malloc on Linux has malloc only, and asks the loader whose it is.
cat >malloc.cpp <<'END_C'
#include <cstdio>
#include <cstdlib>
#include <string>
#ifdef BRAINMM_STATIC
#include <brainmm.h>
#else
#include <cstring>
#include <dlfcn.h>
static int brainmm_contains(const void *) {
    Dl_info of_malloc, of_new;
    void *(*allocate)(std::size_t) = ::operator new;
    return dladdr(reinterpret_cast<void *>(&std::malloc), &of_malloc) && std::strstr(of_malloc.dli_fname, "brainmm") &&
           dladdr(reinterpret_cast<void *>(allocate), &of_new) && std::strstr(of_new.dli_fname, "brainmm");
}
#endif
int main() {
    std::string text(1000, 'x');
    void *piece = std::malloc(100);
    std::printf("%s\n", brainmm_contains(piece) && brainmm_contains(text.data()) ? "in the heap" : "elsewhere");
    std::free(piece);
}
END_C
if [ "$system" = linux ]; then
    part="include(FetchContent)
FetchContent_Declare(BrainMM URL \"$archive\")
FetchContent_MakeAvailable(BrainMM)"
    set --
else
    tar -xf "$archive"
    mv "brainmm-$version" "third party"
    part='add_subdirectory("third party")'
    set -- -DCMAKE_SYSTEM_NAME=Windows
fi
cat >CMakeLists.txt <<END_CMAKE
cmake_minimum_required(VERSION 3.16)
project(newcomer C CXX)
$part
foreach(kind brainmm static)
    add_executable(with-\${kind} program.c)
    target_link_libraries(with-\${kind} BrainMM::\${kind})
endforeach()
add_executable(with-malloc malloc.cpp)
target_link_libraries(with-malloc BrainMM::malloc)
if(WIN32)
    target_link_options(with-malloc PRIVATE -static)
    set_target_properties(brainmm PROPERTIES RUNTIME_OUTPUT_DIRECTORY \${CMAKE_BINARY_DIR})
endif()
END_CMAKE
cmake -S . -B build -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER="${cc%% *}" -DCMAKE_CXX_COMPILER="${cxx%% *}" \
    "$@" >output 2>&1 || fail "cmake"
cmake --build build -j2 >output 2>&1 || fail "cmake --build"

# runs PATTERN PROGRAM ARGUMENT...: it succeeds, and its output has PATTERN.
runs() {
    pattern=$1
    shift
    WINE_RUN_SECONDS=60 ${run:+"$top/"$run} "$@" >output 2>&1 || fail "exit code $?: $*"
    [ -z "$pattern" ] || grep -q -- "$pattern" output || fail "no '$pattern': $*"
}
# Names that a linker gives its own sections' ends are left out.
exports() {
    if [ "$system" = linux ]; then
        "$nm" --dynamic --defined-only "$1" | sed 's/.* //' | grep -v '^_'
    else
        "$objdump" -p "$1" | sed -n 's/.*\[ *[0-9]*\] *.* \([a-zA-Z_][a-zA-Z0-9_@]*\)$/\1/p'
    fi | sort -u
}
# same FILE NAME: it exports what NAME of the Makefile does.
same() {
    exports "$1" >here
    exports "$top/$BUILD/$2" >there
    [ "$(wc -l <here)" -gt 3 ] || fail "$1 exports too little: $(cat here)"
    diff there here >output || fail "$1 has other exports"
}

runs 'succeeded.*not valid' build/with-brainmm$exe
runs 'succeeded.*not valid' build/with-static$exe
runs 'in the heap' build/with-malloc$exe
parts=build
[ "$system" = windows ] || parts=build/_deps/brainmm-build
if [ "$system" = linux ]; then
    same "$parts/$library" "$library"
    same "$parts/libbrainmm-malloc.so" libbrainmm-malloc.so
    readelf --dynamic --wide "$parts/$library" | grep -q "SONAME.*\[$library\]" || fail "another soname"
    readelf --dynamic --wide build/with-malloc | grep -q 'NEEDED.*libbrainmm-malloc.so' || fail "malloc is not linked"
else
    same build/brainmm.dll brainmm.dll
    [ -z "$(find build -name borlndmm.dll)" ] || fail "a part builds the companions"
    cmake --build build -j2 --target brainmm_companions >output 2>&1 || fail "the companions"
    for each in borlndmm.dll fpcmemdll.dll brainmm_com.dll brainmm-malloc.dll; do
        same "build/third party/$each" "$each"
    done
    cat >plain.c <<'END_C'
#include <stdio.h>
#include <stdlib.h>
int main(void) { return puts(malloc(100) ? "plain" : "no memory") < 0; }
END_C
    $cc plain.c -o plain.exe
    cp build/brainmm.dll "build/third party/"
    runs 'plain' "build/third party/brainmm-run.exe" --report plain.exe
    grep -qi 'plain.exe.*heap' output || fail "brainmm-run.exe does not tell that the program has used the heap"
fi
# The static core has the names of brainmm.h, and no others.
static=$(find build -name libbrainmm.a)
"$nm" --defined-only -g "$static" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u >here
"$nm" --defined-only -g "$top/$BUILD/libbrainmm.a" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u >there
diff there here >output || fail "the static core has other names"
if [ "$system" = windows ]; then
    "$nm" --defined-only -g "$(find build -name libbrainmm-malloc.a)" 2>/dev/null |
        awk 'NF == 3 { print $3 }' | sort >here
    "$nm" --defined-only -g "$top/$BUILD/libbrainmm-malloc.a" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort >there
    diff there here >output || fail "libbrainmm-malloc.a has other names"
fi
echo "CMakeLists.txt works as a part of a project on $TARGET"
