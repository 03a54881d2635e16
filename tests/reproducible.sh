#!/bin/sh
# SPDX-License-Identifier: MIT
# reproducible.sh: the libraries of a target are built once more in another folder, and are the same byte for byte. No
# file contains the name of the folder where it was built. The name of the other folder has a blank in it.
set -eu
status=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
other="$work/another folder"
mkdir "$other"
tar -cf - --exclude=./build --exclude=./.git . | tar -xf - -C "$other"
# The inner make must not get the options of the outer one, and must compile by itself. Variables of the outer one's
# command line are in the environment.
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL CCACHE= make -s -j2 -C "$other" "$TARGET" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log"
    exit 1
}

count=0
for file in "$BUILD"/*; do
    [ -f "$file" ] || continue
    count=$((count + 1))
    cmp "$file" "$other/$file" || status=1
    for folder in "$PWD" "$other"; do
        if grep -qF "$folder" "$file" "$other/$file"; then
            echo "$file contains the name of the folder $folder"
            status=1
        fi
    done
done
[ "$count" -ge 5 ] || {
    echo "found only $count files in $BUILD"
    exit 1
}
echo "$count files are the same"
exit $status
