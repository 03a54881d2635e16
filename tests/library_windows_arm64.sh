#!/bin/sh
# SPDX-License-Identifier: MIT
# library_windows_arm64.sh: library_windows_arm64.py says what it checks.
set -eu
exec /usr/bin/python3 tests/library_windows_arm64.py
