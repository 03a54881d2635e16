#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pages.py: makes an HTML page in the place of each Markdown page of a folder, for readers who have a browser only.

    packaging/pages.py FOLDER

cmark-gfm reads the pages, as the place where they are usually read does. Headings get the names there that links use.
A link to another page of the folder leads to what has become of it. A link to a file that is not in the folder becomes
plain text, and an image that is not there its description.
"""
import html
import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ max-width: 60em; margin: 2em auto; padding: 0 1em; font: 16px/1.5 system-ui, sans-serif; }}
pre, code {{ font: 14px/1.4 Consolas, ui-monospace, monospace; background: #8882; }}
pre {{ padding: 0.7em; overflow-x: auto; }}
pre code {{ background: none; }}
table {{ border-collapse: collapse; }}
th, td {{ border: 1px solid #8886; padding: 0.3em 0.6em; text-align: left; vertical-align: top; }}
img {{ max-width: 100%; }}
:root {{ color-scheme: light dark; }}
</style>
{body}</html>
"""


def text_of(markup):
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def name_headings(body):
    """The name of a heading: small letters, digits, - and _ of its text, with - for each blank; the second of the same
    name gets -1."""
    seen = {}

    def named(match):
        name = re.sub(r"[^\w\- ]", "", text_of(match[2]).lower()).replace(" ", "-")
        count = seen.get(name, 0)
        seen[name] = count + 1
        return f'<h{match[1]} id="{name}-{count}">' if count else f'<h{match[1]} id="{name}">'

    return re.sub(r"<h([1-6])>(?=(.*?)</h\1>)", named, body, flags=re.S)


def lead(body, page, folder):
    """The body with links and images that lead somewhere, seen from page."""

    def target(link):
        path, hash_sign, part = html.unescape(link).partition("#")
        if re.match(r"[a-z]+:", path) or not path:
            return link
        there = Path(os.path.normpath(page.parent / path))
        if not there.exists() or not there.is_relative_to(folder):
            return None
        if path.endswith(".md"):
            path = path[:-3] + ".html"
        return html.escape(path + hash_sign + part)

    def image(match):
        return match[0] if target(match[1]) else html.escape(text_of(match[2]))

    def link(match):
        to = target(match[1])
        if not to:
            return match[2]
        # Where the text is the name of the page, it names what has become of it.
        text = re.sub(r"^([\w./-]+)\.md$", r"\1.html", match[2]) if to.endswith(".html") else match[2]
        return f'<a href="{to}">{text}</a>'

    body = re.sub(r'<img src="([^"]*)" alt="([^"]*)" />', image, body)
    return re.sub(r'<a href="([^"]*)">(.*?)</a>', link, body, flags=re.S)


def main():
    folder = Path(sys.argv[1]).resolve()
    pages = sorted(folder.rglob("*.md"))
    made = {}
    for page in pages:
        body = subprocess.run(["cmark-gfm", "--unsafe", "--extension", "table", page], stdout=subprocess.PIPE,
                              encoding="utf-8", check=True).stdout
        body = lead(name_headings(body), page, folder)
        title = re.search(r"<h1[^>]*>(.*?)</h1>", body, flags=re.S)
        made[page] = PAGE.format(title=html.escape(text_of(title[1]) if title else page.stem), body=body)
    # Links are looked up among the pages, so these go last.
    for page, text in made.items():
        page.with_suffix(".html").write_text(text, encoding="utf-8", newline="\n")
        page.unlink()


main()
