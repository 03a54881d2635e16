# SPDX-License-Identifier: MIT
"""view_logic.py: tests of brainmm-view that need no browser: reading, layout, sums, the packed data, errors."""

import base64
import json
import os
import struct
import subprocess
import sys
import unittest
import zlib

sys.path.insert(0, "tools/view")
import layout
import page
import summary
from dumps import USES, DumpError, in_order, load

WORK = sys.argv.pop()
BASE = 0x7F0000000000
UNIT = 65536


def at(units, offset=0):
    return hex(BASE + units * UNIT + offset)


def piece(address, size, kind="small", **more):
    return {"address": address, "size": size, "kind": kind, "alignment": 16, "thread": 7, "mode": "user",
            "certainty": "exact", **more}


# Two regions with a gap between: a slab, a run of 3 units, idle and free units; a slab of four units.
def sample():
    return {
        "brainmm": 2, "process": 7, "clock_ms": 1000,
        "stats": {"exact": True, "live_count": 4, "live_bytes": 48 + 48 + 150000 + 20000},
        "classes": [{"size": 48, "alignment": 16, "slabs": 1, "live": 2, "free": 3, "untouched": 1360},
                    {"size": 20000, "alignment": 16, "slabs": 1, "live": 1, "free": 0, "untouched": 12}],
        "allocations": [piece(at(0, 48), 48), piece(at(0, 96), 48, stack=3, serial=1), piece(at(1), 150000, "big"),
                        piece(at(100, 60000), 20000, "medium", thread=8)],
        "unit_bytes": UNIT,
        "map": [{"address": at(0), "units": 1, "use": "slab", "region": 1, "size": 48, "alignment": 16, "places": 1365,
                 "touched": 5, "thread": 7},
                {"address": at(1), "units": 3, "use": "run", "size": 150000},
                {"address": at(4), "units": 2, "use": "idle"}, {"address": at(6), "units": 5, "use": "free"},
                {"address": at(100), "units": 4, "use": "slab", "region": 1, "size": 20000, "alignment": 16,
                 "places": 13, "touched": 1, "thread": 8}],
        "holders": [{"kind": "small", "size": 48, "count": 2, "name": "TÄst", "stack": 3},
                    {"kind": "big", "size": 150000, "count": 1}, {"kind": "medium", "size": 20000, "count": 1}],
        "stacks": [{"stack": 3, "frames": [{"address": "0x1234", "module": "/lib/a.so", "offset": "0x34"},
                                           {"address": "0x99"}]}],
    }


def write(name, content):
    path = os.path.join(WORK, name)
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def read(content):
    return load(write("dump.json", content))


class Reading(unittest.TestCase):
    def test_a_dump_is_read_as_it_is(self):
        dump = read(sample())
        self.assertEqual(list(dump.allocations.size), [48, 48, 150000, 20000])
        self.assertEqual(list(dump.allocations.address)[3], BASE + 100 * UNIT + 60000)
        self.assertEqual(list(dump.allocations.stack), [0, 3, 0, 0])
        self.assertEqual(dump.stacks, {3: [["/lib/a.so", "/lib/a.so+0x34"], ["", "0x99"]]})
        self.assertEqual([row["units"] for row in dump.ranges], [1, 3, 2, 5, 4])

    def test_dumps_of_one_process_are_in_the_order_of_time(self):
        first, second, other = read(sample()), read({**sample(), "clock_ms": 500}), read({**sample(), "process": 8})
        self.assertEqual(in_order([first, second]), [second, first])
        self.assertEqual(in_order([first, second, other]), [first, second, other])

    def refused(self, content, why):
        with self.assertRaises(DumpError) as caught:
            page.pack([read(content)])
        self.assertRegex(str(caught.exception), why)

    def test_what_is_no_dump_is_refused(self):
        whole = json.dumps(sample()).encode()
        self.refused(b"", "the file is empty")
        self.refused(b"  \n", "the file is empty")
        self.refused(b"\xff\xfe", "UTF-8")
        self.refused(b"hello", "no JSON")
        self.refused(b"[" * 100000, "nested too deeply")
        self.refused([1], "no dump of BrainMM")
        self.refused({"name": "npm"}, "no dump of BrainMM")
        self.refused({"brainmm": "2"}, "no dump of BrainMM")
        self.refused(whole + b"x", "no JSON: Extra data")
        self.refused(whole.replace(b"150000", b"NaN"), "NaN is no number")
        self.refused(whole.replace(b"150000", b"1" * 5000), "no JSON")

    def test_a_dump_is_refused_wherever_it_is_cut_off(self):
        whole = json.dumps(sample()).encode()
        for length in range(1, len(whole)):
            self.refused(whole[:length], "cut off|no JSON")
        # In the midst of a text, as most cuts are
        self.refused(whole[: whole.index(b'"small"') + 3], "cut off; perhaps the program was still writing it")

    def test_wrong_members_are_named(self):
        def with_piece(**more):
            dump = sample()
            dump["allocations"][2].update(more)
            return dump

        def with_range(**more):
            dump = sample()
            dump["map"][1].update(more)
            return dump

        self.refused(with_piece(size=-1), "allocation 2 is broken")
        self.refused(with_piece(size=1.5), "allocation 2 is broken")
        self.refused(with_piece(size="1"), "allocation 2 is broken")
        self.refused(with_piece(size=1 << 64), "allocation 2 is broken")
        self.refused(with_piece(address="zero"), "allocation 2 is broken")
        self.refused(with_piece(address=5), "allocation 2 is broken")
        self.refused(with_piece(address=at(0)), "ascending order")
        self.refused(with_piece(size=1 << 50), "a terabyte")
        self.refused(with_range(units=0), "no whole units")
        self.refused(with_range(units="3"), r'map\[1\]: "units" is no number')
        self.refused(with_range(address=hex(BASE + 1)), "no whole units")
        self.refused(with_range(address="nowhere"), "an address in \"map\"")
        self.refused({**sample(), "map": {}}, '"map" is no list')
        self.refused({**sample(), "map": [5]}, r"map\[0\] is no object")
        self.refused({**sample(), "stats": []}, '"stats" is no object')
        self.refused({**sample(), "classes": [{"size": 16}]}, r'classes\[0\]: "alignment" is missing')
        self.refused({**sample(), "allocations": [{"size": 16}]}, '"allocations" has something else')
        self.refused({**sample(), "more": piece(at(200), 5)}, "elsewhere")
        self.refused({**sample(), "unit_bytes": 4096}, "another size")
        self.refused({**sample(), "process": -1}, '"process" is no number')
        self.refused({**sample(), "holders": [{"size": 1}]}, r'holders\[0\]: "count" is missing')
        self.refused({**sample(), "stacks": [{"stack": 1, "frames": [5]}]}, "a frame of a stack")


class Layouts(unittest.TestCase):
    def test_regions_are_stretches_and_what_lies_outside_too(self):
        content = sample()
        content["allocations"].append(piece(at(500), 100, "jit"))
        dump = read(content)
        found = layout.Layout([dump])
        self.assertEqual(found.first, [BASE // UNIT, BASE // UNIT + 100, BASE // UNIT + 500])
        self.assertEqual(found.units, [11, 4, 1])
        self.assertEqual(found.is_region, [True, True, False])
        units = layout.Units(dump, found)
        self.assertEqual(USES[units.use[15]], "jit")
        self.assertEqual(list(units.live), [96, 65536, 65536, 150000 - 2 * 65536, *[0] * 7, 5536, 14464, 0, 0, 100])
        self.assertEqual(list(units.count), [2, 1, *[0] * 9, 1, 0, 0, 0, 1])
        self.assertEqual(units.range_live, [96, 150000, 0, 0, 20000])
        self.assertEqual(sum(units.live), sum(dump.allocations.size))

    def test_a_series_has_one_layout(self):
        content = sample()
        content["map"] = content["map"][:3] + [{"address": at(20), "units": 2, "use": "free", "region": 1}]
        content["allocations"] = content["allocations"][:3]
        found = layout.Layout([read(sample()), read(content)])
        self.assertEqual(found.units, [11, 2, 4])
        for dump in (read(sample()), read(content)):
            self.assertEqual(len(layout.Units(dump, found).use), 17)

    def test_of_long_free_ranges_only_the_first_units_are_laid_out(self):
        content = sample()
        content["map"][3]["units"] = 80
        dump = read(content)
        found = layout.Layout([dump])
        self.assertEqual((found.units, found.hidden), ([6 + layout.FREE_SHOWN, 4], [80 - layout.FREE_SHOWN, 0]))
        self.assertEqual(len(layout.Units(dump, found).use), found.slots)

        # Something behind them that is used, in this dump or in another: it has a place in both.
        content["map"].insert(4, {"address": at(86), "units": 1, "use": "pages", "size": 4096})
        content["allocations"].insert(3, piece(at(86), 4096, "pages"))
        both = [dump, read(content)]
        found = layout.Layout(both)
        self.assertEqual((found.units, found.is_region), ([70, 1, 4], [True, False, True]))
        self.assertEqual(found.hidden, [16, 0, 0])
        self.assertEqual([USES[layout.Units(one, found).use[70]] for one in both], ["other", "pages"])
        content["map"][3]["units"], content["map"][4]["address"] = 75, at(81)
        content["allocations"][3] = piece(at(81), 4096, "pages")
        both = [dump, read(content)]
        found = layout.Layout(both)
        self.assertEqual((found.units, found.hidden), ([70, 1, 4], [11, 4, 0]))
        self.assertEqual([USES[layout.Units(one, found).use[70]] for one in both], ["free", "pages"])

    def test_an_allocation_that_the_map_does_not_know_any_more_has_a_place(self):
        content = sample()
        content["map"][3]["units"] = 80
        content["allocations"].insert(3, piece(at(82), 3 * UNIT, "big"))
        dump = read(content)
        found = layout.Layout([dump])
        units = layout.Units(dump, found)
        self.assertEqual((found.units, found.hidden), ([70, 3, 4], [12, 1, 0]))
        self.assertEqual((list(units.live[70:73]), sum(units.live)), ([UNIT] * 3, sum(dump.allocations.size)))

    def test_a_run_may_reach_into_the_next_region(self):
        content = sample()
        content["map"][3]["region"] = 1
        content["map"][1]["units"], content["map"][2:3] = 6, []
        content["map"][2].update(address=at(7), units=4)
        found = layout.Layout([read(content)])
        self.assertEqual(found.units, [7, 4, 4])

    def test_a_border_between_regions_that_touch_stays(self):
        content = sample()
        content["map"][3]["region"] = 1
        found = layout.Layout([read(content)])
        self.assertEqual(found.units, [6, 5, 4])

    def test_an_older_dump_is_laid_out_by_its_allocations(self):
        content = {name: sample()[name] for name in ("brainmm", "stats", "classes", "allocations")}
        dump = read(content)
        found = layout.Layout([dump])
        self.assertEqual(found.units, [4, 2])
        self.assertEqual([USES[use] for use in layout.Units(dump, found).use],
                         ["slab", "run", "run", "run", "slab", "slab"])

    def test_empty_allocations_have_a_place_and_no_bytes(self):
        content = sample()
        content["allocations"].insert(0, piece(hex(BASE - 10 * UNIT), 0))
        dump = read(content)
        units = layout.Units(dump, layout.Layout([dump]))
        self.assertEqual((units.live[0], units.count[0]), (0, 1))


class Sums(unittest.TestCase):
    def test_classes_have_their_waste(self):
        small, large = summary.classes_of(read(sample()))
        self.assertEqual((small["live"], small["free"], small["untouched"], small["rest"]),
                         (96, 144, 65280, 65536 - 1365 * 48))
        self.assertEqual(large["rest"], 4 * 65536 - 13 * 20000)

    def test_threads_hold_what_they_own(self):
        self.assertEqual(summary.threads_of(read(sample())), [{"thread": 7, "count": 3, "bytes": 150096},
                                                             {"thread": 8, "count": 1, "bytes": 20000}])

    def test_holders_are_counted_where_the_dump_has_none(self):
        content = sample()
        self.assertEqual(summary.holders_of(read(content))[0],
                         {"kind": "small", "size": 48, "count": 2, "name": "TÄst", "stack": 3})
        del content["holders"]
        self.assertEqual([(row["kind"], row["size"], row["stack"], row["count"]) for row in
                          summary.holders_of(read(content))],
                         [("small", 48, 0, 1), ("small", 48, 3, 1), ("medium", 20000, 0, 1), ("big", 150000, 0, 1)])

    def test_fragmentation_adds_up(self):
        dump = read(sample())
        found = summary.fragmentation_of(dump, layout.Units(dump, layout.Layout([dump])))
        self.assertEqual([row["slabs"] for row in found["slabs"]], [2, *[0] * 9])
        self.assertEqual(sum(row["free"] for row in found["slabs"]), 5 * UNIT - 96 - 20000)
        self.assertEqual(found["holes"], [{"units": 2, "holes": 1, "bytes": 2 * UNIT},
                                          {"units": 4, "holes": 1, "bytes": 5 * UNIT}])
        self.assertEqual(found["largest"], 5)
        self.assertEqual(sum(found["sums"].values()), 15 * UNIT)


class Packing(unittest.TestCase):
    def test_the_packed_data_is_the_dump(self):
        dumps = [read(sample()), read(sample())]
        text = page.fill("<" + page.HERE + ">", dumps)
        whole = zlib.decompress(base64.b64decode(text[1:-1]))
        length, = struct.unpack_from("<Q", whole)
        data = json.loads(whole[8:8 + length])

        def column(place, code):
            return list(struct.unpack_from(f"<{place['length']}{code}", whole, 8 + length + place["at"]))

        self.assertEqual(length % 8, 0)
        self.assertEqual(data["slots"], 15)
        dump = data["dumps"][1]
        self.assertEqual(column(dump["pieces"]["size"], "d"), [48, 48, 150000, 20000])
        self.assertEqual(column(dump["pieces"]["slot"], "I"), [0, 0, 1, 11])
        self.assertEqual(column(dump["pieces"]["offset"], "H"), [48, 96, 0, 60000])
        self.assertEqual(dump["threadNames"], [0, 7, 8])
        self.assertEqual(column(dump["pieces"]["thread"], "I"), [1, 1, 1, 2])
        self.assertEqual(column(dump["live"], "I")[:4], [96, 65536, 65536, 18928])
        self.assertEqual(dump["stacks"]["3"][0][1], "/lib/a.so+0x34")


class Tool(unittest.TestCase):
    def run_tool(self, *arguments, page_text="<" + page.HERE + ">"):
        with open(os.path.join(WORK, "page.html"), "w", encoding="utf-8") as file:
            file.write(page_text)
        return subprocess.run(["tools/brainmm-view", *arguments], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "BRAINMM_VIEW_PAGE": os.path.join(WORK, "page.html")})

    def test_a_page_is_written_beside_the_dump_or_where_one_wishes(self):
        path = write("a.json", sample())
        self.assertEqual(self.run_tool(path).returncode, 0)
        with open(os.path.join(WORK, "a.html"), encoding="utf-8") as file:
            first = file.read()
        self.assertEqual(self.run_tool(path, "-o", "-").stdout, first)
        self.assertGreater(len(first), 100)

    def test_an_error_is_a_sentence_and_writes_nothing(self):
        good, bad = write("good.json", sample()), write("bad.json", json.dumps(sample()).encode()[:-5])
        kept = write("kept.html", b"what was there")
        for arguments, code, words in (((good, bad), 1, "bad.json: the JSON is cut off"),
                                       ((WORK + "/none.json",), 1, "none.json: No such file"),
                                       ((WORK,), 1, "Is a directory"), ((), 2, "usage:")):
            result = self.run_tool(*arguments, "-o", kept)
            self.assertEqual(result.returncode, code, result)
            self.assertIn(words, result.stderr)
            self.assertNotIn("Traceback", result.stderr)
            with open(kept, "rb") as file:
                self.assertEqual(file.read(), b"what was there")
        result = self.run_tool(good, "-o", WORK + "/no folder/a.html")
        self.assertEqual((result.returncode, "No such file" in result.stderr), (1, True), result)
        result = self.run_tool(good, "-o", kept, page_text="no place for data")
        self.assertEqual((result.returncode, "is no page for dumps" in result.stderr), (1, True), result)
        self.assertEqual([name for name in os.listdir(WORK) if name.startswith(".")], [])

    def test_dumps_of_several_processes_are_shown_and_noticed(self):
        result = self.run_tool(write("a.json", sample()), write("b.json", {**sample(), "process": 9}), "-o", "-")
        self.assertEqual((result.returncode, "several processes" in result.stderr), (0, True))


os.makedirs(WORK, exist_ok=True)
unittest.main()
