#!/bin/sh
# SPDX-License-Identifier: MIT
# messages.sh: every message of the libraries is in docs/troubleshooting.md, and that has no others.
set -eu
exec python3 tests/messages.py
