# SPDX-License-Identifier: MIT
# frame_pointers.sh: for scripts that read it. Call stacks are found by frame pointers on 32 bit, so every function that
# calls another keeps one.
# shellcheck shell=sh disable=SC2154  # tools/target sets them

# keep_frame_pointers OBJECT...: objects below win32/, without .o. True on 64 bit.
keep_frame_pointers() {
    [ "$bits" = 32 ] || return 0
    kept=0
    for object; do
        "$objdump" -d --no-show-raw-insn "$BUILD/obj/win32/$object.o" | awk -v object="$object" '
            /^[0-9a-f]+ <.*>:$/ { name = $2; keeps = name ~ /[.]cold/; functions++ }
            /mov +%esp,%ebp/ { keeps = 1 }
            /\tcall/ && !keeps { print object ": no frame pointer in " name; bad = 1; keeps = 1 }
            END { exit bad || !functions }' || kept=1
    done
    return $kept
}
