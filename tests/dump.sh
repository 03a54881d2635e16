#!/bin/sh
# SPDX-License-Identifier: MIT
# dump.sh: Python's parser accepts the JSON that brainmm_dump writes. The dump contains everything that the program has
# allocated, and nothing else if no other thread works. Its map covers the reserved regions, and each allocation lies
# where the map says. The holders are the allocations, counted. In checked mode they have call stacks.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
cd "$BUILD/tests"
top=$OLDPWD
eval "$("$top/tools/target" "$TARGET")"

# dump NAME [threads]: runs the program, leaving NAME.json and NAME.list.
dump() {
    name=$1
    shift
    WINE_RUN_SECONDS=60 ${run:+"$top/"$run} "./dump_helper-shared$exe" "$name.json" "$name.list" "$@"
}

dump dump_alone
dump dump_threads threads
BRAINMM_OPTIONS=checked,stacks dump dump_checked
PYTHONPATH=$top/tools/view python3 -B - <<'END'
import bisect
import json

import dumps
import layout
import page

def check(name, alone):
    with open(name + ".json", "rb") as file:
        text = file.read()
    text.decode("ascii")
    dump = json.loads(text, object_pairs_hook=unique)
    with open(name + ".list") as file:
        known = {tuple(line.split()) for line in file}
    assert len(known) > 1000
    assert set(dump) == {"brainmm", "process", "clock_ms", "stats", "classes", "allocations", "unit_bytes", "map",
                         "holders", "stacks"}, dump.keys()
    stats, classes, allocations = dump["stats"], dump["classes"], dump["allocations"]
    found = {(a["address"], str(a["size"]), a["kind"], str(a["alignment"]), a["mode"]) for a in allocations}
    assert known <= found, known - found
    assert stats["exact"] is alone
    assert stats["live_count"] >= len(known)
    assert all(a["certainty"] == ("exact" if alone else "seen") for a in allocations)
    assert sum(kind["count"] for kind in stats["kinds"].values()) == stats["live_count"]
    assert sum(kind["bytes"] for kind in stats["kinds"].values()) == stats["live_bytes"]
    small = stats["kinds"]["small"]["count"] + stats["kinds"]["medium"]["count"]
    live, nothing = sum(row["live"] for row in classes), len([a for a in allocations if a["size"] == 0])
    assert live == small - nothing if alone else live <= small  # a piece of size 0 has no class
    assert len(classes) == len({(row["size"], row["alignment"]) for row in classes}) > 60
    assert all(type(value) is int and value >= 0 for key, value in stats.items() if key not in ("exact", "kinds"))
    if alone:
        assert found == known and len(allocations) == len(known), found - known
        assert stats["live_count"] == len(known)
        assert len({a["thread"] for a in allocations if a["kind"] in ("small", "medium") and a["size"]}) == 1
        rest = stats["free_bytes"] + stats["cached_bytes"] + stats["overhead_bytes"]
        assert stats["committed_bytes"] == stats["live_bytes"] + rest

    check_map(dump, alone)
    check_holders(dump, alone)

# Without threads the statistics are of the same moment.
def check_map(dump, alone):
    unit, ranges = dump["unit_bytes"], dump["map"]
    at, uses, starts = 0, {}, [int(r["address"], 16) for r in ranges]
    for start, r in zip(starts, ranges):
        assert start % unit == 0 and r["units"] > 0
        assert start == at or (start > at and r.get("region") == 1), (hex(at), r)
        at = start + r["units"] * unit
        uses[r["use"]] = uses.get(r["use"], 0) + r["units"] * unit
    used = {"slab", "run", "pages", "block", "blocks"}
    assert used <= set(uses) <= used | {"jit", "kept", "idle", "free", "held"}, uses
    if not alone:
        return
    assert sum(uses.values()) <= dump["stats"]["reserved_bytes"]
    slabs = [r for r in ranges if r["use"] == "slab"]
    # The writer has allocated since, and freed it.
    assert len(slabs) >= dump["stats"]["slabs"] == sum(row["slabs"] for row in dump["classes"])
    touched = sum(row["live"] + row["free"] for row in dump["classes"])
    assert touched <= sum(r["touched"] for r in slabs) <= touched + 4096
    for a in dump["allocations"]:
        if a["size"]:
            r = ranges[bisect.bisect_right(starts, int(a["address"], 16)) - 1]
            where = {"small": ["slab"], "medium": ["slab"], "big": ["run"], "large": ["run"], "pages": ["pages"],
                     "block": ["block", "blocks"], "jit": ["pages", "block", "blocks"]}[a["kind"]]
            assert r["use"] in where, (a, r)
            assert int(a["address"], 16) + a["size"] <= int(r["address"], 16) + r["units"] * unit, (a, r)
            assert r["use"] != "slab" or (r["size"] == a["size"] and r["thread"] == a["thread"]), (a, r)

NAME = "\"\\\t\x7Fä€😀\udcff\udced\udca0\udc80"

def check_holders(dump, alone):
    holders = dump["holders"]
    assert {h.get("name") for h in holders} == {None, NAME}, {h.get("name") for h in holders}
    assert all(("name" in h) == (h["size"] == 48 and h["kind"] == "small") for h in holders)
    if alone:
        assert sum(h["count"] for h in holders) == len(dump["allocations"])
        assert sum(h["count"] * h["size"] for h in holders) == sum(a["size"] for a in dump["allocations"])
    assert dump["stacks"] == []

# In checked mode the sizes are those that were asked for.
def check_stacks(name):
    with open(name + ".json", encoding="ascii") as file:
        dump = json.load(file)
    frames = {stack["stack"]: stack["frames"] for stack in dump["stacks"]}
    used = {a["stack"] for a in dump["allocations"] if "stack" in a}
    assert used and used == set(frames) == {h["stack"] for h in dump["holders"] if "stack" in h}
    assert all("serial" in a for a in dump["allocations"] if "stack" in a)
    for frame in sum(frames.values(), []):
        assert set(frame) in ({"address"}, {"address", "module", "offset"}), frame
    assert any("dump_helper" in frame.get("module", "") for frame in sum(frames.values(), []))

def unique(pairs):
    assert len(pairs) == len(dict(pairs)), "a name twice: %s" % pairs
    return dict(pairs)

# What tools/brainmm-view makes of it.
def check_view(name):
    dump = dumps.load(name + ".json")
    units = layout.Units(dump, layout.Layout([dump]))
    assert sum(units.live) == sum(dump.allocations.size)
    assert sum(units.count) == len(dump.allocations) and len(page.pack([dump])) > 1000

check("dump_alone", True)
check("dump_threads", False)
check_stacks("dump_checked")
for name in ("dump_alone", "dump_threads", "dump_checked"):
    check_view(name)
END
