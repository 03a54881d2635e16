#!/bin/sh
# What a person who clones the tree looks for is there: the licence and the other pages, the licence's name at the top
# of each source file, a changelog that knows the version, and links between the pages that lead somewhere.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
complain() { echo "$*" >>"$work/wrong"; }
: >"$work/wrong"

# An unpacked archive has no git; there every file counts that make has not built.
if [ -e .git ]; then
    git ls-files
else
    find . -type f ! -path './build/*' | sed 's|^\./||'
fi >"$work/files"
[ "$(wc -l <"$work/files")" -gt 100 ] || { echo "the list of files is too short:"; cat "$work/files"; exit 1; }

# ---- Pages --------------------------------------------------------------------------------------------------------

for page in LICENSE README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md src/README.md; do
    [ -s "$page" ] || complain "$page is missing"
done
for holder in '2026 The BrainMM authors' '2016 Dmitry Mozulyov'; do
    grep -qx "Copyright (c) $holder" LICENSE || complain "LICENSE does not name the holder: $holder"
done

version=$(sed -n 's/^VERSION *:= *//p' Makefile)
[ -n "$version" ] || complain "the Makefile has no line VERSION := ..."
grep -q "^## \[$version\]" CHANGELOG.md || complain "CHANGELOG.md has no section [$version], the Makefile's version"

# ---- The licence's name in each source file -----------------------------------------------------------------------

sources=0
while IFS= read -r file; do
    [ -f "$file" ] || continue
    first=$(head -c 2 "$file" | tr -d '\000')
    case $file in
    *.c | *.h | *.cpp | *.rc | *.pas | *.inc | *.def | *.sh | *.py | *.mk | *.awk | Makefile*) ;;
    *) [ "$first" = '#!' ] || continue ;;
    esac
    sources=$((sources + 1))
    line=1
    [ "$first" != '#!' ] || line=2
    sed -n "${line}p" "$file" | grep -q 'SPDX-License-Identifier: MIT\( \*/\)\{0,1\}$' ||
        complain "$file: line $line is no comment SPDX-License-Identifier: MIT"
done <"$work/files"
[ "$sources" -gt 100 ] || complain "only $sources source files were found"

# ---- Links --------------------------------------------------------------------------------------------------------

# Of "[text](path#part)" the path, relative to the page; links that name a protocol are not followed.
links=0
grep '\.md$' "$work/files" >"$work/pages"
while IFS= read -r page; do
    grep -o '](\([^)]*\))' "$page" | sed 's/^](//; s/)$//; s/#.*//; /^[a-z]*:/d; /^$/d' >"$work/links" || true
    while IFS= read -r link; do
        links=$((links + 1))
        [ -e "$(dirname "$page")/$link" ] || complain "$page: the link to $link leads nowhere"
    done <"$work/links"
done <"$work/pages"
[ "$links" -gt 20 ] || complain "only $links links were found"

cat "$work/wrong"
echo "$sources source files, $links links: $(wc -l <"$work/wrong") wrong"
[ ! -s "$work/wrong" ]
