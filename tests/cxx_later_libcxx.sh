#!/bin/sh
# SPDX-License-Identifier: MIT
# cxx_later_libcxx.sh: the test cxx_later with a library that clang has linked with libc++, or that has its own
# libstdc++ inside.
set -eu
folder=$BUILD/tests
clang++ -std=c++20 -O1 -fPIC -shared -stdlib=libc++ -o "$folder/cxx_later_libcxx.so" tests/cxx_later_module.cpp
g++ -std=c++20 -O1 -fPIC -shared -static-libstdc++ -o "$folder/cxx_later_static.so" tests/cxx_later_module.cpp
readelf --dynamic "$folder/cxx_later_libcxx.so" | grep -q 'NEEDED.*libc++' || { echo "not linked with libc++"; exit 1; }
! readelf --dynamic "$folder/cxx_later_static.so" | grep -q 'NEEDED.*libstdc++' || { echo "needs libstdc++"; exit 1; }
cd "$folder"
for module in libcxx static; do
    LD_PRELOAD=./libbrainmm-malloc.so ./cxx_later-preload "./cxx_later_$module.so"
done
