#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pascal_managers.py: runs the original BrainMM's SpeedTest and MemoryUsageTest, compiled for each memory manager.

    bench/pascal_managers.py TARGET [--peer fastmm4=FOLDER] [--peer fpcx64mm=FOLDER] [--rounds N] [--lists N]

FOLDER holds FastMM4.pas (of FastMM4-AVX), or mormot.core.fpcx64mm.pas (of mORMot 2, with mormot.defines.inc in the
folder above), fetched by whoever wants them measured. Free Pascal's own manager, cmem and BrainMM are always measured.

All managers run a program one after the other, and all programs before the next round. Writes
RESULTS/pascal-TARGET.csv, every single run; .md, the table; -speed.svg and -memory.svg, the same drawn.
"""

import argparse
import csv
import datetime
import os
import re
import shutil
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True
import bars
import report
import run

OBJECTS_PER_LIST = 3500
SIZES = [8, 16, 24, 32, 48, 64]
OWN = {"FPC default": "NONE", "cmem": "CMEM", "BrainMM": "BRAINMM"}
CMEM_SOURCE = "/usr/share/fpcsrc/3.2.2/rtl/inc/cmem.pp"  # tools/setup-fpc.sh compiles it for Linux only
# The defines of each peer: no AVX-512, because that needs objects of another assembler; "boost" is the fastest of the
# documented settings for threads.
PEERS = {
    "fastmm4": ("FastMM4-AVX", "FASTMM4", ["-Mdelphi", "-dDisableAVX512"]),
    "fpcx64mm": ("mORMot fpcx64mm", "FPCX64MM", ["-dFPCMM_BOOST"]),
}


class Program:
    def __init__(self, target, manager, name, macro, options):
        self.target, self.manager, self.name = target, manager, name
        folder = os.path.join("build", target, "bench", "pascal", macro.lower())
        facts = run.target_facts(target)
        self.start = facts["run"].split()
        self.executable = os.path.join(folder, name + facts["exe"])
        os.makedirs(os.path.join(run.ROOT, folder), exist_ok=True)
        for file in os.listdir(os.path.join(run.ROOT, folder)):
            if file.endswith((".ppu", ".o")):
                # A unit of an earlier run must not be used instead of the source.
                os.remove(os.path.join(run.ROOT, folder, file))
        shutil.copy(os.path.join(run.ROOT, "build", target, facts["library"]), os.path.join(run.ROOT, folder))
        if macro == "CMEM":
            shutil.copy(CMEM_SOURCE, os.path.join(run.ROOT, folder))
            options = [*options, f"-Fu{folder}"]
        compiled = subprocess.run(["tools/fpc", target, "-O3", "-vew-", f"-dMANAGER_{macro}", *options, "-Fupascal",
                                   "-Fubench/pascal", f"-FU{folder}", f"-o{self.executable}",
                                   f"bench/pascal/{name}.pas"], cwd=run.ROOT, check=False)
        if compiled.returncode:
            sys.exit(f"{name} could not be compiled for {manager}")

    def figures(self, arguments, limit):
        """Runs the program and returns what it prints, which is names and numbers in turn."""
        code, output = run.run_bounded([*self.start, self.executable, *map(str, arguments)], limit, cwd=run.ROOT,
                                       stdin=subprocess.DEVNULL)
        found = dict(re.findall(r"\b(wall|processor|ratio) +([0-9.]+)", output))
        if code or not found:
            raise ValueError(f"{self.name} of {self.manager}: exit code {code}: {output.strip()[-200:]}")
        figures = {name: float(text) for name, text in found.items()}
        if min(figures.values()) <= 0:
            raise ValueError(f"{self.name} of {self.manager} was too quick for the clock: more lists are needed")
        return figures


def parse():
    parser = argparse.ArgumentParser(description="Measures memory managers of Free Pascal programs.")
    parser.add_argument("target", choices=run.targets())
    parser.add_argument("--peer", action="append", default=[], type=run.name_and_path, metavar="NAME=FOLDER",
                        help=" or ".join(PEERS) + ", and the folder of its source")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lists", type=int, default=2000, help="lists of SpeedTest; the original test has 50,000")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--limit", type=int, default=300, help="seconds after which a single run has failed")
    parser.add_argument("--results", default=os.path.join(run.HERE, "results"))
    options = parser.parse_args()
    for name, _ in options.peer:
        if name not in PEERS:
            parser.error(f"unknown peer {name}: {', '.join(PEERS)} are known")
    return options


def build(options):
    """manager: its two programs"""
    managers = {name: (macro, []) for name, macro in OWN.items()}
    for name, folder in options.peer:
        title, macro, flags = PEERS[name]
        if name == "fpcx64mm" and run.target_facts(options.target)["fpc_cpu"] != "x86_64":
            print(f"{title} is for x86-64 only: left out")
            continue
        folder = os.path.abspath(folder)
        managers[title] = (macro, [*flags, f"-Fu{folder}", f"-Fi{folder}", f"-Fi{os.path.dirname(folder)}"])
    return {manager: [Program(options.target, manager, name, macro, flags)
                      for name in ("speed_test", "memory_usage_test")]
            for manager, (macro, flags) in managers.items()}


def measure(options, programs):
    tests = [("one core", 0), (f"{options.threads} threads", options.threads)]
    runs = []
    for number in range(1, options.rounds + 1):
        for test, threads in tests:
            for manager, (speed, _) in programs.items():
                figures = speed.figures([options.lists, threads], options.limit)
                runs.append({"test": test, "manager": manager, "round": number, **figures})
        if number == 1:
            for size in SIZES:
                for manager, (_, memory) in programs.items():
                    runs.append({"test": f"{size} bytes", "manager": manager, "round": number,
                                 **memory.figures([size], options.limit)})
        print(f"round {number} of {options.rounds} done", flush=True)
    return [test for test, _ in tests], runs


def best(runs, test, manager, figure):
    return min((r[figure] for r in runs if (r["test"], r["manager"]) == (test, manager)), default=None)


def document(options, programs, tests, runs, load):
    start = run.target_facts(options.target)["run"].split()
    objects = options.lists * OBJECTS_PER_LIST
    lines = [f"# {options.target}: memory managers of Free Pascal programs", "",
             "`make bench` writes this file; [docs/benchmarks.md](../../docs/benchmarks.md) tells what the programs "
             "do. "
             f"Every single run: [pascal-{options.target}.csv](pascal-{options.target}.csv).", "",
             f"![speed](pascal-{options.target}-speed.svg)", "", f"![memory](pascal-{options.target}-memory.svg)", "",
             "## SpeedTest", "",
             "Nanoseconds for one object and its share of the list: processor time, and wall-clock time; best and "
             "median of the rounds. Times faster: Free Pascal's default manager's over this one's.", ""]
    rows = []
    for test in tests:
        for manager in programs:
            row = [test, manager]
            for figure in ("processor", "wall"):
                mine = [r[figure] for r in runs if (r["test"], r["manager"]) == (test, manager)]
                base = best(runs, test, "FPC default", figure)
                row += [f"{min(mine) / objects * 1e9:.1f}", f"{statistics.median(mine) / objects * 1e9:.1f}",
                        f"{base / min(mine):.2f}"]
            rows.append(row)
    lines += report.table(["test", "manager", "processor, best", "median", "times faster", "wall, best", "median",
                           "times faster"], rows)
    lines += ["", "## MemoryUsageTest", "", "Physical memory over payload, 100 MiB in pieces of one size.", ""]
    rows = [[m, *(f"{best(runs, f'{size} bytes', m, 'ratio'):.4f}" for size in SIZES)] for m in programs]
    lines += report.table(["manager", *(f"{size} bytes" for size in SIZES)], rows)
    lines += ["", "## Measured on", "", *run.machine(),
              f"* {run.brainmm_version()}; Free Pascal 3.2.2, -O3; "
              + (run.output_of(*start, "--version") or "no Wine" if start else run.os.confstr("CS_GNU_LIBC_VERSION")),
              f"* {datetime.date.today()}, {options.rounds} rounds of {options.lists} lists; load average before "
              f"{load:.2f}, after {os.getloadavg()[0]:.2f}",
              f"* `{run.command_line(sys.argv[1:]).replace('run.py', 'pascal_managers.py')}`", ""]
    return "\n".join(lines)


def main():
    options = parse()
    start = run.target_facts(options.target)["run"].split()
    if start:
        # The Wine server outlives the program that starts it and would keep the pipe of its output open.
        subprocess.run([*start, "cmd", "/c", "exit 0"], cwd=run.ROOT, check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    load = os.getloadavg()[0]
    programs = build(options)
    tests, runs = measure(options, programs)
    stem = os.path.join(options.results, f"pascal-{options.target}")
    with open(stem + ".csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["test", "manager", "round", "wall", "processor", "ratio"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(runs)
    with open(stem + ".md", "w", encoding="utf-8") as file:
        file.write(document(options, programs, tests, runs, load))
    objects = options.lists * OBJECTS_PER_LIST
    bars.draw(stem + "-speed.svg", f"SpeedTest, {options.target}: processor time of one object, best of the rounds",
              [(test, {m: best(runs, test, m, "processor") / objects * 1e9 for m in programs}) for test in tests],
              list(programs), " ns")
    bars.draw(stem + "-memory.svg", f"MemoryUsageTest, {options.target}: memory over payload",
              [(f"{size} bytes", {m: best(runs, f"{size} bytes", m, "ratio") for m in programs}) for size in SIZES],
              list(programs), "")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(str(error))
