#!/bin/sh
# SPDX-License-Identifier: MIT
# chart.sh: the chart of the README has the means that bench/results/linux-x86_64.md has, and is what `make chart` draws
# of the single runs. What the README says below it is so.
set -eu
results=bench/results/linux-x86_64
work=$BUILD/tests/chart
rm -rf "$work"
mkdir -p "$work"
node bench/chart.mjs "${XDG_CACHE_HOME:-$HOME/.cache}/brainmm/view" "$results.csv" "$work/chart.svg"

# texts FILE: what a reader sees. Positions may differ a little from one version of Chromium to another.
texts() { sed -n 's|.*<text[^>]*>\([^<]*\)</text>.*|\1|p' "$1"; }
texts "$work/chart.svg" >"$work/drawn"
texts "$results.svg" >"$work/kept"
cmp "$work/drawn" "$work/kept" || { echo "$results.svg is out of date: make chart"; exit 1; }

python3 - "$results.md" "$work/drawn" <<'END'
import sys

lines = open(sys.argv[1], encoding="utf-8").read().splitlines()
cells = lambda start: [cell.strip() for line in lines if line.startswith(start) for cell in line.split("|")][2:-1]
names = ["BrainMM" if name == "brainmm" else name for name in cells("| geometric mean ")]
drawn = open(sys.argv[2], encoding="utf-8").read().splitlines()
order = [text for text in drawn if text in names]
figures = [float(text) for text in drawn if text.replace(".", "").isdigit()]
assert sorted(order) == sorted(names) and len(figures) == 2 * len(names), drawn
both = {}
for start, found in (("| best time, all ", figures[:len(names)]), ("| peak memory, all ", figures[len(names):])):
    means = dict(zip(names, map(float, cells(start))))
    shown = sorted(found)
    assert all(abs(a - b) < 0.006 for a, b in zip(shown, sorted(means.values()))), (start, shown, means)
    for name, mean in means.items():
        both.setdefault(name, []).append(mean)
time, memory = both["BrainMM"]
better = [name for name, mean in both.items() if mean[0] < time and mean[1] < memory]
assert not better, f"README.md: {better} are better in both"
END
