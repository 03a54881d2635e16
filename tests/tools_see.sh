#!/bin/sh
# SPDX-License-Identifier: MIT
# tools_see.sh: memcheck and the sanitizers of gcc and clang report misuse of the memory of the shipped library, and
# leaks, with the right counts. A program without mistakes has no report. On i386 that is AddressSanitizer alone.
set -eu
eval "$(tools/target "$TARGET")"
folder=$BUILD/tests
output=$folder/tools_see.output
status=0

fail() {
    echo "$*:"
    sed -n '1,40p' "$output"
    status=1
}

# run COMMAND...: its output is in $output, its exit code in $code.
run() {
    code=0
    timeout 100 "$@" >"$output" 2>&1 || code=$?
}

# has PATTERN...: whether the output has all of them, each in one line.
has() {
    for pattern; do
        grep -q -- "$pattern" "$output" || return 1
    done
}

# ---- memcheck -------------------------------------------------------------------------------------------------------

# Twice in some thousand runs ld.so crashed under valgrind 3.19 while it mapped the program's libraries. None of our
# code had run then, so that run is no answer.
memcheck() {
    for _ in 1 2; do
        run valgrind --leak-check=full --error-exitcode=99 "$folder/tools_helper-shared" "$1"
        { [ $code = 139 ] && has 'by .*: dl_main (rtld.c'; } || break
    done
}

# memcheck_sees MISTAKE ERRORS PATTERN...
memcheck_sees() {
    mistake=$1 errors=$2
    shift 2
    memcheck "$mistake"
    { [ $code = 99 ] && has "ERROR SUMMARY: $errors errors" "$@"; } || fail "memcheck, $mistake: exit code $code"
}

all_of_memcheck() {
    memcheck_sees leak_pieces 1 'definitely lost: 4,000 bytes in 100 blocks' 'by .*: leak_pieces (tools_helper.c'
    memcheck_sees leak_large 3 'definitely lost: 177,824 bytes in 3 blocks' 'by .*: leak_large (tools_helper.c'
    memcheck_sees overflow 1 'Invalid write of size 1' 'is 0 bytes after a block of size 40 alloc' 'by .*: overflow ('
    memcheck_sees underflow 1 'Invalid write of size 1' 'is 1 bytes before a block of size 40 alloc'
    memcheck_sees overflow_large 1 'Invalid write of size 1' 'is 0 bytes after a block of size 100,000 alloc'
    memcheck_sees overflow_pages 1 'Invalid write of size 1' 'is 0 bytes after a block of size 8,192 alloc'
    memcheck_sees read_after_free 1 'Invalid read of size 1' \
        'is 39 bytes inside a block of size 40 free' 'Block was alloc'
    memcheck_sees write_after_free 1 'Invalid write of size 1' 'is 12,345 bytes inside a block of size 100,000 free'
    memcheck_sees read_after_resize 1 'Invalid read of size 1' 'is 0 bytes inside a block of size 40 free'
    memcheck_sees free_twice 1 'Invalid free()' 'is 0 bytes inside a block of size 40 free'
    memcheck_sees free_inside 1 'Invalid free()' 'is 8 bytes inside a block of size 40 alloc'
    memcheck_sees decide_by_unwritten 1 'Conditional jump or move depends on uninit'
    for mistake in nothing keep; do
        memcheck $mistake
        { [ $code = 0 ] && has 'ERROR SUMMARY: 0 errors'; } || fail "memcheck, $mistake: exit code $code"
    done

    # What the option turns off: then the heap looks like any other memory.
    BRAINMM_OPTIONS=tools=off run valgrind --error-exitcode=99 "$folder/tools_helper-shared" overflow
    { [ $code = 0 ] && has 'ERROR SUMMARY: 0 errors'; } || fail "memcheck, tools=off: exit code $code"

    # The C library's functions of libbrainmm-malloc.so are replaced by memcheck's own. Those of brainmm.h are told.
    cp "$BUILD/libbrainmm-malloc.so" "$folder/tools_see.so"
    LD_PRELOAD=$folder/tools_see.so run valgrind --leak-check=full "$folder/tools_helper-shared" leak_pieces
    has 'definitely lost: 4,000 bytes in 100 blocks' || fail "memcheck, libbrainmm-malloc.so: exit code $code"

    # massif counts what it is told.
    BRAINMM_OPTIONS=tools=on run valgrind --tool=massif --massif-out-file="$output" \
        "$folder/tools_helper-shared" leak_pieces
    has 'mem_heap_B=4040' || fail "massif: exit code $code"
}

# ---- Sanitizers -----------------------------------------------------------------------------------------------------

# sanitizer_sees MISTAKE PATTERN...
sanitizer_sees() {
    mistake=$1
    shift
    run setarch -R "$program" "$mistake"
    { [ $code != 0 ] && has "$@"; } || fail "$compiler, $sanitizer, $mistake: exit code $code"
}

# clean CASE...: no exit code and no output.
clean() {
    for mistake; do
        run setarch -R "$program" "$mistake"
        { [ $code = 0 ] && ! [ -s "$output" ]; } || fail "$compiler, $sanitizer, $mistake: exit code $code"
    done
}

# build SANITIZER
build() {
    sanitizer=$1
    $compiler -O1 -g -fno-omit-frame-pointer -Iinclude -fsanitize="$1" tests/tools_helper.c -o "$program" \
        "$folder/libbrainmm.so.2" -pthread -Wl,-rpath,'$ORIGIN'
}

poisoned='ERROR: AddressSanitizer: use-after-poison'
program=$folder/tools_see-sanitizer
sanitizers() {
    compiler=$1
    build address
    sanitizer_sees overflow "$poisoned" 'in overflow ' '0 bytes behind the end of a piece of 40 bytes' 'allocated by'
    sanitizer_sees underflow "$poisoned" '1 bytes before a piece of 40 bytes'
    sanitizer_sees overflow_large "$poisoned" '0 bytes behind the end of a piece of 100000 bytes'
    sanitizer_sees overflow_pages "$poisoned" '0 bytes behind the end of a run of pages of 8192 bytes'
    sanitizer_sees read_after_free "$poisoned" '39 bytes inside a freed piece of 40 bytes' 'freed by'
    sanitizer_sees write_after_free "$poisoned" '12345 bytes inside a freed piece of 100000 bytes' 'freed by'
    sanitizer_sees read_after_resize "$poisoned" 'a freed piece of 40 bytes'
    sanitizer_sees free_twice 'freed twice' "$poisoned" 'in free_twice '
    sanitizer_sees free_inside 'not a live allocation' '8 bytes inside a piece of 40' 'AddressSanitizer: unknown-crash'
    clean nothing keep
    [ "$TARGET" = linux-x86_64 ] || return 0

    # LeakSanitizer finds what is the C library's. The heap lists its own.
    BRAINMM_OPTIONS=leaks,leaks_file=- run setarch -R "$program" leak_pieces
    { [ $code = 0 ] && has '100 .*4,\?000'; } || fail "$compiler, leak_pieces: exit code $code"
    BRAINMM_OPTIONS=tools=off run setarch -R "$program" keep
    { [ $code != 0 ] && has '2000 byte(s) leaked in 2 allocation(s)'; } || fail "$compiler, tools=off: exit code $code"

    build leak
    clean nothing keep

    # ThreadSanitizer does not take it for a race when the heap gives one thread what another has freed.
    build thread
    sanitizer_sees race 'WARNING: ThreadSanitizer: data race'
    clean nothing
}

if [ "$TARGET" = linux-x86_64 ]; then
    all_of_memcheck
    sanitizers clang
    sanitizers gcc
else # AddressSanitizer alone, if its library is there
    echo 'int main(void) { return 0; }' >"$folder/tools_see.c"
    # shellcheck disable=SC2154  # tools/target sets it
    if ! $cc -fsanitize=address "$folder/tools_see.c" -o "$folder/tools_see" 2>/dev/null || ! "$folder/tools_see"; then
        echo "$cc has no AddressSanitizer, or nothing executes its programs"
        exit 77
    fi
    sanitizers "$cc"
fi
exit $status
