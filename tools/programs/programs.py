# SPDX-License-Identifier: MIT
"""programs.py: the programs that run.py runs: what each prints, and how it ends, is the same each time.

A command is the shell's, in the folder of the run. $TREE is this project, $FOLDER that folder; $AS_USER begins a
command that root may not run. A group's `prepare` makes the input of its programs, once.
"""


class Program:
    def __init__(self, group, name, command, needs, package, prepare):
        self.group = group
        self.name = name
        self.command = command
        self.needs = needs          # files, or programs in the PATH
        self.package = package      # of Debian
        self.prepare = prepare


PROGRAMS = []


def group(name, package, needs, commands, prepare=""):
    """COMMANDS: {name of the program: command}."""
    for program, command in commands.items():
        PROGRAMS.append(Program(name, program, command, needs, package, prepare))


def chosen(names):
    """Those with one of these names, or in one of these groups. No names: all of them."""
    unknown = set(names) - {program.name for program in PROGRAMS} - {program.group for program in PROGRAMS}
    if unknown:
        raise SystemExit(f"no such program: {', '.join(sorted(unknown))}")
    return [program for program in PROGRAMS if not names or program.name in names or program.group in names]


# ---- Compilers, tools ------------------------------------------------------------------------------------------------

group("git", "git", ["git"], {
    "git-log": "cd repository && git log -p --stat -M -C | md5sum",
    "git-blame": "cd repository && git ls-files | head -n 60 | xargs -n 1 git blame | md5sum",
    "git-diff": "cd repository && git diff --word-diff HEAD~1 HEAD | md5sum && git diff --histogram HEAD~3 | md5sum",
    "git-grep": "cd repository && git grep -n -E '(int|long) [a-z]+_[a-z]+' | md5sum",
    "git-clone": """rm -rf copy && git clone -q --no-local repository copy && cd copy && git fsck --full | sort | md5sum
        git repack -qadf --depth=20 --window=20 --threads=2 && git gc -q && git status -s
        git checkout -qB side HEAD~1 && git rebase -q origin/HEAD && git rev-parse 'HEAD^{tree}' &&
        git archive HEAD | md5sum && git bundle create -q ../bundle HEAD && git fast-export HEAD | wc -l""",
}, prepare="""
    [ ! -d repository ] || exit 0
    git init -q repository
    cd repository
    git config user.name nobody
    git config user.email nobody@example.com
    for part in linux c++ openssl asm-generic rpc net; do
        [ ! -d /usr/include/$part ] || cp -r /usr/include/$part .
        git add -A
        git commit -qm $part --allow-empty
    done
    cp -r "$TREE/src" "$TREE/posix" "$TREE/tests" .
    git add -A
    git commit -qm tree
    find . -name '*.h' -size -20k | head -n 300 | xargs sed -i s/int/long/
    git commit -qam change""")

CORE = "-std=gnu11 -Iinclude -Isrc -Iposix -w"
CXX_PROGRAM = r"""
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
"""
group("gcc", "g++", ["gcc", "g++"], {
    "gcc": f'cd "$TREE" && for f in src/slab/*.c src/heap/*.c; do gcc {CORE} -O2 -g -S -o - "$f"; done | md5sum',
    "gcc-lto": f'cd "$TREE" && gcc {CORE} -O3 -flto -fanalyzer -S -o - src/slab/supply.c | grep -v lto | md5sum',
    "g++": "g++ -std=c++20 -O2 -pthread -o program program.cpp && ./program && md5sum <program",
}, prepare=CXX_PROGRAM)
group("clang", "clang", ["clang", "clang++"], {
    "clang": f'cd "$TREE" && for f in src/slab/*.c; do clang {CORE} -O2 -g -S -o - "$f"; done | md5sum',
    "clang++": "clang++ -std=c++17 -O2 -pthread -o program-clang program.cpp && ./program-clang",
}, prepare=CXX_PROGRAM)
group("clang-format", "clang-format", ["clang-format"], {
    "clang-format": 'cd "$TREE" && clang-format src/*/*.[ch] tests/*.[ch] | md5sum',
})
group("gdb", "gdb", ["gdb", "gcc"], {
    "gdb": """gdb -nx -batch -ex 'break leaf' -ex run -ex backtrace -ex 'print *node' -ex 'ptype struct node' \
        -ex 'info functions ^build' -ex continue ./debugged 2>&1 | sed 's/0x[0-9a-f]*//g; s/process [0-9]*//'""",
}, prepare="""
cat >debugged.c <<'C'
#include <stdio.h>
#include <stdlib.h>
struct node { int value; struct node *next; };
int leaf(struct node *node) { return node->value; }
struct node *build(int n) {
    struct node *node = malloc(sizeof *node);
    node->value = n;
    node->next = n ? build(n - 1) : NULL;
    return node;
}
int main(void) { printf("%d\\n", leaf(build(1000))); }
C
gcc -g -o debugged debugged.c""")
group("text", "coreutils", ["sort"], {
    "text": r"""cd "$TREE" && find . -name '*.[ch]' -not -path './build/*' | sort | xargs cat | tr -cs A-Za-z '\n' |
        sort | uniq -c | sort -rn | awk '{ n += length($2) * $1 } END { print n, NR }'
        sed -E 's/(a|b)+c?/<&>/g' docs/*.md | md5sum; diff -r src tests | md5sum
        grep -rE '[a-z]+_[a-z]+\(' src | sort | md5sum; ls -lR /usr/include | wc -l
        tar -cf - --sort=name --mtime=@0 src tests docs | xz -T2 -6 | xz -d | md5sum
        bash -c 'declare -A a; for ((i = 0; i < 20000; i++)); do a[$((i % 991))]+=x$i; done
            for k in "${!a[@]}"; do echo ${#a[$k]}; done | sort -n' | md5sum""",
})

# ---- Interpreters ----------------------------------------------------------------------------------------------------

# What a module prints has times in it: its last line says how it ended.
PYTHON = """/usr/bin/python3 -m test {} >python-out 2>&1 || {{ tail -n 40 python-out; exit 1; }}
    grep '^Tests result' python-out"""
PYTHON_MODULES = {
    "python-threading": "test_threading", "python-subprocess": "test_subprocess",
    "python-fork": "test_multiprocessing_fork", "python-spawn": "test_multiprocessing_spawn",
    "python-futures": "test_concurrent_futures", "python-asyncio": "test_asyncio",
    "python-types": "test_dict test_set test_list test_unicode test_bytes test_memoryview test_array test_struct",
    "python-text": "test_json test_re test_csv test_xml_etree test_pickle test_fstring",
    "python-libraries": "test_zlib test_lzma test_hashlib test_decimal test_ctypes test_ssl",
    "python-core": "test_gc test_weakref test_generators test_itertools test_functools test_sort test_ast test_compile",
}
group("python", "libpython3.11-testsuite", ["/usr/lib/python3.11/test/test_dict.py"],
      {name: PYTHON.format(modules) for name, modules in PYTHON_MODULES.items()})

group("node", "nodejs", ["node"], {"node": "node --stack-size=2000 program.js"}, prepare=r"""
cat >program.js <<'JS'
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const crypto = require('crypto'), zlib = require('zlib');
function work(seed) {
    const words = new Map();
    for (let i = 0; i < 200000; i++) {
        const key = String(i * seed % 9973);
        words.set(key, (words.get(key) || '') + (i % 10));
    }
    const text = JSON.stringify([...words].sort());
    const packed = zlib.gzipSync(Buffer.from(text));
    const buffers = [];
    for (let i = 0; i < 3000; i++) buffers.push(Buffer.alloc(i * 7 % 5000, i & 255));
    const hash = crypto.createHash('sha256');
    buffers.forEach(buffer => hash.update(buffer));
    return [zlib.gunzipSync(packed).toString() === text, text.length, text.replace(/(\d)\1+/g, '$1').length,
        hash.digest('hex')];
}
if (isMainThread) {
    const results = [];
    for (let i = 0; i < 4; i++) {
        const worker = new Worker(__filename, { workerData: 7919 + i });
        worker.on('message', result => {
            results[i] = result;
            if (results.filter(Boolean).length === 4) console.log(results);
        });
    }
} else {
    parentPort.postMessage(work(workerData));
}
JS""")

group("ruby", "ruby", ["ruby"], {"ruby": "ruby program.rb"}, prepare=r"""
cat >program.rb <<'RUBY'
require 'json'
require 'digest'
require 'set'
def work(seed)
  words = Hash.new { |h, k| h[k] = [] }
  60000.times { |i| words[(i * seed % 997).to_s] << i.to_s * (i % 5) }
  text = JSON.generate(words.sort.to_h)
  [text.size, JSON.parse(text) == words, text.gsub(/(\d)(\d)/, '\2\1').sum, Digest::SHA256.hexdigest(text)]
end
threads = (1..4).map { |i| Thread.new { work(7919 + i) } }
threads.each { |t| p t.value }
GC.start
GC.compact if GC.respond_to?(:compact)
p work(3)
p Marshal.load(Marshal.dump((1..50000).to_set)).sum
reader, writer = IO.pipe
pid = fork { reader.close; writer.write(work(5).inspect); writer.close }
writer.close
puts reader.read
Process.wait(pid)
RUBY""")

group("perl", "perl", ["perl"], {
    "perl-compile": """find /usr/share/perl -name '*.pm' | sort | head -n 100 |
        while read -r f; do perl -c "$f"; done 2>&1 | sed 's/0x[0-9a-f]*//g' | md5sum""",
    "perl-pod": """find /usr/share/perl -name '*.pod' -o -name '*.pm' | sort | head -n 30 | while read -r f; do
        pod2text "$f" 2>/dev/null; done | md5sum""",
    "perl-text": "perl text.pl | md5sum",
    "perl-threads": """perl -Mthreads -e 'my @t = map { my $n = $_; threads->create(sub { my %h;
        $h{$_ % 997} .= "x$n" for 1 .. 30000; my $l = 0; $l += length for values %h; $l }) } 1 .. 4;
        print $_->join, "\n" for @t;'""",
}, prepare=r"""
cat >text.pl <<'PERL'
use strict; my (%h, @l); srand 1;
for my $i (1 .. 200000) { push @{ $h{$i * 7919 % 5003} }, "$i" x ($i % 20); }
for my $k (sort { $a <=> $b } keys %h) { my $t = join ",", @{ $h{$k} }; $t =~ s/(\d)(\d+)/$2$1/g;
    push @l, length($t) . ":" . unpack("%32C*", $t); }
print join("\n", @l), "\n"; my $s = ""; $s .= chr(65 + $_ % 26) for 1 .. 500000;
print scalar(() = $s =~ /[AEIOU](?=[^A-M])/g), "\n";
PERL""")

# PHP loads its extensions with RTLD_DEEPBIND.
group("php", "php-cli php-mbstring php-xml php-intl php-sqlite3", ["php"], {
    "php": "php program.php", "php-malloc": "USE_ZEND_ALLOC=0 php program.php",
}, prepare=r"""
cat >program.php <<'PHP'
<?php
foreach (['mbstring', 'dom', 'intl', 'pdo_sqlite'] as $extension)
    if (!extension_loaded($extension)) { echo "no $extension\n"; exit(1); }
$words = [];
for ($i = 0; $i < 200000; $i++) $words[$i * 7919 % 4999][] = str_repeat((string)$i, $i % 7);
ksort($words);
echo md5(json_encode($words)), "\n";
$document = new DOMDocument();
$root = $document->appendChild($document->createElement('root'));
for ($i = 0; $i < 20000; $i++) $root->appendChild($document->createElement('n', "v\u{e4}$i"));
$read = new DOMDocument();
$read->loadXML($document->saveXML());
echo (new DOMXPath($read))->query('//n[contains(., "77")]')->length, "\n";
$upper = mb_strtoupper(str_repeat("stra\u{df}e ", 10000));
echo mb_strlen(mb_convert_encoding($upper, 'UTF-16LE', 'UTF-8'), '8bit'), "\n";
$collator = new Collator('de_DE');
$list = ["\u{e4}pfel", 'Zebra', 'apfel', "\u{d6}l", 'ober'];
$collator->sort($list);
echo implode(',', $list), ' ', Normalizer::normalize("a\u{308}", Normalizer::FORM_C) === "\u{e4}" ? 1 : 0, "\n";
$db = new PDO('sqlite::memory:');
$db->exec('CREATE TABLE t(a, b)');
$insert = $db->prepare('INSERT INTO t VALUES(?, ?)');
$db->beginTransaction();
for ($i = 0; $i < 20000; $i++) $insert->execute([$i, md5((string)$i)]);
$db->commit();
echo $db->query("SELECT count(*), max(b) FROM t WHERE b LIKE '%abc%'")->fetch(PDO::FETCH_NUM)[1], "\n";
echo md5(preg_replace_callback('/\d+/', fn($m) => strrev($m[0]), json_encode($words))), "\n";
PHP""")

group("java", "default-jdk-headless", ["java", "javac"], {
    "javac": "rm -rf classes && javac -d classes Program.java && ls classes | wc -l",
    "java": "java -cp made -Xmx512m -XX:+UseParallelGC Program",
}, prepare=r"""
cat >Program.java <<'JAVA'
import java.nio.ByteBuffer;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import java.util.zip.*;
public class Program {
    static long work(int seed) throws Exception {
        Map<String, List<Integer>> words = new TreeMap<>();
        for (int i = 0; i < 300000; i++)
            words.computeIfAbsent(Integer.toString((int)((long)i * seed % 9973)), k -> new ArrayList<>()).add(i);
        byte[] text = words.toString().getBytes("UTF-8"), packed = new byte[text.length];
        Deflater deflater = new Deflater();
        deflater.setInput(text);
        deflater.finish();
        int length = deflater.deflate(packed);
        deflater.end();
        ByteBuffer direct = ByteBuffer.allocateDirect(1 << 20);
        for (int i = 0; i < 200; i++) {
            ByteBuffer more = ByteBuffer.allocateDirect(1000 + i * 997);
            more.put(0, (byte)i);
            direct.put(i, more.get(0));
        }
        CRC32 crc = new CRC32();
        crc.update(direct);
        return text.length * 31L + length + crc.getValue();
    }
    public static void main(String[] arguments) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(4);
        List<Future<Long>> results = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            int seed = 7919 + i;
            results.add(threads.submit(() -> work(seed)));
        }
        for (Future<Long> result : results)
            System.out.println(result.get());
        threads.shutdown();
        System.out.println(IntStream.range(0, 2000000).parallel().filter(i -> i % 7 == 3).mapToLong(i -> i).sum());
    }
}
JAVA
javac -d made Program.java""")

# ---- Data bases ------------------------------------------------------------------------------------------------------

group("sqlite", "sqlite3", ["sqlite3"], {
    "sqlite": "rm -f data.db* && sqlite3 data.db <script.sql | md5sum && sqlite3 data.db .dump | md5sum",
}, prepare=r"""
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
SQL""")

# Nothing listens outside the folder. The shell ends with redis-server's exit code.
group("redis", "redis-server redis-tools", ["redis-server", "redis-benchmark", "redis-cli"], {
    "redis": r"""
        rm -f redis.sock dump.rdb
        redis-server --port 0 --unixsocket redis.sock --save '' --dir . >redis.log 2>&1 &
        server=$!
        for i in $(seq 100); do redis-cli -s redis.sock ping >/dev/null 2>&1 && break; sleep 0.1; done
        redis-benchmark -s redis.sock -q -n 20000 -c 20 -d 300 -r 5000 -t set,get,incr,lpush,lpop,sadd,hset,spop,zadd \
            >redis-benchmark.log 2>&1 || exit 1
        redis-cli -s redis.sock flushall
        redis-cli -s redis.sock eval "for i = 1, 30000 do redis.call('set', 'k' .. i, string.rep(i, i % 50))
            redis.call('zadd', 'z', i * 7919 % 9973, 'm' .. i) redis.call('rpush', 'l' .. i % 100, i) end
            return redis.call('dbsize')" 0
        redis-cli -s redis.sock zrange z 100 110
        redis-cli -s redis.sock save
        redis-cli -s redis.sock debug reload 2>&1 | cut -c 1-3
        redis-cli -s redis.sock dbsize
        redis-cli -s redis.sock shutdown nosave
        wait $server""",
})

# The server must not be root's.
POSTGRES = "/usr/lib/postgresql/15/bin"
group("postgres", "postgresql postgresql-contrib", [f"{POSTGRES}/initdb", f"{POSTGRES}/pgbench"], {
    "postgres": fr"""
        rm -rf pg && mkdir pg && chmod 777 pg
        cat >pg/run.sh <<'SH'
        set -e
        PATH={POSTGRES}:$PATH
        cd "$FOLDER/pg"
        initdb -D data -U someone --no-sync --locale=C.UTF-8 >initdb.log 2>&1
        postgres -D data -k "$FOLDER/pg" -c listen_addresses= -c fsync=off -c log_destination=stderr >server.log 2>&1 &
        server=$!
        export PGHOST=$FOLDER/pg PGUSER=someone PGDATABASE=postgres
        for i in $(seq 100); do psql -c 'select 1' >/dev/null 2>&1 && break; sleep 0.1; done
        pgbench -i -q -s 2 >pgbench.log 2>&1
        pgbench -n -c 4 -j 2 -t 400 >>pgbench.log 2>&1
        psql -At -c 'select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history),
            (select sum(tbalance) from pgbench_tellers) = (select sum(bbalance) from pgbench_branches),
            (select count(*) from pgbench_history)'
        psql -At -c "select count(*), md5(string_agg(x::text, ',' order by x)) from (select i * 7919 % 99991 as x
            from generate_series(1, 200000) i) s where x::text like '%7%'"
        psql -At -c "select jsonb_object_agg(k, n) from (select i % 7 as k, count(*) as n
            from generate_series(1, 100000) i group by 1 order by 1) s"
        kill -INT $server
        wait $server
SH
        $AS_USER sh pg/run.sh || {{ tail -n 20 pg/*.log; exit 1; }}""",
})

# ---- Pages, a browser ------------------------------------------------------------------------------------------------

group("ghostscript", "ghostscript", ["gs"], {
    "ghostscript": """gs -q -dSAFER -dNOPAUSE -dBATCH -sDEVICE=png16m -r120 -o page-%d.png page.ps &&
        cat page-*.png | md5sum && gs -q -dSAFER -dNOPAUSE -dBATCH -sDEVICE=txtwrite -o - page.ps | md5sum""",
}, prepare=r"""
cat >page.ps <<'PS'
%!PS
/Times-Roman findfont 11 scalefont setfont
1 1 6 { /page exch def
    0 1 60 { /line exch def
        line 61 div 0.3 page 7 div setrgbcolor
        40 780 line 12 mul sub moveto
        (A line of text number ) show line 20 string cvs show ( of page ) show page 20 string cvs show
        gsave 300 line 5 mul add 780 line 12 mul sub 20 0 360 arc stroke grestore
        newpath 400 780 line 12 mul sub moveto 50 30 100 -30 150 0 rcurveto stroke
    } for
    showpage
} for
PS""")

group("chromium", "chromium", ["chromium"], {
    "chromium": """rm -rf profile && chromium --headless --no-sandbox --disable-gpu --user-data-dir="$FOLDER/profile" \
        --virtual-time-budget=20000 --dump-dom "file://$FOLDER/page.html" 2>/dev/null""",
}, prepare=r"""
cat >page.html <<'HTML'
<!DOCTYPE html><meta charset=utf-8><title>page</title><p id=result>nothing</p>
<canvas id=c width=400 height=300></canvas>
<script>
const words = new Map();
for (let i = 0; i < 200000; i++) { const k = i * 7919 % 4999; words.set(k, (words.get(k) || '') + i % 10); }
const list = document.createElement('ul');
for (let i = 0; i < 3000; i++) { const e = document.createElement('li'); e.textContent = words.get(i); list.append(e); }
document.body.append(list);
const context = document.getElementById('c').getContext('2d');
for (let i = 0; i < 500; i++) { context.fillStyle = `hsl(${i},50%,50%)`; context.fillRect(i % 400, i % 300, 40, 30); }
const code = 'onmessage = e => postMessage(e.data.reduce((a, b) => a + b))';
const worker = new Worker(URL.createObjectURL(new Blob([code])));
worker.onmessage = e => {
    list.remove();
    document.getElementById('result').textContent = `${e.data} ${context.getImageData(50, 50, 1, 1).data}`;
};
worker.postMessage([...words.keys()]);
</script>
HTML""")
