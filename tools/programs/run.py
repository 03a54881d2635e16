#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py: runs other people's programs with libbrainmm-malloc.so, and without it beside that.

    tools/programs/run.py FOLDER [NAME|GROUP]...
        each program must print the same and end in the same way with the C library's malloc and with BrainMM
    tools/programs/run.py --options checked --options checked,scan=16,zero FOLDER [NAME|GROUP]...
        the same with these BRAINMM_OPTIONS, in each of which nothing may be reported
    tools/programs/run.py --measure [--rounds 5] [--allocator NAME=LIBRARY]... [--write FILE] FOLDER [NAME|GROUP]...
        time and memory of each program with each allocator, one after the other in each round

programs.py has the programs. All that they make is in FOLDER, which must be outside the tree. For linux-x86_64.
The exit code is 1 if a program is not installed, prints something else, or ends in another way.
"""

import argparse
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import programs

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build", "linux-x86_64")
MEASURE = os.path.join(BUILD, "bench", "measure")
SECONDS = 900
C_LIBRARY = "C library"


class Way:
    """A malloc under which a program runs."""

    def __init__(self, name, library=None, options=""):
        self.name = name
        self.library = library
        self.options = options

    def environment(self, base):
        environment = dict(base)
        if self.library:
            environment["LD_PRELOAD"] = self.library
        if self.options:
            environment["BRAINMM_OPTIONS"] = self.options
        return environment


class Outcome:
    def __init__(self, text, code, wall):
        self.text = text
        self.code = code
        self.wall = wall
        self.cpu = 0        # seconds, of the program and all that it has waited for; if it was measured
        self.peak = 0       # KiB, of the largest of these processes


def run(command, folder, environment):
    """Runs a command, bounded in time, with all that it starts. Its output goes to a file: a process that stays behind
    would keep a pipe open."""
    with tempfile.TemporaryFile() as output:
        start = time.monotonic()
        child = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                                 stderr=subprocess.STDOUT, start_new_session=True)
        try:
            child.wait(SECONDS)
        except subprocess.TimeoutExpired:
            pass
        wall = time.monotonic() - start
        try:
            os.killpg(child.pid, signal.SIGKILL)  # what it has left running, or itself
        except ProcessLookupError:
            pass
        code = child.wait()
        output.seek(0)
        text = output.read().decode(errors="replace")
    return Outcome(text, code, wall)


def run_measured(command, folder, environment):
    """The same by bench/measure.c: the peak of a child of Python's is at least Python's own."""
    library = environment.get("LD_PRELOAD", "-")
    environment = {name: value for name, value in environment.items() if name != "LD_PRELOAD"}
    with tempfile.NamedTemporaryFile(mode="r") as figures:
        outcome = run(["sh", "-c", 'exec "$0" 9 "$1" 0 /bin/sh -c "$2" 9>"$3"', MEASURE, library, command,
                       figures.name], folder, environment)
        found = figures.read().split()
    if outcome.code == 0 and len(found) == 6:
        outcome.cpu, outcome.peak, outcome.code = float(found[1]) + float(found[2]), int(found[3]), int(found[5])
    return outcome


class Runner:
    def __init__(self, folder):
        self.folder = folder
        self.base = dict(os.environ, LC_ALL="C.UTF-8", TREE=ROOT, FOLDER=folder, PYTHON=sys.executable,
                         PYTHONMALLOC="malloc", PERL_HASH_SEED="0", PERL_PERTURB_KEYS="0", AS_USER=as_user())
        self.base.pop("LD_PRELOAD", None)
        self.prepared = set()
        self.failed = []
        self.left_out = []  # of the measurement, and why

    def complain(self, program, what, detail=""):
        self.failed.append(program.name)
        print(f"{program.name}: {what}", flush=True)
        for line in detail.splitlines()[:10]:
            print(f"    {line}", flush=True)

    def ready(self, program):
        """Whether the program can be run. What its group needs is made once, with the C library's malloc."""
        for needed in program.needs:
            if not shutil.which(needed) and not os.path.exists(needed):
                self.complain(program, f"{needed} is not installed (package {program.package})")
                return False
        if program.group not in self.prepared and program.prepare:
            made = run(["sh", "-c", "set -e\n" + program.prepare], self.folder, self.base)
            if made.code != 0:
                self.complain(program, "its input could not be made", made.text[-2000:])
                return False
        self.prepared.add(program.group)
        return True

    def run(self, program, way):
        return run(["sh", "-c", program.command], self.folder, way.environment(self.base))

    def check(self, program, ways):
        if not self.ready(program):
            return
        plain = self.run(program, Way(C_LIBRARY))
        row = f"{program.name} | {plain.wall:.1f}"
        if plain.code != 0:
            self.complain(program, f"fails with the C library's malloc: {plain.code}", plain.text[-2000:])
            return
        for way in ways:
            outcome = self.run(program, way)
            row += f" | {outcome.wall:.1f}"
            if outcome.code != plain.code:
                self.complain(program, f"{way.name}: ended with {outcome.code}", outcome.text[-2000:])
            elif "BrainMM: " in outcome.text:
                self.complain(program, f"{way.name}: a report", outcome.text)
            elif outcome.text != plain.text:
                self.complain(program, f"{way.name}: printed something else", difference(plain.text, outcome.text))
        print(row, flush=True)

    def measure(self, program, ways, rounds):
        """{way's name: (median CPU seconds, median peak KiB)}; None if it could not be run."""
        if not self.ready(program):
            return None
        found = {way.name: [] for way in ways}
        for _ in range(rounds):
            for way in ways:
                outcome = run_measured(program.command, self.folder, way.environment(self.base))
                if outcome.code != 0 or not outcome.peak:
                    self.complain(program, f"{way.name}: ended with {outcome.code}", outcome.text[-2000:])
                    self.left_out.append(f"{program.name} ends with {outcome.code} under {way.name}")
                    return None
                found[way.name].append(outcome)
        return {name: (statistics.median(one.cpu for one in outcomes), statistics.median(one.peak for one in outcomes))
                for name, outcomes in found.items()}


def difference(before, after):
    """The first lines that differ."""
    for old, new in zip(before.splitlines() + [""], after.splitlines() + [""]):
        if old != new:
            return f"< {old}\n> {new}"
    return "the one is longer"


def as_user():
    """The beginning of a command that may not be run by root."""
    return "setpriv --reuid=65534 --regid=65534 --clear-groups" if os.getuid() == 0 else ""


def table(rows, ways):
    """The figures as a table in Markdown: seconds and MiB with the C library, and the others' relative to these."""
    lines = ["| program | seconds | " + " | ".join(way.name for way in ways[1:]) + " | MiB | " +
             " | ".join(way.name for way in ways[1:]) + " |", "|" + "---|" * (2 * len(ways) + 1)]
    for name, figures in rows:
        plain_cpu, plain_peak = figures[C_LIBRARY]
        cpu = [f"{figures[way.name][0] / plain_cpu:.2f}" for way in ways[1:]]
        peak = [f"{figures[way.name][1] / plain_peak:.2f}" for way in ways[1:]]
        lines.append(" | ".join([f"| {name}", f"{plain_cpu:.2f}", *cpu, f"{plain_peak / 1024:.0f}", *peak]) + " |")
    means = [statistics.geometric_mean(figures[way.name][part] / figures[C_LIBRARY][part] for _, figures in rows)
             for part in (0, 1) for way in ways[1:]]
    half = len(ways) - 1
    lines.append(" | ".join(["| geometric mean", "", *(f"{mean:.3f}" for mean in means[:half]), "",
                             *(f"{mean:.3f}" for mean in means[half:])]) + " |")
    return "\n".join(lines)


def write_results(path, text, rounds, left_out):
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                if line.startswith("model name")), platform.machine())
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"""# Real programs, linux-x86_64

{rounds} rounds, in each of which each program ran with all allocators, one after the other: medians. Seconds are
processor time of the program and of all that it waits for; MiB are the peak of its largest process. The columns behind
each are relative to the C library's malloc. {cpu}, {os.cpu_count()} CPUs, Linux {platform.release()},
{' '.join(platform.libc_ver())}. Made by `tools/programs/run.py --measure`. The programs and their commands are in
`tools/programs/programs.py`.

{text}
""")
        if left_out:
            file.write(f"\nNot in the table: {'; '.join(left_out)}.\n")


def copied(file, folder):
    """A copy of the file. Processes that have an earlier one in their memory keep that."""
    target = os.path.join(folder, os.path.basename(file))
    shutil.copy(file, target + ".new")
    os.replace(target + ".new", target)
    return target


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--options", action="append", default=[], help="BRAINMM_OPTIONS; without it: none")
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--allocator", action="append", default=[], metavar="NAME=LIBRARY")
    parser.add_argument("--write", metavar="FILE")
    parser.add_argument("folder")
    parser.add_argument("names", nargs="*")
    return parser.parse_args()


def main():
    asked = arguments()
    folder = os.path.realpath(asked.folder)
    if folder == ROOT or folder.startswith(ROOT + os.sep):
        sys.exit("run.py: the folder is inside the tree")
    chosen = programs.chosen(asked.names)
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o755)  # another user runs some of them
    library = copied(os.path.join(BUILD, "libbrainmm-malloc.so"), folder)
    runner = Runner(folder)
    if asked.measure:
        ways = [Way(C_LIBRARY), Way("BrainMM", library)]
        ways += [Way(name, path) for name, path in (text.split("=", 1) for text in asked.allocator)]
        found = [(program.name, runner.measure(program, ways, asked.rounds)) for program in chosen]
        text = table([row for row in found if row[1]], ways)
        print(text)
        if asked.write:
            write_results(asked.write, text, asked.rounds, runner.left_out)
    else:
        ways = [Way(f"BrainMM {options}".strip(), library, options) for options in asked.options or [""]]
        print("program | C library | " + " | ".join(way.name for way in ways), flush=True)
        for program in chosen:
            runner.check(program, ways)
        failed = sorted(set(runner.failed))
        print(f"{len(chosen) - len(failed)} programs as with the C library, {len(failed)} not" +
              (": " + ", ".join(failed) if failed else ""))
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
