#!/bin/sh
# SPDX-License-Identifier: MIT
# layers.sh: no file of the libraries uses a higher floor than its own (src/README.md), and no files use each other in a
# circle. layers.py checks that in the objects that were built for TARGET. With --selftest: the check finds each kind of
# mistake.
set -eu
exec python3 tests/layers.py "$@"
