# SPDX-License-Identifier: MIT
"""managers.py: which memory manager a module is bound to, by its imports, and by texts that each way leaves in it."""

BRAINMM = "BrainMM"
LIBRARIES = ["brainmm.dll", "libbrainmm.so.2", "libbrainmm.so"]
# Texts of the static core and the library, of what replaces malloc, of brainmm_attach.h, and of the unit for Pascal.
# tests/info.sh sees that modules of each kind have them.
CORE_TEXT = "BrainMM: statistics, while other threads work"
MALLOC_TEXT = "BrainMM: operator new: no memory"
ATTACH_TEXT = "brainmm_attach() has not been called"
PASCAL_TEXT = "the unit BrainMM must be the first that a program"
MAPPINGS = [("Local\\BrainMM_PID_", BRAINMM, "attaches as the original BrainMM does"),
            ("Local\\FastMM_PID_", "FastMM", "FastMM or SimpleShareMem: looks for a heap that is published under "
             "FastMM's name. BrainMM publishes there with BRAINMM_OPTIONS=fastmm"),
            ("Local\\ScaleMM_PID_", "ScaleMM", "looks for a heap that is published under ScaleMM's name")]
COMPANIONS = {"borlndmm.dll": "ShareMem", "fpcmemdll.dll": "Free Pascal's ShareMem"}
SHAREMEM_EXPORTS = {"@Borlndmm@SysGetMem$qqri": "borlndmm.dll", "SysGetmem": "fpcmemdll.dll"}
MALLOC = {"malloc", "calloc", "realloc", "free", "_aligned_malloc", "_Znwm", "_Znwj", "_ZdlPv"}
UCRT = "ucrtbase.dll"
REPLACES = "replaces malloc"


class Binding:
    """HEAP: modules with the same name share a heap. HOW: what was found."""

    def __init__(self, heap, how):
        self.heap, self.how = heap, how


def by_brainmm(module):
    if {"brainmm_alloc", "brainmm_get_manager"} <= module.exports and module.has_text(CORE_TEXT):
        yield Binding(BRAINMM, "is BrainMM's library, or has its static core and exports it")
    elif module.has_text(CORE_TEXT):
        yield Binding(BRAINMM, REPLACES if module.has_text(MALLOC_TEXT) else "has the static core")
    libraries = [name for name in LIBRARIES if name in module.imports]
    for library in libraries:
        yield Binding(BRAINMM, f"imports {library}")
    if not (libraries or module.is_windows) and \
            module.imports_of({"brainmm_alloc", "brainmm_free", "brainmm_get_manager"}):
        yield Binding(BRAINMM, "expects functions of BrainMM's library, which it does not name")
    if module.has_text(ATTACH_TEXT):
        serves = [name for export, name in SHAREMEM_EXPORTS.items() if export in module.exports]
        yield Binding(BRAINMM, f"is BrainMM's {serves[0]}" if serves else "joins by brainmm_attach.h")
    if module.has_text(PASCAL_TEXT):
        yield Binding(BRAINMM, "joins by the unit BrainMM for Pascal")


def by_sharemem(module, serving):
    """SERVING(name): the module that is the companion DLL of that name for this one, or None."""
    for name, what in COMPANIONS.items():
        if name not in module.imports:
            continue
        server = serving(name)
        if server is None:
            yield Binding(name, f"{what}: imports {name}. With BrainMM's {name} beside the program it is BrainMM")
        else:
            own = bindings_of(server, lambda _: None)[0]
            heap = BRAINMM if own.heap == BRAINMM else name
            how = own.how if heap == BRAINMM else "is not BrainMM"
            yield Binding(heap, f"{what}: imports {name}, and {server.path} {how}")
    for export, name in SHAREMEM_EXPORTS.items():
        if export in module.exports and not module.has_text(ATTACH_TEXT):
            yield Binding(name, f"is a {name} of another maker")


def by_name(module):
    if not module.is_windows:
        return
    for text, heap, how in MAPPINGS:
        if module.has_text(text):
            yield Binding(heap, how)


def by_malloc(module):
    if "malloc" in module.exports and "free" in module.exports:
        yield Binding("its own malloc", "exports malloc and free of its own")
    for library in sorted({library for library, _ in module.imports_of(MALLOC)}):
        if module.is_windows:
            library = UCRT if library.startswith("api-ms-win-crt-heap") else library
        else:
            names = [name for name in module.imports if name.startswith(("libc.so", "libc.musl"))]
            library = names[0] if names else "the C library"
        yield Binding(library, f"C run-time: malloc of {library}")


def bindings_of(module, serving):
    """All that was found, the one that decides first. Never empty."""
    found = [*by_brainmm(module), *by_sharemem(module, serving)]
    if not found:
        found = list(by_name(module))
    found += by_malloc(module) if not any(binding.how == REPLACES for binding in found) else []
    return found or [Binding(None, "no manager that is known: it allocates nothing, or has a heap of its own")]
