#!/bin/sh
# SPDX-License-Identifier: MIT
# info.sh: brainmm-info tells of the libraries and test modules of TARGET how each is bound, of others what they import,
# whether they would share, and what is wrong with files that are no modules.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -u
eval "$(tools/target "$TARGET")"
tests=$BUILD/tests
work=$tests/info
rm -rf "$work"
mkdir -p "$work"
status=0
fail() {
    echo "$*"
    status=1
}

# tells CODE TEXT FILE...: brainmm-info prints a text that contains TEXT, and ends with CODE.
tells() {
    code=$1 text=$2
    shift 2
    timeout 50 tools/brainmm-info "$@" >"$work/out" 2>&1
    found=$?
    [ $found = "$code" ] || fail "exit code $found, not $code: brainmm-info $*"
    grep -qF "$text" "$work/out" || { fail "no '$text': brainmm-info $*" && cat "$work/out"; }
    ! grep -q Traceback "$work/out" || cat "$work/out"
}

# ---- Each way to BrainMM ------------------------------------------------------------------------------------------

form="ELF, $bits bit" # of the modules of this target
[ "$system" = linux ] || form="PE, $bits bit"
tells 0 "$form: BrainMM" "$BUILD/$library"
tells 0 "is BrainMM's library" "$BUILD/$library"
tells 0 "imports $library" "$tests/rendezvous_module-shared$dll"
tells 0 "imports $library" "$tests/dump_helper-shared$exe"
tells 0 "has the static core" "$tests/rendezvous_module-core$dll"
tells 0 "has the static core" "$tests/leaks_helper-core$exe"
tells 0 "joins by brainmm_attach.h" "$tests/attach_module-plain$dll"
tells 0 "joins by the unit BrainMM for Pascal" "$tests/share_plugin-pascal$dll"
tells 0 "They would share one heap: BrainMM." "$tests/attach_module-plain$dll" "$tests/rendezvous_module-core$dll" \
    "$tests/rendezvous_module-shared$dll" "$tests/share_plugin-pascal$dll" "$BUILD/$library"
[ "$(grep -c ': BrainMM$' "$work/out")" = 5 ] || fail "not five modules with BrainMM"
tells 0 "not known" "$tests/pascal_leaks_stranger-pascal$exe"
tells 1 "They would not share one heap:" "$tests/pascal_leaks_stranger-pascal$exe" "$BUILD/$library"

# ---- Others, made here --------------------------------------------------------------------------------------------

# module NAME OPTION...: a library made of $work/NAME.c. It has no symbols, as shipped ones.
module() {
    name=$1
    shift
    $cc $arch -shared -s -O1 -fPIC -o "$work/$name$dll" "$work/$name.c" "$@" || fail "$name cannot be built"
}
cat >"$work/own.c" <<'END'
#include <stddef.h>
#include <stdlib.h>
char *make(size_t size);
char *make(size_t size) { return size > 5 ? malloc(size) : NULL; }
END
module own
tells 0 "C run-time: malloc of" "$work/own$dll"
cp "$work/own$dll" "$work/own2$dll"
tells 0 "They would share one heap: $(sed -n 's/.*malloc of //p' "$work/out" | tail -n 1)." "$work/own$dll" \
    "$work/own2$dll"
tells 1 "BrainMM: $BUILD/$library" "$work/own$dll" "$BUILD/$library"
if [ "$system" = windows ]; then
    for name in FastMM ScaleMM BrainMM; do
        printf 'const char *name(void); const char *name(void) { return "Local\\\\%s_PID_%%08X"; }\n' $name \
            >"$work/$name.c"
        module "$name"
        tells 0 "bit: $name" "$work/$name$dll"
    done
    tells 0 "BRAINMM_OPTIONS=fastmm" "$work/FastMM$dll"
    tells 0 "attaches as the original BrainMM does" "$work/BrainMM$dll"
    tells 1 "FastMM: $work/FastMM$dll" "$work/FastMM$dll" "$BUILD/$library"

    # ShareMem: with our companion beside the module, or given, with another's, and with none.
    cp "$tests/sharemem_plugin-pascal$dll" "$work/"
    echo 'void *GetMemory(int); void *get(int); void *get(int size) { return GetMemory(size); }' >"$work/delphi.c"
    module delphi "$BUILD/borlndmm.dll"
    tells 0 "With BrainMM's fpcmemdll.dll beside the program it is BrainMM" "$work/sharemem_plugin-pascal$dll"
    tells 0 "bit: borlndmm.dll" "$work/delphi$dll"
    tells 0 "They would share one heap: BrainMM." "$work/sharemem_plugin-pascal$dll" "$BUILD/fpcmemdll.dll"
    tells 0 "They would share one heap: BrainMM." "$tests/sharemem_plugin-pascal$dll" "$work/delphi$dll" \
        "$BUILD/borlndmm.dll" "$tests/share_plugin-pascal$dll"
    tells 0 "is BrainMM's borlndmm.dll" "$BUILD/borlndmm.dll"
    echo 'void *SysGetmem(unsigned); void *SysGetmem(unsigned n) { return n ? 0 : (void *)SysGetmem; }' >"$work/other.c"
    $cc $arch -shared -s -o "$work/fpcmemdll.dll" "$work/other.c" -Wl,--export-all-symbols || fail "no fpcmemdll.dll"
    tells 0 "bit: fpcmemdll.dll" "$work/sharemem_plugin-pascal$dll"
    tells 0 "is a fpcmemdll.dll of another maker" "$work/fpcmemdll.dll"
    tells 1 "No process has all of them: ELF, 64 bit, $form." "$BUILD/$library" /bin/sh
else
    tells 0 "replaces malloc" "$BUILD/libbrainmm-malloc.so"
    echo '#include <stddef.h>
        void *malloc(size_t n) { return n ? NULL : (void *)1; }
        void free(void *p) { (void)p; }' >"$work/malloc.c"
    module malloc -fno-builtin
    tells 0 "exports malloc and free of its own" "$work/malloc$dll"
    tells 0 "C run-time: malloc of libc.so.6" /bin/sh
    echo 'int nothing(void); int nothing(void) { return 1; }' >"$work/nothing.c"
    module nothing
    tells 0 "not known" "$work/nothing$dll"
fi

# ---- What is no module --------------------------------------------------------------------------------------------

tells 2 "README.md: neither a PE nor an ELF module" README.md
tells 2 "none: No such file or directory" "$work/none"
tells 2 "tests: Is a directory" tests
tells 2 "the following arguments are required"
: >"$work/empty"
tells 2 "empty: neither a PE nor an ELF module" "$work/empty"
# The others are told all the same.
tells 2 "imports $library" README.md "$tests/rendezvous_module-shared$dll"
# Cut off anywhere, a module is told to be broken, or is told as far as it goes. Nothing fails.
size=$(wc -c <"$BUILD/$library")
for part in 2 5 20 64 100 200 300 500 1000; do
    head -c "$part" "$BUILD/$library" >"$work/cut$part"
done
for part in 2 3 5 10 20; do
    head -c $((size / part)) "$BUILD/$library" >"$work/cut-$part"
done
for file in "$work"/cut*; do
    timeout 50 tools/brainmm-info "$file" >"$work/out" 2>&1
    code=$?
    { [ $code = 0 ] || [ $code = 2 ]; } || fail "exit code $code for $file"
    ! grep -q Traceback "$work/out" || { fail "$file"; cat "$work/out"; }
    [ -s "$work/out" ] || fail "nothing is said about $file"
done
tells 2 "a broken module" "$work/cut20"
exit $status
