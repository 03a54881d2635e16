#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py: measures BrainMM beside other allocators; `make bench` calls it.

    bench/run.py TARGET [options]    for Linux: libbrainmm-malloc.so and others, by LD_PRELOAD
                                     for Windows: brainmm.dll, HeapAlloc and msvcrt's malloc, under Wine, and
                                     others that are linked into the workloads (--peers)

In each round every program runs under all allocators, one after the other, so that other work of the machine affects
all of them. The results are RESULTS/TARGET.csv with every single run, and RESULTS/TARGET.md with the ratios, their
geometric means and the machine.
"""

import argparse
import datetime
import os
import platform
import re
import shlex
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import programs
import report

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)

OURS = "brainmm"
NATIVE = f"{platform.system().lower()}-{platform.machine()}"  # the target that is this machine
# Debian's allocators: name, file, package.
DEBIAN = [
    ("mimalloc-debian", "libmimalloc.so.2.0", "libmimalloc2.0"),
    ("jemalloc-debian", "libjemalloc.so.2", "libjemalloc2"),
    ("tcmalloc-debian", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
]


def output_of(*command):
    """What a command prints, or nothing if it fails or does not exist."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def file_text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def first_match(pattern, text):
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1) if found else "unknown"


def run_bounded(command, seconds, **options):
    """Runs a command and returns its exit code and output. If it takes too long, it is ended with all that it has
    started. The output goes to a file, because Wine's own processes would keep a pipe open for a minute."""
    with tempfile.TemporaryFile() as output:
        with subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                              **options) as process:
            try:
                process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                raise ValueError(f"not done after {seconds} s") from None
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
        output.seek(0)
        return process.returncode, output.read().decode(errors="replace")


class Linux:
    """Allocators are libraries to preload."""

    def __init__(self, options):
        self.target = options.target
        build = os.path.join(ROOT, "build", self.target)
        self.measure = os.path.join(build, "bench", "measure")
        self.workloads = os.path.join(build, "bench", "workloads")
        self.warm = options.warm
        self.libraries = {"glibc": "-", OURS: os.path.join(build, "libbrainmm-malloc.so")}
        self.versions = {"glibc": os.confstr("CS_GNU_LIBC_VERSION"), OURS: brainmm_version()}
        self.system = ["glibc"]
        for name, file, package in DEBIAN:
            folder = os.path.join("/usr/lib", platform.machine() + "-linux-gnu")
            if self.target == NATIVE and os.path.exists(os.path.join(folder, file)):
                self.libraries[name] = os.path.join(folder, file)
                self.versions[name] = package + " " + output_of("dpkg-query", "-W", "-f", "${Version}", package)
        for name, path in [*peers(options, ".so"), *options.allocator]:
            self.libraries[name] = path if path == "-" else os.path.abspath(path)
            self.versions[name] = os.path.basename(path)
        self.programs = programs.own_programs(self.workloads, programs.own_names(self.workloads), options.threads,
                                              options.divisor)
        if options.mimalloc_bench:
            self.programs += programs.mimalloc_bench_programs(os.path.abspath(options.mimalloc_bench), options.threads)

    def run(self, program, allocator, limit):
        reader, writer = os.pipe()
        stdin = program.stdin or os.devnull
        try:
            with open(stdin, "rb") as source:
                _, output = run_bounded([self.measure, str(writer), self.libraries[allocator], str(self.warm),
                                         *program.command], limit, stdin=source, pass_fds=[writer],
                                        cwd=os.path.dirname(self.measure))
        finally:
            os.close(writer)
            with os.fdopen(reader) as pipe:
                line = pipe.read()
        wall, user, system, peak, faults, code = line.split()
        # If the loader cannot preload a library, it runs the program without it: glibc would be measured instead.
        if int(code) or "cannot be preloaded" in output:
            raise ValueError(f"exit code {code}: {output.strip()[-200:]}")
        return {"seconds": program.seconds(output, float(wall)), "wall": float(wall), "user": float(user),
                "system": float(system), "peak_kib": program.kib(output, int(peak)), "minor_faults": int(faults),
                "fixed_work": not program.figure}


class Windows:
    """Allocators are builds of the workloads. These print time and peak memory, because Wine's start takes longer."""

    def __init__(self, options):
        self.target = options.target
        self.folder = os.path.join("build", self.target, "bench")
        self.start = target_facts(self.target)["run"].split()
        wine = output_of(*self.start, "--version") or "unknown version of Wine"
        self.versions = {"HeapAlloc": f"the process heap of {wine}", OURS: brainmm_version(),
                         "msvcrt": f"msvcrt.dll of {wine}"}
        self.versions.update((name, os.path.basename(path)) for name, path in peers(options, ".o"))
        self.system = []
        names = programs.own_names(os.path.join(ROOT, "build", NATIVE, "bench", "workloads"))
        self.programs = programs.own_programs("", names, options.threads, options.divisor)

    def run(self, program, allocator, limit):
        executable = os.path.join(self.folder, f"workloads-{allocator}.exe")
        code, output = run_bounded([*self.start, executable, *program.command[1:]], limit, cwd=ROOT,
                                   stdin=subprocess.DEVNULL)
        found = re.search(r"seconds: ([0-9.]+) peak_kib: ([0-9]+)", output)
        if code or not found:
            raise ValueError(f"exit code {code}: {output.strip()[-200:]}")
        return {"seconds": program.seconds(output, float(found.group(1))), "wall": "", "user": "", "system": "",
                "minor_faults": "", "peak_kib": program.kib(output, int(found.group(2))), "fixed_work": False}


def peers(options, ending):
    """Names and paths of the other allocators that somebody has built for the target, in a folder of its name."""
    folder = os.path.join(options.peers, options.target) if options.peers else ""
    files = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [(file[:-len(ending)], os.path.join(folder, file)) for file in files if file.endswith(ending)]


def targets():
    return output_of("tools/target").split()


def target_facts(target):
    """What make/targets.mk says about a target: system, exe, run ..."""
    facts = subprocess.run(["tools/target", target], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return dict(word.split("=", 1) for word in shlex.split(facts))


def brainmm_version():
    commit = output_of("git", "describe", "--always", "--dirty=, changed since")
    return f"commit {commit}" if commit else "no commit"


def machine():
    cpu = first_match(r"^model name\s*: (.*)$", file_text("/proc/cpuinfo"))
    memory = int(first_match(r"^MemTotal:\s*(\d+)", file_text("/proc/meminfo"))) // (1 << 20)
    pages = first_match(r"\[(\w+)\]", file_text("/sys/kernel/mm/transparent_hugepage/enabled"))
    system = first_match(r'^PRETTY_NAME="(.*)"$', file_text("/etc/os-release"))
    return [
        f"* {cpu}, {len(os.sched_getaffinity(0))} CPUs usable, {memory} GiB of memory",
        f"* {system}, kernel {platform.release()}, transparent huge pages: {pages}",
        f"* compiler of the own programs: {output_of('gcc', '--version').splitlines()[0]}",
    ]


def command_line(arguments):
    """The command for the report, without the names of folders outside the tree."""
    def shortened(argument):
        return re.sub(r"(^|=)/\S*/", r"\1.../", argument)
    return " ".join(map(shlex.quote, ["bench/run.py", *map(shortened, arguments)]))


def name_and_path(text):
    name, separator, path = text.partition("=")
    if not separator or not name or not path:
        raise argparse.ArgumentTypeError("NAME=PATH is expected")
    return name, path


def parse(arguments):
    parser = argparse.ArgumentParser(description="Measures BrainMM beside other allocators.")
    parser.add_argument("target", choices=targets())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="threads of the programs that use several")
    parser.add_argument("--divisor", type=int, help="do only this part of the own programs' work (1; Wine: 40)")
    parser.add_argument("--only", default="", help="names of programs, separated by commas")
    parser.add_argument("--allocator", action="append", default=[], type=name_and_path, metavar="NAME=PATH",
                        help="one more library to preload; as often as wanted")
    parser.add_argument("--peers", metavar="DIR",
                        help="a folder with the folder TARGET, which has libraries to preload (NAME.so), or for "
                             "Windows the objects (NAME.o) with which bench.mk has linked the workloads")
    parser.add_argument("--version", action="append", default=[], type=name_and_path, metavar="NAME=TEXT",
                        help="what the report says about an allocator given by path")
    parser.add_argument("--mimalloc-bench", metavar="DIR", help="a CMake build folder of mimalloc-bench's bench/")
    parser.add_argument("--limit", type=int, default=120, help="seconds after which a single run counts as failed")
    parser.add_argument("--warm", type=int, default=3072, metavar="MIB",
                        help="memory used and given back before each run (bench/measure.c says why; not under Wine)")
    parser.add_argument("--results", default=os.path.join(HERE, "results"), help="where the two files go")
    options = parser.parse_args(arguments)
    if not options.divisor:
        options.divisor = 40 if target_facts(options.target)["run"] else 1
    return options


def measure_round(under_test, number, limit, runs, failures):
    """Runs every program once under every allocator and adds to RUNS. A pair that fails is not tried again."""
    for program in under_test.programs:
        for allocator in under_test.versions:
            if (program.name, allocator) in failures:
                continue
            try:
                figures = under_test.run(program, allocator, limit)
            except ValueError as error:
                failures[program.name, allocator] = str(error)
                print(f"{program.name} under {allocator} failed: {error}", flush=True)
                continue
            runs.append({"program": program.name, "group": program.group, "allocator": allocator, "round": number,
                         **figures})


def summary(comparison, under_test):
    return [*report.means_table(comparison), "", *report.verdict(comparison, OURS, under_test.system), ""]


def document(comparison, under_test, failures, measured_on):
    target = under_test.target
    return [
        f"# {target}: time and memory beside other allocators", "",
        f"Ratios to {comparison.baseline}, lower is better; `make bench` writes this file. Every single run: "
        f"[{target}.csv]({target}.csv). What the programs do: [docs/benchmarks.md](../../docs/benchmarks.md).", "",
        *summary(comparison, under_test),
        *(f"* {program} under {allocator} failed: {why}" for (program, allocator), why in failures.items()),
        *([""] if failures else []),
        "## Time, best of the rounds", "", *report.programs_table(comparison, "best time", "s", 1), "",
        "## Peak memory, median of the rounds", "",
        *report.programs_table(comparison, "peak memory", "MiB", 1 / 1024), "",
        "## Measured on", "", *measured_on, "",
        *report.table(["allocator", "version"], [[name, text] for name, text in under_test.versions.items()]), "",
    ]


def main(arguments):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends what runs first
    options = parse(arguments)
    under_test = {"windows": Windows, "linux": Linux}[target_facts(options.target)["system"]](options)
    under_test.versions.update(options.version)
    if options.only:
        under_test.programs = [p for p in under_test.programs if p.name in options.only.split(",")]
    os.makedirs(options.results, exist_ok=True)
    stem = os.path.join(options.results, options.target)
    load_before = os.getloadavg()[0]
    runs, failures = [], {}
    for number in range(1, options.rounds + 1):
        measure_round(under_test, number, options.limit, runs, failures)
        passed = [run for run in runs if (run["program"], run["allocator"]) not in failures]
        allocators = [a for a in under_test.versions if any(run["allocator"] == a for run in passed)]
        if OURS not in allocators or len(allocators) < 2:
            print("nothing to compare: no program passed under BrainMM and another allocator", file=sys.stderr)
            return 1
        comparison = report.Comparison(passed, under_test.programs, allocators)
        measured_on = machine() + [
            f"* {datetime.date.today()}, {number} rounds; load average before {load_before:.2f}, "
            f"after {os.getloadavg()[0]:.2f}, of which this run makes 1 to {options.threads}",
            f"* `{command_line(arguments)}`",
        ]
        # After every round, so that a long run that is stopped leaves its results.
        report.write_csv(stem + ".csv", passed)
        with open(stem + ".md", "w", encoding="utf-8") as file:
            file.write("\n".join(document(comparison, under_test, failures, measured_on)))
        print(f"round {number} of {options.rounds} done", flush=True)
    print("\n".join([*summary(comparison, under_test), f"written: {os.path.relpath(stem)}.md and .csv"]))
    return 1 if any(allocator == OURS for _, allocator in failures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
