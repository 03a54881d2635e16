# SPDX-License-Identifier: MIT
"""summary.py: the figures of one dump that the page shows beside the map."""

from dumps import KINDS, UNIT, USES

SLAB_LARGE = 4 * UNIT  # slabs have one unit or four
MISSING = "unknown"


def classes_of(dump):
    """Bytes of each size class: live, freed, never used, and what the places leave of the slabs."""
    result = []
    for row in dump.classes:
        size, slabs = row["size"], row["slabs"]
        places = row["live"] + row["free"] + row["untouched"]
        slab = UNIT if slabs == 0 or places * size <= slabs * UNIT else SLAB_LARGE
        result.append({"size": size, "alignment": row["alignment"], "slabs": slabs, "count": row["live"],
                       "live": row["live"] * size, "free": row["free"] * size, "untouched": row["untouched"] * size,
                       "rest": max(0, slabs * slab - places * size)})
    return result


def threads_of(dump):
    found = {}
    pieces = dump.allocations
    for thread, size in zip(pieces.thread, pieces.size):
        row = found.setdefault(thread, [0, 0])
        row[0] += 1
        row[1] += size
    return [{"thread": thread, "count": count, "bytes": size}
            for thread, (count, size) in sorted(found.items(), key=lambda item: -item[1][1])]


def holders_of(dump):
    """Counts by kind, size, name and stack. A dump without them has its allocations counted, without names."""
    if dump.has_holders:
        return [{"kind": str(row.get("kind", MISSING)), "size": row["size"], "count": row["count"],
                 "name": str(row.get("name", "")), "stack": row.get("stack", 0)} for row in dump.holders]
    found = {}
    pieces = dump.allocations
    for key in zip(pieces.kind, pieces.size, pieces.stack):
        found[key] = found.get(key, 0) + 1
    return [{"kind": KINDS[kind], "size": size, "count": count, "name": "", "stack": stack}
            for (kind, size, stack), count in sorted(found.items())]


BINS = 10


def fragmentation_of(dump, units):
    """Slabs by how full they are, in BINS parts; free ranges by their length; and sums in bytes."""
    slabs = [{"from": at / BINS, "slabs": 0, "bytes": 0, "free": 0} for at in range(BINS)]
    holes = {}
    sums = {use: 0 for use in USES}
    for index, row in enumerate(dump.ranges):
        use = row.get("use")
        size = row["units"] * UNIT
        sums[use if use in sums else "other"] += size
        if use == "slab":
            live = units.range_live[index]
            part = slabs[min(BINS - 1, live * BINS // size)]
            part["slabs"] += 1
            part["bytes"] += size
            part["free"] += max(0, size - live)
        elif use in ("free", "idle"):
            length = 1 << (row["units"].bit_length() - 1)
            hole = holes.setdefault(length, {"units": length, "holes": 0, "bytes": 0})
            hole["holes"] += 1
            hole["bytes"] += size
    largest = max((row["units"] for row in dump.ranges if row.get("use") in ("free", "idle")), default=0)
    return {"slabs": slabs, "largest": largest, "holes": [holes[length] for length in sorted(holes)], "sums": sums}
