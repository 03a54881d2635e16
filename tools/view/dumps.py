# SPDX-License-Identifier: MIT
"""dumps.py: reads what brainmm_dump writes (docs/view.md). Allocations come as columns: a dump may have millions."""

import json
from array import array

KINDS = ["small", "medium", "big", "large", "pages", "block", "jit", "other"]
USES = ["slab", "run", "pages", "block", "blocks", "jit", "kept", "idle", "free", "held", "other"]
UNIT = 65536


class DumpError(Exception):
    """A sentence about what is wrong with a file."""


class Allocations:
    """Columns, by ascending address."""

    def __init__(self):
        self.address, self.size = array("Q"), array("Q")
        self.kind, self.thread, self.stack, self.serial = array("B"), array("Q"), array("I"), array("I")

    def __len__(self):
        return len(self.address)

    def add(self, record):
        self.address.append(int(record["address"], 16))
        self.size.append(record["size"])
        kind = record["kind"]
        self.kind.append(KINDS.index(kind) if kind in KINDS else len(KINDS) - 1)
        self.thread.append(record.get("thread", 0))
        self.stack.append(record.get("stack", 0))
        self.serial.append(record.get("serial", 0))


class Dump:
    """A dump. What it does not have is empty."""

    def __init__(self, name, top, allocations):
        self.name = name
        self.process = number(top, "process", default=None)
        self.clock = number(top, "clock_ms", default=None)
        self.stats = record_of(top, "stats")
        self.classes = rows(top, "classes", ("size", "alignment", "slabs", "live", "free", "untouched"))
        self.allocations = allocations
        self.has_map = "map" in top
        self.ranges = rows(top, "map", ("units",))
        self.has_holders = "holders" in top
        self.holders = rows(top, "holders", ("size", "count"))
        self.stacks = {number(stack, "stack"): [frame_text(frame) for frame in listed(stack, "frames")]
                       for stack in rows(top, "stacks", ("stack",))}
        for row in self.ranges:
            row["address"] = hexadecimal(row.get("address"), "map")
            if row["address"] % UNIT or row["units"] == 0:
                raise DumpError("a range of the map is no whole units")
        if number(top, "unit_bytes", default=UNIT) != UNIT:
            raise DumpError("its units have another size than 64 KiB")


def hexadecimal(value, where):
    if not isinstance(value, str) or not value.startswith("0x"):
        raise DumpError(f'an address in "{where}" is {value!r}, and not of the form "0x..."')
    try:
        return int(value, 16)
    except ValueError:
        raise DumpError(f'an address in "{where}" is {value!r}, which is no number') from None


def number(record, name, default=...):
    value = record.get(name, default)
    if value is default and default is not ...:
        return default
    if type(value) is not int or not 0 <= value < 1 << 64:
        raise DumpError(f'"{name}" is no number from 0 to 2^64' if name in record else f'"{name}" is missing')
    return value


def record_of(record, name):
    value = record.get(name, {})
    if not isinstance(value, dict):
        raise DumpError(f'"{name}" is no object')
    return value


def listed(record, name):
    value = record.get(name, [])
    if not isinstance(value, list):
        raise DumpError(f'"{name}" is no list')
    return value


def rows(record, name, numbers):
    """The list NAME of objects, each of which has these NUMBERS."""
    result = listed(record, name)
    for at, row in enumerate(result):
        if not isinstance(row, dict):
            raise DumpError(f"{name}[{at}] is no object")
        for field in numbers:
            try:
                number(row, field)
            except DumpError as error:
                raise DumpError(f"{name}[{at}]: {error}") from None
    return result


def frame_text(frame):
    if not isinstance(frame, dict):
        raise DumpError("a frame of a stack is no object")
    if "module" in frame:
        return [str(frame["module"]), f'{frame["module"]}+{frame.get("offset", "?")}']
    return ["", str(frame.get("address", "?"))]


def refuse_constant(text):
    raise ValueError(f"{text} is no number of JSON")


TAKEN = object()  # stands for an allocation that went into the columns


def load(path):
    """Reads the dump in the file PATH. DumpError says what is wrong with it."""
    allocations = Allocations()

    def take(pairs):
        record = dict(pairs)
        if "address" not in record or "kind" not in record:
            return record
        try:
            allocations.add(record)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            why = f"{error} is missing" if isinstance(error, KeyError) else error
            raise DumpError(f"allocation {len(allocations.serial)} is broken: {why}") from None
        return TAKEN

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise DumpError(error.strerror) from None
    except UnicodeDecodeError:
        raise DumpError("no text in UTF-8") from None
    try:
        top = json.loads(text, object_pairs_hook=take, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        text = text.strip()
        if not text:
            raise DumpError("the file is empty") from None
        # The error of a text without an end is at its beginning.
        if error.pos >= len(text) or error.msg.startswith("Unterminated string"):
            raise DumpError("the JSON is cut off; perhaps the program was still writing it") from None
        raise DumpError(f"no JSON: {error}") from None
    except RecursionError:
        raise DumpError("no dump: it is nested too deeply") from None
    except ValueError as error:
        raise DumpError(f"no JSON: {error}") from None
    del text
    if not isinstance(top, dict) or type(top.get("brainmm")) is not int:
        raise DumpError('no dump of BrainMM: there is no member "brainmm"')
    listing = listed(top, "allocations")
    if len(listing) != len(allocations) or any(item is not TAKEN for item in listing):
        raise DumpError('"allocations" has something else than allocations, or they are elsewhere, too')
    for before, after in zip(allocations.address, allocations.address[1:]):
        if before >= after:
            raise DumpError(f"the allocations are not in ascending order, at {after:#x}")
    return Dump(path, top, allocations)


def in_order(dumps):
    """Dumps of one process by their time, others as they were given."""
    if len({dump.process for dump in dumps}) == 1 and all(dump.clock is not None for dump in dumps):
        return sorted(dumps, key=lambda dump: dump.clock)
    return dumps
