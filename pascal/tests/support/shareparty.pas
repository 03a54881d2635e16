// SPDX-License-Identifier: MIT
{ The functions of the three modules of the sharing tests, behind one table of C functions. The host and the plug-in in
  Pascal use this unit, the plug-in in C is tests/share_c.c. Managed values are passed as pointers. }
unit ShareParty;

{$mode delphi}

interface

uses
  Classes, SysUtils;

type
  TText = PAnsiChar;
  TWork = procedure(Context: Pointer); cdecl;

  { An object without managed fields: C can make and free one if it knows the class }
  TPart = class
    Number: PtrInt;
  end;

  IPart = interface
    function Number: PtrInt; cdecl;
  end;

  PParty = ^TParty;
  TParty = record
    { Makes a string of Length characters; character I is 'a' + I mod 26 }
    MakeString: function(Length: PtrInt): Pointer; cdecl;
    GrowString: function(S: Pointer; Length: PtrInt): Pointer; cdecl;
    FreeString: procedure(S: Pointer); cdecl;
    MakeUnicode: function(Length: PtrInt): Pointer; cdecl;
    GrowUnicode: function(S: Pointer; Length: PtrInt): Pointer; cdecl;
    FreeUnicode: procedure(S: Pointer); cdecl;
    { Makes an array of Count numbers; number I is 3 * I }
    MakeArray: function(Count: PtrInt): Pointer; cdecl;
    GrowArray: function(A: Pointer; Count: PtrInt): Pointer; cdecl;
    FreeArray: procedure(A: Pointer); cdecl;
    MakeObject: function(AClass: TClass; InstanceSize, Number: PtrInt): Pointer; cdecl;
    FreeObject: procedure(O: Pointer); cdecl;
    MakeInterface: function(Number: PtrInt): Pointer; cdecl; { with one reference }
    FreeInterface: procedure(I: Pointer); cdecl; { releases it }
    MakeVariant: procedure(V: PVarData; Length: PtrInt); cdecl; { with such a string }
    FreeVariant: procedure(V: PVarData); cdecl;
    MakeBlock: function(Size: PtrInt): Pointer; cdecl;
    GrowBlock: function(B: Pointer; Size: PtrInt): Pointer; cdecl;
    FreeBlock: procedure(B: Pointer); cdecl;
    { Starts Count threads of its own that call Work, and waits for them }
    RunThreads: procedure(Count: PtrInt; Work: TWork; Context: Pointer); cdecl;
    { Raises and catches an exception and returns it; the caller frees it. nil if the module has no exceptions }
    Fail: function(Length: PtrInt): Pointer; cdecl;
  end;
  TGetParty = function: PParty; cdecl;

function GetParty: PParty; cdecl;

implementation

uses
  Variants;

type
  TNumbers = array of PtrInt;

  TPartObject = class(TInterfacedObject, IPart)
    FNumber: PtrInt;
    function Number: PtrInt; cdecl;
  end;

  TWorker = class(TThread)
    Work: TWork;
    Context: Pointer;
    procedure Execute; override;
  end;

function TPartObject.Number: PtrInt; cdecl;
begin
  Result := FNumber;
end;

procedure TWorker.Execute;
begin
  Work(Context);
end;

procedure FillString(var S: string; From: PtrInt);
var
  I: PtrInt;
begin
  for I := From to Length(S) do
    S[I] := Chr(Ord('a') + (I - 1) mod 26);
end;

function MakeString(Length: PtrInt): Pointer; cdecl;
begin
  Result := nil;
  SetLength(string(Result), Length);
  FillString(string(Result), 1);
end;

function GrowString(S: Pointer; Length: PtrInt): Pointer; cdecl;
var
  Old: PtrInt;
begin
  Result := S;
  Old := System.Length(string(Result));
  SetLength(string(Result), Length);
  FillString(string(Result), Old + 1);
end;

procedure FreeString(S: Pointer); cdecl;
begin
  string(S) := '';
end;

procedure FillUnicode(var S: UnicodeString; From: PtrInt);
var
  I: PtrInt;
begin
  for I := From to Length(S) do
    S[I] := WideChar(Ord('a') + (I - 1) mod 26);
end;

function MakeUnicode(Length: PtrInt): Pointer; cdecl;
begin
  Result := nil;
  SetLength(UnicodeString(Result), Length);
  FillUnicode(UnicodeString(Result), 1);
end;

function GrowUnicode(S: Pointer; Length: PtrInt): Pointer; cdecl;
var
  Old: PtrInt;
begin
  Result := S;
  Old := System.Length(UnicodeString(Result));
  SetLength(UnicodeString(Result), Length);
  FillUnicode(UnicodeString(Result), Old + 1);
end;

procedure FreeUnicode(S: Pointer); cdecl;
begin
  UnicodeString(S) := '';
end;

function GrowArray(A: Pointer; Count: PtrInt): Pointer; cdecl;
var
  I, Old: PtrInt;
begin
  Result := A;
  Old := Length(TNumbers(Result));
  SetLength(TNumbers(Result), Count);
  for I := Old to Count - 1 do
    TNumbers(Result)[I] := 3 * I;
end;

function MakeArray(Count: PtrInt): Pointer; cdecl;
begin
  Result := GrowArray(nil, Count);
end;

procedure FreeArray(A: Pointer); cdecl;
begin
  TNumbers(A) := nil;
end;

function MakeObject(AClass: TClass; InstanceSize, Number: PtrInt): Pointer; cdecl;
begin
  Result := AClass.Create;
  TPart(Result).Number := Number;
end;

procedure FreeObject(O: Pointer); cdecl;
begin
  TObject(O).Free;
end;

function MakeInterface(Number: PtrInt): Pointer; cdecl;
var
  Part: TPartObject;
begin
  Part := TPartObject.Create;
  Part.FNumber := Number;
  Result := nil;
  IPart(Result) := Part;
end;

procedure FreeInterface(I: Pointer); cdecl;
begin
  IPart(I) := nil;
end;

procedure MakeVariant(V: PVarData; Length: PtrInt); cdecl;
var
  S: string;
begin
  SetLength(S, Length);
  FillString(S, 1);
  PVariant(V)^ := S;
end;

procedure FreeVariant(V: PVarData); cdecl;
begin
  VarClear(PVariant(V)^);
end;

function MakeBlock(Size: PtrInt): Pointer; cdecl;
begin
  GetMem(Result, Size);
end;

function GrowBlock(B: Pointer; Size: PtrInt): Pointer; cdecl;
begin
  Result := B;
  ReallocMem(Result, Size);
end;

procedure FreeBlock(B: Pointer); cdecl;
begin
  FreeMem(B);
end;

procedure RunThreads(Count: PtrInt; Work: TWork; Context: Pointer); cdecl;
var
  Workers: array of TWorker;
  I: Integer;
begin
  SetLength(Workers, Count);
  for I := 0 to Count - 1 do
  begin
    Workers[I] := TWorker.Create(True);
    Workers[I].Work := Work;
    Workers[I].Context := Context;
  end;
  for I := 0 to Count - 1 do
    Workers[I].Start;
  for I := 0 to Count - 1 do
  begin
    Workers[I].WaitFor;
    Workers[I].Free;
  end;
end;

function Fail(Length: PtrInt): Pointer; cdecl;
var
  S: string;
begin
  Result := nil;
  SetLength(S, Length);
  FillString(S, 1);
  try
    raise Exception.Create(S);
  except
    Result := AcquireExceptionObject;
  end;
end;

const
  Party: TParty = (
    MakeString: MakeString;
    GrowString: GrowString;
    FreeString: FreeString;
    MakeUnicode: MakeUnicode;
    GrowUnicode: GrowUnicode;
    FreeUnicode: FreeUnicode;
    MakeArray: MakeArray;
    GrowArray: GrowArray;
    FreeArray: FreeArray;
    MakeObject: MakeObject;
    FreeObject: FreeObject;
    MakeInterface: MakeInterface;
    FreeInterface: FreeInterface;
    MakeVariant: MakeVariant;
    FreeVariant: FreeVariant;
    MakeBlock: MakeBlock;
    GrowBlock: GrowBlock;
    FreeBlock: FreeBlock;
    RunThreads: RunThreads;
    Fail: Fail);

function GetParty: PParty; cdecl;
begin
  Result := @Party;
end;

end.
