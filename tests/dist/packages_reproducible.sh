#!/bin/sh
# SPDX-License-Identifier: MIT
# packages_reproducible.sh: the source archive in dist/ has what is committed. `make dist` from that archive, in a
# folder of another name and depth, by a user with another umask, time zone and language, in another year, makes the
# same files. SHA256SUMS has each of them.
set -eu
fail() {
    echo "$*"
    exit 1
}
version=$(sed -n 's/^VERSION := *//p' Makefile)
name=brainmm-$version
[ -e "dist/$name.tar.xz" ] || fail "dist/$name.tar.xz is missing; make dist makes it"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
other="$work/some where/else"
mkdir -p "$other"

(cd dist && sha256sum --check --quiet SHA256SUMS) || fail "SHA256SUMS has other sums"
(cd dist && ls) | grep -vx SHA256SUMS >"$work/files"
sed 's/^[0-9a-f]*  //' dist/SHA256SUMS | sort | diff "$work/files" - || fail "SHA256SUMS has other files than dist/"
[ "$(wc -l <"$work/files")" -ge 8 ] || fail "only these files are in dist/: $(cat "$work/files")"

tar -xf "dist/$name.tar.xz" -C "$other"
if [ -e .git ]; then
    mkdir "$work/committed"
    git archive HEAD | tar -xf - -C "$work/committed"
    diff -r "$work/committed" "$other/$name" || fail "the source archive has not what is committed"
fi

# The clock is 400 days ahead for all but make and git, which look at the times of files.
mkdir "$work/bin"
cat >"$work/bin/date" <<'IN'
#!/bin/sh
# A date that is asked for by name stays what it is.
case "$*" in
*-d* | *--date*) exec /bin/date "$@" ;;
*) exec /bin/date -d '+400 days' "$@" ;;
esac
IN
chmod +x "$work/bin/date"
# The inner make must not get the options of the outer one.
(
    umask 077
    cd "$other/$name"
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u SOURCE_DATE_EPOCH PATH="$work/bin:$PATH" TZ=Pacific/Kiritimati \
        LANG=de_DE.UTF-8 LC_ALL=C.UTF-8 make -s dist
) >"$work/log" 2>&1 || fail "make dist failed: $(tail -n 20 "$work/log")"
status=0
while IFS= read -r file; do
    cmp "dist/$file" "$other/$name/dist/$file" || status=1
done <"$work/files"
(cd "$other/$name/dist" && ls) | grep -vx SHA256SUMS | diff "$work/files" - || status=1
echo "$(wc -l <"$work/files") files were compared"
exit $status
