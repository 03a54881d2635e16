# SPDX-License-Identifier: MIT
"""rules.py: what may become of a recorded ABI. docs/abi.md has the same sentences under "The policy"."""

import re

from baseline import ABI_KEY, Baseline, group_of

RULES = {
    1: "What a version has, every later version has.",
    2: "What a version has stays as it is: prototypes, types, offsets, values.",
    3: "A struct grows at its end only, and only if its size is told with it.",
    4: "A new entry of the manager table is a pointer to a function, at the end of the table.",
    5: "A new function of libbrainmm.so has the symbol version of the library that adds it.",
    6: "A patch version adds nothing: what is new comes with a new minor version.",
    7: "The major version, the ABI version and the number in the soname are one number.",
}
# Structs that come with their size, and whose readers ask for it. brainmm_expected_leak has a size, too, but the
# library refuses one that is shorter than its own.
GROWING = {"brainmm_manager", "brainmm_record", "brainmm_stats", "brainmm_allocation", "brainmm_error"}
TABLE = "brainmm_manager"
TABLE_MOST = 65536


class Findings:
    """BROKEN: sentences about what must not be. ADDED: about what the baseline lacks. CHANGED: about what has changed
    before its first release."""

    def __init__(self):
        self.broken, self.added, self.changed = [], [], []

    def breaks(self, rule, text):
        self.broken.append(f"{text}\n    rule {rule}: {RULES[rule]}")


def called(key):
    """What KEY is called in a sentence."""
    kind, *names = key
    return {"library": "the library {0}", "export": "{1} of {0}", "struct": "struct {0}",
            "member": "the member {1} of struct {0}", "enum": "enum {0}", "constant": "{1} of enum {0}",
            "type": "the type {0}", "macro": "the macro {0}"}[kind].format(*names)


def numbers_of(value):
    """{word: number} of a value such as "at 8, size 4, unsigned int"."""
    return {word: int(number) for word, number in re.findall(r"\b(at|size|alignment) (\d+)", value)}


def type_in(value):
    return re.sub(r"^at \d+, size \d+, ", "", value)


def compare(old, facts, version, released):
    """What the FACTS of a library break and add, compared to the baseline OLD. VERSION: the library's. RELEASED: the
    versions that are out."""
    found = Findings()
    one_number(found, facts, version)
    if abi_of(facts) > old.abi:
        return found  # nothing of the old ABI holds
    fixed = old.fixed(released)
    gone(found, fixed, facts)
    for key, value in fixed.items():
        if key in facts and facts[key] != value and key[0] not in ("struct", "member"):
            found.breaks(2, f"{called(key)} was: {value}\n    and is now: {facts[key]}")
    for key in fixed:
        if key[0] == "struct" and key in facts:
            compare_struct(found, fixed, old, facts, key[1])
    compare_new(found, fixed, old, facts, version, released)
    return found


def abi_of(facts):
    return int(facts["macro", "BRAINMM_ABI_VERSION"])


def one_number(found, facts, version):
    abi = facts["macro", "BRAINMM_ABI_VERSION"]
    numbers = {f"version {version}": version.split(".", maxsplit=1)[0], f"BRAINMM_ABI_VERSION {abi}": abi}
    for key in facts:
        soname = re.fullmatch(r"libbrainmm\.so\.(\d+)", key[1]) if key[0] == "library" else None
        if soname:
            numbers[f"soname {key[1]}"] = soname[1]
    if len(set(numbers.values())) > 1:
        found.breaks(7, "these differ: " + ", ".join(numbers))


def gone(found, fixed, facts):
    for key in fixed:
        group = group_of(key)
        if key not in facts and (key == group or group in facts or group not in fixed):
            found.breaks(1, f"{called(key)} is gone")


def compare_struct(found, fixed, old, facts, tag):
    """Of members that have moved, one sentence tells, because one that is inserted moves all behind it."""
    was, now = numbers_of(fixed["struct", tag]), numbers_of(facts["struct", tag])
    was["size"] = fixed_size(fixed, old, tag)
    moved = []
    for key, value in fixed.items():
        if key[:2] != ("member", tag) or key not in facts or facts[key] == value:
            continue
        old_at, new_at = numbers_of(value)["at"], numbers_of(facts[key])["at"]
        if old_at != new_at:
            moved.append(f"{key[2]} was at {old_at} and is at {new_at}")
        if old_at == new_at or type_in(value) != type_in(facts[key]):
            found.breaks(2, f"{called(key)} was: {value}\n    and is now: {facts[key]}")
    if moved:
        more = f", and {len(moved) - 3} more have moved" if len(moved) > 3 else ""
        found.breaks(2, f"struct {tag}: {', '.join(moved[:3])}{more}")
    if was["alignment"] != now["alignment"]:
        found.breaks(2, f"struct {tag}: its alignment was {was['alignment']} and is {now['alignment']}")
    if now["size"] < was["size"]:
        found.breaks(2, f"struct {tag}: its size was {was['size']} and is {now['size']}")
    elif now["size"] > was["size"] and tag not in GROWING:
        found.breaks(3, f"struct {tag}: its size was {was['size']} and is {now['size']}. Nobody is told, or those who"
                        " are told refuse another size")


def fixed_size(fixed, old, tag):
    """The size of a struct without what is new in it. The first new member begins where the struct ended."""
    new = [numbers_of(value)["at"] for key, value in old.facts.items()
           if key[:2] == ("member", tag) and key not in fixed]
    return min(new, default=numbers_of(fixed["struct", tag])["size"])


def compare_new(found, fixed, old, facts, version, released):
    new = [key for key in facts if key not in fixed]
    for key in new:
        if key[0] == "member" and ("struct", key[1]) in fixed:
            new_member(found, fixed, old, facts, key)
        if key[0] == "export" and ("library", key[1]) in fixed:
            new_export(found, facts, key, version)
        if key not in old.facts:
            found.added.append(called(key) + (f": {facts[key]}" if facts[key] else ""))
        elif facts[key] != old.facts[key]:
            found.changed.append(f"{called(key)} is now: {facts[key]}")
    found.changed += [f"{called(key)} is gone" for key in old.facts if key not in facts and key not in fixed]
    for key in fixed:
        if key[0] == "struct" and key in facts and facts[key] != old.facts[key]:
            found.changed.append(f"{called(key)} is now: {facts[key]}")
    if new and version in released:
        found.breaks(6, f"{version} is released (CHANGELOG.md), without {listed(new)}")
    elif new and not version.endswith(".0"):
        found.breaks(6, f"{version} is a patch version, and adds {listed(new)}")


def listed(keys):
    return ", ".join(called(key) for key in keys[:3]) + (f", and {len(keys) - 3} more" if len(keys) > 3 else "")


def new_member(found, fixed, old, facts, key):
    tag, name = key[1:]
    at, end = numbers_of(facts[key])["at"], fixed_size(fixed, old, tag)
    if tag not in GROWING:
        found.breaks(3, f"struct {tag} has the new member {name}, and must not grow")
    elif at < end:
        found.breaks(3, f"struct {tag} has the new member {name} at {at}, which is before its end at {end}")
    elif tag == TABLE and "(*)(" not in type_in(facts[key]):
        found.breaks(4, f"struct {tag} has the new member {name}, which is: {facts[key]}")
    elif tag == TABLE and numbers_of(facts["struct", tag])["size"] > TABLE_MOST:
        found.breaks(4, f"struct {tag} is larger than {TABLE_MOST} bytes with {name}: readers refuse it")


def new_export(found, facts, key, version):
    library, symbol = key[1:]
    wanted, has = "BRAINMM_" + version.rpartition(".")[0], facts[key].split(", ")[0]
    if library.startswith("libbrainmm.so") and has != wanted:
        found.breaks(5, f"{symbol} is new in {version}, and its symbol version is {has}, not {wanted}")


def updated(old, facts, version, released):
    """The new baseline, once compare() has found nothing broken. OLD: None if there is none."""
    if old is None:
        return Baseline(abi_of(facts), facts)
    if abi_of(facts) > old.abi:
        return Baseline(abi_of(facts), facts, {ABI_KEY: version})
    if old.since.get(ABI_KEY, version) not in released and ABI_KEY in old.since:
        return Baseline(old.abi, facts, {ABI_KEY: version})
    fixed = old.fixed(released)
    since = {ABI_KEY: old.since[ABI_KEY]} if ABI_KEY in old.since else {}
    for key in facts:
        if key in old.since or key not in old.facts:
            since[key] = old.since[key] if key in fixed else version
    return Baseline(old.abi, facts, since)
