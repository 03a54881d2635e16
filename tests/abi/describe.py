# SPDX-License-Identifier: MIT
"""describe.py: what the ABI of a target is, as its compiler and its libraries say.

The types, prototypes and constants come from the debug information of a source that includes the public headers; so do
the values of macros, which become constants there. The exports come from the libraries. The result is a dictionary of
facts: {("member", "brainmm_stats", "live_count"): "at 8, 8 bytes, unsigned long", ...}. text.py has all forms.
"""

import os
import re
import subprocess

import debug_info
import pefile
from elftools.elf.elffile import ELFFile

HEADERS = {"linux": ["brainmm.h", "brainmm_attach.h"],
           "windows": ["brainmm.h", "brainmm_attach.h", "brainmm_redirect.h"]}
# Not a public header, but the layout of what modules of the original read.
PUBLISHED = "version1.h"
# The libraries beside the main one, and whether the public headers declare all that they export.
OTHER_LIBRARIES = {"linux": {"libbrainmm-malloc.so": False},
                   "windows": {"brainmm-malloc.dll": True, "borlndmm.dll": False, "fpcmemdll.dll": False,
                               "brainmm_com.dll": False}}
CONVENTIONS = ["", "stdcall", "fastcall", "regparm(3)", "ms_abi", "sysv_abi"]
# BRAINMM_VERSION is another one in each version, and what other macros become is a matter of the compiler.
NOT_FIXED = {"BRAINMM_VERSION"}
TEXTS = ('"', 'L"', "{")  # how the value of a macro begins that is a string or a list


class Problem(Exception):
    """A sentence about what cannot be described."""


# ---- Libraries ------------------------------------------------------------------------------------------------------

def exports_of_elf(path):
    """{symbol: its version, or ""}, and the soname."""
    with open(path, "rb") as file:
        elf = ELFFile(file)
        dynamic = elf.get_section_by_name(".dynamic")
        sonames = [tag.soname for tag in dynamic.iter_tags() if tag.entry.d_tag == "DT_SONAME"]
        symbols = elf.get_section_by_name(".dynsym")
        numbers = elf.get_section_by_name(".gnu.version")
        defined = elf.get_section_by_name(".gnu.version_d")
        names = {version["vd_ndx"]: next(texts).name for version, texts in defined.iter_versions()} if defined else {}
        found = {}
        for index in range(1, symbols.num_symbols()):
            symbol = symbols.get_symbol(index)
            if symbol["st_shndx"] in ("SHN_UNDEF", "SHN_ABS") or symbol["st_info"]["bind"] == "STB_LOCAL":
                continue
            number = numbers.get_symbol(index)["ndx"] if numbers else 1
            hidden = isinstance(number, int) and number & 0x8000
            found[symbol.name] = names.get(number & 0x7fff, "") if isinstance(number, int) else ""
            if hidden:
                found[symbol.name] += ", not the default"
    return found, (sonames or [""])[0]


def exports_of_pe(path):
    with pefile.PE(path, fast_load=True) as pe:
        pe.parse_data_directories(directories=[pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_EXPORT"]])
        table = pe.DIRECTORY_ENTRY_EXPORT
        return {symbol.name.decode(): "" for symbol in table.symbols if symbol.name}, pe.get_string_at_rva(
            table.struct.Name).decode()


def exports_of(path):
    return exports_of_pe(path) if path.endswith(".dll") else exports_of_elf(path)


# ---- The compiler ---------------------------------------------------------------------------------------------------

class Compiler:
    """COMMAND: the compiler's words. WORK: a folder for its files. INCLUDE: the folder of the public headers."""
    are_numbers = {}  # what is_number() has found, for all compilers

    def __init__(self, command, system, work, include):
        self.command, self.work, self.headers = command, work, HEADERS[system]
        self.options = ["-std=gnu11", "-I" + include, "-Isrc", "-DBRAINMM_ATTACH_NO_CLIENT"]
        self.start = "".join(f'#include "{header}"\n' for header in self.headers) + f'#include "share/{PUBLISHED}"\n'

    def run(self, lines, options):
        """Compiles LINES behind the headers. Returns what the compiler prints; None: it is not C."""
        source = os.path.join(self.work, "abi.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(self.start + "\n".join(lines) + "\n")
        done = subprocess.run([*self.command, *self.options, *options, source], capture_output=True, text=True,
                              timeout=60, check=False)
        self.errors = done.stderr
        return done.stdout if done.returncode == 0 else None

    def entries(self, lines):
        """The debug information of LINES behind the headers."""
        made = os.path.join(self.work, "abi.o")
        options = ["-gdwarf-4", "-gstrict-dwarf", "-fno-eliminate-unused-debug-types", "-c", "-o", made]
        if self.run(lines, options) is None:
            raise Problem(f"{' '.join(self.command)} does not compile the public headers:\n{self.errors}")
        return debug_info.Entries(made)

    def is_number(self, text):
        """Whether TEXT, which has no macros, is a constant number."""
        key = (*self.command, text)
        if key not in self.are_numbers:
            lines = [f"enum {{ abi_number = ({text}) }};"]
            self.are_numbers[key] = self.run(lines, ["-w", "-fsyntax-only"]) is not None
        return self.are_numbers[key]


# ---- Facts ----------------------------------------------------------------------------------------------------------

def macros_of(compiler):
    """{name with parameters: the text that it becomes} of the macros that the public headers define."""
    text = compiler.run([], ["-E", "-dD"])
    if text is None:
        raise Problem(compiler.errors)
    names, file = {}, ""
    for line in text.splitlines():
        place = re.match(r'# \d+ "([^"]*)"', line)
        made = re.match(r"#define (\w+)(\([^)]*\))? ?(.*)", line)
        if place:
            file = os.path.basename(place[1])
        elif made and file in compiler.headers and not (made[1].endswith("_H") and not made[3]):
            names[made[1]] = made[2] or ""
    plain = [name for name, parameters in names.items() if not parameters]
    text = compiler.run([f"abi_macro {name}" for name in plain], ["-E", "-P"])
    lines = re.findall(r"^abi_macro\b(.*)$", text, flags=re.MULTILINE)
    if len(lines) != len(plain):
        raise Problem("a macro becomes several lines")
    values = dict(zip(plain, (" ".join(line.split()) for line in lines)))
    return {name + parameters: values.get(name) for name, parameters in names.items() if name not in NOT_FIXED}


def add_macros(facts, macros, numbers):
    for name, text in sorted(macros.items()):
        if text is None:
            facts["macro", name] = "has arguments"
        elif name in numbers:
            facts["macro", name] = str(numbers[name])
        elif text.startswith(TEXTS):
            facts["macro", name] = text
        else:
            facts["macro", name] = "a part of declarations"


def conventions_of(compiler, wanted):
    """WANTED: {key: (an expression of the type, its text, its text as a function of a convention)}. Asks the compiler
    whether each type is the one that its text says, under which calling convention. Returns {key: convention}."""
    keys = list(wanted)
    lines = []
    for number, key in enumerate(keys):
        expression, write = wanted[key]
        answer = str(len(CONVENTIONS))
        for place, convention in reversed(list(enumerate(CONVENTIONS))):
            text = write(f"__attribute__(({convention})) " if convention else "")
            answer = f"__builtin_types_compatible_p(__typeof__({expression}), {text}) ? {place} : {answer}"
        lines.append(f"enum {{ abi_convention_{number} = {answer} }};")
    answers = constants_of(compiler.entries(lines), "abi_convention_")
    return {key: [*CONVENTIONS, "of an unknown convention"][answers[str(number)]] for number, key in enumerate(keys)}


def constants_of(entries, prefix):
    """{rest of the name: value} of the constants whose names begin with PREFIX."""
    found = {}
    for die in entries.with_tag("enumeration_type"):
        for child in die.iter_children():
            name = debug_info.name_of(child)
            if name.startswith(prefix):
                found[name[len(prefix):]] = debug_info.number_of(child, "const_value")
    return found


def add_structs(facts, wanted, entries, ours):
    for die in entries.with_tag("structure_type", "union_type"):
        tag = debug_info.name_of(die)
        if not ours(die) or "DW_AT_declaration" in die.attributes:
            continue
        facts["struct", tag] = f"size {debug_info.number_of(die, 'byte_size')}"
        kind = "union" if "union" in die.tag else "struct"
        for number, member in enumerate(die.iter_children()):
            name = debug_info.name_of(member) or f"(unnamed {number})"
            at = debug_info.number_of(member, "data_member_location", 0)
            kept = debug_info.type_of(member)
            bits = debug_info.number_of(member, "bit_size")
            facts["member", tag, name] = (f"at {at}, size {debug_info.size_of(kept)}, {debug_info.text_of(kept)}" +
                                          (f", {bits} bits" if bits else ""))
            wanted["member", tag, name] = (f"(({kind} {tag} *)0)->{name}",
                                           lambda convention, kept=kept: debug_info.text_of(kept, "", convention))


def add_enums(facts, entries, ours):
    for die in entries.with_tag("enumeration_type"):
        tag = debug_info.name_of(die) or "(without a name)"
        if not ours(die):
            continue
        values = {debug_info.name_of(child): debug_info.number_of(child, "const_value")
                  for child in die.iter_children()}
        sign = "signed" if min(values.values(), default=0) < 0 else "unsigned"
        facts["enum", tag] = f"size {debug_info.number_of(die, 'byte_size')}, {sign}"
        for name, value in values.items():
            facts["constant", tag, name] = str(value)


def add_types(facts, wanted, entries, ours):
    for die in entries.with_tag("typedef"):
        if ours(die):
            name, kept = debug_info.name_of(die), debug_info.type_of(die)
            facts["type", name] = debug_info.text_of(kept)
            wanted["type", name] = (f"*({name} *)0",
                                    lambda convention, kept=kept: debug_info.text_of(kept, "", convention))


def add_exports(facts, wanted, entries, libraries):
    pointers = {debug_info.name_of(die): debug_info.type_of(die) for die in entries.with_tag("variable")}
    for library, (symbols, declared) in libraries.items():
        facts["library", library] = ""
        for symbol, version in sorted(symbols.items()):
            text = version
            if declared:
                pointer = pointers[f"abi_export_{symbol}"]
                text = ", ".join(filter(None, [version, debug_info.text_of(debug_info.type_of(pointer))]))
                wanted["export", library, symbol] = (
                    f"&{symbol}", lambda convention, kept=pointer: debug_info.text_of(kept, "", convention))
            facts["export", library, symbol] = text


def add_alignments(facts, compiler):
    """The debug information has no alignments, so the compiler is asked for them."""
    tags = [tag for kind, tag, *_ in facts if kind == "struct"]
    lines = [f"enum {{ abi_alignment_{tag} = _Alignof(struct {tag}) }};" for tag in tags]
    for tag, alignment in constants_of(compiler.entries(lines), "abi_alignment_").items():
        facts["struct", tag] += f", alignment {alignment}"


def describe(command, system, libraries, include, work):
    """The facts. COMMAND: the compiler, as words. LIBRARIES: {path: whether the headers declare what it exports}.
    INCLUDE: the folder of the public headers. WORK: a folder for the files of this function."""
    compiler = Compiler(command, system, work, include)
    found = {}
    for path, declared in libraries.items():
        symbols, name = exports_of(path)
        found[name] = symbols, declared
    macros = macros_of(compiler)
    numbers = [name for name, text in macros.items()
               if text and not text.startswith(TEXTS) and compiler.is_number(text)]
    functions = [symbol for symbols, declared in found.values() if declared for symbol in symbols]
    entries = compiler.entries(
        [f"__typeof__(&{symbol}) abi_export_{symbol};" for symbol in functions] +
        [f"enum {{ abi_macro_{name} = ({name}) }};" for name in numbers])

    def ours(die):
        return entries.file_of(die) in (*compiler.headers, PUBLISHED)

    facts, wanted = {}, {}
    add_exports(facts, wanted, entries, found)
    add_structs(facts, wanted, entries, ours)
    add_enums(facts, entries, ours)
    add_types(facts, wanted, entries, ours)
    add_macros(facts, macros, constants_of(entries, "abi_macro_"))
    for key, convention in conventions_of(compiler, wanted).items():
        if convention:
            facts[key] += f", {convention}"
    add_alignments(facts, compiler)
    return facts
