# SPDX-License-Identifier: MIT
"""messages.py: every message of the libraries is in docs/troubleshooting.md, and that has no others.

A message is a text of three words or more in a source of the libraries, or in a header that programs include. None are
texts of assertions and of consistency checks that are in no library, machine code, formats such as JSON and XML, and
explanations of usage. The page has a message between backquotes, without its beginning or end where these are variable;
a line may end in its midst.
"""

import glob
import re
import sys

PAGE = "docs/troubleshooting.md"
SOURCES = ["src/**/*.[ch]", "posix/**/*.[ch]", "win32/**/*.[ch]", "include/*.h", "include/*.hpp", "pascal/BrainMM.pas"]
# Consistency checks are in no library; the list of options has a page of its own.
OTHERS = ("_check.c", "check/check.c", "inspect/check.c", "option_list.h", "malloc_info.c", "dump.c", "assert.h")


def texts_of_c(text):
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL)
    text = re.sub(r"_?[Ss]tatic_assert\([^;]*;", " ", text)
    text = re.sub(r"__asm__(?: volatile)?\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)", " ", text)
    text = re.sub(r"\bCHECK\([^;]*;|ASSERT\([^;]*;", " ", text)
    text = re.sub(r'"[ \t\\]*\n[ \t]*L?"', "", text)
    return [one for one in re.findall(r'"((?:[^"\\\n]|\\.)*)"', text) if not one.startswith("usage:")]


def texts_of_pascal(text):
    text = re.sub(r"\{[^}]*\}|//[^\n]*|\(\*.*?\*\)", " ", text, flags=re.DOTALL)
    text = re.sub(r"'\s*\+\s*'", "", text)
    return [found.replace("''", "'") for found in re.findall(r"'((?:[^'\n]|'')*)'", text)]


def is_message(text):
    words = len(re.findall(r"[A-Za-z][A-Za-z'-]+", text))
    return words >= 3 and text.strip().count(" ") >= 2 and not re.search(r"^a unit |%[^s%]|\bmov\b", text)


def parts(text):
    """What of a message is fixed, without the newline and the formats in it."""
    pieces = re.split(r"%[a-z0-9]+|\\n", text)
    return [piece.strip() for piece in pieces if is_message(piece)]


def main():
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    quoted = {re.sub(r"\s+", " ", text) for text in re.findall(r"`([^`]+)`", page)}
    everything = re.sub(r"\s+", " ", page)
    sources, missing = "", []
    for pattern in SOURCES:
        for path in sorted(glob.glob(pattern, recursive=True)):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            found = texts_of_pascal(text) if path.endswith(".pas") else texts_of_c(text)
            sources += "\n".join(found) + "\n"
            if path.endswith(OTHERS):
                continue
            missing += [f"{path}: {part}" for one in found for part in parts(one) if part not in everything]
    stale = [text for text in sorted(quoted) if len(text.split()) >= 3 and text not in sources]
    for line in sorted(set(missing)):
        print(f"not in {PAGE}: {line}")
    for text in stale:
        print(f"{PAGE} has a message that is in no source: {text}")
    print(f"{len(quoted)} texts in {PAGE}; {len(set(missing))} messages missing, {len(stale)} stale")
    return 1 if missing or stale or len(quoted) < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
