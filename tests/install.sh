#!/bin/sh
# SPDX-License-Identifier: MIT
# install.sh: `make install` puts these files in place. With them, programs are built by pkg-config and by CMake;
# brainmm-run runs programs, and its errors have their exit codes; the manual names every function. `make uninstall`
# removes what was installed, and nothing else.
# shellcheck disable=SC2154  # tools/target sets them
set -eu
top=$PWD
folder=$top/$BUILD/tests/install
rm -rf "$folder"
mkdir -p "$folder/project"
eval "$(tools/target "$TARGET")"
prefix=$folder/prefix
fail() {
    echo "$*"
    exit 1
}
# The inner make must not get the options of the outer one.
install() { env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s "$@"; }

install install "prefix=$prefix" >"$folder/output"
grep -q "programs find $prefix/lib/$library once root has run: ldconfig" "$folder/output" ||
    fail "make install does not tell of ldconfig: $(cat "$folder/output")"
(cd "$prefix" && find . ! -type d | sed 's|^\./||' | LC_ALL=C sort) >"$folder/files"
version=$(sed -n 's/^VERSION := *//p' Makefile)
{
    for header in include/*; do echo "$header"; done
    cat <<END
bin/brainmm-run
lib/cmake/BrainMM/BrainMMConfig.cmake
lib/cmake/BrainMM/BrainMMConfigVersion.cmake
lib/libbrainmm-malloc.so
lib/libbrainmm.a
lib/libbrainmm.so
lib/libbrainmm.so.2
lib/libbrainmm.so.$version
lib/pkgconfig/brainmm.pc
share/brainmm/pascal/BrainMM.pas
share/brainmm/pascal/brainmm_package.lpk
share/brainmm/pascal/brainmm_package.pas
share/man/man1/brainmm-run.1
share/man/man3/brainmm.3
END
} | LC_ALL=C sort >"$folder/expected"
diff "$folder/expected" "$folder/files" || fail "other files were installed"
! grep -rl '@[a-z]*@' "$prefix/bin" "$prefix/lib/cmake" "$prefix/lib/pkgconfig" "$prefix/share/man" ||
    fail "these files have a name without its value"
[ "$(readlink "$prefix/lib/libbrainmm.so")-$(readlink "$prefix/lib/$library")" = "$library-libbrainmm.so.$version" ] ||
    fail "the links of the library are wrong"

# ---- pkg-config ---------------------------------------------------------------------------------------------------

cat >"$folder/project/program.c" <<'END'
#include <brainmm.h>
#include <stdio.h>
int main(void) {
    char *piece = brainmm_alloc(100);
    printf("%s\n", brainmm_result_text(brainmm_free(piece)));
    return !piece || brainmm_version() != BRAINMM_VERSION;
}
END
PKG_CONFIG_PATH=$prefix/lib/pkgconfig
export PKG_CONFIG_PATH
[ "$(pkg-config --modversion brainmm)" = "$version" ] || fail "pkg-config gives another version"
# shellcheck disable=SC2046  # words
$cc $(pkg-config --cflags brainmm) "$folder/project/program.c" $(pkg-config --libs brainmm) -o "$folder/program"
LD_LIBRARY_PATH=$prefix/lib "$folder/program" >"$folder/output" || fail "pkg-config: exit code $?"
readelf --dynamic --wide "$folder/program" | grep -q "NEEDED.*\[$library\]" || fail "the program does not need $library"
readelf --dyn-syms --wide "$folder/program" | grep -q 'brainmm_alloc@BRAINMM_2.0' || fail "symbols have no version"

# ---- CMake --------------------------------------------------------------------------------------------------------

cat >"$folder/project/malloc.cpp" <<'END'
#include <cstdio>
#include <cstring>
int main() {
    char line[4096];
    bool found = false;
    char *piece = new char[100];
    std::FILE *maps = std::fopen("/proc/self/maps", "r");
    while (maps && std::fgets(line, sizeof line, maps))
        found = found || std::strstr(line, "libbrainmm-malloc.so");
    delete[] piece;
    return !found;
}
END
cat >"$folder/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.13)
project(newcomer C CXX)
find_package(BrainMM 2.0 REQUIRED)
add_executable(shared program.c)
target_link_libraries(shared BrainMM::brainmm)
add_executable(static program.c)
target_link_libraries(static BrainMM::static)
add_executable(malloc malloc.cpp)
target_link_libraries(malloc BrainMM::malloc)
END
# configure NAME [OPTION...]: its output is in the file `output`.
configure() {
    name=$1
    shift
    cmake -S "$folder/project" -B "$folder/$name" -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" "$@" \
        >"$folder/output" 2>&1
}
# The installed tree may be moved, except for brainmm-run.
mv "$prefix" "$folder/moved"
configure moved-build -DCMAKE_PREFIX_PATH="$folder/moved" || fail "$(cat "$folder/output")"
cmake --build "$folder/moved-build" >"$folder/output" 2>&1 || fail "$(cat "$folder/output")"
for program in shared static malloc; do
    "$folder/moved-build/$program" >"$folder/output" || fail "CMake: $program ended with exit code $?"
done
! ldd "$folder/moved-build/static" | grep brainmm || fail "the static core needs the shared library"
mv "$folder/moved" "$prefix"
# refused PATTERN FROM TO: with TO in the place of FROM the project is not configured.
refused() {
    sed "s/$2/$3/" "$folder/project/CMakeLists.txt" >"$folder/project/other"
    mv "$folder/project/other" "$folder/project/CMakeLists.txt"
    ! configure refused -DCMAKE_PREFIX_PATH="$prefix" || fail "CMake is content with $3"
    tr '\n' ' ' <"$folder/output" | grep -q "$1" || fail "CMake, $3: $(cat "$folder/output")"
    sed "s/$3/$2/" "$folder/project/CMakeLists.txt" >"$folder/project/other"
    mv "$folder/project/other" "$folder/project/CMakeLists.txt"
}
refused "version: $version" 'BrainMM 2.0' 'BrainMM 1.0'
refused "version: $version" 'BrainMM 2.0' 'BrainMM 2.99'
refused "version: $version" 'BrainMM 2.0' 'BrainMM 3'
mv "$prefix/lib/libbrainmm.a" "$folder/"
refused 'libbrainmm.a *is *missing' 'BrainMM 2.0' 'BrainMM'
mv "$folder/libbrainmm.a" "$prefix/lib/"

# ---- brainmm-run --------------------------------------------------------------------------------------------------

run=$prefix/bin/brainmm-run
# runs CODE PATTERN ARGUMENT...
runs() {
    expected=$1 pattern=$2
    shift 2
    code=0
    "$run" "$@" >"$folder/output" 2>&1 || code=$?
    { [ $code = "$expected" ] && grep -q -- "$pattern" "$folder/output"; } ||
        fail "brainmm-run $* ended with $code, expected $expected and '$pattern': $(cat "$folder/output")"
}
# shellcheck disable=SC2016  # the inner shell expands them
{
    runs 0 "$prefix/lib/libbrainmm-malloc.so" cat /proc/self/maps
    runs 7 'a b|' sh -c 'echo "$1|"; exit 7' sh 'a b'
    runs 0 '^checked,leaks,leaks_file=x$' --checked --options=leaks,leaks_file=x sh -c 'echo "$BRAINMM_OPTIONS"'
    BRAINMM_OPTIONS=stats=0 runs 0 '^stats=0,zero$' --options=zero -- sh -c 'echo "$BRAINMM_OPTIONS"'
    LD_PRELOAD=libm.so.6 runs 0 'libbrainmm-malloc.so:libm.so.6$' sh -c 'echo "$LD_PRELOAD"'
}
cat >"$folder/mistake.c" <<'END'
#include <stdlib.h>
int main(void) {
    char *volatile piece = malloc(100);
    piece[100] = 1;
    free(piece);
    return 0;
}
END
$cc -w -O0 "$folder/mistake.c" -o "$folder/mistake"
runs 134 'written to behind its end' --checked "$folder/mistake"
runs 125 'no program is given; usage'
runs 125 'no program is given; usage' --checked --
runs 125 'unknown option --check; usage' --check true
runs 126 'ermission denied' "$folder/mistake.c"
runs 127 'not found' "$folder/nothing"
runs 127 'not found' no-such-program-anywhere
runs 0 "^brainmm-run $version\$" --version
runs 0 '^usage: brainmm-run' --help
# Somebody has moved the whole tree.
mkdir "$folder/elsewhere"
cp -r "$prefix/bin" "$prefix/lib" "$folder/elsewhere/"
mv "$prefix/lib/libbrainmm-malloc.so" "$folder/"
run=$folder/elsewhere/bin/brainmm-run
runs 0 "$folder/elsewhere/lib/libbrainmm-malloc.so" cat /proc/self/maps
run=$prefix/bin/brainmm-run
runs 125 'libbrainmm-malloc.so is missing' true
mv "$folder/libbrainmm-malloc.so" "$prefix/lib/"

# ---- The manual ---------------------------------------------------------------------------------------------------

# The list of all functions; then each of them as brainmm.h has it. brainmm_manager is a variable.
sed '/^.SH FUNCTIONS/q' "$prefix/share/man/man3/brainmm.3" | tr -s ' ,' '\n' | grep '^brainmm_[a-z0-9_]*$' |
    sort -u >"$folder/in-manual"
awk '/^EXPORTS/ { on = 1; next } on && !/^ *(;|$)/ { print $1 }' brainmm.def | sort >"$folder/in-def"
diff "$folder/in-def" "$folder/in-manual" || fail "brainmm(3) names other functions than brainmm.def"
grep '^.fB.*brainmm_[a-z0-9_]*(' "$prefix/share/man/man3/brainmm.3" | grep -o 'brainmm_[a-z0-9_]*(' | tr -d '(' |
    sort -u >"$folder/described"
! awk -f posix/manual.awk include/brainmm.h | grep -B 1 '^: *$' || fail "brainmm(3) says nothing of this function"
grep -vx brainmm_manager "$folder/in-def" | diff - "$folder/described" || fail "brainmm(3) describes other functions"
for option in $(sed -n 's/^    \(--[a-z]*\).*) .*/\1/p; s/^    \(--[a-z]*\))$/\1/p' posix/brainmm-run.in); do
    grep -qF -- "$option" "$prefix/share/man/man1/brainmm-run.1" || fail "brainmm-run(1) does not have $option"
done

# ---- make uninstall, and wrong folders ----------------------------------------------------------------------------

echo mine >"$prefix/share/brainmm/pascal/mine.pas"
install uninstall "prefix=$prefix"
left=$(find "$prefix" ! -type d)
[ "$left" = "$prefix/share/brainmm/pascal/mine.pas" ] || fail "make uninstall has left or removed other files: $left"
[ ! -e "$prefix/lib/cmake/BrainMM" ] || fail "make uninstall has left a folder"
! install install prefix=relative >"$folder/output" 2>&1 || fail "a relative prefix is not refused"
grep -q 'must be absolute: relative' "$folder/output" || fail "a relative prefix: $(cat "$folder/output")"
