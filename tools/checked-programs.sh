#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs other people's programs with libbrainmm-malloc.so in checked mode, and without it beside that, on linux-x86_64.
# They must print the same, and nothing may be reported. docs/testing.md tells what it showed.
#   tools/checked-programs.sh FOLDER [git | gcc | clang | perl | sqlite | python | other]...
# All that it makes is in FOLDER, outside the tree. It runs what is installed, needs no root, and takes an hour.
# PYTHON is an interpreter that has its test modules (Debian: libpython3-testsuite); OPTIONS are the kinds of checked
# mode, with blanks between them.
# shellcheck disable=SC2016  # the commands expand them
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || { sed -n '5s/^# *//p' "$0" >&2; exit 2; }

folder=$1
shift
[ $# -gt 0 ] || set -- git gcc clang perl sqlite python other
make linux-x86_64
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
case $folder in
"$PWD"/*) echo "checked-programs.sh: $folder is inside the tree" >&2; exit 2 ;;
esac
cp build/linux-x86_64/libbrainmm-malloc.so "$folder"
tree=$PWD library=$folder/libbrainmm-malloc.so
PYTHON=${PYTHON:-python3}
OPTIONS=${OPTIONS:-checked checked,scan=16,zero checked,guard=all,guard_end}
export tree PYTHON
export PYTHONMALLOC=malloc # or Python cuts its objects from blocks of its own
export PERL_HASH_SEED=0 PERL_PERTURB_KEYS=0 # or Perl prints in another order each time
cd "$folder"
bad=0

# run FILE COMMAND: what it prints, and its exit code. A report of checked mode ends the program.
run() {
    code=0
    timeout 900 sh -c "$2" >"$1" 2>&1 || code=$?
    echo "exit code $code" >>"$1"
}

# try NAME COMMAND: prints the seconds that the command takes without the library and with each of the OPTIONS.
try() {
    start=$(date +%s.%N)
    run "$1.plain" "$2"
    row="$1 | $(seconds "$start")"
    for options in $OPTIONS; do
        start=$(date +%s.%N)
        LD_PRELOAD=$library BRAINMM_OPTIONS=$options run "$1.$options" "$2"
        row="$row | $(seconds "$start")"
        if ! cmp -s "$1.plain" "$1.$options"; then
            row="$row DIFFERS" bad=1
        elif grep -q '^BrainMM:' "$1.$options"; then
            row="$row REPORT" bad=1
        fi
    done
    echo "$row"
}

seconds() { awk -v start="$1" -v now="$(date +%s.%N)" 'BEGIN { printf "%.1f", now - start }'; }

have() { command -v "$1" >/dev/null || { echo "$1 | is not installed"; return 1; }; }

part_git() {
    have git || return 0
    [ -d repository ] || sh -ec '
        git init -q repository
        cd repository
        git config user.name nobody
        git config user.email nobody@example.com
        for part in linux c++ openssl asm-generic rpc net; do
            [ ! -d /usr/include/$part ] || cp -r /usr/include/$part .
            git add -A
            git commit -qm $part
        done
        cp -r "$tree/src" "$tree/posix" "$tree/tests" .
        git add -A
        git commit -qm tree
        find . -name "*.h" -size -20k | head -n 300 | xargs sed -i "s/int/long/"
        git commit -qam change'
    try git-log 'cd repository && git log -p --stat -M -C | md5sum'
    try git-blame 'cd repository && git ls-files | head -n 60 | xargs -n 1 git blame | md5sum'
    try git-diff 'cd repository && git diff --word-diff HEAD~1 HEAD | md5sum && git diff --histogram HEAD~3 | md5sum'
    try git-grep 'cd repository && git grep -n -E "(int|long) [a-z]+_[a-z]+" | md5sum'
    try git-clone 'rm -rf copy && git clone -q --no-local repository copy && cd copy && git fsck --full | sort | md5sum'
    try git-repack 'cd copy && git repack -qadf --depth=20 --window=20 --threads=2 && git gc -q && git status -s'
    try git-merge 'cd copy && git checkout -qB side HEAD~1 && git rebase -q origin/HEAD && git rev-parse HEAD^{tree} &&
        git archive HEAD | md5sum && git stash list && git bundle create -q ../bundle HEAD &&
        git fast-export HEAD | wc -l'
}

part_gcc() {
    have gcc || return 0
    try gcc 'cd "$tree" && for f in src/slab/*.c src/heap/*.c; do
        gcc -std=gnu11 -Iinclude -Isrc -Iposix -Wall -Wextra -O2 -g -S -o - "$f"; done | md5sum'
    try gcc-O3 'cd "$tree" && gcc -std=gnu11 -Iinclude -Isrc -Iposix -O3 -flto -fanalyzer -S -o - src/slab/supply.c |
        grep -v lto | md5sum'
    cat >program.cpp <<'CPP'
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <thread>
#include <vector>
int main() {
    std::map<std::string, std::vector<int>> words;
    for (int i = 0; i < 50000; i++)
        words[std::to_string(i * 7919 % 10007)].push_back(i);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++)
        threads.emplace_back([] {
            std::regex pattern("(a|b)*c([0-9]+)");
            std::smatch match;
            for (int i = 0; i < 200; i++) {
                std::string text = std::string(static_cast<size_t>(i % 40), 'a') + "c" + std::to_string(i);
                if (!std::regex_match(text, match, pattern) || match[2] != std::to_string(i))
                    std::cout << "wrong\n";
            }
        });
    for (auto &thread : threads)
        thread.join();
    size_t total = 0;
    for (auto &word : words)
        total += word.second.size() * word.first.size();
    std::cout << total << "\n";
}
CPP
    try g++ 'g++ -std=c++20 -O2 -pthread -o program program.cpp && ./program && md5sum <program'
    try ld 'cd "$tree" && gcc -shared -Wl,--build-id=none -o "$OLDPWD/linked" build/linux-x86_64/obj/shared/src/*/*.o \
        build/linux-x86_64/obj/shared/posix/*.o build/linux-x86_64/obj/shared/posix/linux/*.o &&
        md5sum <"$OLDPWD/linked"'
}

part_clang() {
    have clang || return 0
    try clang 'cd "$tree" && for f in src/slab/*.c; do
        clang -std=gnu11 -Iinclude -Isrc -Iposix -Wall -O2 -g -S -o - "$f"; done | md5sum'
    try clang-format 'cd "$tree" && clang-format src/*/*.[ch] tests/*.[ch] | md5sum'
}

part_perl() {
    have perl || return 0
    try perl-compile 'find /usr/share/perl -name "*.pm" | sort | head -n 100 | while read -r f; do
        perl -c "$f"; done 2>&1 | sed "s/0x[0-9a-f]*//g" | md5sum'
    try perl-pod 'find /usr/share/perl -name "*.pod" -o -name "*.pm" | sort | head -n 30 | while read -r f; do
        pod2text "$f" 2>/dev/null; done | md5sum'
    try perl-text 'perl -e '\''
        use strict; my (%h, @l); srand 1;
        for my $i (1 .. 200000) { push @{ $h{$i * 7919 % 5003} }, "$i" x ($i % 20); }
        for my $k (sort { $a <=> $b } keys %h) { my $t = join ",", @{ $h{$k} }; $t =~ s/(\d)(\d+)/$2$1/g;
            push @l, length($t) . ":" . unpack("%32C*", $t); }
        print join("\n", @l), "\n"; my $s = ""; $s .= chr(65 + $_ % 26) for 1 .. 500000;
        print scalar(() = $s =~ /[AEIOU](?=[^A-M])/g), "\n"; '\'' | md5sum'
    try perl-threads 'perl -Mthreads -e '\''
        my @t = map { my $n = $_; threads->create(sub { my %h; $h{$_ % 997} .= "x$n" for 1 .. 30000;
            my $l = 0; $l += length for values %h; $l }) } 1 .. 4; print $_->join, "\n" for @t; '\'''
}

part_sqlite() {
    have sqlite3 || return 0
    cat >script.sql <<'SQL'
PRAGMA journal_mode=WAL;
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL, d BLOB);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
    INSERT INTO t SELECT i, printf('%x-%d', i * 7919, i % 97), i / 7.0, zeroblob(i % 300) FROM n;
CREATE INDEX tb ON t(b, c);
CREATE VIRTUAL TABLE f USING fts5(b);
INSERT INTO f SELECT b || ' ' || a FROM t WHERE a % 3 = 0;
SELECT count(*), sum(length(b)), group_concat(b) FROM t WHERE b LIKE '%-1_' AND a < 5000;
SELECT x.b, count(*) FROM t x JOIN t y ON x.a = y.a * 2 GROUP BY x.b ORDER BY 2 DESC, 1 LIMIT 50;
SELECT count(*) FROM f WHERE f MATCH '12*';
SELECT json_group_array(json_object('a', a, 'b', b)) FROM t WHERE a % 1000 = 0;
SELECT a, sum(c) OVER (PARTITION BY a % 7 ORDER BY a ROWS 3 PRECEDING) FROM t WHERE a % 500 = 0;
DELETE FROM t WHERE a % 5 = 0;
VACUUM;
PRAGMA integrity_check;
SQL
    try sqlite 'rm -f data.db* && sqlite3 data.db <script.sql | md5sum && sqlite3 data.db .dump | md5sum'
}

part_python() {
    have "$PYTHON" || return 0
    "$PYTHON" -c 'import test.test_list' 2>/dev/null || { echo "$PYTHON | has no test modules"; return 0; }
    for module in dict set unicode bytes json re struct array memoryview pickle zlib lzma hashlib decimal \
        threading queue ctypes sqlite3 gc weakref generators xml_etree csv itertools functools sort ast compile \
        fstring; do
        try python-$module "$PYTHON -m test -q test_$module >/dev/null 2>&1"
    done
}

part_other() {
    ! have cmake || try cmake 'rm -rf cm && mkdir cm && echo "cmake_minimum_required(VERSION 3.5)
        project(p C CXX)
        add_executable(p p.c)" >cm/CMakeLists.txt && echo "int main(void) { return 0; }" >cm/p.c &&
        cmake -S cm -B cm/b >/dev/null && cmake --build cm/b >/dev/null && cm/b/p && echo built'
    ! have xz || try xz 'cd "$tree" && tar -cf - --sort=name src tests docs | xz -T2 -6 | xz -d | md5sum'
    ! have zstd || try zstd 'cd "$tree" && cat src/*/*.c docs/*.md | zstd -q -19 -T2 | zstd -d | md5sum'
    ! have openssl || try openssl 'openssl genrsa 2048 2>/dev/null >key && openssl req -new -x509 -key key -subj /CN=a \
        -out cert && openssl verify -CAfile cert cert && openssl list -digest-algorithms | md5sum'
    ! have gdb || try gdb 'gdb -batch -ex "info functions brainmm_alloc" -ex "ptype struct unit" \
        "$tree/build/linux-x86_64/obj/linked/libbrainmm.so" 2>&1 | md5sum'
    ! have make || try make 'cd "$tree" && make -n -B linux-x86_64 2>/dev/null | md5sum'
    ! have bash || try bash 'bash -c "declare -A a; for ((i = 0; i < 20000; i++)); do a[\$((i % 991))]+=x\$i; done;
        for k in \"\${!a[@]}\"; do echo \${#a[\$k]}; done | sort -n" | md5sum'
    try text 'cd "$tree" && find . -name "*.[ch]" | sort | xargs cat | tr -cs A-Za-z "\n" | sort | uniq -c | sort -rn |
        awk "{ n += length(\$2) * \$1 } END { print n, NR }"; sed -E "s/(a|b)+c?/<&>/g" docs/*.md | md5sum;
        diff -r src tests | md5sum; grep -rE "[a-z]+_[a-z]+\(" src | md5sum; ls -lR /usr/include | wc -l'
}

echo "program | without | $(echo "$OPTIONS" | sed 's/ / | /g')"
for part; do
    "part_$part"
done
exit $bad
