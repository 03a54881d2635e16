// SPDX-License-Identifier: MIT
{ A program for Windows with windows, whose import of MessageBoxW leads to a function that prints the text. The first
  argument says what it leaks. With the second argument `service`, nobody can see its window station. For
  tests/pascal_leaks.sh. }
program pascal_leaks_box;

{$mode delphi}
{$apptype gui}

uses
  LateFinal, BrainMM, Windows;

type
  TLeaked = class
    Number: Int64;
  end;

procedure Print(const Text: string);
var
  Done: Cardinal;
begin
  WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), Pointer(Text)^, Length(Text), Done, nil);
end;

function PrintBox(Window: THandle; Text, Title: PWideChar; Style: Cardinal): Integer; stdcall;
begin
  Print('[' + string(UnicodeString(Title)) + #10 + string(UnicodeString(Text)) + ']'#10);
  Result := 1;
end;

type
  TStationFacts = record
    Inherit, Reserved: LongBool;
    Flags: Cardinal;
  end;

function InvisibleStation(Item: THandle; Index: Integer; Target: Pointer; Size: Cardinal;
  out Needed: Cardinal): LongBool; stdcall;
begin
  FillChar(Target^, Size, 0);
  Result := (Index = 1) and (Size = SizeOf(TStationFacts));
end;

type
  PImport = ^TImport;
  TImport = record { IMAGE_IMPORT_DESCRIPTOR }
    Names, Time, Forwarder, Module, Places: Cardinal;
  end;

{ Puts Target in the place of an imported function of this program. }
procedure Replace(const Name: AnsiString; Target: Pointer);
var
  Base: PAnsiChar;
  Directory: PImageDataDirectory;
  Imported: PImport;
  Place, Found: PPointer;
  Before: Cardinal;
begin
  Found := GetProcAddress(GetModuleHandle('user32.dll'), PAnsiChar(Name));
  Base := PAnsiChar(GetModuleHandle(nil));
  Directory := @PImageNtHeaders(Base + PImageDosHeader(Base)._lfanew).OptionalHeader.DataDirectory[1];
  Imported := Pointer(Base + Directory.VirtualAddress);
  while Imported.Places <> 0 do
  begin
    Place := Pointer(Base + Imported.Places);
    while Place^ <> nil do
    begin
      if Place^ = Found then
      begin
        VirtualProtect(Place, SizeOf(Place^), PAGE_READWRITE, @Before);
        Place^ := Target;
      end;
      Inc(Place);
    end;
    Inc(Imported);
  end;
end;

{ More sizes than fit into a box }
procedure LeakMany;
var
  I: Integer;
  P: Pointer;
begin
  for I := 1 to 200 do
    GetMem(P, I * 4096 + 40000);
end;

procedure Act(const Way: string);
begin
  if Way = 'one' then
    TLeaked.Create
  else if Way = 'late' then
    TakeLate
  else if Way = 'many' then
    LeakMany;
end;

begin
  Replace('MessageBoxW', @PrintBox);
  if ParamStr(2) = 'service' then
    Replace('GetUserObjectInformationW', @InvisibleStation);
  Act(ParamStr(1));
end.
