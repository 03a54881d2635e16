#!/bin/sh
# SPDX-License-Identifier: MIT
# meta.sh: the tree has a licence and the other usual pages, the changelog has a section for the version, each source
# file names the licence at its top, each script of a test is there, and each link between the pages leads to a file,
# and to a heading in it.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
complain() { echo "$*" >>"$work/wrong"; }
: >"$work/wrong"

# An unpacked archive has no git. There all files outside build/ count.
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
    grep -qx "Copyright (c) $holder" LICENSE || complain "LICENSE has no line: Copyright (c) $holder"
done

version=$(sed -n 's/^VERSION *:= *//p' Makefile)
[ -n "$version" ] || complain "the Makefile has no line VERSION := ..."
grep -q "^## \[$version\]" CHANGELOG.md || complain "CHANGELOG.md has no section [$version], the Makefile's version"

# ---- The licence in each source file ------------------------------------------------------------------------------

sources=0
while IFS= read -r file; do
    [ -f "$file" ] || continue
    first=$(head -c 2 "$file" | tr -d '\000')
    case $file in
    pascal/brainmm_package.pas) continue ;; # Lazarus writes it
    *.c | *.h | *.cpp | *.hpp | *.rc | *.pas | *.inc | *.def | *.sh | *.py | *.mk | *.awk | Makefile*) ;;
    *.js | *.mjs | *.css) ;;
    *) [ "$first" = '#!' ] || continue ;;
    esac
    sources=$((sources + 1))
    line=1
    [ "$first" != '#!' ] || line=2
    sed -n "${line}p" "$file" | grep -q 'SPDX-License-Identifier: MIT\( \*/\)\{0,1\}$' ||
        complain "$file: line $line is not the comment SPDX-License-Identifier: MIT"
done <"$work/files"
[ "$sources" -gt 100 ] || complain "only $sources source files were found"

# ---- Tests --------------------------------------------------------------------------------------------------------

# A script that git does not know runs in the folder where it was written, and nowhere else.
for list in tests/list tests/dist/list; do
    awk '$1 == "test" && $4 == "script" { print $2 }' "$list" | sort -u >"$work/scripts"
    [ -s "$work/scripts" ] || complain "$list has no scripts"
    while IFS= read -r name; do
        grep -qx "tests/$name.sh" "$work/files" || complain "$list: tests/$name.sh is missing, or git ignores it"
    done <"$work/scripts"
done

# ---- Links --------------------------------------------------------------------------------------------------------

# The path of "[text](path#part)" is relative to the page, and the part is a heading there, in small letters, without
# punctuation, with a hyphen for each blank. A link that names a protocol is not followed.
parts_of() {
    sed -n '/^```/,/^```/d; s/^#\{1,6\} *//p' "$1" | LC_ALL=C tr '[:upper:]' '[:lower:]' |
        LC_ALL=C sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}
links=0
grep '\.md$' "$work/files" >"$work/pages"
while IFS= read -r page; do
    grep -o '](\([^)]*\))' "$page" | sed 's/^](//; s/)$//; /^[a-z]*:/d; /^$/d' >"$work/links" || true
    while IFS= read -r link; do
        links=$((links + 1))
        path=${link%%#*}
        target=$page
        [ -z "$path" ] || target=$(dirname "$page")/$path
        if ! [ -e "$target" ]; then
            complain "$page: the link to $link leads nowhere"
        elif [ "$path" != "$link" ]; then
            parts_of "$target" >"$work/parts"
            grep -qxF -e "${link#*#}" "$work/parts" || complain "$page: the link to $link leads to no heading"
        fi
    done <"$work/links"
done <"$work/pages"
[ "$links" -gt 20 ] || complain "only $links links were found"

cat "$work/wrong"
echo "$sources source files, $links links: $(wc -l <"$work/wrong") wrong"
[ ! -s "$work/wrong" ]
