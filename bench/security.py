#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""security.py: which errors of programs do allocators notice? Runs the security programs of mimalloc-bench, which are
built elsewhere, with each allocator preloaded: in an empty heap, and in one that is in use (used_heap.c).

  bench/security.py PROGRAMS NAME=LIBRARY[,VARIABLE=VALUE...]... [--write FILE] [--seconds 10]

PROGRAMS is the folder of the built programs. Each of them makes one error and prints NOT_CAUGHT if it is still there
afterwards. An allocator passes if that is not printed. It passes by a report if the program ends with a message on
standard error, and not by a signal alone. LIBRARY may be empty: the C library's allocator.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

USED_HEAP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "used_heap.c")


def programs_in(folder):
    """The programs of a folder by name."""
    paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    found = [path for path in paths
             if os.path.isfile(path) and os.access(path, os.X_OK) and "." not in os.path.basename(path)]
    if not found:
        sys.exit(f"{folder}: no programs")
    return found


def family_of(program):
    """One error is made in up to three sizes."""
    return re.sub(r"_(small|medium|large)$", "", os.path.basename(program))


class Allocator:
    """What is preloaded, and with which environment."""

    def __init__(self, text):
        self.name, _, rest = text.partition("=")
        library, *variables = rest.split(",") if rest else [""]
        self.library = os.path.abspath(library) if library else ""
        self.environment = dict(variable.split("=", 1) for variable in variables)
        if self.library and not os.path.exists(self.library):
            sys.exit(f"{self.library}: no such library")

    def run(self, program, used_heap, seconds):
        """Returns "-" (not noticed), "report", or how the program ended otherwise: "crash", "error", "time"."""
        preload = [library for library in (self.library, used_heap) if library]
        environment = {**os.environ, **self.environment, "LD_PRELOAD": ":".join(preload)}
        try:
            done = subprocess.run([program], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            return "time"
        if b"NOT_CAUGHT" in done.stdout:
            return "-"
        if done.stderr.strip():
            return "report"
        return "crash" if done.returncode < 0 else "error"


def matrix(programs, allocators, used_heap, seconds):
    """The outcome of each program with each allocator."""
    return {program: [allocator.run(program, used_heap, seconds) for allocator in allocators] for program in programs}


def passed(outcome):
    """A program that hangs has not been stopped."""
    return outcome not in ("-", "time")


def table(title, outcomes, allocators):
    """The matrix as Markdown: for each family, how many of its programs pass, and how many of these by a report."""
    names = " | ".join(allocator.name for allocator in allocators)
    lines = [f"## {title}", "", f"| | {names} |", "|---" * (len(allocators) + 1) + "|"]
    families = sorted({family_of(program) for program in outcomes})
    for family in families:
        rows = [outcomes[program] for program in outcomes if family_of(program) == family]
        cells = []
        for i in range(len(allocators)):
            good, told = sum(passed(row[i]) for row in rows), sum(row[i] == "report" for row in rows)
            cells.append(f"{good}/{len(rows)}" + (f" ({told})" if told else ""))
        lines.append(f"| {family} | " + " | ".join(cells) + " |")
    for name, test in (("**passed**", passed), ("**by a report**", lambda outcome: outcome == "report")):
        sums = [sum(test(row[i]) for row in outcomes.values()) for i in range(len(allocators))]
        lines.append(f"| {name} | " + " | ".join(f"**{count}**" for count in sums) + " |")
    return "\n".join(lines) + "\n"


def main():
    """Prints both matrices."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs")
    parser.add_argument("allocators", nargs="+", type=Allocator, metavar="NAME=LIBRARY")
    parser.add_argument("--write", help="a file for the matrices")
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    programs = programs_in(options.programs)
    with tempfile.TemporaryDirectory() as folder:
        used_heap = os.path.join(folder, "used_heap.so")
        compiler = os.environ.get("CC", "cc")
        subprocess.run([compiler, "-O1", "-fno-builtin", "-shared", "-fPIC", "-o", used_heap, USED_HEAP], check=True)
        text = f"{len(programs)} programs. In parentheses: by a report.\n\n"
        for title, library in (("In an empty heap", ""), ("In a heap that is in use", used_heap)):
            outcomes = matrix(programs, options.allocators, library, options.seconds)
            text += table(title, outcomes, options.allocators) + "\n"
    print(text, end="")
    if options.write:
        with open(options.write, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
