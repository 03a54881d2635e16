#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs other projects' tests of malloc with libbrainmm-malloc.so, and with the C library's malloc beside it, on
# linux-x86_64: those of glibc, mimalloc and jemalloc. docs/testing.md tells what they show.
#   tools/other-suites.sh FOLDER [glibc | mimalloc | jemalloc]...
# Their sources are Debian's source packages, which this fetches. All that it makes is in FOLDER, outside the tree. It
# needs gcc, make and apt-get, no root, and some minutes.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || { sed -n '5s/^# *//p' "$0" >&2; exit 2; }

folder=$1
shift
[ $# -gt 0 ] || set -- glibc mimalloc jemalloc
make linux-x86_64
mkdir -p "$folder"
case $(cd "$folder" && pwd) in
"$PWD"/*) echo "other-suites.sh: $folder is inside the tree" >&2; exit 2 ;;
esac
cp build/linux-x86_64/libbrainmm-malloc.so "$folder"
for suite in "$@"; do
    tools/debian-source "$suite" "$folder"
done
cd "$folder"
library=$PWD/libbrainmm-malloc.so

# source_of SUITE: unpacks it to the folder of that name, anew.
source_of() {
    rm -rf "$1"
    mkdir "$1"
    tar -xf "$1"_*.orig.tar.* -C "$1" --strip-components=1
}

# compare NAME COMMAND...: runs it with both, for a minute at most, and prints the two exit codes. 124: stopped
compare() {
    name=$1 ours=0 theirs=0
    shift
    LD_PRELOAD=$library timeout 60 "$@" >"$name.log" 2>&1 || ours=$?
    timeout 60 "$@" >"$name.libc.log" 2>&1 || theirs=$?
    echo "$name $ours $theirs"
}

# The tests are compiled against the system's C library. Of glibc's own headers they get those of its test support.
glibc() {
    source_of glibc
    mkdir -p glibc/ours/tests/malloc
    cp glibc/test-skeleton.c glibc/ours/tests
    cp glibc/malloc/tst-*.[ch] glibc/malloc/mallocbug.c glibc/ours/tests/malloc
    cp -r glibc/support glibc/include/libc-diag.h glibc/include/array_length.h glibc/sysdeps/generic/malloc-size.h \
        glibc/ours
    echo '#define MALLOC_ALIGNMENT 16' >glibc/ours/malloc-alignment.h
    for path in objdir_root srcdir_root slibdir_prefix objdir_elf_ldso install_rootsbindir; do
        echo "const char support_$path[] = \"/tmp\";"
    done >glibc/ours/paths.c
    options='-O2 -w -fno-builtin -pthread -D_GNU_SOURCE -DTIMEOUTFACTOR=3 -include stddef.h -include limits.h'
    options="$options -Iglibc/ours -Iglibc/ours/support"
    for file in glibc/support/*.c glibc/ours/paths.c; do # some need the rest of glibc, and no test of malloc does
        # shellcheck disable=SC2086  # words
        gcc $options -c "$file" -o "glibc/ours/$(basename "$file" .c).o" 2>/dev/null || true
    done
    rm -f glibc/ours/test_main.o glibc/ours/tst-*.o glibc/ours/test-*.o
    ar rcs glibc/ours/support.a glibc/ours/*.o
    for file in glibc/ours/tests/malloc/*.c; do
        name=$(basename "$file" .c)
        case $name in # these test parts of glibc that are no malloc, or a malloc of their own
        tst-interpose* | tst-dynarray* | tst-compathooks* | tst-scratch_buffer | tst-alloc_buffer | tst-mtrace | \
            tst-mallocstate) continue ;;
        esac
        # shellcheck disable=SC2086  # words
        if gcc $options -Iglibc/ours/tests "$file" -o "glibc/ours/$name" glibc/ours/support.a 2>"$name.log"; then
            compare "$name" "glibc/ours/$name"
        else
            echo "$name was not built"
        fi
    done
}

mimalloc() {
    source_of mimalloc
    gcc -O2 -w -pthread -DUSE_STD_MALLOC mimalloc/test/test-stress.c -o mimalloc/stress
    compare mimalloc-stress mimalloc/stress 8 25 20
}

# Their own functions, such as mallocx, come from their library, which is loaded as well.
jemalloc() {
    source_of jemalloc
    (cd jemalloc && ./configure --disable-cxx && make -j2 tests_integration) >jemalloc.log 2>&1
    for name in aligned_alloc posix_memalign malloc overflow thread_arena thread_tcache_enabled; do
        compare "jemalloc-$name" env LD_LIBRARY_PATH=jemalloc/lib "jemalloc/test/integration/$name"
    done
}

echo 'test, exit code with libbrainmm-malloc.so, with the C library alone'
for suite in "$@"; do
    $suite
done
