# SPDX-License-Identifier: MIT
"""abi.py: compares the ABI of the libraries that were built with the recorded one, tests/abi/TARGET.abi.

    tests/abi/abi.py check TARGET              exit code 0: it is the same
    tests/abi/abi.py record TARGET...          records it, if no rule of docs/abi.md is broken (make abi-baseline)
    tests/abi/abi.py reference TARGET FOLDER   writes the sources of a library with the recorded ABI
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
os.chdir(os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", ".."))

import baseline  # noqa: E402
import describe  # noqa: E402
import pascal  # noqa: E402
import reference  # noqa: E402
import rules  # noqa: E402


class Target:
    def __init__(self, name):
        text = subprocess.run(["tools/target", name], capture_output=True, text=True, check=True, timeout=60).stdout
        self.facts = dict(word.split("=", 1) for word in shlex.split(text))
        self.name, self.system, self.folder = name, self.facts["system"], os.path.join("build", name)
        self.file = f"tests/abi/{name}.abi"

    def compilers(self):
        """The one that the libraries are built with, and clang, which must say the same."""
        own = (self.facts["cc"] + " " + self.facts["arch"]).split()
        clang = self.facts["clang"].split()
        return [own] + ([clang] if clang and shutil.which(clang[0]) and clang[0] != own[0] else [])

    def libraries(self):
        names = {self.facts["library"]: True, **describe.OTHER_LIBRARIES[self.system]}
        return {os.path.join(self.folder, name): declared for name, declared in names.items()}

    def describe(self):
        with tempfile.TemporaryDirectory() as work:
            found = [describe.describe(command, self.system, self.libraries(), "include", work)
                     for command in self.compilers()]
        for key in {**found[0], **found[-1]}:
            if found[0].get(key) != found[-1].get(key):
                raise describe.Problem(f"the compilers differ about {rules.called(key)}: {found[0].get(key)}; "
                                       f"{found[-1].get(key)}")
        return found[0]

    def recorded(self):
        if not os.path.exists(self.file):
            return None
        with open(self.file, encoding="utf-8") as file:
            return baseline.read(file.read())


def version():
    with open("Makefile", encoding="utf-8") as file:
        return re.search(r"^VERSION := *([\d.]+)$", file.read(), flags=re.MULTILINE)[1]


def released():
    """The versions that are out: their sections in the changelog have a date."""
    with open("CHANGELOG.md", encoding="utf-8") as file:
        return set(re.findall(r"^## \[([\d.]+)\] - \d{4}-\d\d-\d\d$", file.read(), flags=re.MULTILINE))


def tell(heading, sentences):
    if sentences:
        print(heading)
        for sentence in sentences:
            print("  " + sentence.replace("\n", "\n  "))


def check(target):
    old, facts = target.recorded(), target.describe()
    if old is None:
        print(f"{target.file} is missing: `make abi-baseline` records it")
        return 1
    found = rules.compare(old, facts, version(), released())
    if rules.abi_of(facts) > old.abi:
        found.changed.append(f"the ABI version is {rules.abi_of(facts)}, and was {old.abi}")
    with tempfile.TemporaryDirectory() as work:
        other = pascal.compare(facts, target.name, work)
    tell("The ABI is broken (docs/abi.md, \"The policy\"):", found.broken)
    tell("The Pascal unit differs:", other)
    tell("Not recorded yet. If you mean it, `make abi-baseline` records it:", found.added + found.changed)
    if found.broken or found.added or found.changed or other:
        return 1
    print(f"{len(facts)} facts are as {target.file} says")
    return 0


def record(targets):
    """All or none, so that the targets stay alike."""
    texts, broken = {}, False
    for target in targets:
        old, facts = target.recorded(), target.describe()
        found = rules.compare(old, facts, version(), released()) if old else rules.Findings()
        tell(f"{target.name}: not recorded, because it breaks the ABI (docs/abi.md, \"The policy\"):", found.broken)
        broken = broken or bool(found.broken)
        tell(f"{target.name}: added:", found.added)
        tell(f"{target.name}: changed, and not released yet:", found.changed)
        texts[target] = baseline.write(rules.updated(old, facts, version(), released()), target.name)
    if broken:
        print("Nothing is recorded.")
        return 1
    for target, text in texts.items():
        with open(target.file, "w", encoding="utf-8") as file:
            file.write(text)
        print(f"{target.file}: {len(baseline.read(text).facts)} facts")
    return 0


def main(command="", *names):
    try:
        if command == "check" and len(names) == 1:
            return check(Target(names[0]))
        if command == "record" and names:
            return record([Target(name) for name in names])
        if command == "reference" and len(names) == 2:
            target = Target(names[0])
            reference.write(target.recorded().facts, target.facts["library"], names[1])
            return 0
    except (describe.Problem, pascal.Problem) as problem:
        print(problem)
        return 1
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
