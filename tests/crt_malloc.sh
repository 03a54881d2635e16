#!/bin/sh
# SPDX-License-Identifier: MIT
# crt_malloc.sh: programs and DLLs that are linked with libbrainmm-malloc.a as docs/windows-malloc.md says, in C and
# C++, for msvcrt.dll and for the UCRT, with libstdc++ in the program and as a DLL. The sources are tests/crt_malloc*.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
eval "$(tools/target "$TARGET")"
folder=$BUILD/tests/crt_malloc
rm -rf "$folder"
mkdir -p "$folder"
flags="-std=gnu11 -O2 -Wall -Wextra -Werror -Wno-attributes -Iinclude -Itests -DBRAINMM_STATIC"
flags="$flags -DTEST_TARGET=\"$TARGET\""
cxx_flags=$(echo "$flags" | sed 's/gnu11/gnu++17/')
library_dll=$library
library=$BUILD/libbrainmm-malloc.a
# The lines of docs/windows-malloc.md that link for the UCRT.
system="-lmingw32 -lgcc -lgcc_eh -lmoldname -lmingwex -lucrt -lkernel32 -ladvapi32 -lshell32 -luser32"
ucrt="-nodefaultlibs -Wl,-Bstatic"

# Three compilations for each run-time; two run at a time.
c() { # c NAME SOURCE OPTION... -- OPTION BEHIND THE LIBRARY...
    name=$1 source=$2
    shift 2
    $cc $flags "tests/$source.c" -o "$folder/$name$exe" "$@"
}
cxx() {
    name=$1 source=$2
    shift 2
    $cxx $cxx_flags "tests/$source.cpp" -o "$folder/$name" "$@"
}
# shellcheck disable=SC2317
build_msvcrt() {
    c family crt_malloc -DRUN_TIME='"msvcrt.dll"' "$library" -static -lpsapi
    c family_imports crt_malloc -UBRAINMM_STATIC -DRUN_TIME='"msvcrt.dll"' "$library" -static -lpsapi "$BUILD/$import"
    c life crt_malloc_life "$library" -static -lpthread -lpsapi
    c errors crt_malloc_errors "$library" -static
    cxx cxx$exe crt_malloc_cxx "$library" -static
    cxx cxx_shared$exe crt_malloc_cxx "$library"
    cxx module$dll crt_malloc_module -shared -DMODULE_MALLOC "$library" -static
    cxx module_new$dll crt_malloc_module -shared -Wl,-u,${underscore}malloc "$library" -static
}
build_ucrt() {
    c family_ucrt crt_malloc -D_UCRT -DRUN_TIME='"ucrtbase.dll"' $ucrt "$library" -lpsapi $system $system
    c life_ucrt crt_malloc_life -D_UCRT $ucrt "$library" -lpsapi $system $system
    c errors_ucrt crt_malloc_errors -D_UCRT $ucrt "$library" $system $system
    cxx cxx_ucrt$exe crt_malloc_cxx -D_UCRT $ucrt "$library" -lstdc++ $system $system
    cxx module_ucrt$dll crt_malloc_module -shared -D_UCRT -DMODULE_MALLOC $ucrt "$library" -lstdc++ $system $system
}
build_msvcrt & first=$!
build_ucrt
wait "$first"

for name in libstdc++-6 libgcc_s_seh-1 libgcc_s_dw2-1; do
    file=$($cc -print-file-name=$name.dll)
    [ ! -e "$file" ] || cp "$file" "$folder/"
done

# once PROGRAM ARGUMENT...: sets $found to the exit code. The output goes to a file, because Wine's server would keep a
# pipe open.
once() {
    program=$1
    shift
    found=0
    WINE_RUN_SECONDS=100 $run "$folder/$program$exe" "$@" >"$folder/output" 2>&1 </dev/null || found=$?
}

# expect CODE TEXT PROGRAM ARGUMENT...: the program ends with that exit code, and its output contains the text. No
# program for Windows ends by a signal (139): 32-bit Wine itself does at times, when a process ends while its threads
# work. Then there is another run.
expect() {
    code=$1 text=$2
    shift 2
    for try in 1 2 3 4; do
        once "$@"
        [ $found = 139 ] || break
        echo "Wine has crashed: $*, run $try"
    done
    shift
    [ "$text" ] || echo >>"$folder/output"
    if [ "$found" != "$code" ] || ! grep -qF -- "$text" "$folder/output"; then
        echo "$program $*: exit code $found, not $code, or no \"$text\":"
        cat "$folder/output"
        exit 1
    fi
}

expect 0 '' family
expect 0 '' family_imports # compiled for brainmm.dll, and not linked with it
expect 0 '' family_ucrt invalid_is_told
for kind in '' _ucrt; do
    expect 0 destructor life$kind 'an argument'
    # What is wrong ends the program; what the heap does not know does not come so far.
    expect 3 'free(): freed twice: 0x' errors$kind twice
    expect 3 'free(): not a live allocation: 0x' errors$kind inside
    expect 3 'free(): an allocation of another kind: 0x' errors$kind block
    expect 3 'realloc(): freed twice: 0x' errors$kind realloc
    expect 3 '_msize(): freed twice: 0x' errors$kind msize
    expect 3 '_expand(): freed twice: 0x' errors$kind expand
    expect 3 '_aligned_free(): not a live allocation: 0x' errors$kind aligned_twice
    expect 3 '_aligned_free(): not a live allocation: 0x' errors$kind aligned_inside
    expect 3 'handler: kind 1' errors$kind twice handler
    expect 3 'handler: kind 1' errors$kind realloc handler
    expect 0 'not reached' errors$kind overflow
done
export BRAINMM_OPTIONS=on_error=return
expect 0 'not reached' errors twice
expect 0 'not reached' errors aligned_twice
expect 0 'handler: kind 2' errors inside handler
export BRAINMM_OPTIONS=checked
expect 3 'free(): freed twice: 0x' errors twice
expect 3 'free(): written to behind its end: 0x' errors overflow
expect 3 'realloc(): freed twice: 0x' errors_ucrt realloc
expect 0 '' family
expect 0 destructor life_ucrt 'an argument'
expect 0 '' cxx static "$folder/module$dll"
unset BRAINMM_OPTIONS

expect 0 '' cxx static "$folder/module$dll"
expect 0 '' cxx static "$folder/module_new$dll" # nothing in it but the linker's option asks for malloc
expect 0 '' cxx_shared shared
expect 0 '' cxx_ucrt static "$folder/module_ucrt$dll"
# Two run-times in one process, and one heap.
expect 0 '' cxx_ucrt static "$folder/module$dll"

# As it is installed, with the words of its .pc file.
# The inner make must not get the options of the outer one.
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s "install-$TARGET" DESTDIR="$folder/installed" prefix=/prefix
installed=$(echo "$folder"/installed/prefix/*)
libs=$(sed -n "s|^Libs: ||; T; s|\${libdir}|$installed/lib|p" "$installed/lib/pkgconfig/brainmm-malloc.pc")
$cxx -std=gnu++17 -O2 -I"$installed/include" -DBRAINMM_STATIC tests/crt_malloc_cxx.cpp $libs -static \
    -o "$folder/installed$exe"
expect 0 '' installed static

# ---- Another module's heap, or none ----------------------------------------------------------------------------------

# brainmm.dll comes first, because the program imports from a DLL that imports from it.
cat >"$folder/imports.c" <<'END'
__declspec(dllimport) unsigned brainmm_version(void);
__declspec(dllexport) unsigned version_of_the_library(void) { return brainmm_version(); }
END
cat >"$folder/uses.c" <<'END'
__declspec(dllimport) unsigned version_of_the_library(void);
__attribute__((constructor)) static void use(void) { version_of_the_library(); }
END
cp "$BUILD/$library_dll" "$folder/"
$cc -shared "$folder/imports.c" "$BUILD/$import" -o "$folder/imports$dll" -Wl,--out-implib,"$folder/libimports.a"
attached="$folder/uses.c $library $folder/libimports.a -static"
c errors_attached crt_malloc_errors $attached
c family_attached crt_malloc -DRUN_TIME='"msvcrt.dll"' $attached -lpsapi
expect 0 '' family_attached
expect 3 'free(): freed twice: 0x' errors_attached twice
expect 3 'realloc(): not a live allocation: 0x' errors_attached realloc
expect 3 '_msize(): not a live allocation: 0x' errors_attached msize
expect 3 'handler: kind 1' errors_attached twice handler
expect 3 'handler: kind 1' errors_attached realloc handler
expect 3 'free(): an allocation of another kind: 0x' errors_attached block

# An owner that has the original's table only, and one of these that does not tell what its pieces are.
cat >"$folder/host.c" <<'END'
#include "rendezvous_foreign.h"
#include <windows.h>
#include <stdio.h>
int main(int count, char **names) {
    HMODULE owner = LoadLibraryA(names[1]);
    void *(*publish)(void) = (void *)GetProcAddress(owner, "party_get");
    const struct foreign_report *(*report)(void) = (void *)GetProcAddress(owner, "foreign_report");
    publish();
    HMODULE module = LoadLibraryA(names[2]);
    void *(*get)(size_t) = (void *)GetProcAddress(module, "module_malloc");
    void (*give)(void *) = (void *)GetProcAddress(module, "module_free");
    long before = report()->live;
    void *piece = get(100);
    printf("%d live\n", (int)(report()->live - before));
    give(piece);
    give(_strdup("made by the run-time"));
    printf("%d left\n", (int)(report()->live - before));
    return 0;
}
END
$cc -w -Iinclude -Itests "$folder/host.c" -o "$folder/host$exe"
owner=$BUILD/tests/rendezvous_foreign_owner-plain$dll
expect 0 '1 live' host "$owner" "$folder/module$dll"
expect 0 '0 left' host "$owner" "$folder/module$dll"
export FOREIGN_NO_OPTIONS=1
expect 3 'cannot tell its pieces from others' host "$owner" "$folder/module$dll"
unset FOREIGN_NO_OPTIONS

# The system refuses what a heap needs.
cat >"$folder/refuse.c" <<'END'
const char *__wrap_os_start(void);
const char *__wrap_os_start(void) { return "The test refuses a heap"; }
END
objects=$(find "$BUILD/obj/src" "$BUILD"/obj/win32/*.o "$BUILD/obj/win32/malloc" -name '*.o' |
    grep -Ev '/(check|slab_check|units_check|dll|crt|static-renamed|version-[a-z_]*)\.o')
$cc $flags tests/crt_malloc_errors.c "$folder/refuse.c" $objects -Wl,--wrap=os_start -static -o "$folder/no_heap$exe"
expect 3 'BrainMM: no heap. The test refuses a heap.' no_heap twice

# A C run-time that is none.
cat >"$folder/run_time.c" <<'END'
static int number;
__declspec(dllexport) int *_errno(void) { return &number; }
END
$cc -shared "$folder/run_time.c" -o "$folder/run_time$dll" -Wl,--out-implib,"$folder/librun_time.a"
c other_run_time crt_malloc_errors "$library" "$folder/librun_time.a" -static
expect 3 'this program is linked with does not export malloc' other_run_time twice
