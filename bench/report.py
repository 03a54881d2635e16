# SPDX-License-Identifier: MIT
"""report.py: makes the tables from the single runs: ratios to a baseline allocator and their geometric means."""

import csv
import math
import statistics

COLUMNS = ["program", "group", "allocator", "round", "seconds", "wall", "user", "system", "peak_kib",
           "minor_faults"]

def processor_time(run):
    return run["user"] + run["system"] if run["fixed_work"] else None


# What the tables show of one program under one allocator: a title and the figure from the list of its runs. Processor
# time is steadier than wall time where the machine has other work, too. It says nothing where the work is not fixed.
MEASURES = {
    "best time": lambda runs: min(run["seconds"] for run in runs),
    "median time": lambda runs: statistics.median(run["seconds"] for run in runs),
    "best processor time": lambda runs: min(map(processor_time, runs), key=lambda time: time or 0),
    "peak memory": lambda runs: statistics.median(run["peak_kib"] for run in runs),
}


def write_csv(path, runs):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(runs)


def geometric_mean(values):
    if not values:
        return None
    return math.exp(sum(map(math.log, values)) / len(values))


class Comparison:
    """All runs as ratios to the first allocator. A mean is over the programs that both allocators passed."""

    def __init__(self, runs, programs, allocators):
        self.groups = {program.name: program.group for program in programs}
        self.allocators = allocators
        self.baseline = allocators[0]
        self.runs = {}
        for run in runs:
            self.runs.setdefault((run["program"], run["allocator"]), []).append(run)
        self.measures = [m for m in MEASURES if any(self.figure(m, name, self.baseline) for name in self.groups)]

    def figure(self, measure, program, allocator):
        runs = self.runs.get((program, allocator))
        return MEASURES[measure](runs) if runs else None

    def ratio(self, measure, program, allocator, base=None):
        figures = [self.figure(measure, program, a) for a in (allocator, base or self.baseline)]
        return figures[0] / figures[1] if all(figures) else None

    def mean(self, measure, allocator, base=None, group=None):
        chosen = [name for name in self.groups if group in (None, self.groups[name])]
        ratios = [self.ratio(measure, name, allocator, base) for name in chosen]
        return geometric_mean([ratio for ratio in ratios if ratio is not None])


def cell(value, otherwise="failed"):
    return otherwise if value is None else f"{value:.3f}"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def means_table(comparison):
    groups = [g for g in ("own", "mimalloc-bench") if g in comparison.groups.values()]
    kinds = [(None, "all"), *((g, g) for g in groups)] if len(groups) > 1 else [(None, "all")]
    rows = []
    for measure in comparison.measures:
        for group, title in kinds:
            means = [comparison.mean(measure, a, group=group) for a in comparison.allocators]
            rows.append([f"{measure}, {title}", *(cell(mean, "–") for mean in means)])
    return table(["geometric mean", *comparison.allocators], rows)


def programs_table(comparison, measure, unit, scale):
    rows = []
    for name in comparison.groups:
        base = comparison.figure(measure, name, comparison.baseline)
        ratios = [cell(comparison.ratio(measure, name, a)) for a in comparison.allocators[1:]]
        rows.append([name, "failed" if base is None else f"{base * scale:.3f}", *ratios])
    return table([f"{measure}", f"{comparison.baseline} ({unit})", *comparison.allocators[1:]], rows)


def verdict(comparison, ours, system):
    """Compares OURS with the best of the others: time with all of them, memory with those that are not SYSTEM's."""
    lines = []
    for measure in comparison.measures:
        rivals = [a for a in comparison.allocators if a != ours]
        if measure == "peak memory":
            rivals = [a for a in rivals if a not in system] or rivals
        ratio, best = max((comparison.mean(measure, ours, a) or 0, a) for a in rivals)
        lines.append(f"* {measure}: {ours} is at {ratio:.3f} of the best other one's ({best})")
    return lines
