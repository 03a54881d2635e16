#!/bin/sh
# SPDX-License-Identifier: MIT
# lazarus_package.sh: Lazarus builds the package in pascal/, and a project that requires it.
set -eu
top=$PWD
folder=$top/$BUILD/tests/lazarus_package
rm -rf "$folder"
mkdir -p "$folder/package" "$folder/project"
cp pascal/BrainMM.pas pascal/brainmm_package.* "$folder/package"
cp "$BUILD/libbrainmm.so" "$folder/project"
cd "$folder"

# The settings are in a folder of the test's own.
lazarus() {
    lazbuild-2.2.6 --quiet --primary-config-path="$folder/settings" "$@" >>log 2>&1 || {
        echo "lazbuild $* failed:"
        cat log
        exit 1
    }
}
lazarus package/brainmm_package.lpk
ls package/lib/*/BrainMM.ppu >/dev/null
cmp package/brainmm_package.pas "$top/pascal/brainmm_package.pas" # what Lazarus would write
lazarus --add-package-link package/brainmm_package.lpk

cat >project/project.lpr <<'END'
program project;
uses
  BrainMM, SysUtils;
begin
  WriteLn('on a heap: ', IsMemoryManagerSet);
end.
END
cat >project/project.lpi <<'END'
<?xml version="1.0" encoding="UTF-8"?>
<CONFIG>
  <ProjectOptions>
    <Version Value="12"/>
    <General>
      <MainUnit Value="0"/>
    </General>
    <RequiredPackages>
      <Item>
        <PackageName Value="brainmm_package"/>
      </Item>
    </RequiredPackages>
    <Units>
      <Unit>
        <Filename Value="project.lpr"/>
        <IsPartOfProject Value="True"/>
      </Unit>
    </Units>
  </ProjectOptions>
  <CompilerOptions>
    <Version Value="11"/>
    <Target>
      <Filename Value="project"/>
    </Target>
    <SearchPaths>
      <UnitOutputDirectory Value="lib"/>
    </SearchPaths>
  </CompilerOptions>
</CONFIG>
END
lazarus project/project.lpi
project/project | grep -x 'on a heap: TRUE'
