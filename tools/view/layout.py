# SPDX-License-Identifier: MIT
"""layout.py: lays the units of several dumps out in one order, so that a unit has the same place in all of them, and
sums up what lies in each unit.

A slot is the number of a unit in that order. A stretch is a number of units in a row: a region of the heap, or units
outside of all regions in which something lies (code of JIT heaps, and all units of a dump without a map).
"""

from array import array
from bisect import bisect_right

from dumps import KINDS, UNIT, USES, DumpError

SLOTS_MOST = 1 << 24  # 1 TiB of addresses
NO_RANGE = 0xFFFFFFFF
USE_OF_KIND = {"small": "slab", "medium": "slab", "big": "run", "large": "run", "pages": "pages", "jit": "jit"}


def units_of(address, size):
    """The first unit of an allocation, and the one behind its last. One of size 0 has its address."""
    return address // UNIT, (address + max(size, 1) - 1) // UNIT + 1


def spans_of(dump):
    """(first, end) of the regions of a dump, in units; and of what lies elsewhere."""
    regions, outside = [], []
    for row in dump.ranges:
        first = row["address"] // UNIT
        if regions and regions[-1][1] == first and "region" not in row:
            regions[-1][1] = first + row["units"]
        else:
            if regions and regions[-1][1] > first:
                # A run that reaches into the next region.
                first = regions[-1][1]
            regions.append([first, max(first, row["address"] // UNIT + row["units"])])
    starts = [first for first, _ in regions]
    for address, size in zip(dump.allocations.address, dump.allocations.size):
        first, end = units_of(address, size)
        at = bisect_right(starts, first) - 1
        if at >= 0 and end <= regions[at][1]:
            continue
        if outside and outside[-1][1] >= first:
            outside[-1][1] = max(outside[-1][1], end)
        else:
            outside.append([first, end])
    return regions, outside


class Layout:
    def __init__(self, dumps):
        spans, borders, regions = [], set(), set()
        for dump in dumps:
            own, outside = spans_of(dump)
            spans += own + outside
            borders.update(first for first, _ in own)
            regions.update(first for first, _ in own)
        self.first, self.units, self.slot, self.is_region = [], [], [], []
        self.slots = 0
        for first, end in merged(spans, borders):
            self.first.append(first)
            self.units.append(end - first)
            self.slot.append(self.slots)
            self.is_region.append(first in regions)
            self.slots += end - first
            if self.slots > SLOTS_MOST:
                raise DumpError("its addresses are more than a terabyte")

    def slot_of(self, unit):
        at = bisect_right(self.first, unit) - 1
        return self.slot[at] + unit - self.first[at]


def merged(spans, borders):
    """The union of the spans, cut at the borders."""
    result = []
    for first, end in sorted(map(tuple, spans)):
        if result and first < result[-1][1]:
            first = result[-1][1]
        if first >= end:
            continue
        if result and first == result[-1][1] and first not in borders:
            result[-1][1] = end
        else:
            result.append([first, end])
    cut = []
    for first, end in result:
        inside = sorted(border for border in borders if first < border < end)
        points = [first, *inside, end]
        cut += zip(points, points[1:])
    return cut


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
        slot = layout.slot_of(first)
        end = min(slot + units, layout.slots)
        code = USES.index(use) if use in USES else USES.index("other")
        for at in range(slot, end):
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
