# SPDX-License-Identifier: MIT
"""library_windows_arm64.py: how the libraries for Windows on ARM64 are linked, as library_windows.sh has it for x86.

They are for that processor, export the names of their .def files, import kernel32 only (brainmm_com.dll also advapi32),
can be relocated, have no memory that is writable and executable, and do not contain the time of their build. What
brainmm.dll imports, library_windows.sh lists as known to Windows 7; one function more is asked for here.
"""
import os
import re
import sys

import pefile

ARM64 = 0xAA64
FLAGS = 0x20 | 0x40 | 0x100  # HIGH_ENTROPY_VA, DYNAMIC_BASE, NX_COMPAT
MORE = {"RtlCaptureStackBackTrace"}
FILES = {
    "brainmm.dll": "brainmm.def",
    "borlndmm.dll": "win32/companions/borlndmm.def",
    "fpcmemdll.dll": "win32/companions/fpcmemdll.def",
    "brainmm_com.dll": "win32/companions/brainmm_com.def",
    "brainmm-malloc.dll": "win32/redirect/brainmm-malloc.def",
    "brainmm-run.exe": None,
}
mistakes = []


def names_of(definition):
    """The exported names of a .def file."""
    names, inside = set(), False
    with open(definition, encoding="utf-8") as file:
        for line in file:
            line = line.split(";")[0].strip()
            if inside and line:
                names.add(re.match(r'"([^"]+)"|([^ =]+)', line).group(0).strip('"'))
            inside = inside or line == "EXPORTS"
    return names


def known_to_windows_7():
    with open("tests/library_windows.sh", encoding="utf-8") as file:
        return set(re.search(r"<<'END'\n(.*?)\nEND", file.read(), re.S).group(1).split()) | MORE


def check(name, definition, folder):
    image = pefile.PE(os.path.join(folder, name))

    def fail(what):
        mistakes.append(f"{name}: {what}")

    if image.FILE_HEADER.Machine != ARM64:
        fail(f"is for processor {image.FILE_HEADER.Machine:#x}")
    if image.FILE_HEADER.TimeDateStamp != 0:
        fail("contains the time of its build")
    if image.OPTIONAL_HEADER.DllCharacteristics & FLAGS != FLAGS:
        fail("lacks flags")
    if image.OPTIONAL_HEADER.AddressOfEntryPoint == 0:
        fail("has no entry point")
    if definition:
        found = {symbol.name.decode() for symbol in image.DIRECTORY_ENTRY_EXPORT.symbols if symbol.name}
        if found != names_of(definition):
            fail(f"exports differ: {sorted(found ^ names_of(definition))}")
    imports = {entry.dll.decode().lower(): {item.name.decode() for item in entry.imports}
               for entry in image.DIRECTORY_ENTRY_IMPORT}
    allowed = {"kernel32.dll"} | ({"advapi32.dll"} if name == "brainmm_com.dll" else set())
    if not imports or set(imports) - allowed:
        fail(f"imports {sorted(imports)}")
    if name == "brainmm.dll":
        newer = imports.get("kernel32.dll", set()) - known_to_windows_7()
        if newer:
            fail(f"imports what nobody says that Windows 7 has: {sorted(newer)}")
    for section in image.sections:
        rights = section.Characteristics
        if rights & 0x20000000 and rights & 0x80000000:
            fail(f"section {section.Name} is writable and executable")
    sections = {section.Name.rstrip(b"\0").decode() for section in image.sections}
    if not {".reloc", ".rsrc"} <= sections and name == "brainmm.dll":
        fail(f"has only the sections {sorted(sections)}")


for name, definition in FILES.items():
    check(name, definition, os.environ["BUILD"])
print("\n".join(mistakes) or f"{len(FILES)} files")
sys.exit(bool(mistakes))
