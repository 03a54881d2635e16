// SPDX-License-Identifier: MIT
{ A unit that is used before the unit BrainMM. It takes no memory when it initialises, so it may be. It finalizes after
  BrainMM, and frees memory then, as units of Delphi XE2 and later can (QC 103616). }
unit LateFinal;

{$mode delphi}

interface

procedure TakeLate;

implementation

var
  Taken: TObject;

procedure TakeLate;
begin
  Taken := TInterfacedObject.Create;
end;

finalization
  Taken.Free;
end.
