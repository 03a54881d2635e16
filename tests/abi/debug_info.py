# SPDX-License-Identifier: MIT
"""debug_info.py: the types in the debug information (DWARF 4) of one object file, ELF or COFF.

Types are told as C writes them, without typedefs, so that two spellings of one type are the same text.
"""

import io
import os
import struct

from elftools.dwarf.dwarfinfo import DebugSectionDescriptor, DwarfConfig, DWARFInfo
from elftools.elf.elffile import ELFFile

SECTIONS = ["info", "aranges", "abbrev", "frame", "eh_frame", "str", "loc", "ranges", "line", "pubtypes", "pubnames",
            "addr", "str_offsets", "line_str", "loclists", "rnglists", "sup", "gnu_debugaltlink"]


def coff_sections(content):
    """{name: bytes} of a COFF object. Its references between debug sections are offsets in the sections already."""
    _, count, _, symbols, symbol_count, _, _ = struct.unpack_from("<HHIIIHH", content)
    texts = symbols + 18 * symbol_count
    sections = {}
    for number in range(count):
        name, _, _, size, start = struct.unpack_from("<8sIIII", content, 20 + 40 * number)
        name = name.rstrip(b"\0").decode()
        if name.startswith("/"):
            at = texts + int(name[1:])
            name = content[at:content.index(b"\0", at)].decode()
        sections[name] = content[start:start + size]
    return sections


def read(path):
    """The debug information of the object file PATH."""
    with open(path, "rb") as file:
        content = file.read()
    if content[:4] == b"\x7fELF":
        return ELFFile(io.BytesIO(content)).get_dwarf_info()
    sections = coff_sections(content)
    described = [DebugSectionDescriptor(io.BytesIO(data), name, 0, len(data), 0) if data else None
                 for name, data in ((name, sections.get(".debug_" + name)) for name in SECTIONS)]
    bits = 64 if struct.unpack_from("<H", content)[0] in (0x8664, 0xaa64) else 32
    return DWARFInfo(DwarfConfig(True, "x64" if bits == 64 else "x86", bits // 8), *described)


def name_of(die):
    name = die.attributes.get("DW_AT_name")
    return name.value.decode() if name else ""


def number_of(die, attribute, default=None):
    found = die.attributes.get("DW_AT_" + attribute)
    return found.value if found else default


def type_of(die):
    """The entry of DIE's type; None is void."""
    return die.get_DIE_from_attribute("DW_AT_type") if "DW_AT_type" in die.attributes else None


def plain(die):
    """DIE without typedefs."""
    while die is not None and die.tag == "DW_TAG_typedef":
        die = type_of(die)
    return die


def base_name(name):
    """gcc and clang name integers in different ways: "long unsigned int" is "unsigned long"."""
    words = name.split()
    if not set(words) <= {"unsigned", "signed", "char", "short", "int", "long"} or words == ["signed", "char"]:
        return name
    sign = ["unsigned"] if "unsigned" in words else []
    rest = [word for word in words if word in ("char", "short", "long")] or ["int"]
    return " ".join(sign + rest)


def text_of(die, declared="", convention=""):
    """The type DIE as C writes it, around what is DECLARED. CONVENTION: an attribute of the outermost function."""
    die = plain(die)
    tag = die.tag if die is not None else "void"
    if tag in ("DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_restrict_type"):
        word = tag[7:-5]
        inner = plain(type_of(die))
        if inner is not None and inner.tag == "DW_TAG_pointer_type":
            return text_of(inner, f"{word} {declared}".rstrip(), convention)
        return f"{word} {text_of(inner, declared, convention)}"
    if tag == "DW_TAG_pointer_type":
        inner = plain(type_of(die))
        if inner is not None and inner.tag in ("DW_TAG_subroutine_type", "DW_TAG_array_type"):
            return text_of(inner, f"({convention}*{declared})")
        return text_of(inner, "*" + declared)
    if tag == "DW_TAG_subroutine_type":
        parameters = [text_of(type_of(child)) if child.tag == "DW_TAG_formal_parameter" else "..."
                      for child in die.iter_children()]
        return text_of(type_of(die), f"{declared}({', '.join(parameters) or 'void'})")
    if tag == "DW_TAG_array_type":
        sizes = [array_size(child) for child in die.iter_children() if child.tag == "DW_TAG_subrange_type"]
        return text_of(type_of(die), declared + "".join(f"[{size}]" for size in sizes))
    if tag in ("DW_TAG_structure_type", "DW_TAG_union_type", "DW_TAG_enumeration_type"):
        kind = {"s": "struct", "u": "union", "e": "enum"}[tag[7]]
        base = f"{kind} {name_of(die) or '(without a name)'}"
    else:
        base = base_name(name_of(die)) if die is not None else "void"
    return f"{base} {declared}" if declared else base


def array_size(bounds):
    count = number_of(bounds, "count")
    last = number_of(bounds, "upper_bound")
    return count if count is not None else last + 1 if last is not None else ""


def size_of(die):
    """The bytes of a type."""
    die = plain(die)
    while die.tag in ("DW_TAG_const_type", "DW_TAG_volatile_type"):
        die = plain(type_of(die))
    if die.tag == "DW_TAG_array_type":
        count = 1
        for child in die.iter_children():
            count *= array_size(child) or 0
        return count * size_of(type_of(die))
    if die.tag == "DW_TAG_pointer_type":
        return number_of(die, "byte_size", die.cu["address_size"])
    return number_of(die, "byte_size")


def is_function_pointer(die):
    die = plain(die)
    target = plain(type_of(die)) if die is not None and die.tag == "DW_TAG_pointer_type" else None
    return target is not None and target.tag == "DW_TAG_subroutine_type"


class Entries:
    """The entries of the one source that was compiled, by what they are."""

    def __init__(self, path):
        dwarf = read(path)
        (unit,) = dwarf.iter_CUs()
        self.top = list(unit.get_top_DIE().iter_children())
        self.files = dwarf.line_program_for_CU(unit).header["file_entry"]

    def with_tag(self, *tags):
        return [die for die in self.top if die.tag[7:] in tags]

    def file_of(self, die):
        """The name, without folders, of the file that declares DIE."""
        number = number_of(die, "decl_file", 0)
        return os.path.basename(self.files[number - 1].name.decode()) if number else ""
