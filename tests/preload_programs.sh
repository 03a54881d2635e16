#!/bin/sh
# SPDX-License-Identifier: MIT
# preload_programs.sh: programs that know nothing of BrainMM work with libbrainmm-malloc.so preloaded, and print the
# same as without it: ls, sort, a shell pipeline, g++ with the processes that it starts, a C++ program with threads and
# exceptions, git, perl and sqlite3 if they are there, python3 with threads. The same in checked mode, which finds
# nothing; tools/programs/run.py does more of that.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A copy, because the name of this folder may have a blank in it, and LD_PRELOAD ends a name at a blank.
library=$work/libbrainmm-malloc.so
cp "$BUILD/libbrainmm-malloc.so" "$library"
status=0

cat >"$work/program.cpp" <<'CPP'
#include <cstdio>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

struct alignas(128) wide {
    char bytes[300];
};

static long count(int seed) {
    std::map<std::string, std::vector<int>> words;
    for (int i = 0; i < 20000; i++)
        words[std::to_string(i * seed % 997)].push_back(i);
    long total = 0;
    for (auto &word : words)
        total += static_cast<long>(word.second.size());
    return total;
}

int main() {
    std::vector<std::thread> threads;
    long totals[4] = {};
    for (int i = 0; i < 4; i++)
        threads.emplace_back([i, &totals] { totals[i] = count(i + 3); });
    for (auto &thread : threads)
        thread.join();
    auto wides = std::make_unique<wide[]>(10);
    bool aligned = reinterpret_cast<std::size_t>(wides.get()) % 128 == 0;
    const char *caught = "nothing";
    volatile std::size_t too_much = static_cast<std::size_t>(-1) / 4;
    try {
        delete[] new char[too_much];
    } catch (const std::bad_alloc &) {
        caught = "bad_alloc";
    }
    std::printf("%ld %ld %ld %ld %d %s %d\n", totals[0], totals[1], totals[2], totals[3], aligned, caught,
                new (std::nothrow) char[too_much] == nullptr);
}
CPP

cat >"$work/program.py" <<'PYTHON'
import threading
results = [0] * 4
def work(i):
    words = {}
    for n in range(30000):
        words.setdefault(str(n * (i + 7) % 1013), []).append(n)
    results[i] = sum(len(v) for v in words.values()), sorted(words)[:3]
threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
for t in threads: t.start()
for t in threads: t.join()
print(results, len("x" * 50_000_000), sum(bytearray(10_000_000)))
PYTHON

seq 1 200000 | awk '{ print ($1 * 7919) % 200003 }' >"$work/numbers"
g++ -std=c++17 -O1 -pthread -o "$work/program" "$work/program.cpp"

# same NAME COMMAND: COMMAND, run by sh in the work folder, prints the same with and without the library, also in
# checked mode. There a report ends the program.
same() {
    (cd "$work" && timeout 60 sh -c "$2") >"$work/plain.out" 2>&1
    for options in tools=off checked checked,scan=16,zero; do
        if ! (cd "$work" && BRAINMM_OPTIONS=$options LD_PRELOAD=$library timeout 60 sh -c "$2") \
            >"$work/preload.out" 2>&1; then
            echo "$1 failed ($options):"
            tail -n 5 "$work/preload.out"
            status=1
        elif ! cmp -s "$work/plain.out" "$work/preload.out"; then
            echo "$1 printed something else ($options):"
            diff "$work/plain.out" "$work/preload.out" | head -n 5
            status=1
        fi
    done
}

# same_if_there PROGRAM COMMAND
same_if_there() { ! command -v "$1" >/dev/null || same "$1" "$2"; }

same loaded 'test "${LD_PRELOAD:-}" = "" || grep -c libbrainmm-malloc /proc/self/maps >/dev/null && echo yes'
same ls 'ls -laR /usr/include | wc -l'
same sort 'sort -n numbers | md5sum'
same pipeline 'grep 7 numbers | sed s/7/8/ | awk "{ s += \$1 } END { print s }"'
same gcc 'g++ -std=c++17 -O1 -S -o - program.cpp | md5sum'
same c++ ./program
same python3 '/usr/bin/python3 program.py'
same_if_there git 'rm -rf r && git init -q r && cd r && cp ../program.* . && git add -A &&
    git -c user.name=n -c user.email=n@example.com commit -qm 1 && git gc -q && git fsck --full && git ls-tree HEAD'
same_if_there perl 'perl -e '\''my %h; push @{ $h{$_ * 7919 % 997} }, "x" x ($_ % 50) for 1 .. 50000;
    my $s = join ",", map { join "", @{ $h{$_} } } sort { $a <=> $b } keys %h; $s =~ s/x{7}/y/g; print length $s;'\'''
same_if_there sqlite3 'sqlite3 :memory: "CREATE TABLE t(a, b); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1
    FROM n WHERE i < 20000) INSERT INTO t SELECT i, hex(i) FROM n; CREATE INDEX x ON t(b);
    SELECT count(*), group_concat(b) FROM (SELECT b FROM t WHERE b LIKE \"%37%\" ORDER BY b DESC LIMIT 99);"'
exit $status
