#!/bin/sh
# SPDX-License-Identifier: MIT
# exports.sh: the functions that brainmm.h documents, the names in brainmm.def, the exports of each library and the
# global names of the static core are the same set. In the static core they are hidden. libbrainmm-malloc.so exports the
# malloc family, and what goes with it, only. libbrainmm-malloc.a has the static core's names and the malloc family's.
# shellcheck disable=SC2154  # tools/target sets them
set -eu
status=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# same_set FILE FILE WHAT: both files must have the same lines.
same_set() {
    diff "$1" "$2" >"$work/diff" && return
    echo "$3:"
    cat "$work/diff"
    status=1
}

# A declaration may break after the return type, so the text is taken up to its first parenthesis or semicolon.
awk '/^BRAINMM_API/ { sub(/\(.*/, ""); sub(/;.*/, ""); print $NF }' include/brainmm.h |
    sed 's/^\*//' | sort >"$work/header"
[ "$(wc -l <"$work/header")" -ge 19 ] || {
    echo "found only $(wc -l <"$work/header") declarations in brainmm.h"
    exit 1
}
awk '/^EXPORTS/ { on = 1; next } on && !/^ *(;|$)/ { print $1 }' brainmm.def | sort >"$work/def"
same_set "$work/header" "$work/def" "brainmm.def differs from brainmm.h"

eval "$(tools/target "$TARGET")"
case $system in
linux)
    exported() { "$nm" --dynamic --defined-only --format=posix "$1" | awk '$2 != "A" { print $1 }' | sort; }
    # Each symbol of the library has a version; those that take the place of the C library's have none.
    exported "$BUILD/libbrainmm.so.2" | sed 's/@@BRAINMM_[0-9]*\.[0-9]*$/ versioned/' >"$work/versioned"
    awk 'NF != 2 { print $1 " has no version" }' "$work/versioned" >"$work/unversioned"
    [ ! -s "$work/unversioned" ] || { cat "$work/unversioned"; status=1; }
    sed 's/ versioned$//' "$work/versioned" >"$work/library"

    cat >"$work/family" <<-END
	aligned_alloc calloc cfree free free_aligned_sized free_sized malloc malloc_usable_size memalign posix_memalign
	pvalloc realloc reallocarray valloc
	END
    # What only glibc has. The start-up files of musl's compiler have two names of their own, which do nothing.
    [ "$libc" = musl ] || echo mallinfo mallinfo2 malloc_info malloc_stats malloc_trim mallopt dlopen dlmopen \
        >>"$work/family"
    exported "$BUILD/libbrainmm-malloc.so" >"$work/malloc"
    [ "$libc" != musl ] || sed -i '/^_init$/d; /^_fini$/d' "$work/malloc"
    # The family includes every form of C++'s operator new (_Znw, _Zna) and delete (_Zdl, _Zda).
    grep -Ev '^_Z(n[wa]|d[la])' "$work/malloc" | while read -r name; do
        grep -qw "$name" "$work/family" || echo "libbrainmm-malloc.so exports $name"
    done >"$work/strangers"
    for name in $(cat "$work/family") _Znwm _ZdlPv; do
        # size_t is another type where pointers have 32 bits.
        [ "$bits" != 32 ] || [ $name != _Znwm ] || name=_Znwj
        grep -qx $name "$work/malloc" || echo "libbrainmm-malloc.so lacks $name" >>"$work/strangers"
    done
    [ ! -s "$work/strangers" ] || { cat "$work/strangers"; status=1; }

    # They are hidden, so that a module that links the static core does not export them.
    readelf --symbols --wide "$BUILD/libbrainmm.a" |
        awk '$5 == "GLOBAL" && $6 == "DEFAULT" && $7 != "UND" { print "the static core exports " $8 }' >"$work/visible"
    [ ! -s "$work/visible" ] || { cat "$work/visible"; status=1; }
    ;;
windows)
    # The table of names: "[  12] brainmm_free", or with an address between the two in newer binutils.
    "$objdump" -p "$BUILD/brainmm.dll" |
        awk '/Ordinal\/Name Pointer/ { on = 1; next } on && !NF { exit } on { print $NF }' | sort >"$work/library"
    # libbrainmm-malloc.a has the names of the malloc family, too, and the imports of all of them.
    sed -n 's/^    F([a-z_ *]*, \([a-z_]*\), .*/\1/p' win32/malloc/crt_functions.h >"$work/family"
    sort "$work/family" "$work/header" |
        awk -v u="$underscore" '{ print u $1; print "__imp_" u $1 }' | sort >"$work/wanted"
    "$nm" --extern-only --defined-only --format=posix "$BUILD/libbrainmm-malloc.a" |
        awk 'NF > 1 { print $1 }' | sort >"$work/malloc"
    [ "$(wc -l <"$work/family")" = 15 ] || { echo "crt_functions.h has another number of functions"; status=1; }
    same_set "$work/wanted" "$work/malloc" "libbrainmm-malloc.a has other names"
    ;;
esac
# Every other name in the static core is local, so that it cannot clash with a name of the program.
"$nm" --extern-only --defined-only --format=posix "$BUILD/libbrainmm.a" |
    awk -v from=$((${#underscore} + 1)) 'NF > 1 { print substr($1, from) }' | sort >"$work/static"
same_set "$work/header" "$work/static" "the static core's global names differ from brainmm.h"
same_set "$work/header" "$work/library" "the library's exports differ from brainmm.h"
exit $status
