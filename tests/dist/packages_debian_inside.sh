#!/bin/sh
# SPDX-License-Identifier: MIT
# packages_debian_inside.sh: what packages_debian.sh does in the empty Debian, where /given has the packages.
#   sh /given/inside.sh VERSION
set -eu
version=$1
lib=/usr/lib/x86_64-linux-gnu
mkdir -p /tmp/work
cd /tmp/work
fail() {
    echo "$*"
    [ ! -s output ] || tail -n 20 output
    exit 1
}
# All files but those in which dpkg, apt and ldconfig keep what they know.
files() {
    find / -xdev ! -path '/tmp/*' ! -path '/given*' ! -path '/var/lib/dpkg/*' ! -path '/var/lib/apt/*' \
        ! -path '/var/cache/*' ! -path '/var/log/*' ! -path '/etc/ld.so.cache' ! -type d | sort
}
# The packages come from the files alone: there is no network here.
apt_get() { apt-get -qq -y "$@" >output 2>&1 || fail "apt-get $*"; }
# runs PATTERN COMMAND...: it succeeds, and its output has PATTERN.
runs() {
    pattern=$1
    shift
    "$@" >output 2>&1 || fail "exit code $?: $*"
    [ -z "$pattern" ] || grep -q -- "$pattern" output || fail "no '$pattern': $*"
}

files >before
apt_get install /given/old/*.deb
[ -e "$lib/libbrainmm.so.1.9.9" ] || fail "the older version was not installed"
apt_get install /given/debs/libbrainmm2_*.deb /given/debs/libbrainmm-dev_*.deb /given/debs/brainmm-malloc_*.deb \
    /given/debs/brainmm-pascal_*.deb
[ ! -e "$lib/libbrainmm.so.1.9.9" ] || fail "the upgrade has left the older library"
[ "$(dpkg-query -Wf '${Version}' libbrainmm2)" = "$version-1" ] || fail "the upgrade did not happen"
ldconfig -p >output
grep -q "${lib#/usr}/libbrainmm.so.2\$" output || fail "the loader does not know the library"

# ---- C, C++, pkg-config ---------------------------------------------------------------------------------------------

cp /given/newcomer/* .
gcc program.c -lbrainmm -o c 2>output || fail "gcc"
runs 'succeeded.*not valid' ./c
gcc program.c $(pkg-config --cflags --libs brainmm) -o c-pkg 2>output || fail "gcc with pkg-config"
runs 'succeeded.*not valid' ./c-pkg
gcc -DBRAINMM_STATIC program.c -l:libbrainmm.a -pthread -o c-static 2>output || fail "gcc with the static core"
runs 'succeeded.*not valid' ./c-static
ldd c-static >output
! grep brainmm output || fail "the static core needs the shared library"
g++ -std=c++17 program.cpp -lbrainmm -o cpp 2>output || fail "g++"
runs '' ./cpp

# ---- CMake ----------------------------------------------------------------------------------------------------------

cat >CMakeLists.txt <<'IN'
cmake_minimum_required(VERSION 3.16)
project(newcomer C CXX)
find_package(BrainMM 2 REQUIRED)
add_executable(shared program.c)
target_link_libraries(shared BrainMM::brainmm)
add_executable(static program.c)
target_link_libraries(static BrainMM::static)
add_executable(whole program.c)
target_link_libraries(whole BrainMM::brainmm BrainMM::malloc)
IN
cmake -S . -B build >output 2>&1 || fail "cmake"
cmake --build build >output 2>&1 || fail "cmake --build"
for program in shared static whole; do runs 'succeeded.*not valid' "build/$program"; done

# ---- Pascal ---------------------------------------------------------------------------------------------------------

mkdir units
fpc -Fu/usr/share/brainmm/pascal -FUunits newcomer.pas >output 2>&1 || fail "fpc"
runs 'in the heap: 42' ./newcomer

# ---- valgrind, brainmm-run, the manual ------------------------------------------------------------------------------

cat >leak.c <<'IN'
#include <brainmm.h>
int main(void) {
    char *piece = brainmm_alloc(100);
    piece[100] = 1;
    (void)brainmm_alloc(70);
    return brainmm_free(piece) != BRAINMM_OK;
}
IN
gcc -g -O0 -w leak.c -lbrainmm -o leak 2>output || fail "gcc leak.c"
valgrind --leak-check=full --show-leak-kinds=all ./leak >output 2>&1 || fail "valgrind"
grep -q 'Invalid write of size 1' output || fail "memcheck does not find the write behind the end"
grep -q 'leak.c:4' output || fail "memcheck does not know the line"

runs "$lib/brainmm/libbrainmm-malloc.so" brainmm-run cat /proc/self/maps
runs "brainmm-run $version" brainmm-run --version
man -P cat 3 brainmm >output 2>&1 || fail "man 3 brainmm"
grep -q 'brainmm_alloc_aligned' output || fail "brainmm(3)"
man -P cat 1 brainmm-run >output 2>&1 || fail "man 1 brainmm-run"
grep -q -- '--checked' output || fail "brainmm-run(1)"

# ---- Debug information, removal -------------------------------------------------------------------------------------

apt_get install /given/debs/*-dbgsym_*.deb
for library in "$lib/libbrainmm.so.$version" "$lib/brainmm/libbrainmm-malloc.so"; do
    id=$(readelf -n "$library" | sed -n 's/.*Build ID: //p')
    readelf -S "/usr/lib/debug/.build-id/${id%"${id#??}"}/${id#??}.debug" >output 2>&1 ||
        fail "$library has no debug information"
    grep -q '\.debug_info' output || fail "$library: the debug information is empty"
done

apt_get purge libbrainmm-dev brainmm-malloc brainmm-pascal
for program in c c-pkg cpp build/shared newcomer; do runs '' "./$program"; done
apt_get purge libbrainmm2 libbrainmm2-dbgsym
files >after
diff before after >output || fail "other files than before"
echo "the packages $version work"
