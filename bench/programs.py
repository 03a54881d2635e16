# SPDX-License-Identifier: MIT
"""programs.py: what the benchmark runs, and how to read each program's figure.

A program's figure is a time; lower is better. It is the wall time of a fixed amount of work. For a program that runs
for a fixed time it is the time of one operation, which the program prints.
"""

import os
import re
import subprocess


class Program:
    def __init__(self, name, group, command, stdin=None, figure=None, scale=None, memory=None):
        self.name = name
        self.group = group      # "own" or "mimalloc-bench"
        self.command = command
        self.stdin = stdin      # a file's path
        self.figure = figure    # a regular expression whose group 1 is the figure in the output; None: wall time
        self.scale = scale      # the figure is a rate, and scale / rate the time; None: it is a time already
        self.memory = memory    # the same for KiB of memory; None: the process's peak

    def seconds(self, output, wall):
        if not self.figure:
            return wall
        value = figure_in(output, self.figure)
        return self.scale / value if self.scale else value

    def kib(self, output, peak):
        return int(figure_in(output, self.memory)) if self.memory else peak


def figure_in(output, pattern):
    found = re.search(pattern, output, re.MULTILINE)
    if not found:
        raise ValueError("no figure in its output")
    return float(found.group(1))


# The workloads that report figures themselves: a suffix, the name of the time, and that of the memory. Nothing: as
# everywhere, the time of the whole process and its peak.
REPORTED = {
    "grow-one": [("", None, None), ("-calls", "calls", None)],
    "grow-four": [("", None, None), ("-calls", "calls", None)],
    "idle-threads": [("", "used", "living_kib"), ("-ended", "calls", "later_kib")],
    "idle-large-heap": [("", "used", "living_kib"), ("-ended", "calls", "later_kib")],
}


def own_programs(executable, names, threads, divisor):
    """The workloads of workloads.c, each in a process of its own. Some come twice, for two figures."""
    def pattern(name):
        return name and rf"^{name}: ([0-9.]+)"
    return [Program(name + suffix, "own", [executable, name, str(threads), str(divisor)], figure=pattern(time),
                    memory=pattern(memory))
            for name in names for suffix, time, memory in REPORTED.get(name, [("", None, None)])]


def own_names(executable):
    return subprocess.run([executable], check=True, capture_output=True, text=True).stdout.split()


def source_folder(build):
    """The folder of the sources of a CMake build, where the input files are."""
    with open(os.path.join(build, "CMakeCache.txt"), encoding="utf-8") as cache:
        return re.search(r"^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$", cache.read(), re.MULTILINE).group(1)


def mimalloc_bench_programs(build, threads):
    """The programs of mimalloc-bench that were built in the folder BUILD, with the arguments of its bench.sh. Where the
    time is an argument, it is shorter here: many short rounds tell more than few long ones."""
    source = source_folder(build)
    n = str(threads)
    larson = ["1", "8", "1000", "5000", "100", "4141", n]
    relative = r"relative time: ([0-9.]+)s"
    table = [
        ("cfrac", ["cfrac", "17545186520507317056371138836327483792789528"], {}),
        ("espresso", ["espresso", os.path.join(source, "espresso", "largest.espresso")], {}),
        ("barnes", ["barnes"], {"stdin": os.path.join(source, "barnes", "input")}),
        ("larson", ["larson", *larson], {"figure": relative}),
        ("larson-sized", ["larson-sized", *larson], {"figure": relative}),
        ("alloc-test-1", ["alloc-test", "1"], {}),
        ("alloc-test-n", ["alloc-test", n], {}),
        ("xmalloc-test", ["xmalloc-test", "-w", n, "-t", "2", "-s", "64"], {"figure": r"rtime: ([0-9.]+)"}),
        ("cache-scratch-1", ["cache-scratch", "1", "1000", "1", "2000000", n], {}),
        ("cache-scratch-n", ["cache-scratch", n, "1000", "1", "2000000", n], {}),
        ("cache-thrash-1", ["cache-thrash", "1", "1000", "1", "2000000", n], {}),
        ("cache-thrash-n", ["cache-thrash", n, "1000", "1", "2000000", n], {}),
        ("glibc-simple", ["glibc-simple"], {}),
        ("glibc-thread", ["glibc-thread", n], {"figure": r"^([0-9]+) iterations", "scale": 1e9}),
        ("rptest", ["rptest", n, "0", "1", "2", "500", "1000", "100", "8", "16000"],
         {"figure": r"\.\.\.([0-9]+) memory ops", "scale": 2e6}),
        ("mstress", ["mstress", n, "50", "25"], {}),
        ("mleak-5", ["mleak", "5"], {}),
        ("mleak-50", ["mleak", "50"], {}),
        ("malloc-large", ["malloc-large"], {}),
    ]
    programs = []
    for name, (file, *arguments), how in table:
        path = os.path.join(build, file)
        if os.access(path, os.X_OK):
            programs.append(Program(name, "mimalloc-bench", [path, *arguments], **how))
    return programs
