#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs Windows programs that know nothing of BrainMM, with and without brainmm-run.exe, under Wine.
#   tools/windows-programs.sh TARGET FOLDER [lua | zstd | sqlite3 | 7za]...
# The programs are in FOLDER, outside the tree; tools/setup-windows-programs.sh gets those that are not. Output, exit
# code and the files that they write are compared: without the runner, with it, and with it in checked mode. A line for
# each run of a program tells the seconds. OPTIONS="..." replaces the options of the last kind. Exit code 1: something
# differs.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words
set -u
cd "$(dirname "$0")/.." || exit 1
[ $# -ge 2 ] || { sed -n '4s/^# *//p' "$0" >&2; exit 2; }
target=$1 folder=$2
shift 2
[ $# -gt 0 ] || set -- lua zstd sqlite3 7za
eval "$(tools/target "$target")"
top=$PWD
run="$top/$run"
make "$target" >/dev/null || exit 1
tools/setup-windows-programs.sh "$target" "$folder" "$@"
code=$?
[ $code = 0 ] || [ $code = 77 ] || exit $code
folder=$(cd "$folder" && pwd) || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$folder"/*.exe "$folder"/*.dll "$work" || exit 1
mkdir "$work/bin" "$work/texts"
cp "build/$target/brainmm.dll" "build/$target/brainmm-malloc.dll" "build/$target/brainmm-run.exe" "$work/bin"
cp docs/*.md src/heap/*.c "$work/texts"
cd "$work" || exit 1
status=0

# once NAME COMMAND...: runs it; leaves its output in NAME.out, its errors in NAME.err; sets $code and $time.
once() {
    name=$1
    shift
    start=$(date +%s%N)
    $run "$@" <input >"$name.out" 2>"$name.err"
    code=$?
    # A program that Wine starts gets its own path as its name.
    sed "s|^[A-Z]:.*\\\\\([^\\\\]*[.]exe\)|\1|" "$name.err" >err && mv err "$name.err"
    time=$((($(date +%s%N) - start) / 10000000))
}

seconds() { printf '%d.%02d' $(($1 / 100)) $(($1 % 100)); }

# same FILE PROGRAM ARGUMENT...: runs PROGRAM in the three ways, and compares. FILE: one that it writes, or -.
same() {
    file=$1
    shift
    rm -f "$file"
    once plain "$@"
    plain=$code row=$(seconds $time)
    [ "$file" = - ] || mv "$file" plain.file || status=1
    for options in '' "${OPTIONS-checked,on_error=abort}"; do
        rm -f "$file"
        BRAINMM_OPTIONS=$options once ours bin/brainmm-run.exe "$@"
        row="$row $(seconds $time)"
        what="$* (options '$options')"
        [ $code = $plain ] || { echo "exit code $code, not $plain: $what" && cat ours.err && status=1; }
        cmp plain.out ours.out || { echo "other output: $what" && status=1; }
        cmp plain.err ours.err || { echo "other errors: $what" && head -n 5 ours.err && status=1; }
        [ "$file" = - ] || cmp plain.file "$file" || { echo "other file: $what" && status=1; }
    done
    printf '%-60.60s %3d  %s\n' "$*" $plain "$row"
}

# uses PROGRAM: the program's own malloc is the heap's.
uses() {
    once ours bin/brainmm-run.exe --report "$@"
    grep -q "^$1: it uses the heap" ours.err || { echo "$1 does not use the heap" && cat ours.err && status=1; }
}

lua() {
    cat >test.lua <<'LUA'
local words, total = {}, 0
for round = 1, 3 do
    for i = 1, 20000 do
        local key = "word" .. (i * 7919 % 997)
        words[key] = words[key] or {}
        table.insert(words[key], string.rep("x", i % 50) .. i)
    end
    local names = {}
    for name, list in pairs(words) do names[#names + 1] = name; table.sort(list) end
    table.sort(names)
    for _, name in ipairs(names) do total = total + #table.concat(words[name], ",") end
    collectgarbage()
end
local function numbers(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end) end
for i in numbers(20000) do total = total + i end
local copy = {}
for line in io.lines() do copy[#copy + 1] = line:upper():reverse() end
io.write(total, " ", #table.concat(copy), " ", os.getenv("WORD") or "none", "\n", copy[1], "\n")
print(pcall(string.rep, "much", 1 << 40))
print(select("#", table.unpack(copy, 1, 100)), load("return 6 * 7")())
os.exit(23)
LUA
    uses lua.exe -e 'os.exit(0)'
    same - lua.exe test.lua
    same - lua.exe -e 'error("an error of the script")'
    same - lua.exe nothing.lua
}

zstd() {
    uses zstd.exe --version
    same out.zst zstd.exe -q -19 -T2 input -o out.zst
    same out.zst zstd.exe -q -3 --long=24 input -o out.zst
    cp out.zst in.zst
    same out.text zstd.exe -q -d in.zst -o out.text
    cmp out.text input || status=1
    same dictionary zstd.exe -q --train -r texts -o dictionary
    same - zstd.exe -q -d dictionary -o nothing
}

sqlite3() {
    cat >input.sql <<'SQL'
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c BLOB);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
    INSERT INTO t SELECT i, hex(i * 7919 % 10007), zeroblob(i % 300) FROM n;
CREATE INDEX x ON t(b);
SELECT count(*), sum(length(c)), group_concat(b) FROM (SELECT b, c FROM t WHERE b LIKE '%37%' ORDER BY b DESC LIMIT 99);
CREATE VIRTUAL TABLE f USING fts5(text);
INSERT INTO f SELECT 'words ' || b || ' and ' || a FROM t LIMIT 5000;
SELECT count(*) FROM f WHERE f MATCH 'and NOT 33';
SELECT json_group_array(json_object('a', a, 'b', b)) FROM (SELECT * FROM t ORDER BY b, a LIMIT 50);
SELECT a, count(*) OVER (PARTITION BY b % 10 ORDER BY a ROWS 5 PRECEDING) FROM t WHERE a % 997 = 0;
UPDATE t SET c = randomblob(0) WHERE a % 3 = 0; DELETE FROM t WHERE a % 7 = 0; VACUUM;
SELECT count(*), max(b) FROM t JOIN (SELECT b AS other FROM t LIMIT 300) ON b = other;
SELECT * FROM nothing;
.dump x
SQL
    uses sqlite3.exe :memory: 'SELECT 1'
    cp input input.text
    cp input.sql input
    same - sqlite3.exe :memory:
    cp input.text input
    same - sqlite3.exe :memory: 'SELECT length(zeroblob(2000000000));'
}

seven_zip() {
    uses 7za.exe i
    same out.7z 7za.exe a -bso0 -mx=7 -mmt=2 -mtm- out.7z texts
    same out.7z 7za.exe a -bso0 -m0=ppmd -mtm- out.7z texts
    cp out.7z in.7z
    same out.zip 7za.exe a -bso0 -tzip -mm=Deflate -mtc- out.zip input
    same - 7za.exe e -bso0 -so in.7z texts/design.md
    same - 7za.exe t -bd in.7z
    same - 7za.exe l in.7z
    same - 7za.exe t -bd nothing.7z
    same - 7za.exe x -bd input
}

cat texts/*.md texts/*.md texts/*.c >input
export WORD='a word'
echo 'program and arguments; exit code; seconds: alone, with brainmm-run.exe, in checked mode'
for program in "$@"; do
    if [ ! -e "$program.exe" ]; then
        echo "$program is not there"
        continue
    fi
    name=$program
    [ $program != 7za ] || name=seven_zip
    $name
done
exit $status
