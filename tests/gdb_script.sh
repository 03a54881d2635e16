#!/bin/sh
# SPDX-License-Identifier: MIT
# gdb_script.sh: tools/brainmm-gdb.py tells what addresses are, what the heap consists of and what the table is: of a
# live process, with the debug information in a file of its own, and of its core file.
set -eu
top=$PWD
cd "$BUILD/tests"
cp "../libbrainmm.so.2" "../libbrainmm.so.2.debug" .
rm -f gdb_script.core
status=0

cat >gdb_script.commands <<'END'
echo LIVE\n
brainmm address at.live
echo INSIDE\n
brainmm address at.live + 5
echo FREED\n
brainmm address at.freed
echo NEVER\n
brainmm address at.freed + 50000
echo ALIGNED\n
brainmm address at.aligned
echo LARGE\n
brainmm address at.large + 150000
echo PAGES\n
brainmm address at.pages
echo BLOCK\n
brainmm address at.block + 100000
echo SMALLBLOCK\n
brainmm address at.small_block
echo CODE\n
brainmm address at.code
echo OUTSIDE\n
brainmm address at.outside
echo NULL\n
brainmm address 0
echo HEAP\n
brainmm heap
echo TABLE\n
brainmm table
END

# says NAME TEXT: the answer NAME must contain TEXT.
says() {
    awk -v name="$1" '$0 == name { on = 1; next } /^[A-Z]+$/ { on = 0 } on' "$output" | grep -q -- "$2" && return
    echo "$output: $1 does not say '$2'"
    status=1
}

check() {
    output=$1
    says LIVE 'in the region 0x[0-9a-f]* to 0x[0-9a-f]*, unit [0-9]'
    says LIVE 'objects of 112 bytes, aligned to 16; of thread [0-9]* (thread heap 1)'
    says LIVE 'of 112 bytes, live; it starts here'
    says INSIDE 'of 112 bytes, live; it starts 5 bytes before, at 0x'
    says FREED 'of 208 bytes, free; it starts here'
    says NEVER 'never handed out'
    says ALIGNED 'of 256 bytes, aligned to 256'
    says ALIGNED 'live; it starts here'
    says LARGE 'a piece with pages of its own, of 20[0-9]* bytes, live; it starts 150000 bytes before'
    says LARGE 'and in unit'
    says PAGES 'pages, mode system, of 12288 bytes, live; it starts here'
    says BLOCK 'a block, mode user, of 262144 bytes, live; it starts 100000 bytes before'
    says SMALLBLOCK 'a block of 16384 bytes, live; it starts here'
    says CODE 'a piece of code of 64 bytes, live; it starts here'
    says OUTSIDE 'not in the heap'
    says NULL 'not in the heap'
    says HEAP 'region 0x[0-9a-f]* to'
    says HEAP 'class of 112 bytes, aligned to 16: 1 slabs'
    says HEAP 'thread heap 1: thread [0-9]'
    says TABLE 'libbrainmm.so.2 owns the heap'
    says TABLE 'magic: BrainMM-table-v2'
    says TABLE 'alloc: 0x[0-9a-f]* <heap_alloc>'
    says TABLE 'walk: 0x[0-9a-f]* <heap_walk>'
    [ $status = 0 ] || cat "$output"
}

# gdb must be allowed to trace the program.
timeout 60 gdb -nx -q -batch -x "$top/tools/brainmm-gdb.py" -ex 'break stop_here' -ex run -ex up \
    -x gdb_script.commands -ex 'generate-core-file gdb_script.core' ./gdb_helper-shared >gdb_script.live 2>&1 ||
    { cat gdb_script.live; exit 1; }
check gdb_script.live
timeout 60 gdb -nx -q -batch -x "$top/tools/brainmm-gdb.py" -x gdb_script.commands ./gdb_helper-shared \
    gdb_script.core >gdb_script.dead 2>&1 || { cat gdb_script.dead; exit 1; }
check gdb_script.dead
rm -f gdb_script.core
exit $status
