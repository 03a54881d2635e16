// SPDX-License-Identifier: MIT
{ If somebody else has already published under FastMM's name, the library leaves the name alone, even if BRAINMM_OPTIONS
  asks for it. }
program fastmm_taken;

{$mode delphi}

uses
  Windows, TestSupport;

var
  Mapping: THandle;
  View: PPointer;
  Alloc: function(Size: NativeUInt): Pointer; cdecl;

begin
  Mapping := CreateFileMappingA(INVALID_HANDLE_VALUE, nil, PAGE_READWRITE, 0, SizeOf(Pointer),
    PAnsiChar('Local\FastMM_PID_' + HexStr(GetCurrentProcessId, 8)));
  View := MapViewOfFile(Mapping, FILE_MAP_WRITE, 0, 0, 0);
  View^ := @View;
  @Alloc := FunctionOf(LoadBeside(LibraryName), 'brainmm_alloc');
  Expect(Alloc(100) <> nil, 'the heap works');
  Expect(View^ = @View, 'what was published stays');
  EndTest;
end.
