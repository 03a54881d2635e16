#!/bin/sh
# SPDX-License-Identifier: MIT
# packages_linux.sh: the archive for any Linux, as somebody uses it who has just unpacked it, in a folder with a blank
# in its name: programs in C and C++, CMake, pkg-config, Free Pascal, brainmm-run. The libraries need no newer C library
# than 2.17, export what those of the Makefile do, and find their debug information. README.txt names what is there, and
# links of the pages lead somewhere.
# shellcheck disable=SC2154,SC2046,SC2086  # tools/target sets them; some are several words
set -eu
top=$PWD
eval "$(tools/target "$TARGET")"
version=$(sed -n 's/^VERSION := *//p' Makefile)
archive=$top/dist/brainmm-$version-$TARGET.tar.xz
work=$top/$BUILD/tests/packages_linux
rm -rf "$work"
mkdir -p "$work/new comer"
cd "$work/new comer"
fail() {
    echo "$*"
    [ ! -s output ] || tail -n 20 output
    exit 1
}
# runs PATTERN PROGRAM ARGUMENT...: it succeeds, and its output has PATTERN.
runs() {
    pattern=$1
    shift
    "$@" >output 2>&1 || fail "exit code $?: $*"
    [ -z "$pattern" ] || grep -q -- "$pattern" output || fail "no '$pattern': $*"
}
[ -e "$archive" ] || fail "$archive is missing; make dist makes it"
tar -xf "$archive"
there=$PWD/brainmm-$version-$TARGET

# ---- What is in it --------------------------------------------------------------------------------------------------

for each in "$library" libbrainmm-malloc.so; do
    newest=$(objdump -T "$there/lib/$each" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
    [ "$(printf '%s\n' GLIBC_2.17 "$newest" | sort -V | tail -n 1)" = GLIBC_2.17 ] || fail "$each needs $newest"
    [ -n "$newest" ] || fail "$each needs no C library"
    # libpthread and libdl were libraries of their own then.
    needed=$(readelf -dW "$there/lib/$each" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')
    for name in $needed; do
        case $name in
        libc.so.6 | libpthread.so.0 | libdl.so.2) ;;
        *) fail "$each needs $name" ;;
        esac
    done
    readelf -dW "$there/lib/$each" | grep -q "SONAME.*\[$each\]" || fail "$each has another soname"
    readelf -dW "$there/lib/$each" | grep -q 'FLAGS_1.*NOW.*NODELETE' || fail "$each may be unloaded, or binds late"
    ! readelf -dW "$there/lib/$each" | grep -E 'RPATH|RUNPATH|TEXTREL' || fail "$each has a path or text relocations"
    readelf -lW "$there/lib/$each" | grep -q 'GNU_STACK.* RW ' || fail "$each has an executable stack"
    readelf -lW "$there/lib/$each" | grep -q GNU_RELRO || fail "$each has writable relocations"
    ! readelf -SW "$there/lib/$each" | grep debug_info || fail "$each is not stripped"
    for place in "$there" "$top/$BUILD"; do
        file=$place/lib/$each
        [ -e "$file" ] || file=$place/$each
        nm --dynamic --defined-only --with-symbol-versions "$file" | sed 's/^[0-9a-f]* //' | grep -v -e ' _' -e '^A ' |
            sort >"exports-$(basename "$place")"
    done
    diff "exports-$TARGET" "exports-$(basename "$there")" >output || fail "$each exports other names"
    gdb -batch -nx -ex 'info line heap_alloc' "$there/lib/$each" >output 2>&1 </dev/null || true
    grep -q 'Line [0-9]* of ".*\.[ch]"' output || fail "gdb does not find the debug information of $each"
done
for name in $(grep -o '\(bin\|include\|lib\|share\)/[a-zA-Z0-9_./-]*[a-zA-Z0-9]' "$there/README.txt" | sort -u); do
    [ -e "$there/$name" ] || fail "README.txt names $name, which is not there"
done
"$top/tests/dist/links.py" "$there/share/doc/brainmm" || fail "links of the pages are broken"
! grep -rlF "$top" "$there" || fail "these files have the name of the folder where they were built"

# ---- Programs -------------------------------------------------------------------------------------------------------

cp "$top"/tests/dist/newcomer/* .
cat >CMakeLists.txt <<'END_CMAKE'
cmake_minimum_required(VERSION 3.16)
project(newcomer C)
find_package(BrainMM 2 REQUIRED)
foreach(kind brainmm static malloc)
    add_executable(with-${kind} program.c)
    target_link_libraries(with-${kind} BrainMM::brainmm BrainMM::${kind})
endforeach()
END_CMAKE
$cc "-I$there/include" program.c "$there/lib/$library" -Wl,-rpath,"$there/lib" -o c
runs 'succeeded.*not valid' ./c
$cc "-I$there/include" -DBRAINMM_STATIC program.c "$there/lib/libbrainmm.a" -pthread -o static
runs 'succeeded.*not valid' ./static
$cxx -std=c++17 "-I$there/include" program.cpp "$there/lib/$library" -o cpp
! ./cpp >output 2>&1 || fail "the program runs without the library"
runs '' env LD_LIBRARY_PATH="$there/lib" ./cpp
cmake -S . -B build -DCMAKE_C_COMPILER="$cc" -DCMAKE_PREFIX_PATH="$there" >output 2>&1 || fail "cmake"
cmake --build build >output 2>&1 || fail "cmake --build"
for kind in brainmm static malloc; do runs 'succeeded.*not valid' build/with-$kind; done
PKG_CONFIG_PATH=$there/lib/pkgconfig pkg-config --define-prefix --cflags --libs brainmm >output
grep -qF "/lib" output || fail "pkg-config gives another folder"
"$top/tools/fpc" "$TARGET" "-Fu$there/share/brainmm/pascal" -onewcomer newcomer.pas >output 2>&1 || fail "fpc"
cp "$there/lib/$library" .
runs 'in the heap: 42' ./newcomer

# The loader takes a blank as the end of a name in LD_PRELOAD.
! "$there/bin/brainmm-run" true >output 2>&1 || fail "brainmm-run with a blank in its folder's name"
grep -q 'blank or a colon' output || fail "brainmm-run does not tell of the blank"
mv "$there" "$work/moved"
runs "$work/moved/lib/libbrainmm-malloc.so" "$work/moved/bin/brainmm-run" cat /proc/self/maps
runs '^499500$' "$work/moved/bin/brainmm-run" --checked python3 -c 'print(sum(range(1000)))'
echo "brainmm-$version-$TARGET.tar.xz works"
