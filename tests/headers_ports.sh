#!/bin/sh
# SPDX-License-Identifier: MIT
# headers_ports.sh: on a port that nothing executes, a client of brainmm.h and one of brainmm_attach.h compile as C and
# as C++, without a warning, and are linked.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words
set -eu
eval "$(tools/target "$TARGET")"
work=$BUILD/tests/headers_ports
rm -rf "$work"
mkdir -p "$work"
cat >"$work/attach.c" <<'END'
#include "brainmm_attach.h"
int client(void);
int client(void) {
    const struct brainmm_manager *mm = brainmm_attach();
    void *piece = mm ? mm->alloc(80) : NULL;
    return mm && piece ? mm->free(piece) : brainmm_attach_failure()[0];
}
END
cat >"$work/link.c" <<'END'
#include "brainmm.h"
int client(void);
int client(void) { return brainmm_free(brainmm_alloc(80)); }
END
cp "$work/attach.c" "$work/attach.cpp"
cp "$work/link.c" "$work/link.cpp"
warnings='-Wall -Wextra -Wshadow -Wconversion -Wpedantic -Werror -fno-sanitize=all -Iinclude'
for name in attach link; do
    for standard in c99 c11 c++98 c++17; do
        case $standard in
        c++*) source=$name.cpp flags=-Wno-long-long ;;
        *) source=$name.c flags= ;;
        esac
        $cc -std=$standard $flags $warnings -c -o "$work/$name-$standard.o" "$work/$source"
    done
done
$cc -shared -o "$work/attach$dll" "$work/attach-c99.o"
$cc -shared -o "$work/link$dll" "$work/link-c99.o" "$BUILD/$import"
ls "$work" | grep -c "$dll\$" | grep -qx 2
