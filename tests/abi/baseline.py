# SPDX-License-Identifier: MIT
"""baseline.py: the form of the files in which the ABI is recorded, tests/abi/TARGET.abi.

A line at the left begins a group: a library with its exports, a struct with its members, an enum with its constants,
the types, the macros. A line below it is one fact, "name: value". [since 2.1.0] behind it tells which version has added
it. Behind the number of the ABI it tells which version is the first with that ABI.
"""

import re
import textwrap

# What is in a group of each kind. Groups without a name of their own are "types" and "macros".
INSIDE = {"library": "export", "struct": "member", "enum": "constant", "types": "type", "macros": "macro"}
GROUP_OF = {inside: group for group, inside in INSIDE.items()}
WIDTH = 120
ABI_KEY = ("abi",)


class Baseline:
    """ABI: the number of the ABI. FACTS: {key: value}. SINCE: {key: the version that has added it}; what is not there
    was there when the ABI was recorded for the first time. The key ABI_KEY is that of the ABI itself."""

    def __init__(self, abi, facts, since=None):
        self.abi, self.facts, self.since = abi, facts, since or {}

    def fixed(self, released):
        """The facts that must stay: those that are not of a version that is yet to be released."""
        def is_out(key):
            return key not in self.since or self.since[key] in released
        return {key: value for key, value in self.facts.items() if is_out(ABI_KEY) and is_out(key)}


def group_of(key):
    """The key of the group that KEY is in, or is."""
    kind = GROUP_OF.get(key[0])
    return key if kind is None else (kind, key[1]) if len(key) == 3 else (kind,)


def write(baseline, target):
    """The text of the file."""
    lines = ["# SPDX-License-Identifier: MIT",
             f"# The ABI of {target}. `make abi-baseline` writes this file; docs/abi.md, \"The policy\", explains it.",
             f"abi {baseline.abi}" + told(baseline, ABI_KEY)]
    groups = {}
    for key in baseline.facts:
        groups.setdefault(group_of(key), []).append(key)
    for group, keys in groups.items():
        lines.append("")
        lines += folded(" ".join(group) + told(baseline, group), "")
        for key in keys:
            if key != group:
                lines += folded(key[-1] + told(baseline, key), "    ")
    return "\n".join(lines) + "\n"


def told(baseline, key):
    value, version = baseline.facts.get(key), baseline.since.get(key)
    return (f": {value}" if value else "") + (f" [since {version}]" if version else "")


def folded(text, margin):
    return textwrap.wrap(text, WIDTH, initial_indent=margin, subsequent_indent=margin + "        ",
                         break_long_words=False, break_on_hyphens=False)


def read(text):
    """The baseline that write() has made TEXT of."""
    lines = []
    for line in text.splitlines():
        if line.startswith("#") or not line:
            continue
        margin = len(line) - len(line.lstrip())
        if margin >= 8:
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    facts, since, group = {}, {}, None
    for line in lines:
        text, version = re.fullmatch(r"(.*?)(?: \[since ([\d.]+)\])?", line).groups()
        name, _, value = text.strip().partition(": ")
        if line.startswith(" "):
            key = (INSIDE[group[0]], *group[1:], name)
        else:
            key = group = tuple(name.split(" ", 1))
        if key[0] == "abi":
            abi, key = int(key[1]), ABI_KEY
        elif key[0] not in ("types", "macros"):
            facts[key] = value
        if version:
            since[key] = version
    return Baseline(abi, facts, since)
