# SPDX-License-Identifier: MIT
"""selftest.py: each rule of the policy is enforced. Copies of the headers are changed, and what comes of it must be
told in the right words. What may be added is accepted, recorded, and fixed once it is released."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import baseline
import describe
import pascal
import reference
import rules

COMPILER, FOLDER, LIBRARY = ["gcc"], "build/linux-x86_64", "libbrainmm.so.2"
failures = []


def expect(condition, text):
    if not condition:
        failures.append(text)
        print(text)


def recorded():
    with open("tests/abi/linux-x86_64.abi", encoding="utf-8") as file:
        return baseline.read(file.read())


def library(folder, names, versions, soname):
    """A library that exports NAMES, all of BRAINMM_2.0 but those that VERSIONS tells."""
    text = "".join(f".globl {name}\n{name}:\n" for name in names)
    script = "BRAINMM_2.0 { global: brainmm_*; local: *; };\n"
    script += "".join(f"{version} {{ global: {name}; }} BRAINMM_2.0;\n" for name, version in versions.items())
    for file, content in (("stub.s", text), ("stub.map", script)):
        with open(os.path.join(folder, file), "w", encoding="utf-8") as out:
            out.write(content)
    made = os.path.join(folder, soname)
    subprocess.run([*COMPILER, "-shared", "-nostdlib", f"-Wl,-soname,{soname}", "-Wl,--version-script=stub.map", "-o",
                    soname, "stub.s"], cwd=folder, check=True, timeout=60)
    return made


class Tree:
    """The headers with changes, and a library that goes with them. CHANGES: (what is in a header, what replaces it).
    GONE, ADDED: exports; the latter with their symbol versions."""

    def __init__(self, *changes, gone=(), added=(), soname=LIBRARY, drop=()):
        with tempfile.TemporaryDirectory() as folder:
            include = os.path.join(folder, "include")
            shutil.copytree("include", include)
            for old, new in changes:
                self.change(include, old, new)
            names = [key[2] for key in recorded().facts if key[:2] == ("export", LIBRARY) and key[2] not in gone]
            made = library(folder, names + [name for name, _ in added],
                           {name: version for name, version in added if version != "BRAINMM_2.0"}, soname)
            libraries = {made: True, os.path.join(FOLDER, "libbrainmm-malloc.so"): False}
            self.facts = describe.describe(COMPILER, "linux", libraries, include, folder)
        for kind in drop:
            self.facts = {key: value for key, value in self.facts.items() if key[:2] != kind}

    @staticmethod
    def change(include, old, new):
        files = [path for path in glob.glob(include + "/*.h") if old in open(path, encoding="utf-8").read()]
        text = open(files[0], encoding="utf-8").read() if len(files) == 1 else ""
        if text.count(old) != 1:
            sys.exit(f"the headers do not have this in one place: {old}")
        with open(files[0], "w", encoding="utf-8") as out:
            out.write(text.replace(old, new))

    def compare(self, version="2.1.0", released=("2.0.0",), old=None):
        return rules.compare(old or recorded(), self.facts, version, set(released))


def refused(rule, words, tree, version="2.1.0", released=("2.0.0",), old=None):
    """TREE breaks RULE, and no other one, in WORDS."""
    broken = tree.compare(version, released, old).broken
    expect(any(words in text and f"rule {rule}: {rules.RULES[rule]}" in text for text in broken),
           f"not told: {words}, rule {rule}. But: {broken}")
    others = [text for text in broken if f"rule {rule}: " not in text]
    expect(not others, f"told beside it: {others}")


# ---- abidiff --------------------------------------------------------------------------------------------------------

def reference_library(facts, folder):
    os.makedirs(folder)
    reference.write(facts, LIBRARY, folder)
    made = os.path.join(folder, LIBRARY)
    subprocess.run([*COMPILER, "-shared", "-fPIC", "-nostdlib", "-g", "-w", f"-Wl,-soname,{LIBRARY}",
                    "-Wl,--version-script=" + os.path.join(folder, "reference.map"), "-o", made,
                    os.path.join(folder, "reference.c")], check=True, timeout=60)
    return made


def abidiff(facts):
    """Exit code and text of abidiff: the recorded ABI, and FACTS."""
    with tempfile.TemporaryDirectory() as folder:
        one, two = os.path.join(folder, "one"), os.path.join(folder, "two")
        first, second = reference_library(recorded().facts, one), reference_library(facts, two)
        done = subprocess.run(["abidiff", "--drop-private-types", "--headers-dir1", one, "--headers-dir2", two, first,
                               second], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def seen_by_abidiff(tree, words):
    code, text = abidiff(tree.facts)
    expect(code & 4 and re.search(words, text), f"abidiff does not see it ({words}), but: {code}\n{text}")


# ---- What is refused ------------------------------------------------------------------------------------------------

def changes_are_refused():
    tree = Tree(("BRAINMM_API int BRAINMM_CALL brainmm_contains(const void *address);", ""), gone=["brainmm_contains"])
    refused(1, f"brainmm_contains of {LIBRARY} is gone", tree)
    seen_by_abidiff(tree, "1 Removed")

    tree = Tree(("brainmm_dump(brainmm_write write, void *context, unsigned parts);",
                 "brainmm_dump(brainmm_write write, void *context, uint64_t parts);"))
    refused(2, f"brainmm_dump of {LIBRARY} was: BRAINMM_2.0, int (int (*)(void *, const char *, unsigned long), void *,"
               " unsigned int)\n    and is now: BRAINMM_2.0, int (int (*)(void *, const char *, unsigned long), void *,"
               " unsigned long)", tree)
    seen_by_abidiff(tree, "brainmm_dump")

    one = "    int(BRAINMM_CALL *block_free)(void *block, unsigned mode);\n"
    two = "    void *(BRAINMM_CALL *pages_get)(size_t count, unsigned mode);\n"
    tree = Tree((one + two, two + one))
    refused(2, "struct brainmm_manager: block_free was at 112 and is at 120, pages_get was at 120 and is at 112", tree)
    seen_by_abidiff(tree, "pages_get")

    tree = Tree(("    BRAINMM_E_KIND = 3,", "    BRAINMM_E_KIND = 11,"))
    refused(2, "BRAINMM_E_KIND of enum brainmm_result was: 3\n    and is now: 11", tree)
    tree = Tree(("    BRAINMM_SYSTEM = 1,", ""))
    refused(1, "BRAINMM_SYSTEM of enum brainmm_mode is gone", tree)
    tree = Tree((", BRAINMM_EXECUTE = 4 };", ", BRAINMM_EXECUTE = 4, BRAINMM_LESS = -1 };"))
    refused(2, "enum brainmm_rights was: size 4, unsigned\n    and is now: size 4, signed", tree)

    tree = Tree(("    uint64_t heaps;  ", "    uint64_t inserted;\n    uint64_t heaps;  "))
    broken = tree.compare().broken
    expect(any("heaps was at 200 and is at 208, threads was at 208 and is at 216, slabs was at 216 and is at 224, and "
               in text and "rule 2" in text for text in broken), f"the moved members: {broken}")
    expect(any("brainmm_stats has the new member inserted at 200, which is before its end at 312" in text
               and "rule 3" in text for text in broken), f"the inserted member: {broken}")
    seen_by_abidiff(tree, "inserted")
    tree = Tree(("    uint64_t untouched;", "    uint64_t more; uint64_t untouched;"))
    expect(any("brainmm_class_stats has the new member more, and must not grow" in text and "rule 3" in text
               for text in tree.compare().broken), f"{tree.compare().broken}")
    tree = Tree(("    size_t size;          /* bytes asked for.", "    size_t size; void *more; /* bytes asked for."))
    refused(3, "struct brainmm_expected_leak has the new member more, and must not grow", tree)
    tree = Tree(("    uintptr_t offset;    /* Linux", "    uint32_t offset;    /* Linux"))
    refused(2, "the member offset of struct brainmm_frame was: at 16, size 8, unsigned long\n"
               "    and is now: at 16, size 4, unsigned int", tree)

    last = "    int(BRAINMM_CALL *publish_fastmm)(void);"
    tree = Tree((last, last + " long n;"))
    refused(4, "struct brainmm_manager has the new member n, which is: at 408, size 8, long", tree)
    tree = Tree(("#define BRAINMM_PAGE_SIZE 4096u", "#define BRAINMM_PAGE_SIZE 8192u"))
    refused(2, "the macro BRAINMM_PAGE_SIZE was: 4096\n    and is now: 8192", tree)
    tree = Tree(('#define BRAINMM_RECORD_MAGIC "BrainMM-record-2"', '#define BRAINMM_RECORD_MAGIC "BrainMM-record-3"'))
    refused(2, 'the macro BRAINMM_RECORD_MAGIC was: "BrainMM-record-2"\n    and is now: "BrainMM-record-3"', tree)
    tree = Tree(("#define BRAINMM_HAS(manager, member) ", "#define BRAINMM_HAS(member) "))
    refused(1, "the macro BRAINMM_HAS(manager,member) is gone", tree)
    tree = Tree(("typedef int(BRAINMM_CALL *brainmm_write)", "typedef int(__attribute__((ms_abi)) *brainmm_write)"))
    write = "int (*)(void *, const char *, unsigned long)"
    refused(2, f"the type brainmm_write was: {write}\n    and is now: {write}, ms_abi", tree)
    refused(1, "the library libbrainmm-malloc.so is gone", Tree(drop=[("library", "libbrainmm-malloc.so"),
                                                                      ("export", "libbrainmm-malloc.so")]))
    expect(abidiff(recorded().facts)[0] == 0, "abidiff finds that the recorded ABI is not itself")


def numbers_are_one():
    raised = ("#define BRAINMM_ABI_VERSION 2u", "#define BRAINMM_ABI_VERSION 3u")
    refused(7, f"these differ: version 2.1.0, BRAINMM_ABI_VERSION 3, soname {LIBRARY}", Tree(raised))
    refused(7, f"these differ: version 3.0.0, BRAINMM_ABI_VERSION 2, soname {LIBRARY}", Tree(), "3.0.0")
    tree = Tree(raised, ("    BRAINMM_E_KIND = 3,", "    BRAINMM_E_KIND = 11,"), soname="libbrainmm.so.3")
    expect(not tree.compare("3.0.0").broken, f"a new ABI: {tree.compare('3.0.0').broken}")
    new = rules.updated(recorded(), tree.facts, "3.0.0", {"2.0.0"})
    expect(new.abi == 3 and "abi 3 [since 3.0.0]" in baseline.write(new, "x"), "the new ABI is not recorded as such")
    again = Tree(raised, ("    BRAINMM_E_KIND = 3,", "    BRAINMM_E_KIND = 12,"), soname="libbrainmm.so.3")
    expect(not again.compare("3.0.0", old=new).broken, "the new ABI is fixed before its release")
    refused(2, "BRAINMM_E_KIND of enum brainmm_result was: 11\n    and is now: 12", again, "3.1.0", ("3.0.0",), new)


# ---- What is accepted -----------------------------------------------------------------------------------------------

def additions(prototype="(void *piece, size_t size)", version="BRAINMM_2.1"):
    return Tree(("BRAINMM_API int BRAINMM_CALL brainmm_attach_status(const char **text);",
                 "BRAINMM_API int BRAINMM_CALL brainmm_attach_status(const char **text);\n"
                 f"BRAINMM_API int BRAINMM_CALL brainmm_later{prototype};\nstruct brainmm_later {{ int number; }};"),
                ("    int(BRAINMM_CALL *publish_fastmm)(void);",
                 f"    int(BRAINMM_CALL *publish_fastmm)(void);\n    int(BRAINMM_CALL *later){prototype};"),
                ("    BRAINMM_E_TAKEN = 10 ", "    BRAINMM_E_TAKEN = 10, BRAINMM_E_LATER = 11 "),
                ("    uint64_t shrunk_bytes; ", "    uint64_t shrunk_bytes; uint64_t later; "),
                added=[("brainmm_later", version)])


def additions_are_accepted():
    tree = additions()
    found = tree.compare()
    expect(not found.broken, f"additions are refused: {found.broken}")
    for words in (f"brainmm_later of {LIBRARY}: BRAINMM_2.1, int (void *, unsigned long)",
                  "the member later of struct brainmm_manager: at 408, size 8, int (*)(void *, unsigned long)",
                  "the member later of struct brainmm_stats: at 312, size 8, unsigned long",
                  "BRAINMM_E_LATER of enum brainmm_result: 11", "struct brainmm_later: size 4, alignment 4"):
        expect(words in found.added, f"not told as added: {words}. But: {found.added}")

    new = rules.updated(recorded(), tree.facts, "2.1.0", {"2.0.0"})
    text = baseline.write(new, "linux-x86_64")
    expect("    BRAINMM_E_LATER: 11 [since 2.1.0]\n" in text and "    BRAINMM_E_TAKEN: 10\n" in text, "marks: " + text)
    new = baseline.read(text)
    for released in ({"2.0.0"}, {"2.0.0", "2.1.0"}):
        found = tree.compare("2.1.0" if len(released) == 1 else "2.2.0", released, new)
        expect(not found.broken + found.added + found.changed, f"recorded, but: {vars(found)}")

    other = additions("(const void *piece)")
    found = other.compare(old=new)
    expect(not found.broken and f"brainmm_later of {LIBRARY} is now: BRAINMM_2.1, int (const void *)" in found.changed,
           f"what is not released cannot change: {vars(found)}")
    refused(2, f"brainmm_later of {LIBRARY} was: BRAINMM_2.1, int (void *, unsigned long)", other, "2.2.0",
            ("2.0.0", "2.1.0"), new)
    found = Tree().compare(old=new)
    expect(not found.broken and f"brainmm_later of {LIBRARY} is gone" in found.changed,
           f"what is not released cannot go: {vars(found)}")
    broken = "\n".join(Tree().compare("2.2.0", ("2.0.0", "2.1.0"), new).broken)
    for words in (f"brainmm_later of {LIBRARY} is gone\n    rule 1", "the member later of struct brainmm_stats is gone",
                  "struct brainmm_manager: its size was 416 and is 408\n    rule 2"):
        expect(words in broken, f"not told: {words}. But: {broken}")

    refused(5, "brainmm_later is new in 2.1.0, and its symbol version is BRAINMM_2.0, not BRAINMM_2.1",
            additions(version="BRAINMM_2.0"))
    refused(6, "2.0.0 is released (CHANGELOG.md), without ", additions(version="BRAINMM_2.0"), "2.0.0")
    refused(6, "2.0.1 is a patch version, and adds ", additions(version="BRAINMM_2.0"), "2.0.1")
    expect(not additions(version="BRAINMM_2.0").compare("2.0.0", ()).broken, "nothing can be added before the release")


# ---- The Pascal unit ------------------------------------------------------------------------------------------------

def pascal_is_compared():
    def told(words, change):
        facts = dict(recorded().facts)
        change(facts)
        with tempfile.TemporaryDirectory() as work:
            found = pascal.compare(facts, "linux-x86_64", work)
        expect(any(words in text for text in found) if words else not found, f"not told: {words}. But: {found}")

    told("", lambda facts: None)
    told("TMemoryFrame.offset is at 16; in C: at 24, size 8", lambda facts: facts.update({
        ("member", "brainmm_frame", "offset"): "at 24, size 8, unsigned long"}))
    told("TMemoryError lacks more", lambda facts: facts.update({
        ("member", "brainmm_error", "more"): "at 80, size 8, void *"}))
    told("THeap ends at 408, struct brainmm_manager at 416", lambda facts: facts.update({
        ("struct", "brainmm_manager"): "size 416, alignment 8"}))
    told("THeap.dump has the sizes [4, 8, 8, 4] (the result, the parameters); in C: at", lambda facts: facts.update({
        ("member", "brainmm_manager", "dump"):
            "at 360, size 8, int (*)(int (*)(void *, const char *, unsigned long), void *, unsigned long)"}))
    told("THeap.peek is not in struct brainmm_manager", lambda facts: facts.pop(
        ("member", "brainmm_manager", "peek")))


# ---- The files ------------------------------------------------------------------------------------------------------

def files_are_read_as_written():
    for path in glob.glob("tests/abi/*.abi"):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        target = os.path.basename(path).removesuffix(".abi")
        expect(baseline.write(baseline.read(text), target) == text, f"{path} is not as it would be written")
    expect(len(glob.glob("tests/abi/*.abi")) >= 4, "a target has no baseline")


def page_has_the_rules():
    with open("docs/abi.md", encoding="utf-8") as file:
        page = " ".join(file.read().split())
    for number, rule in rules.RULES.items():
        expect(f"{number}. {rule}" in page, f"docs/abi.md does not have rule {number}: {rule}")


changes_are_refused()
numbers_are_one()
additions_are_accepted()
pascal_is_compared()
files_are_read_as_written()
page_has_the_rules()
print(f"{len(failures)} failures")
sys.exit(bool(failures))
