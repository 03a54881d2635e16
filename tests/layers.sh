#!/bin/sh
# No file of the libraries depends on a floor above its own (src/README.md), and no files depend on each other in a
# circle: proved on the objects that were built for TARGET. With --selftest: the check finds each kind of mistake.
set -eu
exec python3 tests/layers.py "$@"
