# SPDX-License-Identifier: MIT
"""layout.py: lays the units of several dumps out in one order, so that a unit has the same place in all of them, and
sums up what lies in each unit.

A slot is the number of a unit in that order. A stretch is a number of units in a row: a region of the heap or a part of
one, or units outside of all regions in which something lies (code of JIT heaps, and all units of a dump without a map).
Of a long range of free units without memory only the first are there: a region may have thousands of them.
"""

from array import array
from bisect import bisect_right

from dumps import KINDS, UNIT, USES, DumpError

SLOTS_MOST = 1 << 24  # 1 TiB of addresses
FREE_SHOWN = 64  # units of a free range without memory, 4 MiB
NO_RANGE = 0xFFFFFFFF
USE_OF_KIND = {"small": "slab", "medium": "slab", "big": "run", "large": "run", "pages": "pages", "jit": "jit"}


def units_of(address, size):
    """The first unit of an allocation, and the one behind its last. One of size 0 has its address."""
    return address // UNIT, (address + max(size, 1) - 1) // UNIT + 1


def regions_of(dump):
    """[first, end] of the regions of a dump, in units. A run may reach into the next region: then that is shorter."""
    regions = []
    for row in dump.ranges:
        first, end = row["address"] // UNIT, row["address"] // UNIT + row["units"]
        if not regions or regions[-1][1] < first or "region" in row:
            first = max(first, regions[-1][1]) if regions else first
            regions.append([first, max(first, end)])
        else:
            regions[-1][1] = max(regions[-1][1], end)
    return regions


def spans_of(dump):
    """[first, end] of what is shown of a dump, in units."""
    shown = []
    for row in dump.ranges:
        first = row["address"] // UNIT
        shown.append((first, first + (min(row["units"], FREE_SHOWN) if row.get("use") == "free" else row["units"])))
    shown = joined(sorted(shown))
    starts, others = [first for first, _ in shown], []
    # An allocation may lie elsewhere: the map is of a later moment.
    for address, size in zip(dump.allocations.address, dump.allocations.size):
        first, end = units_of(address, size)
        at = bisect_right(starts, first) - 1
        if at < 0 or end > shown[at][1]:
            others.append((first, end))
    return joined(sorted(shown + joined(others)))


class Layout:
    def __init__(self, dumps):
        regions, spans = {}, []
        for dump in dumps:
            for first, end in regions_of(dump):
                regions[first] = max(end, regions.get(first, 0))
            spans += spans_of(dump)
        self.first, self.units, self.slot = [], [], []
        self.is_region = []  # whether a region begins with the stretch
        self.hidden = []  # free units behind it that have no slots
        self.slots = 0
        stretches = cut(joined(sorted(spans)), sorted(regions))
        region_end = 0
        for (first, end), following in zip(stretches, [*(first for first, _ in stretches[1:]), 1 << 64]):
            self.first.append(first)
            self.units.append(end - first)
            self.slot.append(self.slots)
            self.is_region.append(first in regions)
            region_end = regions.get(first, region_end)
            self.hidden.append(max(0, min(region_end, following) - end))
            self.slots += end - first
            if self.slots > SLOTS_MOST:
                raise DumpError("its addresses are more than a terabyte")

    def parts(self, first, end):
        """The slots of units [FIRST, END), as (slot, end)."""
        for at in range(max(0, bisect_right(self.first, first) - 1), len(self.first)):
            start = self.first[at]
            if start >= end:
                break
            low, high = max(first, start), min(end, start + self.units[at])
            if low < high:
                yield self.slot[at] + low - start, self.slot[at] + high - start


def joined(spans):
    """Spans, by their first unit; what overlaps or touches becomes one."""
    result = []
    for first, end in spans:
        if result and first <= result[-1][1]:
            result[-1][1] = max(result[-1][1], end)
        elif first < end:
            result.append([first, end])
    return result


def cut(spans, borders):
    """The spans, cut at the borders."""
    result = []
    for first, end in spans:
        inside = borders[bisect_right(borders, first):bisect_right(borders, end - 1)]
        points = [first, *inside, end]
        result += zip(points, points[1:])
    return result


class Units:
    """What the slots hold in one dump."""

    def __init__(self, dump, layout):
        self.use = array("B", bytes([USES.index("other")])) * layout.slots
        self.is_there = array("B", bytes(1)) * layout.slots
        self.range = array("I", [NO_RANGE]) * layout.slots
        self.live = array("I", [0]) * layout.slots  # bytes
        self.count = array("I", [0]) * layout.slots  # allocations that begin there
        self.piece_slot, self.piece_offset = array("I"), array("H")
        self.range_live = [0] * len(dump.ranges)
        self.range_slot = []
        for index, row in enumerate(dump.ranges):
            self.range_slot.append(self.place(layout, row["address"] // UNIT, row["units"], index, row.get("use")))
        self.sum_up(dump, layout)

    def place(self, layout, first, units, index, use):
        """Notes a range in its slots. Returns the first one."""
        code = USES.index(use) if use in USES else USES.index("other")
        slot = None
        for start, end in layout.parts(first, first + units):
            slot = start if slot is None else slot
            for at in range(start, end):
                self.use[at], self.is_there[at], self.range[at] = code, 1, index
        return slot

    def sum_up(self, dump, layout):
        stretch, stretch_end = None, 0
        pieces = dump.allocations
        for address, size, kind in zip(pieces.address, pieces.size, pieces.kind):
            unit, offset = divmod(address, UNIT)
            if stretch is None or not layout.first[stretch] <= unit < stretch_end:
                stretch = bisect_right(layout.first, unit) - 1
                stretch_end = layout.first[stretch] + layout.units[stretch]
            slot = layout.slot[stretch] + unit - layout.first[stretch]
            self.piece_slot.append(slot)
            self.piece_offset.append(offset)
            self.count[slot] += 1
            index = self.range[slot]
            if index != NO_RANGE:
                self.range_live[index] += size
            elif not self.is_there[slot]:
                name = KINDS[kind]
                use = USE_OF_KIND.get(name) or (name == "block" and ("block" if size >= UNIT else "blocks")) or "other"
                for at in range(slot, slot + units_of(address, size)[1] - unit):
                    self.use[at], self.is_there[at] = USES.index(use), 1
            while size > 0:
                part = min(size, UNIT - offset)
                self.live[slot] += part
                size -= part
                slot, offset = slot + 1, 0
