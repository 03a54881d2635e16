#!/bin/sh
# SPDX-License-Identifier: MIT
# format.sh: C and C++ have the layout of .clang-format, and no line of any file is longer than 120 characters. Tables
# in documents may be wider. Programs write the files of results, so those are left out.
set -eu
status=0
if [ -e .git ]; then
    files=$(git ls-files)
else
    files=$(find . -name build -prune -o -type f -print | sed 's|^\./||')
fi
# shellcheck disable=SC2046  # no tracked file has a blank in its name
clang-format --dry-run -Werror $(echo "$files" | grep -E '\.(c|cpp|h|hpp)$') || status=1

echo "$files" | grep -v '^bench/results/' | while read -r file; do
    [ -f "$file" ] || continue # it is removed, but still in git's index
    LC_ALL=C.UTF-8 grep -nHE '^.{121,}' "$file" | grep -vE '^[^:]*\.md:[0-9]+:.*\|' | cut -d: -f-2 || true
done >"$BUILD/tests/format.long"
if [ -s "$BUILD/tests/format.long" ]; then
    echo "longer than 120 characters:"
    cat "$BUILD/tests/format.long"
    status=1
fi
exit $status
