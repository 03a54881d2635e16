// SPDX-License-Identifier: MIT
{ A unit that is used before the unit BrainMM. It takes no memory when it initialises, so it may be. It finalizes after
  BrainMM, and frees memory then, as units of Delphi XE2 and later can (QC 103616). }
unit LateFinal;

{$mode delphi}

interface

{ Takes an object and a block, which finalization frees. }
procedure TakeLate;

const
  LateSize = 60000; { of the block: nothing else in the tests has about that size }

implementation

var
  Taken: TObject;
  Block: Pointer;

procedure TakeLate;
begin
  Taken := TInterfacedObject.Create;
  GetMem(Block, LateSize);
  FillChar(Block^, LateSize, $FF);
end;

finalization
  Taken.Free;
  FreeMem(Block);
end.
