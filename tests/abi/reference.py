# SPDX-License-Identifier: MIT
"""reference.py: writes the sources of a library that has a recorded ABI and does nothing.

abidiff compares it with the real library. So what the baseline says is also judged by a program that knows none of it.
"""

import os
import re

from rules import numbers_of, type_in


def declared(text, name):
    """TEXT is a type as C writes it. Returns the declaration of NAME with that type."""
    text, *convention = re.split(r", (?=(?:stdcall|fastcall|regparm\(3\)|ms_abi|sysv_abi)$)", text)
    mark = f"__attribute__(({convention[0]})) " if convention else ""
    pointer = text.find("(*")
    if pointer >= 0 and text[:pointer].count("(") == 0:
        qualifiers = re.match(r"\(\*(?:const|volatile|restrict|\[\d+\]| )*", text[pointer:])[0]
        at = pointer + len(qualifiers)
        space = " " if qualifiers[-1].isalpha() else ""
        return f"{text[:pointer]}({mark}{qualifiers[1:]}{space}{name}{text[at:]}"
    if text.endswith(")"):
        depth, at = 0, len(text)
        while depth or at == len(text):
            at -= 1
            depth += (text[at] == ")") - (text[at] == "(")
        return f"{text[:at]}{name}{text[at:]}"
    bounds = re.search(r"(?: ?\[\d*\])*$", text)[0]
    return f"{text[:len(text) - len(bounds)]} {name}{bounds.strip()}"


def struct_text(facts, tag):
    size = numbers_of(facts["struct", tag])
    members = {key[2]: value for key, value in facts.items() if key[:2] == ("member", tag)}
    packed = size["alignment"] == 1
    lines = ["#pragma pack(push, 1)"] if packed else []
    lines += [f"struct {tag} {{", *(f"    {declared(type_in(value), name)};" for name, value in members.items()), "};"]
    lines += ["#pragma pack(pop)"] if packed else []
    lines.append(f"_Static_assert(sizeof(struct {tag}) == {size['size']}, \"\");")
    lines += [f"_Static_assert(__builtin_offsetof(struct {tag}, {name}) == {numbers_of(value)['at']}, \"\");"
              for name, value in members.items()]
    return lines


def contained(facts, tag):
    """The structs that struct TAG has members of."""
    types = [type_in(value) for key, value in facts.items() if key[:2] == ("member", tag)]
    return [found[1] for found in (re.match(r"(?:const )?struct (\w+)(?: \[|$)", text) for text in types) if found]


def types_text(facts):
    waiting = [key[1] for key in facts if key[0] == "struct"]
    lines = ["struct IMalloc;"]
    for key in facts:
        if key[0] == "type" and re.fullmatch(r"struct \w+", facts[key]):
            lines.append(f"typedef {facts[key]} {key[1]};")
    lines += [f"struct {tag};" for tag in waiting]
    for key in facts:
        if key[0] == "enum":
            constants = ", ".join(f"{name[2]} = {facts[name]}" for name in facts if name[:2] == ("constant", key[1]))
            lines.append(f"enum {key[1]} {{ {constants} }};")
    while waiting:
        tag = next(tag for tag in waiting if not set(contained(facts, tag)) & set(waiting))
        waiting.remove(tag)
        lines += struct_text(facts, tag)
    return lines


def functions_text(facts, library):
    """Their symbol versions are in the file for the linker."""
    lines, versions = [], {}
    for key, value in facts.items():
        if key[:2] != ("export", library):
            continue
        version, text = value.split(", ", 1)
        versions.setdefault(version, []).append(key[2])
        if text.endswith(")"):
            lines.append(declared(text, key[2]) + " { __builtin_trap(); }")
        else:
            lines.append(declared(text, key[2]) + " = {0};")
    return lines, versions


def write(facts, library, folder):
    """Writes reference.h, reference.c and reference.map into FOLDER."""
    functions, versions = functions_text(facts, library)
    script, before = [], ""
    for version in sorted(versions):
        hidden = " local: *;" if not before else ""
        script.append(f"{version} {{ global: {'; '.join(versions[version])};{hidden} }} {before};")
        before = version
    for name, lines in (("reference.h", types_text(facts)), ("reference.c", ['#include "reference.h"', *functions]),
                        ("reference.map", script)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
