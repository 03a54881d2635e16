#!/bin/sh
# reproducible.sh: the libraries of a target, built once more in another folder, are the same byte for byte, and no file
# has the name of the folder in it where it was built. The other folder's name has a blank in it.
set -eu
status=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
other="$work/another folder"
mkdir "$other"
tar -cf - --exclude=./build --exclude=./.git . | tar -xf - -C "$other"
# Variables of the outer make's command line are in the environment as well.
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -j2 -C "$other" "$TARGET" >"$work/log" 2>&1 || {
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
            echo "$file names the folder $folder"
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
