#!/bin/sh
# SPDX-License-Identifier: MIT
# view_logic.sh: brainmm-view without a browser: what it reads of dumps, lays out and sums up, and what it refuses. The
# tests are in view_logic.py.
set -eu
exec python3 -B tests/view_logic.py "$BUILD/tests/view_logic"
