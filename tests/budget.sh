#!/bin/sh
# SPDX-License-Identifier: MIT
# budget.sh: counts the machine instructions on the fast path of an allocation and of a free by the owning thread, and
# compares them with the bounds below. It reads the library of TARGET before that is stripped.
#
# The path goes from the function's first instruction to its `ret`. It takes no conditional jump, because the compiler
# knows which way is the usual one, and it follows unconditional jumps. If the path reaches a call or the end of the
# function, the code has changed its shape: then the test fails and shows the path. On ARM it also fails if an
# instruction on the path orders memory or is atomic: a thread takes this path alone.
# shellcheck disable=SC2154  # tools/target sets them
set -eu

# Bounds: target, library, function, instructions, stores to memory. "-" means: only reported. A target without rows of
# its own uses those of its system. heap_free returns a result, so it may need one instruction more than free. Windows
# needs two more to find the thread's heap.
bounds='
linux-x86_64 libbrainmm-malloc.so malloc     14 2
linux-x86_64 libbrainmm-malloc.so free       22 4
linux-x86_64 libbrainmm.so.2      heap_alloc 14 2
linux-x86_64 libbrainmm.so.2      heap_free  23 4
win64        brainmm.dll          heap_alloc 16 2
win64        brainmm.dll          heap_free  25 4
linux-aarch64 libbrainmm-malloc.so malloc     15 2
linux-aarch64 libbrainmm-malloc.so free       30 4
linux-aarch64 libbrainmm.so.2      heap_alloc 15 2
linux-aarch64 libbrainmm.so.2      heap_free  31 4
macos-arm64  libbrainmm.2.dylib   heap_alloc 16 2
macos-arm64  libbrainmm.2.dylib   heap_free  31 4
macos-x86_64 libbrainmm.2.dylib   heap_alloc 16 2
macos-x86_64 libbrainmm.2.dylib   heap_free  25 4
windows-arm64 brainmm.dll         heap_alloc 16 2
windows-arm64 brainmm.dll         heap_free  31 4
linux        libbrainmm-malloc.so malloc     -  -
linux        libbrainmm-malloc.so free       -  -
windows      brainmm.dll          heap_alloc -  -
windows      brainmm.dll          heap_free  -  -
'

eval "$(tools/target "$TARGET")"

# path_of LIBRARY FUNCTION: prints the instructions of the path.
path_of() {
    "$objdump" -d --no-show-raw-insn "$BUILD/obj/linked/$1" | awk -v name="<$underscore$2>:" '
        $2 == name { inside = 1; next }
        inside && /^$/ { exit }
        inside && /^ *[0-9a-f]+:[ \t]/ {
            address = $1
            sub(/:$/, "", address)
            text = $0
            sub(/^[^\t]*\t/, "", text)
            order[++count] = address
            code[address] = text
            place[address] = count
        }
        END {
            for (at = 1; at >= 1 && at <= count && steps++ < 200;) {
                text = code[order[at]]
                print text
                if (text ~ /^(repz |bnd |notrack )*ret|^(bx[ \t]+lr|br[ \t]+%r14)$/) exit 0
                if (text ~ /^((addr32 )?call|blr?[ \t])/ && text !~ /get_pc_thunk/) { print "a call"; exit 1 }
                if (text ~ /^(jmp|b[ \t]|j[ \t])/) {
                    split(text, words, /[ \t]+(0x)?/)
                    if (!(words[2] in place)) { print "leaves the function"; exit 1 }
                    at = place[words[2]]
                } else {
                    at++
                }
            }
            print count ? "no end" : "no such function"
            exit 1
        }'
}

result=0
tested=0
path=$(mktemp)
trap 'rm -f "$path"' EXIT
rows=$TARGET
echo "$bounds" | grep -q "^$TARGET " || rows=$system
while read -r target library function instructions stores; do
    [ "$target" = "$rows" ] || continue
    tested=$((tested + 1))
    if ! path_of "$library" "$function" >"$path"; then
        echo "$library $function: not a straight path:"
        cat "$path"
        result=1
        continue
    fi
    # A nop for alignment does not count. A store of x86 is an instruction whose last operand is in memory, unless it is
    # one of those that only read it. Other processors have instructions that only store.
    counted=$(grep -cv '^nop' "$path" || true)
    case $TARGET in
    *aarch64* | *arm64) stored=$(grep -c '^st' "$path" || true) ;;
    *)
        stored=$(sed 's/[ \t]*#.*//; s/[ \t]*<.*//' "$path" |
            awk '$1 !~ /^(cmp|test|lea|nop|j|push|call|mul|imul|div|bt$)/ && $NF ~ /\)$/ { n++ } END { print n + 0 }')
        ;;
    esac
    echo "$TARGET $library $function: $counted instructions, $stored stores (allowed: $instructions, $stores)"
    if [ "$instructions" != - ] && { [ "$counted" -gt "$instructions" ] || [ "$stored" -gt "$stores" ]; }; then
        cat "$path"
        result=1
    fi
    case $TARGET in
    *aarch64* | *arm64)
        ! grep -E '^(dmb|dsb|isb|lda|ldxr|ldxp|stl|stx|cas|swp|ld(add|clr|eor|set))' "$path" || {
            echo "$function: that is for memory that others write at the same time"
            result=1
        }
        ;;
    esac
done <<END
$bounds
END
[ "$tested" -gt 0 ] || { echo "no bounds for $TARGET"; exit 1; }
exit $result
