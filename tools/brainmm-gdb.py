# SPDX-License-Identifier: MIT
"""brainmm-gdb.py: commands of gdb for a program, or its core file, that uses BrainMM.

    gdb -x tools/brainmm-gdb.py PROGRAM [CORE]

    brainmm address EXPRESSION    what an address is: region, unit, piece, whether it is free, size, thread
    brainmm heap                  regions, units by what they are, threads that have a heap, size classes
    brainmm table                 the table through which modules call the heap, and who owns it

The library's debug information is needed: libbrainmm.so.2.debug beside libbrainmm.so.2, which gdb finds by itself, or a
program that contains the static core with its debug information. Nothing is called in the program, so the commands work
on core files, and wherever the program was stopped: also in the midst of a call of the heap. What is then half changed
is shown as it is.
"""
import gdb

UNIT_SHIFT = 16
DESCRIPTOR_SHIFT = 6
PAGE = 4096
KINDS = ("none", "slab", "sub", "run", "pages", "block", "jit", "blocks")  # enum unit_kind
NAMES = {"run": "a piece with pages of its own", "pages": "pages", "block": "a block", "jit": "memory for code"}
MODES = ("user", "system", "JIT")  # enum brainmm_mode
NOBODY = 1
PART_BYTES = 65536  # of the table of thread heaps: PART_HEAPS in slab/thread_heap.c


def number(value):
    """A plain or atomic variable as a number."""
    if value.type.strip_typedefs().code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
        value = value["value"]
    return int(value.cast(gdb.lookup_type("unsigned long")))


class Heap:
    """The heap of the module that owns the process's."""

    def __init__(self):
        self.objfile = self.find_module()
        self.window = self.variable("window")
        self.space = self.variable("space")
        self.table = number(self.window["table"])
        self.mask = number(self.window["mask"])
        self.base = number(self.window["base"])
        self.extent = number(self.window["extent"])
        self.unit_type = self.window_type("struct unit").pointer()
        self.word = gdb.lookup_type("unsigned long").sizeof
        if self.table == 0:
            raise gdb.GdbError("The heap has not started.")

    def find_module(self):
        found = []
        for objfile in gdb.objfiles():
            try:
                owns = objfile.lookup_static_symbol("manager_owns")
            except RuntimeError:  # of a core file: not mapped
                continue
            if owns and "manager.c" in owns.symtab.filename:
                found.append(objfile)
                if int(owns.value()) != 0:
                    return objfile
        if not found:
            raise gdb.GdbError("No module here contains BrainMM with its debug information (libbrainmm.so.2.debug).")
        raise gdb.GdbError("No module with debug information owns the heap; with BrainMM are: " +
                           ", ".join(objfile.filename for objfile in found))

    def symbol(self, name):
        found = self.objfile.lookup_global_symbol(name) or self.objfile.lookup_static_symbol(name)
        if not found:
            raise gdb.GdbError(f"The debug information has no {name}.")
        return found

    def variable(self, name):
        return self.symbol(name).value()

    def window_type(self, name):
        return gdb.lookup_type(name, self.symbol("window").symtab.global_block())

    # ---- Units ----

    def is_set(self, bits, unit):
        return number(self.space[bits][unit // 64]) >> unit % 64 & 1 if unit < self.extent >> UNIT_SHIFT else 0

    def unit_index(self, address):
        return (address - self.base) >> UNIT_SHIFT

    def address_of(self, unit):
        return self.base + (unit << UNIT_SHIFT)

    def descriptor(self, address):
        offset = (address >> (UNIT_SHIFT - DESCRIPTOR_SHIFT)) & self.mask
        return gdb.Value(self.table + offset).cast(self.unit_type).dereference()

    def kind(self, unit):
        kind = number(unit["kind"])
        return KINDS[kind] if kind < len(KINDS) else f"kind {kind}"

    def regions(self):
        """(start, end) of each reserved region."""
        units = self.extent >> UNIT_SHIFT
        start = None
        for at in range(units + 1):
            owned = at < units and self.is_set("owned", at)
            if start is not None and (not owned or self.is_set("starts", at)):
                yield self.address_of(start), self.address_of(at)
                start = None
            if owned and start is None:
                start = at

    def region_of(self, index):
        first, last = index, index + 1
        while first > 0 and not self.is_set("starts", first):
            first -= 1
        while self.is_set("owned", last) and not self.is_set("starts", last):
            last += 1
        return self.address_of(first), self.address_of(last)

    def first_of(self, address):
        """The descriptor that has the state of the unit of an address, and the index of its unit."""
        index = self.unit_index(address)
        unit = self.descriptor(address)
        if self.kind(unit) == "sub":
            index = number(unit["next"]) - 1
            return self.descriptor(self.address_of(index)), index
        for before in range(index, -1, -1):
            unit = self.descriptor(self.address_of(before))
            kind = self.kind(unit)
            if kind in NAMES and before + ((number(unit["run"]["size"]) - 1) >> UNIT_SHIFT) >= index:
                return unit, before
            if kind != "none" or self.is_set("free", before):
                break
        return self.descriptor(address), index

    def thread_heap_type(self):
        return self.window_type("struct thread_heap")

    def owner(self, unit):
        """The thread that owns a slab, as text."""
        owner = number(unit["owner"])
        if owner in (0, NOBODY):
            return "abandoned: no thread owns the slab"
        heap = gdb.Value(owner).cast(self.thread_heap_type().pointer()).dereference()
        thread = number(heap["thread_id"])
        if thread == 0:
            return f"of thread heap {number(heap['number'])}, whose thread has ended"
        return f"of thread {thread} (thread heap {number(heap['number'])})"


def read_word(address, size):
    try:
        return int.from_bytes(gdb.selected_inferior().read_memory(address, size).tobytes(), "little")
    except gdb.MemoryError:
        return None


# ---- brainmm address ---------------------------------------------------------------------------------------------

def tell_slab(heap, unit, address):
    geometry = heap.variable("bin_geometry")[number(unit["slab"]["bin"])]
    size, alignment, capacity = (number(geometry[field]) for field in ("object_size", "alignment", "capacity"))
    start = number(unit["start"])
    index, offset = divmod(address - start, size)
    piece = start + index * size
    print(f"slab at {start:#x}: {capacity} objects of {size} bytes, aligned to {alignment}; {heap.owner(unit)}")
    if index >= capacity:
        print("behind the last object")
        return
    where = "starts here" if offset == 0 else f"starts {offset} bytes before, at {piece:#x}"
    if index >= number(unit["slab"]["carved"]):
        state = "never handed out"
    else:
        marks = 1 if heap.word == 8 else 2
        words = [read_word(piece + (1 + i) * heap.word, heap.word) for i in range(marks)]
        state = "free" if all(word == number(unit.address) for word in words) else "live"
        if None in words:
            state = "state unknown: its memory cannot be read"
    print(f"piece {index} of {size} bytes, {state}; it {where}")


def tell_run(heap, unit, kind, address):
    start, size = number(unit["start"]), number(unit["run"]["size"])
    mode = number(unit["run"]["mode"])
    what = NAMES[kind]
    if kind != "run":
        what += f", mode {MODES[mode] if mode < len(MODES) else mode}"
    print(f"{what}, of {size} bytes, live; it starts " +
          ("here" if address == start else f"{address - start} bytes before, at {start:#x}"))
    if address - start >= size:
        print(f"{address - start - size} bytes behind its end")
    headroom = number(unit["run"]["headroom"])
    if headroom:
        print(f"{headroom << UNIT_SHIFT} bytes behind it are reserved for it to grow into")


def tell_blocks(unit, address):
    start, size, slots = number(unit["start"]), number(unit["blocks"]["size"]), number(unit["blocks"]["slots"])
    page = (address - start) // PAGE
    first = page - page % (size // PAGE)
    state = "live" if slots >> first & 1 else "free"
    block = start + first * PAGE
    print(f"a block of {size} bytes, {state}; it starts " +
          ("here" if address == block else f"{address - block} bytes before, at {block:#x}"))


GRANULE = 16  # of code


def bit(words, at):
    return number(words[at // 64]) >> at % 64 & 1


def tell_code(heap, address):
    """True if the address lies in memory that a JIT heap hands out."""
    jit = heap.variable("jit_heaps")
    while number(jit) != 0:
        chunk = jit["chunks"]
        while number(chunk) != 0:
            granules = number(chunk["granules"])
            for view in ("code", "writable"):
                start = number(chunk[view])
                if not 0 <= address - start < granules * GRANULE:
                    continue
                at = (address - start) // GRANULE
                starts = chunk["bits"].address.cast(gdb.lookup_type("unsigned long long").pointer()) + \
                    (granules + 63) // 64
                print(f"in a chunk of code at {start:#x}, of {granules * GRANULE} bytes" +
                      (", where it is written" if view == "writable" else ""))
                if not bit(chunk["bits"], at):
                    print("free")
                    return True
                first, end = at, at + 1
                while not bit(starts, first):
                    first -= 1
                while end < granules and bit(chunk["bits"], end) and not bit(starts, end):
                    end += 1
                begin = start + first * GRANULE
                print(f"a piece of code of {(end - first) * GRANULE} bytes, live; it starts " +
                      ("here" if address == begin else f"{address - begin} bytes before, at {begin:#x}"))
                return True
            chunk = chunk["next"]
        jit = jit["next"]
    return False


def tell_address(heap, address):
    print(f"{address:#x}: ", end="")
    if tell_code(heap, address):
        return
    if not 0 <= address - heap.base < heap.extent:
        tables = heap.table <= address <= heap.table + heap.mask + (1 << DESCRIPTOR_SHIFT)
        print("a descriptor of the heap" if tables else "not in the heap")
        return
    index = heap.unit_index(address)
    if not heap.is_set("owned", index):
        print("not in the heap: between its regions")
        return
    first, end = heap.region_of(index)
    unit, of = heap.first_of(address)
    kind = heap.kind(unit)
    print(f"in the region {first:#x} to {end:#x}, unit {of}" + (f" (and in unit {index})" if of != index else "") +
          f", descriptor {number(unit.address):#x}")
    if kind == "slab":
        tell_slab(heap, unit, address)
    elif kind in NAMES:
        tell_run(heap, unit, kind, address)
    elif kind == "blocks":
        tell_blocks(unit, address)
    elif heap.is_set("free", index):
        print("a free unit, " + ("committed" if heap.is_set("committed", index) else "given back to the system"))
    else:
        print("a unit that is in no use now: kept for the next run, or the heap's own, or headroom of a run before it")


# ---- brainmm heap ------------------------------------------------------------------------------------------------

def tell_heap(heap):
    count, size = {}, {}
    classes = {}
    geometries = heap.variable("bin_geometry")
    for start, end in heap.regions():
        print(f"region {start:#x} to {end:#x}: {(end - start) >> 10} KiB")
        for index in range(heap.unit_index(start), heap.unit_index(end)):
            unit = heap.descriptor(heap.address_of(index))
            kind = heap.kind(unit)
            units = 1
            if heap.is_set("free", index):
                kind = "free, committed" if heap.is_set("committed", index) else "free"
            elif kind == "slab":
                row = classes.setdefault(number(unit["slab"]["bin"]), [0, 0])
                row[0] += 1
                row[1] += number(unit["slab"]["carved"])
            elif kind in NAMES:
                units = ((number(unit["run"]["size"]) - 1) >> UNIT_SHIFT) + 1
            count[kind] = count.get(kind, 0) + 1
            size[kind] = size.get(kind, 0) + units
    for kind in ("slab", "run", "pages", "block", "blocks", "jit", "free, committed", "free"):
        if kind in count:
            print(f"{kind}: {count[kind]}, {size[kind] << 6} KiB")
    for bin_number, (slabs, carved) in sorted(classes.items()):
        geometry = geometries[bin_number]
        print(f"class of {number(geometry['object_size'])} bytes, aligned to {number(geometry['alignment'])}: "
              f"{slabs} slabs, {carved} objects handed out or prepared")
    for thread, heap_number in threads(heap):
        print(f"thread heap {heap_number}: " + (f"thread {thread}" if thread else "no thread"))


def threads(heap):
    parts = heap.variable("parts")
    per_part = PART_BYTES // heap.word
    for at in range(number(heap.variable("heap_count"))):
        thread_heap = parts[at // per_part][at % per_part].dereference()
        yield number(thread_heap["thread_id"]), number(thread_heap["number"])


# ---- brainmm table -----------------------------------------------------------------------------------------------

def tell_table(heap):
    table = heap.variable("heap_manager").dereference()
    print(f"{heap.objfile.filename.removesuffix('.debug')} owns the heap; its table is at {number(table.address):#x}")
    for field in table.type.fields():
        value = table[field.name]
        if field.name == "magic":
            print(f"magic: {value.string(length=16)}")
        elif value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR and field.name not in ("self", "version1"):
            print(f"{field.name}: {value.format_string(symbols=True)}")
        else:
            print(f"{field.name}: {number(value):#x}")


# ---- The commands ------------------------------------------------------------------------------------------------

class BrainMM(gdb.Command):
    """What an address of BrainMM's heap is, what the heap consists of, the table of the heap."""

    def __init__(self):
        super().__init__("brainmm", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)


class Address(gdb.Command):
    """What an address is: brainmm address EXPRESSION"""

    def __init__(self):
        super().__init__("brainmm address", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("brainmm address EXPRESSION")
        value = gdb.parse_and_eval(argument)
        tell_address(Heap(), int(value.cast(gdb.lookup_type("unsigned long"))))


class Summary(gdb.Command):
    """The heap's regions, units, size classes and threads."""

    def __init__(self):
        super().__init__("brainmm heap", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        tell_heap(Heap())


class Table(gdb.Command):
    """The table through which modules call the heap."""

    def __init__(self):
        super().__init__("brainmm table", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        tell_table(Heap())


BrainMM()
Address()
Summary()
Table()
