#!/bin/sh
# SPDX-License-Identifier: MIT
# view_page.sh: the page of brainmm-view, in headless Chromium, from a file: view_page.mjs tells what is looked at. The
# dumps are a series in checked mode with call stacks, and one of a million pieces. Leaves a screenshot, view.png.
set -eu
work=$BUILD/tests/view
rm -rf "$work"
mkdir -p "$work"

BRAINMM_OPTIONS=checked,stacks "$BUILD/tests/view_helper-shared" 6000 "$work/series"
"$BUILD/tests/view_helper-shared" 1250000 "$work/million"
tools/brainmm-view "$work/series1.json" "$work/series2.json" "$work/series3.json" -o "$work/series.html"
"$BUILD/tests/view_helper-shared" 60000 "$work/picture"
tools/brainmm-view "$work/picture1.json" "$work/picture3.json" -o "$work/picture.html"
tools/brainmm-view "$work/million3.json" -o "$work/million.html"
# An older library's dump has no map and no holders.
python3 - "$work/series3.json" "$work/old.json" <<'END'
import json, sys
dump = json.load(open(sys.argv[1]))
json.dump({name: dump[name] for name in ("brainmm", "stats", "classes", "allocations")}, open(sys.argv[2], "w"))
END
tools/brainmm-view "$work/old.json"

BRAINMM_VIEW_LIBRARIES=${XDG_CACHE_HOME:-$HOME/.cache}/brainmm/view node tests/dist/view_page.mjs "$work"
