#!/bin/sh
# SPDX-License-Identifier: MIT
# dump.sh: Python's parser accepts the JSON that brainmm_dump writes. The dump contains everything that the program has
# allocated, and nothing else if no other thread works.
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
python3 - <<'END'
import json

def check(name, alone):
    with open(name + ".json", "rb") as file:
        text = file.read()
    text.decode("ascii")
    dump = json.loads(text, object_pairs_hook=unique)
    with open(name + ".list") as file:
        known = {tuple(line.split()) for line in file}
    assert len(known) > 1000
    assert set(dump) == {"brainmm", "stats", "classes", "allocations"}, dump.keys()
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

def unique(pairs):
    assert len(pairs) == len(dict(pairs)), "a name twice: %s" % pairs
    return dict(pairs)

check("dump_alone", True)
check("dump_threads", False)
END
