#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The corpus of a fuzz target is one file of text in the tree. Each input is hexadecimal digits, up to an empty line.

corpus.py unpack FILE FOLDER     writes each input to a file in FOLDER
corpus.py pack FILE FOLDER       makes FILE of the inputs in FOLDER (what `-merge=1` of the fuzzer has left)
"""
import pathlib
import sys

action, file, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
if action == "unpack":
    for number, text in enumerate(file.read_text().split("\n\n")):
        (folder / f"{number:05}").write_bytes(bytes.fromhex(text))
else:
    inputs = sorted((path.read_bytes() for path in folder.iterdir()), key=lambda data: (len(data), data))
    lines = [[data.hex()[at:at + 112] for at in range(0, 2 * len(data), 112)] for data in inputs if data]
    file.write_text("\n\n".join("\n".join(one) for one in lines) + "\n")
