#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bundle.py: puts the page of brainmm-view together: its style, its scripts, and the libraries that it draws with.

    tools/view/bundle.py FOLDER PAGE      FOLDER: where `npm ci` has put node_modules
"""

import os
import sys

LIBRARIES = ["d3/dist/d3.min.js", "@observablehq/plot/dist/plot.umd.min.js"]
SCRIPTS = ["colours.js", "model.js", "map.js", "charts.js", "main.js"]


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return file.read()


def main():
    libraries, page = sys.argv[1:]
    own = os.path.dirname(os.path.abspath(__file__))
    scripts = [read(libraries, "node_modules", name) for name in LIBRARIES] + [read(own, name) for name in SCRIPTS]
    for script in scripts:
        if "</script" in script.lower():
            sys.exit("bundle.py: a script would end the element that it stands in")
    text = read(own, "page.html")
    for mark, content in (("@STYLE@", read(own, "style.css")), ("@SCRIPTS@", "\n;\n".join(scripts))):
        before, after = text.split(mark)
        text = before + content + after
    with open(page, "w", encoding="utf-8") as file:
        file.write(text)


main()
