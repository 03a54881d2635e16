#!/bin/sh
# SPDX-License-Identifier: MIT
# real_programs.sh: git, gcc, clang, gdb, sqlite3 and the shell's tools print the same, and end in the same way, with
# libbrainmm-malloc.so as without it. `make check-programs` does that for many more.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tools/programs/run.py "$work" git-log git-blame git-diff gcc g++ clang gdb sqlite text
