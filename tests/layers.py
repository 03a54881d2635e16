# SPDX-License-Identifier: MIT
"""layers.py: checks that no file of the libraries depends on a higher floor than its own, and that no files depend on
each other in a circle.

    python3 tests/layers.py [ROOT] [BUILD]      checks the tree at ROOT (.) with the objects in BUILD/obj (ROOT/$BUILD)
    python3 tests/layers.py --selftest          checks that each kind of mistake is found, on small trees of its own

src/README.md lists the floors in one table, `| floor | file | what it is |`, lowest floor first. A floor is a number
and a name. A file is a path from the root; `*`, `?`, `[...]` and `{a,b}` are patterns. Several files may share a row.

Two things count as a dependency:
  - a symbol: an object refers to a symbol that the object of another file defines (nm says so);
  - an include: a file includes another one of the project by #include "...". Headers in include/ are below all floors.
"""
import collections
import glob
import os
import re
import subprocess
import sys
import tempfile

TABLE = "src/README.md"
PUBLIC = "include"

# Functions of the C library that a library replaces for programs. Whoever calls them means the C library's.
REPLACED = {"dlopen", "dlmopen"}


class Mistake(Exception):
    """The check cannot go on."""


# ---- The table of floors ---------------------------------------------------------------------------------------------

def expand_braces(pattern):
    """ "a{b,c}" becomes ["ab", "ac"]. Braces do not nest. """
    match = re.search(r"\{([^{}]*)\}", pattern)
    if not match:
        return [pattern]
    before, after = pattern[:match.start()], pattern[match.end():]
    return [text for choice in match.group(1).split(",") for text in expand_braces(before + choice.strip() + after)]


def read_rows(root):
    """The table's rows: (line number, floor as a number, floor as text, patterns)."""
    rows = []
    inside = False
    with open(os.path.join(root, TABLE), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.startswith("|"):
                inside = False
                continue
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if cells[:2] == ["floor", "file"]:
                inside = True
            elif inside and not set(line.strip()) <= set("|-: "):
                match = re.match(r"(\d+) (\w.*)", cells[0])
                if not match or len(cells) != 3:
                    raise Mistake(f"{TABLE}:{number}: a row needs a floor (\"1 base\"), a file and what it is")
                names = re.findall(r"`([^`]+)`", cells[1]) or cells[1].split()
                patterns = [pattern for name in names for pattern in expand_braces(name)]
                rows.append((number, int(match.group(1)), cells[0], patterns))
    if not rows:
        raise Mistake(f"{TABLE}: no table | floor | file | what it is |")
    return rows


def is_source(path):
    return path.endswith((".c", ".h"))


def sources_below(root, folder):
    found = []
    for place, _, names in os.walk(os.path.join(root, folder)):
        found += [os.path.relpath(os.path.join(place, name), root) for name in names if is_source(name)]
    return found


def read_floors(root, complain):
    """{file: (number, text)} for all files of the folders that the table names."""
    floors, rows = {}, {}
    lowest, texts = 0, {}
    for line, number, text, patterns in read_rows(root):
        if number < lowest:
            complain(f"{TABLE}:{line}: floor {text} stands below a higher one; the lowest floor comes first")
        lowest = max(lowest, number)
        if texts.setdefault(number, text) != text:
            complain(f"{TABLE}:{line}: floor {number} is called \"{text}\" here and \"{texts[number]}\" before")
        for pattern in patterns:
            files = [os.path.relpath(file, root) for file in glob.glob(os.path.join(glob.escape(root), pattern))]
            files = sorted(filter(is_source, files))
            if not files:
                complain(f"{TABLE}:{line}: no source file is called {pattern}")
            for file in files:
                if file in floors:
                    complain(f"{TABLE}:{line}: {file} has a row already, at line {rows[file]}")
                floors[file] = (number, text)
                rows[file] = line
    for folder in sorted({"src"} | {file.split(os.sep)[0] for file in floors}):
        for file in sorted(sources_below(root, folder)):
            if file not in floors:
                complain(f"{file} has no row in {TABLE}")
    return floors


# ---- What the files depend on ----------------------------------------------------------------------------------------

class Graph:
    """Who depends on whom, and why: a list of reasons for each pair of files."""

    def __init__(self):
        self.reasons = collections.defaultdict(lambda: collections.defaultdict(list))

    def add(self, user, used, reason):
        if user != used and reason not in self.reasons[user][used]:
            self.reasons[user][used].append(reason)

    def why(self, user, used):
        reasons = sorted(self.reasons[user][used])
        more = f" and {len(reasons) - 3} more" if len(reasons) > 3 else ""
        return ", ".join(reasons[:3]) + more

    def count(self):
        return sum(len(used) for used in self.reasons.values())

    def knots(self):
        """Sets of files each of which depends on all others of its set (Tarjan's algorithm, without recursion)."""
        index, low, stack, on_stack, knots = {}, {}, [], set(), []
        for start in sorted(self.reasons):
            if start in index:
                continue
            work = [(start, None)]
            while work:
                node, targets = work.pop()
                if targets is None:
                    index[node] = low[node] = len(index)
                    stack.append(node)
                    on_stack.add(node)
                    targets = iter(sorted(self.reasons.get(node, ())))
                for target in targets:
                    if target not in index:
                        work += [(node, targets), (target, None)]
                        break
                    if target in on_stack:
                        low[node] = min(low[node], index[target])
                else:
                    if low[node] == index[node]:
                        knot = stack[stack.index(node):]
                        del stack[stack.index(node):]
                        on_stack -= set(knot)
                        if len(knot) > 1:
                            knots.append(sorted(knot))
                    if work:
                        user = work[-1][0]
                        low[user] = min(low[user], low[node])
        return knots

    def circle(self, knot):
        """A shortest way from one file of the knot back to itself."""
        best = None
        for start in knot:
            before, queue = {}, collections.deque([start])
            while queue and start not in before:
                node = queue.popleft()
                for target in sorted(set(self.reasons[node]) & set(knot)):
                    if target not in before:
                        before[target] = node
                        queue.append(target)
            way = [start, before[start]]
            while way[-1] != start:
                way.append(before[way[-1]])
            if best is None or len(way) < len(best):
                best = way
        return best[::-1]


def read_objects(root, build, files):
    """{variant: {file: object}}. A variant is a folder below BUILD/obj: all sources, compiled for one library."""
    variants = collections.defaultdict(dict)
    top = os.path.join(build, "obj")
    for place, _, names in os.walk(top):
        for name in names:
            if name.endswith(".o"):
                path = os.path.relpath(os.path.join(place, name), top)
                source = path[:-2] + ".c"
                variant, _, rest = source.partition(os.sep)
                for where, file in (("", source), (variant, rest)):
                    if file in files and os.path.exists(os.path.join(root, file)):
                        variants[where][file] = os.path.join(top, path)
                        break
    return variants


def read_symbols(program, objects):
    """{file: (defined, undefined)}, as nm tells it."""
    symbols = {}
    for file, path in objects.items():
        result = subprocess.run([program, "--format=posix", path], capture_output=True, text=True)
        if result.returncode != 0:
            raise Mistake(f"{program} {path}: {result.stderr.strip()}")
        defined, undefined = set(), set()
        for line in result.stdout.splitlines():
            name, kind = line.split()[:2]
            if kind in "Uwv":
                undefined.add(name)
            elif kind != "N" and (kind.isupper() or kind in "ui"):
                defined.add(name)
        symbols[file] = (defined, undefined - defined)
    return symbols


def read_uses(root, build, files, program, complain):
    """The graph of symbols."""
    graph = Graph()
    variants = read_objects(root, build, files)
    for objects in variants.values():
        symbols = read_symbols(program, objects)
        where = collections.defaultdict(set)
        for file, (defined, _) in symbols.items():
            for name in defined:
                where[name].add(file)
        for file, (_, undefined) in symbols.items():
            for name in undefined - REPLACED:
                for owner in where.get(name, ()):
                    graph.add(file, owner, name)

    # A source without an object would not be checked. So each file in src/ must have one, and in another folder all
    # files or none.
    built = set().union(*variants.values())
    folders = {os.path.dirname(file) for file in built}
    for file in sorted(files):
        if file.endswith(".c") and file not in built:
            if file.startswith("src" + os.sep) or os.path.dirname(file) in folders:
                complain(f"{file} has no object in {build}/obj")
    if not graph.count():
        raise Mistake(f"{build}/obj: no object uses another one; nothing was checked")
    return graph


def read_includes(root, files, complain):
    """The graph of includes. A name is looked for beside the file, then in src/, include/ and the folders of the ports,
    where the compiler looks, too. Each port may have a header of that name."""
    ports = sorted({os.path.dirname(file) for file in files if not file.startswith("src" + os.sep)})
    graph = Graph()
    for file in sorted(files):
        with open(os.path.join(root, file), encoding="utf-8") as text:
            names = re.findall(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', text.read(), re.MULTILINE)
        for name in names:
            def found(folder):
                path = os.path.normpath(os.path.join(folder, name))
                return path if os.path.isfile(os.path.join(root, path)) else None

            first = found(os.path.dirname(file)) or found("src")
            headers = [first] if first else list(filter(None, map(found, [PUBLIC] + ports)))
            if not headers:
                complain(f"{file} includes \"{name}\", which is nowhere in the project")
            for header in headers:
                if header.split(os.sep)[0] == PUBLIC:
                    continue
                if header in files:
                    graph.add(file, header, f'"{name}"')
                else:
                    complain(f"{file} includes {header}, which is on no floor")
    return graph


# ---- The check -------------------------------------------------------------------------------------------------------

def check_graph(graph, floors, verb, complain):
    for user in sorted(graph.reasons):
        for used in sorted(graph.reasons[user]):
            if floors[used][0] > floors[user][0]:
                complain(f"{user} (floor {floors[user][1]}) {verb} {used} (floor {floors[used][1]}), which is higher: "
                         f"{graph.why(user, used)}")
    for knot in graph.knots():
        complain(f"{len(knot)} files depend on each other: {' '.join(knot)}")
        circle = graph.circle(knot)
        for user, used in zip(circle, circle[1:]):
            complain(f"    {user} (floor {floors[user][1]}) {verb} {used} (floor {floors[used][1]}): "
                     f"{graph.why(user, used)}")


def check(root, build, program):
    """Returns what is wrong, as lines of text, and how many files, uses and includes were checked."""
    wrong = []
    floors = read_floors(root, wrong.append)
    uses = read_uses(root, build, floors, program, wrong.append)
    includes = read_includes(root, floors, wrong.append)
    check_graph(uses, floors, "uses", wrong.append)
    check_graph(includes, floors, "includes", wrong.append)
    return wrong, (len(floors), uses.count(), includes.count())


# ---- The check of the check ------------------------------------------------------------------------------------------

TOY = {
    "src/README.md": "# Toy\n\n| floor | file | what it is |\n|---|---|---|\n| 1 base | `src/base/bits.*` | bits |\n"
                     "| 2 os | `src/os.h` `port/{os,more}.c` | the system |\n"
                     "| 3 heap | `src/heap/{piece,run}.c` | the heap |\n",
    "include/api.h": "int heap_get(void);\n",
    "src/base/bits.h": "int bits_count(int);\n",
    "src/base/bits.c": '#include "base/bits.h"\nint bits_count(int n) { return n & 1; }\n',
    "src/os.h": "int os_take(void);\n",
    "port/os.c": '#include "os.h"\n#include "base/bits.h"\nint os_take(void) { return bits_count(3); }\n',
    "port/more.c": "int os_more(void) { return 2; }\n",
    "src/heap/piece.c": '#include "api.h"\n#include "os.h"\nint heap_get(void) { return os_take(); }\n',
    "src/heap/run.c": "int heap_get(void);\nint run_get(void) { return heap_get(); }\n",
}

# What is changed in the toy, and the texts that one line of the check's output must then contain. No texts: nothing is
# wrong.
MISTAKES = [
    ("nothing", {}, []),
    ("a symbol of a higher floor",
     {"src/base/bits.c": "int run_get(void);\nint bits_count(int n) { return n + run_get(); }\n"},
     ["src/base/bits.c (floor 1 base) uses src/heap/run.c (floor 3 heap)", "run_get"]),
    ("a weak symbol of a higher floor",
     {"src/base/bits.c": "#pragma weak run_get\nint run_get(void);\nint bits_count(int n) { return n + run_get(); }\n"},
     ["src/base/bits.c (floor 1 base) uses src/heap/run.c (floor 3 heap)", "run_get"]),
    ("data of a higher floor, used by a port",
     {"src/heap/piece.c": "int heap_data = 3;\nint heap_get(void) { return heap_data; }\n",
      "port/os.c": "extern int heap_data;\nint os_take(void) { return heap_data; }\n"},
     ["port/os.c (floor 2 os) uses src/heap/piece.c (floor 3 heap)", "heap_data"]),
    ("a circle on one floor",
     {"src/heap/piece.c": "int run_get(void);\nint heap_get(void) { return run_get(); }\n"},
     ["2 files depend on each other: src/heap/piece.c src/heap/run.c"]),
    ("the way round the circle",
     {"src/heap/piece.c": "int run_get(void);\nint heap_get(void) { return run_get(); }\n"},
     ["    src/heap/piece.c (floor 3 heap) uses src/heap/run.c (floor 3 heap): run_get"]),
    ("a circle across floors",
     {"src/base/bits.c": "int os_more(void);\nint bits_count(int n) { return n + os_more(); }\n",
      "port/more.c": "int bits_count(int);\nint os_more(void) { return bits_count(2); }\n"},
     ["2 files depend on each other: port/more.c src/base/bits.c"]),
    ("an include of a higher floor",
     {"src/base/bits.h": '#include "os.h"\nint bits_count(int);\n'},
     ["src/base/bits.h (floor 1 base) includes src/os.h (floor 2 os)"]),
    ("headers that include each other",
     {"src/os.h": '#ifndef OS_H\n#define OS_H\n#include "more.h"\nint os_take(void);\n#endif\n',
      "port/more.h": '#ifndef MORE_H\n#define MORE_H\n#include "os.h"\n#endif\n',
      "src/README.md": ("{os,more}.c", "{os.c,more.c,more.h}")},
     ["2 files depend on each other: port/more.h src/os.h"]),
    ("an include that is nowhere", {"port/more.h": '#include "nowhere.h"\n', "src/README.md": ("more}.c", "more}.*")},
     ["port/more.h includes \"nowhere.h\", which is nowhere"]),
    ("a file without a row", {"src/heap/block.h": ""}, ["src/heap/block.h has no row"]),
    ("a port's file without a row", {"port/sub/extra.h": ""}, ["port/sub/extra.h has no row"]),
    ("a file with two rows", {"src/README.md": ("`src/os.h`", "`src/os.h` `src/base/bits.h`")},
     ["src/base/bits.h has a row already"]),
    ("a row without a file", {"src/README.md": ("{piece,run}", "{piece,run,gone}")}, ["is called src/heap/gone.c"]),
    ("a floor out of order", {"src/README.md": ("1 base", "9 base")}, ["floor 2 os stands below a higher one"]),
    ("a floor of two names", {"src/README.md": ("3 heap", "2 heap")}, ["floor 2 is called"]),
    ("a source that was not built", {"src/heap/run.c": None}, ["src/heap/run.c has no object"]),
    ("a port's source that was not built", {"port/more.c": None}, ["port/more.c has no object"]),
    ("no objects at all", {name: None for name in TOY if name.endswith(".c")}, ["nothing was checked"]),
]


def build_toy(root, changes):
    """Writes and compiles the toy with CHANGES to files. A text is the file's new content. A pair of texts replaces the
    first text in the file by the second. None leaves the file uncompiled."""
    for name, text in {**TOY, **changes}.items():
        if isinstance(text, tuple):
            assert text[0] in TOY[name], f"the toy's {name} has no {text[0]}"
            text = TOY[name].replace(*text)
        os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
        with open(os.path.join(root, name), "w", encoding="utf-8") as file:
            file.write(TOY[name] if text is None else text)
    compiler = os.environ.get("CC", "cc").split() + ["-w", "-Isrc", "-Iport", "-Iinclude"]
    for name in TOY:
        if name.endswith(".c") and changes.get(name, "") is not None:
            compiled = os.path.join("build/obj/shared", name[:-2] + ".o")
            os.makedirs(os.path.dirname(os.path.join(root, compiled)), exist_ok=True)
            subprocess.run([*compiler, "-c", "-o", compiled, name], cwd=root, check=True)


def selftest():
    failed = 0
    for what, changes, expected in MISTAKES:
        with tempfile.TemporaryDirectory() as root:
            build_toy(root, changes)
            try:
                wrong, _ = check(root, os.path.join(root, "build"), os.environ.get("NM", "nm"))
            except Mistake as mistake:
                wrong = [str(mistake)]
        if not (any(all(text in line for text in expected) for line in wrong) if expected else not wrong):
            failed += 1
            print(f"{what}: expected {expected or 'nothing'}, found:", *wrong, sep="\n    ")
    print(f"{len(MISTAKES)} trees, {failed} judged wrongly")
    return failed == 0


def main(arguments):
    if arguments == ["--selftest"]:
        return selftest()
    root = arguments[0] if arguments else "."
    build = arguments[1] if len(arguments) > 1 else os.path.join(root, os.environ["BUILD"])
    try:
        wrong, (files, uses, includes) = check(root, build, os.environ.get("NM", "nm"))
    except Mistake as mistake:
        print(mistake)
        return False
    for line in wrong:
        print(line)
    print(f"{files} files, {uses} uses of symbols, {includes} includes:", "see above" if wrong else "nothing is wrong")
    return not wrong


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
