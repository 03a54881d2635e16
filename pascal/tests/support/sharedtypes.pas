// SPDX-License-Identifier: MIT
{ The functions between sharemem_host and its library. }
unit SharedTypes;

{$mode delphi}

interface

type
  TNumbers = array of Integer;

  TMakeText = function(Length: Integer): AnsiString;
  TGrowText = procedure(var Text: AnsiString; Count: Integer);
  TGrowWide = procedure(var Text: UnicodeString; Count: Integer);
  TGrowNumbers = procedure(var Numbers: TNumbers; Count: Integer);
  TDrop = procedure(var Text: AnsiString; var Wide: UnicodeString; var Numbers: TNumbers);
  TFreePiece = procedure(P: Pointer);

implementation

end.
