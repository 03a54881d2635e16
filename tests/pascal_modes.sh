#!/bin/sh
# SPDX-License-Identifier: MIT
# pascal_modes.sh: the unit BrainMM works in programs of each of Free Pascal's modes, and the option -Fa puts it before
# the units of a program that does not name it.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
top=$PWD
folder=$top/$BUILD/tests/pascal_modes
rm -rf "$folder"
mkdir -p "$folder"
eval "$(tools/target "$TARGET")"
cp "$BUILD/$library" "$folder"

# compile MODE NAME OPTION...: NAME.pas in a mode
compile() {
    mode=$1 name=$2
    shift 2
    mkdir -p "$folder/units/$mode-$name"
    tools/fpc "$TARGET" -Sew "-M$mode" "$@" -Fupascal -Fu"$folder" -FU"$folder/units/$mode-$name" \
        -o"$folder/$mode-$name$exe" "$folder/$name.pas"
}

# expect CODE TEXT PROGRAM
expect() {
    code=0
    (cd "$folder" && ${run:+"$top/"$run} "./$3$exe") >"$folder/output" 2>&1 || code=$?
    if [ $code != "$1" ] || ! grep -q "$2" "$folder/output"; then
        echo "$3 ended with $code, expected $1 and '$2':"
        cat "$folder/output"
        exit 1
    fi
}

cat >"$folder/named.pas" <<'END'
program named;
uses BrainMM;
begin
  if IsMemoryManagerSet then
    WriteLn('on a heap')
end.
END
cat >"$folder/unnamed.pas" <<'END'
program unnamed;
begin
  WriteLn('runs')
end.
END
cat >"$folder/users.pas" <<'END'
program users;
uses SysUtils, Classes;
begin
  with TStringList.Create do
  begin
    Add('runs');
    WriteLn(Text);
    Free;
  end;
end.
END
cat >"$folder/mac.pas" <<'END'
unit mac;
{$mode macpas}
interface
uses BrainMM;
function IsPiece: Boolean;
implementation
function IsPiece: Boolean;
var
  P: Pointer;
  Options: TMemoryOptions;
begin
  P := GetMem(10);
  IsPiece := GetMemoryOptions(P, Options);
  FreeMem(P);
end;
end.
END
cat >"$folder/with_mac.pas" <<'END'
program with_mac;
uses BrainMM, mac;
begin
  WriteLn('a piece: ', IsPiece);
end.
END

for mode in fpc objfpc delphi delphiunicode tp; do
    compile $mode named
    expect 0 'on a heap' $mode-named
done
compile objfpc users -FaBrainMM
expect 0 runs objfpc-users
# With -Fa the program is on the heap: with another library it does not start.
echo 'void nothing(void) {}' >"$folder/other.c"
$cc $arch -shared -o "$folder/$library" "$folder/other.c"
expect 203 "BrainMM: $library in the folder of this module is another library" objfpc-users
cp "$BUILD/$library" "$folder"
# For the other modes Free Pascal has units that each program begins with. Debian has them for one target only.
if [ -z "$fpc_start" ]; then
    # The language of the mode iso has no uses clause.
    compile iso unnamed -FaBrainMM
    expect 0 runs iso-unnamed
    # In the mode macpas that unit uses SysUtils, so BrainMM is not the first. Other units may be in that mode.
    compile macpas named
    expect 204 'BrainMM: SysUtils has taken memory already' macpas-named
    compile objfpc with_mac
    expect 0 'a piece: TRUE' objfpc-with_mac
fi
for mode in iso macpas extendedpascal; do
    mkdir "$folder/units/$mode"
    tools/fpc "$TARGET" -Sew "-M$mode" -FU"$folder/units/$mode" pascal/BrainMM.pas
done
echo "all modes work"
