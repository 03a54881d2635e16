# SPDX-License-Identifier: MIT
"""modules.py: what a PE or ELF module imports and exports, and the bytes of it that are loaded."""

import os

import pefile
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection


class ModuleError(Exception):
    """A sentence about what is wrong with a file."""


class Module:
    """IMPORTS: {library, in lower case on Windows: names of functions}. On Linux a function is not bound to a library:
    all of them are under "", and the libraries have none. LOADED: the bytes of what is mapped, as a list of parts."""

    def __init__(self, path, form, imports, exports, loaded):
        self.path, self.form, self.imports, self.exports, self.loaded = path, form, imports, exports, loaded
        self.is_windows = form.startswith("PE")

    def has_text(self, text):
        """Whether TEXT is in what is loaded, in ASCII or UTF-16."""
        return any(text.encode(code) in part for code in ("ascii", "utf-16-le") for part in self.loaded)

    def imports_of(self, names):
        """(library, function) of imported functions with these names."""
        return [(library, name) for library, functions in self.imports.items() for name in functions if name in names]


def text_of(name):
    return name.decode("utf-8", "replace") if name else ""


def read_pe(path, content):
    pe = pefile.PE(data=content, fast_load=True)
    entries = pefile.DIRECTORY_ENTRY
    pe.parse_data_directories(directories=[entries["IMAGE_DIRECTORY_ENTRY_IMPORT"],
                                           entries["IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT"],
                                           entries["IMAGE_DIRECTORY_ENTRY_EXPORT"]])
    imports = {}
    for kind in ("DIRECTORY_ENTRY_IMPORT", "DIRECTORY_ENTRY_DELAY_IMPORT"):
        for entry in getattr(pe, kind, []):
            names = imports.setdefault(text_of(entry.dll).lower(), set())
            names.update(text_of(function.name) for function in entry.imports if function.name)
    exports = set()
    if hasattr(pe, "DIRECTORY_ENTRY_EXPORT"):
        exports = {text_of(symbol.name) for symbol in pe.DIRECTORY_ENTRY_EXPORT.symbols if symbol.name}
    discardable = pefile.SECTION_CHARACTERISTICS["IMAGE_SCN_MEM_DISCARDABLE"]
    loaded = [section.get_data() for section in pe.sections if not section.Characteristics & discardable]
    bits = 64 if pe.PE_TYPE == pefile.OPTIONAL_HEADER_MAGIC_PE_PLUS else 32
    return Module(path, f"PE, {bits} bit", imports, exports, loaded)


def read_elf(path, file):
    elf = ELFFile(file)
    if elf.header["e_type"] not in ("ET_EXEC", "ET_DYN"):
        raise ModuleError("neither a program nor a library, but an object file or the like")
    imports, exports = {"": set()}, set()
    for section in elf.iter_sections():
        if isinstance(section, DynamicSection):
            imports.update((tag.needed, set()) for tag in section.iter_tags() if tag.entry.d_tag == "DT_NEEDED")
        elif isinstance(section, SymbolTableSection) and section["sh_type"] == "SHT_DYNSYM":
            for symbol in section.iter_symbols():
                (imports[""] if symbol["st_shndx"] == "SHN_UNDEF" else exports).add(symbol.name)
    loaded = [segment.data() for segment in elf.iter_segments() if segment["p_type"] == "PT_LOAD"]
    return Module(path, f"ELF, {elf.elfclass} bit", imports, exports, loaded)


def read_module(path):
    """Reads the module in the file PATH. ModuleError says what is wrong with it."""
    try:
        with open(path, "rb") as file:
            start = file.read(4)
            if start[:2] != b"MZ" and start != b"\x7fELF":
                raise ModuleError("neither a PE nor an ELF module")
            file.seek(0)
            return read_pe(path, file.read()) if start[:2] == b"MZ" else read_elf(path, file)
    except OSError as error:
        raise ModuleError(error.strerror) from None
    except ModuleError:
        raise
    except Exception as error:  # what the libraries raise for a broken file is of many kinds
        raise ModuleError(f"a broken module: {error or type(error).__name__}") from None


def beside(path, name):
    """The file NAME in the folder of the file PATH, in whatever case; None if there is none."""
    folder = os.path.dirname(os.path.abspath(path))
    for other in sorted(os.listdir(folder)):
        if other.lower() == name:
            return os.path.join(folder, other)
    return None
