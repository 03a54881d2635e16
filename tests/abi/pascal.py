# SPDX-License-Identifier: MIT
"""pascal.py: the records of the Pascal unit BrainMM are the structs of brainmm.h, and the functions of its table have
the same parameters. Free Pascal's debug information has the former, the recorded ABI the latter."""

import os
import re
import subprocess

import debug_info
from rules import numbers_of, type_in


class Problem(Exception):
    """What Free Pascal says of the unit."""


# The unit's records. THeap begins behind TManager.
RECORDS = {"TManager": "brainmm_manager", "THeap": "brainmm_manager", "TPublished": "brainmm_record",
           "TMemoryOptions": "brainmm_options", "TMemoryStatistics": "brainmm_stats",
           "TMemoryKindStatistics": "brainmm_kind_stats", "TMemoryClassStatistics": "brainmm_class_stats",
           "TMemoryAllocation": "brainmm_allocation", "TMemoryFrame": "brainmm_frame", "TMemoryError": "brainmm_error",
           "TExpectedLeak": "brainmm_expected_leak"}
# Names that are others in Pascal.
RENAMED = {"accessrights": "rights", "functionname": "function"}
# Parameters "out" and "var", by their places. The debug information shows what they refer to.
REFERENCES = {"pagesgetrights": [2]}


def compiled(target, folder):
    """The entries of the unit's debug information."""
    done = subprocess.run(["tools/fpc", target, "-gw2", "-Cn", "-FU" + folder, "-FE" + folder, "pascal/BrainMM.pas"],
                          capture_output=True, text=True, timeout=100, check=False)
    if done.returncode != 0:
        raise Problem(f"the unit BrainMM does not compile: {done.stdout}{done.stderr}")
    for unit in debug_info.read(os.path.join(folder, "BrainMM.o")).iter_CUs():
        yield from unit.get_top_DIE().iter_children()


def place_of(member):
    """Its offset, which Free Pascal tells as an operation: add a number in LEB128."""
    _, *number = debug_info.number_of(member, "data_member_location")
    return sum((byte & 0x7f) << 7 * place for place, byte in enumerate(number))


def shape_of(die, word):
    """The bytes of the result and of each parameter of a function; 0: there is no result."""
    def bytes_of(kept):
        kept = debug_info.plain(kept)
        return 0 if kept is None else debug_info.number_of(kept, "byte_size", word)
    parameters = [child for child in die.iter_children() if child.tag == "DW_TAG_formal_parameter"]
    return [bytes_of(debug_info.type_of(die))] + [bytes_of(debug_info.type_of(child)) for child in parameters]


def shape_in_c(text, word):
    """The same of a pointer to a function, as C writes it. A function in it is a pointer, too."""
    result, parameters = re.fullmatch(r"(.*?)\(\*\)\((.*)\)", text).groups()
    while "(" in parameters:
        parameters = re.sub(r"\w[^,(]*\(\*\)\([^()]*\)", "void *", parameters)
    parts = [result] + (parameters.split(", ") if parameters != "void" else [])
    sizes = {"void": 0, "int": 4, "unsigned int": 4, "unsigned long": word, "unsigned long long": 8}
    return [word if "*" in part else sizes[part.strip()] for part in parts]


def compare(facts, target, folder):
    """Sentences about what differs."""
    found, wrong = set(), []
    word = numbers_of(facts["member", "brainmm_manager", "self"])["size"]
    first = numbers_of(facts["member", "brainmm_manager", "alloc"])["at"]
    names = {record.upper(): record for record in RECORDS}
    for die in compiled(target, folder):
        record = names.get(debug_info.name_of(die)) if die.tag == "DW_TAG_structure_type" else None
        if record:
            found.add(record)
            wrong += compare_record(facts, die, record, first, word)
    return wrong + [f"the unit has no record {record}" for record in RECORDS if record not in found]


def compare_record(facts, die, record, first, word):
    tag, start = RECORDS[record], first if record == "THeap" else 0
    members = {key[2].replace("_", ""): key for key in facts if key[:2] == ("member", tag)}
    seen = set()
    for member in die.iter_children():
        name = debug_info.name_of(member).lower()
        key = members.get(RENAMED.get(name, name))
        if key is None:
            yield f"{record}.{name} is not in struct {tag}"
            continue
        seen.add(key)
        value = facts[key]
        if place_of(member) + start != numbers_of(value)["at"]:
            yield f"{record}.{name} is at {place_of(member) + start}; in C: {value}"
        kept = debug_info.plain(debug_info.type_of(member))
        if kept.tag == "DW_TAG_subroutine_type":
            shape = shape_of(kept, word)
            for place in REFERENCES.get(name, []):
                shape[place] = word
            if shape != shape_in_c(type_in(value), word):
                yield f"{record}.{name} has the sizes {shape} (the result, the parameters); in C: {value}"
    size = numbers_of(facts["struct", tag])["size"]
    missing = [key[2] for key in members.values() if key not in seen and record not in ("TManager", "THeap")]
    if missing:
        yield f"{record} lacks {', '.join(missing)}"
    if record != "TManager" and debug_info.number_of(die, "byte_size") + start != size:
        yield f"{record} ends at {debug_info.number_of(die, 'byte_size') + start}, struct {tag} at {size}"
