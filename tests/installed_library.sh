#!/bin/sh
# SPDX-License-Identifier: MIT
# installed_library.sh: modules that link nothing find an installed library: one in Pascal, and one in C with
# brainmm_attach.h. The library in the module's own folder comes first, and the current folder does not count.
#   installed_library.sh install     by `make install`, and with the unit that it installs
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
top=$PWD
folder=$top/$BUILD/tests/installed_library
rm -rf "$folder"
mkdir -p "$folder/without" "$folder/with" "$folder/other" "$folder/later" "$folder/units" "$folder/prefix/bin"
eval "$(tools/target "$TARGET")"
lib=$folder/prefix/lib unit=pascal
fail() {
    echo "$*"
    exit 1
}

if [ "${1-}" = install ]; then
    # The inner make must not get the options of the outer one.
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s install DESTDIR="$folder" prefix=/prefix
    unit=$folder/prefix/share/brainmm/pascal
    (cd "$folder/prefix" && find lib share -type f | LC_ALL=C sort) >"$folder/files"
    cat >"$folder/expected" <<'END'
lib/libbrainmm-malloc.so
lib/libbrainmm.a
lib/libbrainmm.so
lib/pkgconfig/brainmm.pc
share/brainmm/pascal/BrainMM.pas
share/brainmm/pascal/brainmm_package.lpk
share/brainmm/pascal/brainmm_package.pas
END
    cmp "$folder/files" "$folder/expected" || fail "$(cat "$folder/files")"
    for header in include/*; do cmp "$header" "$folder/prefix/$header"; done
else
    mkdir -p "$lib"
    cp "$BUILD/$library" "$lib"
fi

# The programs print which library they have loaded.
cat >"$folder/program.pas" <<'END'
program client;
uses BrainMM, SysUtils;
var
  Maps: TextFile;
  Line: string;
begin
  AssignFile(Maps, '/proc/self/maps');
  Reset(Maps);
  repeat
    ReadLn(Maps, Line);
  until Pos('libbrainmm.so', Line) > 0;
  WriteLn('loaded: ', Copy(Line, Pos('/', Line), MaxInt));
end.
END
cat >"$folder/program.c" <<'END'
#include "brainmm_attach.h"
int main(void) {
    char rights[4], path[4096];
    const struct brainmm_manager *manager = brainmm_attach();
    if (!manager)
        return printf("%s\n", brainmm_attach_failure()) > 0 ? 203 : 1;
    brainmm_attach_mapping((size_t)manager, rights, path, sizeof path);
    printf("loaded: %s\n", path);
    return 0;
}
END
tools/fpc "$TARGET" -Sew -Mdelphi "-Fu$unit" -FU"$folder/units" -o"$folder/without/pascal" "$folder/program.pas"
tools/fpc "$TARGET" -Sew -Mdelphi "-Fu$unit" -FU"$folder/units" '-k-rpath=$ORIGIN/../lib' \
    -o"$folder/prefix/bin/pascal" "$folder/program.pas"
$cc $arch -std=gnu11 -Wall -Wextra -Werror -Iinclude -o "$folder/without/c" "$folder/program.c" -ldl
$cc $arch -std=gnu11 -Wall -Wextra -Werror -Iinclude -o "$folder/prefix/bin/c" "$folder/program.c" -ldl \
    -Wl,-rpath,'$ORIGIN/../lib'
# Other libraries of that name: one without the function, one whose table has another form
cat >"$folder/other.c" <<'END'
#include "brainmm.h"
#if defined(LATER)
__attribute__((visibility("default"))) const struct brainmm_manager *BRAINMM_CALL brainmm_get_manager(void) {
    static const struct brainmm_manager table = {
        .magic = BRAINMM_MAGIC, .size = sizeof table, .abi_version = BRAINMM_ABI_VERSION + 1, .self = &table};
    return &table;
}
#endif
END
$cc $arch -shared -fPIC -Iinclude -o "$folder/other/$library" "$folder/other.c"
$cc $arch -shared -fPIC -Iinclude -DLATER -o "$folder/later/$library" "$folder/other.c"
cp "$folder/without/"* "$folder/with/"
cp "$BUILD/$library" "$folder/with/"

# expect CODE TEXT PROGRAM PATH: the program of both languages, with that search path of the loader. The current folder
# has the library.
expect() {
    for language in pascal c; do
        code=0
        (cd "$BUILD/tests" && LD_LIBRARY_PATH="$4" ${run:+"$top/"$run} "$folder/$3/$language") >"$folder/output" 2>&1 ||
            code=$?
        if [ $code != "$1" ] || ! grep -q "$2" "$folder/output"; then
            fail "$3/$language with the path '$4' ended with $code, expected $1 and '$2': $(cat "$folder/output")"
        fi
    done
}
nowhere=$folder/units installed=no
cp "$BUILD/tests/loader_finds-plain" "$folder"
! ${run:+"$top/"$run} "$folder/loader_finds-plain" || installed=yes
[ $installed = yes ] || expect 203 "could not be loaded from .* folder.*, nor found by the loader" without "$nowhere"
expect 0 "^loaded: $lib/$library" without "$lib"
expect 0 "^loaded: $lib/$library" without "$nowhere:$lib:$folder/other"
expect 0 "^loaded: $lib/$library" prefix/bin "$nowhere"
expect 203 "the $library that the loader finds is another library of that name" without "$folder/other:$lib"
expect 203 "the $library that was found is of a version that this .* does not know" without "$folder/later:$lib"
expect 0 "^loaded: $folder/with/$library" with "$lib"
expect 0 "^loaded: $folder/with/$library" with "$folder/other"
echo "all cases hold; this machine has an installed library: $installed"
