#!/bin/sh
# SPDX-License-Identifier: MIT
# plugin_folder.sh: a plug-in that is linked with the library lies in plugins/, a folder below the program's. Which copy
# of the library does it get? That depends on the program, on how it loads the plug-in, and on where copies are. The
# tables in docs/shipping.md give the same answers.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
top=$PWD
folder=$BUILD/tests/plugin_folder
rm -rf "$folder"
mkdir -p "$folder/elsewhere"

eval "$(tools/target "$TARGET")"
link=$BUILD/$import
case $system in
windows) options="-static -lpthread $static" flags='' ;;
linux) options="-ldl $static" flags=-fPIC ;;
esac

# build NAME SOURCE OPTION...
build() {
    name=$1 source=$2
    shift 2
    $cc -std=gnu11 -O1 -Wall -Wextra -Werror $flags -Iinclude -Itests -o "$folder/$name" "tests/$source.c" "$@" $options
}

# The programs: one with nothing of BrainMM, one linked with the library, one with the static core.
build "nothing$exe" plugin_folder_host
build "static$exe" plugin_folder_host -DHOST_HAS_HEAP -DBRAINMM_STATIC "$BUILD/libbrainmm.a"
case $system in
windows)
    build "linked$exe" plugin_folder_host -DHOST_HAS_HEAP "$link"
    build "plugin$dll" plugin_folder_module -shared "$link"
    ;;
*)
    # shellcheck disable=SC2016  # $ORIGIN is the loader's
    {
        build linked plugin_folder_host -DHOST_HAS_HEAP "$link" -Wl,-rpath,'$ORIGIN'
        # DT_RPATH, the older kind. The loader also uses it when it looks for what a plug-in needs.
        build rpath plugin_folder_host -Wl,--disable-new-dtags,-rpath,'$ORIGIN'
        build plugin.so plugin_folder_module -shared "$link"
        build plugin-beside.so plugin_folder_module -shared "$link" -Wl,-rpath,'$ORIGIN'
        build plugin-above.so plugin_folder_module -shared "$link" -Wl,-rpath,'$ORIGIN/..'
        build plugin-both.so plugin_folder_module -shared "$link" -Wl,-rpath,'$ORIGIN:$ORIGIN/..'
    }
    ;;
esac

count=0 status=0
# expect RESULT PROGRAM WAY PLUGIN LIBRARY...: PROGRAM loads PLUGIN in the given WAY, and prints RESULT. LIBRARY says in
# which folders the library lies: host, plugin. The current folder is empty.
expect() {
    expected=$1 program=$2 way=$3 plugin=$4
    shift 4
    case_folder=$folder/case$count
    count=$((count + 1))
    mkdir -p "$case_folder/plugins"
    cp "$folder/$program$exe" "$case_folder/host$exe"
    cp "$folder/$plugin$dll" "$case_folder/plugins/plugin$dll"
    for place in "$@"; do
        case $place in
        host) cp "$BUILD/$library" "$case_folder/" ;;
        plugin) cp "$BUILD/$library" "$case_folder/plugins/" ;;
        esac
    done
    # To a file, because Wine's server would keep a pipe open after the program has ended.
    (
        cd "$folder/elsewhere"
        WINE_RUN_SECONDS=60 timeout 65 ${run:+"$top/"$run} "../${case_folder##*/}/host$exe" "$way"
    ) >"$case_folder/output" 2>&1 || echo "exit code $?" >>"$case_folder/output"
    result=$(tr -d '\r' <"$case_folder/output")
    [ "$result" = "$expected" ] || {
        echo "program $program, $way, $plugin, library in: ${*:-no folder}: '$result' instead of '$expected'"
        status=1
    }
}

case $system in
windows)
    missing='error 126' # ERROR_MOD_NOT_FOUND
    #      result     program way       plug-in library in
    expect host       nothing plain     plugin  host
    expect "$missing" nothing plain     plugin  plugin
    expect host       nothing plain     plugin  host plugin
    expect "$missing" nothing plain     plugin
    expect "$missing" nothing altered   plugin  host
    expect plugin     nothing altered   plugin  plugin
    expect plugin     nothing altered   plugin  host plugin
    expect host       nothing search    plugin  host
    expect plugin     nothing search    plugin  plugin
    expect plugin     nothing search    plugin  host plugin
    expect host       nothing directory plugin  host
    expect plugin     nothing directory plugin  plugin
    expect host       nothing directory plugin  host plugin
    expect plugin     nothing first     plugin  plugin
    expect plugin     nothing first     plugin  host plugin
    expect host       linked  plain     plugin  host
    expect host       linked  altered   plugin  host
    expect host       linked  altered   plugin  host plugin
    expect host       linked  search    plugin  host plugin
    expect host       static  plain     plugin  host
    expect "$missing" static  plain     plugin  plugin
    expect plugin     static  altered   plugin  plugin
    expect plugin     static  first     plugin  plugin
    expect "$missing" static  altered   plugin
    ;;
*)
    missing='not found'
    #      result     program way   plug-in       library in
    expect "$missing" nothing plain plugin        host plugin
    expect plugin     nothing plain plugin-beside plugin
    expect "$missing" nothing plain plugin-beside host
    expect host       nothing plain plugin-above  host
    expect "$missing" nothing plain plugin-above  plugin
    expect plugin     nothing plain plugin-beside host plugin
    expect host       nothing plain plugin-above  host plugin
    expect host       nothing plain plugin-both   host
    expect plugin     nothing plain plugin-both   plugin
    expect plugin     nothing plain plugin-both   host plugin
    expect plugin     nothing first plugin        plugin
    expect host       rpath   plain plugin        host
    expect "$missing" rpath   plain plugin        plugin
    expect host       rpath   plain plugin        host plugin
    expect host       linked  plain plugin        host
    expect host       linked  plain plugin-beside host plugin
    expect "$missing" static  plain plugin        host plugin
    expect plugin     static  plain plugin-both   plugin
    expect host       static  plain plugin-both   host
    ;;
esac
echo "$count cases"
exit $status
