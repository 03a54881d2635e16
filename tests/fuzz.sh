#!/bin/sh
# SPDX-License-Identifier: MIT
# fuzz.sh: runs a fuzz target of tests/fuzz over the corpus that the tree has for it, and over inputs made from that:
#   fuzz.sh NAME RUNS          as many inputs, always the same: the test
#   fuzz.sh NAME MINUTES m     for that time, with another seed each time: `make fuzz`. What is new stays in
#                              BUILD/fuzz/NAME
# The target finds BRAINMM_OPTIONS as it is. An input that fails is kept in BUILD/fuzz, and printed.
set -eu
: "${TARGET:=linux-x86_64}"
: "${BUILD:=build/$TARGET}"
case $BUILD in
/*) ;;
*) BUILD=$PWD/$BUILD ;;
esac
name=$1 number=$2
program=$BUILD/tests/fuzz/$name-fuzz
kept=$BUILD/fuzz
log=$kept/$name${BRAINMM_OPTIONS:+-options}.log
mkdir -p "$kept/$name"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
tests/fuzz/corpus.py unpack "tests/fuzz/$name.corpus" "$folder"
common="-detect_leaks=0 -max_len=1024 -timeout=60 -rss_limit_mb=3000 -print_final_stats=1 -artifact_prefix=$kept/$name-"
if [ "${3-}" = m ]; then
    set -- "-max_total_time=$((number * 60))" "$kept/$name" "$folder"
else
    set -- -seed=1 "-runs=$(($(find "$folder" -type f | wc -l) + number))" "$folder"
fi
mkdir -p "$kept/files"
cd "$kept/files" # the options that are tried may ask for files
# Without random addresses, the same input takes the same way.
# The heap's pieces are no leaks of the C library's.
# shellcheck disable=SC2086  # words
ASAN_OPTIONS=detect_leaks=0 setarch -R "$program" $common "$@" >"$log" 2>&1 || {
    grep -v '^#' "$log" | tail -n 60
    exit 1
}
grep -E 'DONE|number_of_executed_units' "$log"
