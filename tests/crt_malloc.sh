#!/bin/sh
# SPDX-License-Identifier: MIT
# crt_malloc.sh: programs and DLLs that are linked with libbrainmm-malloc.a as docs/windows-malloc.md says, in C and C++,
# for msvcrt.dll and for the UCRT, with libstdc++ in the program and as a DLL. The sources are tests/crt_malloc*.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
eval "$(tools/target "$TARGET")"
folder=$BUILD/tests/crt_malloc
rm -rf "$folder"
mkdir -p "$folder"
flags="-std=gnu11 -O2 -Wall -Wextra -Werror -Wno-attributes -DBRAINMM_STATIC -Iinclude -Itests -DTEST_TARGET=\"$TARGET\""
cxx_flags=$(echo "$flags" | sed 's/gnu11/gnu++17/')
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

# expect CODE TEXT PROGRAM ARGUMENT...: the program ends with that exit code, and its output contains the text.
expect() {
    code=$1 text=$2 program=$3
    shift 3
    found=0
    # To a file, because Wine's server would keep a pipe open.
    WINE_RUN_SECONDS=100 $run "$folder/$program$exe" "$@" >"$folder/output" 2>&1 </dev/null || found=$?
    [ "$text" ] || echo >>"$folder/output"
    if [ "$found" != "$code" ] || ! grep -qF -- "$text" "$folder/output"; then
        echo "$program $*: exit code $found, not $code, or no \"$text\":"
        cat "$folder/output"
        exit 1
    fi
}

expect 0 '' family
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
expect 0 '' cxx static "$folder/module_new$dll"
expect 0 '' cxx_shared shared
expect 0 '' cxx_ucrt static "$folder/module_ucrt$dll"
# Two run-times in one process, and one heap.
expect 0 '' cxx_ucrt static "$folder/module$dll"
