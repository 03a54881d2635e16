#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""links.py: each link and image of the HTML pages in a folder leads to a file of the folder, and to a heading that the
file has. No page is in Markdown.

    tests/dist/links.py FOLDER
"""
import re
import sys
from pathlib import Path
from urllib.parse import unquote

folder = Path(sys.argv[1]).resolve()
wrong = [f"{page}: in Markdown" for page in folder.rglob("*.md")]
texts = {page: page.read_text(encoding="utf-8") for page in folder.rglob("*.html")}
names = {page: set(re.findall(r' id="([^"]*)"', text)) for page, text in texts.items()}
count = 0
for page, text in texts.items():
    for link in re.findall(r'(?:href|src)="([^"]*)"', text):
        path, _, part = unquote(link).partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        count += 1
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or not there.is_relative_to(folder):
            wrong.append(f"{page}: the link to {link} leads nowhere")
        elif part and part not in names.get(there, {part}):
            wrong.append(f"{page}: {link}: no such heading")
print("\n".join(wrong) or f"{len(texts)} pages, {count} links")
sys.exit(bool(wrong) or count < 20)
