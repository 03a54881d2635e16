# SPDX-License-Identifier: MIT
"""page.py: packs dumps for the page, and puts them into it.

The data is one compressed block: the length of a JSON text, that text, and columns of numbers behind it. The text says
where each column begins.
"""

import base64
import json
import os
import struct
import sys
import zlib
from array import array

from dumps import KINDS, UNIT, USES
from layout import Layout, Units
from summary import classes_of, fragmentation_of, holders_of, threads_of

HERE = "@DATA@"
TYPES = {"B": "Uint8", "H": "Uint16", "I": "Uint32", "d": "Float64"}


class Columns:
    def __init__(self):
        self.parts, self.size = [], 0

    def add(self, code, values):
        """Notes a column of numbers of the type CODE. Returns where it lies."""
        column = array(code, values)
        if sys.byteorder == "big":
            column.byteswap()
        content = column.tobytes()
        place = {"type": TYPES[code], "at": self.size, "length": len(column)}
        padding = -len(content) % 8
        self.parts += [content, bytes(padding)]
        self.size += len(content) + padding
        return place


def ranges_of(dump, units, columns, threads):
    rows = dump.ranges
    column = lambda code, name: columns.add(code, [row.get(name, 0) for row in rows])
    return {"slot": columns.add("I", units.range_slot), "units": column("I", "units"), "size": column("d", "size"),
            "places": column("I", "places"), "touched": column("I", "touched"), "alignment": column("d", "alignment"),
            "live": columns.add("d", units.range_live),
            "thread": columns.add("I", [threads.get(row.get("thread", 0), 0) for row in rows])}


def short_names(dumps):
    """Names of files without their folders, if these differ."""
    names = [os.path.basename(dump.name) for dump in dumps]
    return names if len(set(names)) == len(names) else [dump.name for dump in dumps]


def pack_dump(dump, name, layout, columns):
    units = Units(dump, layout)
    pieces = dump.allocations
    names = sorted({0, *pieces.thread, *(row.get("thread", 0) for row in dump.ranges)})
    threads = {thread: index for index, thread in enumerate(names)}
    return {
        "name": name, "process": dump.process, "clock": dump.clock, "stats": dump.stats,
        "hasMap": dump.has_map, "hasHolders": dump.has_holders, "classes": classes_of(dump),
        "threads": threads_of(dump), "holders": holders_of(dump), "fragmentation": fragmentation_of(dump, units),
        "stacks": {str(stack): frames for stack, frames in dump.stacks.items()}, "threadNames": names,
        "use": columns.add("B", units.use), "isThere": columns.add("B", units.is_there),
        "range": columns.add("I", units.range), "live": columns.add("I", units.live),
        "count": columns.add("I", units.count), "ranges": ranges_of(dump, units, columns, threads),
        "pieces": {"slot": columns.add("I", units.piece_slot), "offset": columns.add("H", units.piece_offset),
                   "size": columns.add("d", pieces.size), "kind": columns.add("B", pieces.kind),
                   "thread": columns.add("I", [threads[thread] for thread in pieces.thread]),
                   "stack": columns.add("I", pieces.stack), "serial": columns.add("I", pieces.serial)},
    }


def pack(dumps):
    """The block of data, compressed."""
    layout, columns = Layout(dumps), Columns()
    text = {"kinds": KINDS, "uses": USES, "unit": UNIT, "slots": layout.slots,
            "stretches": [{"address": f"{first * UNIT:#x}", "units": units, "slot": slot, "isRegion": is_region,
                           "hidden": hidden}
                          for first, units, slot, is_region, hidden in
                          zip(layout.first, layout.units, layout.slot, layout.is_region, layout.hidden)],
            "dumps": [pack_dump(dump, name, layout, columns) for dump, name in zip(dumps, short_names(dumps))]}
    head = json.dumps(text, separators=(",", ":")).encode("ascii")
    head += b" " * (-(len(head) + 8) % 8)
    packer = zlib.compressobj(6)
    return b"".join([packer.compress(struct.pack("<Q", len(head)) + head),
                     *(packer.compress(part) for part in columns.parts), packer.flush()])


def fill(template, dumps):
    """The page with its data."""
    before, after = template.split(HERE)
    return before + base64.b64encode(pack(dumps)).decode("ascii") + after
