#!/bin/sh
# SPDX-License-Identifier: MIT
# option_table.sh: the table in docs/options.md has the rows that the library's own list of options gives
# (src/share/option_list.h).
set -eu
"$BUILD/tests/option_rows-core" >"$BUILD/tests/option_rows.list"
[ "$(wc -l <"$BUILD/tests/option_rows.list")" -ge 19 ]
awk '/^\| option / { on = 1; getline; next } !/^\|/ { on = 0 } on' docs/options.md >"$BUILD/tests/option_rows.found"
diff "$BUILD/tests/option_rows.list" "$BUILD/tests/option_rows.found" || {
    echo "docs/options.md needs the rows marked <"
    exit 1
}
