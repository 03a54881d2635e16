// SPDX-License-Identifier: MIT
{ Imports borlndmm.dll as Delphi's ShareMem does: seven required names through the loader, the optional ones and the
  reference counts through GetProcAddress. The compiler calls them in Pascal's register convention. Then the DLL becomes
  this program's memory manager. }
program borlndmm_imports;

{$mode delphi}

uses
  Windows, TestSupport;

type
  { Delphi's record; Free Pascal's of the same name differs }
  THeapStatusOfDelphi = record
    TotalAddrSpace, TotalUncommitted, TotalCommitted, TotalAllocated, TotalFree, FreeSmall, FreeBig, Unused,
      Overhead: NativeUInt;
    HeapErrorCode: Cardinal;
  end;

const
  Dll = 'borlndmm.dll';

function SysGetMem(Size: NativeInt): Pointer; external Dll name '@Borlndmm@SysGetMem$qqri';
function SysFreeMem(P: Pointer): Integer; external Dll name '@Borlndmm@SysFreeMem$qqrpv';
function SysReallocMem(P: Pointer; Size: NativeInt): Pointer; external Dll name '@Borlndmm@SysReallocMem$qqrpvi';
function GetHeapStatusOfDll: THeapStatusOfDelphi; external Dll name 'GetHeapStatus';
function GetAllocMemCount: Integer; external Dll name 'GetAllocMemCount';
function GetAllocMemSize: Integer; external Dll name 'GetAllocMemSize';
procedure DumpBlocks; external Dll name 'DumpBlocks';
function GetMemory(Size: NativeInt): Pointer; cdecl; external Dll name 'GetMemory';
function FreeMemory(P: Pointer): Integer; cdecl; external Dll name 'FreeMemory';
function ReallocMemory(P: Pointer; Size: NativeInt): Pointer; cdecl; external Dll name 'ReallocMemory';

type
  TGetMem = function(Size: NativeInt): Pointer;
  TLeak = function(P: Pointer): Boolean;
  TReferences = function: Integer;

procedure TestImports;
var
  P: PByte;
  Before, Status: THeapStatusOfDelphi;
  Count, Size: Integer;
begin
  ExpectEqual(SizeOf(Status), {$ifdef cpu64}80{$else}40{$endif}, 'the size of THeapStatus');
  Before := GetHeapStatusOfDll;
  Count := GetAllocMemCount;
  Size := GetAllocMemSize;
  P := SysGetMem(1000);
  P[999] := 99;
  P := SysReallocMem(P, 50000);
  Expect(P[999] = 99, 'contents are kept');
  Status := GetHeapStatusOfDll;
  Expect(Status.TotalAllocated - Before.TotalAllocated >= 50000, 'TotalAllocated');
  Expect((Status.TotalCommitted >= Status.TotalAllocated) and (Status.HeapErrorCode = 0), 'the other figures agree');
  ExpectEqual(GetAllocMemCount, Count + 1, 'GetAllocMemCount');
  Expect(GetAllocMemSize >= Size + 50000, 'GetAllocMemSize');
  ExpectEqual(SysFreeMem(P), 0, 'SysFreeMem');
  ExpectEqual(SysFreeMem(P), -1, 'SysFreeMem of a freed piece');
  Expect(SysGetMem(-1) = nil, 'a negative size gives nil');
  DumpBlocks;
  P := GetMemory(100);
  P := ReallocMemory(P, 70000);
  Expect(P <> nil, 'ReallocMemory');
  ExpectEqual(FreeMemory(P), 0, 'FreeMemory');
  Expect(FreeMemory(@Status) <> 0, 'FreeMemory of a stack address');
end;

procedure TestLookUps;
var
  Module: HMODULE;
  AllocMemory: TGetMem;
  AddLeak, RemoveLeak: TLeak;
  AddRef, Release: TReferences;
  P: PByte;
  I: Integer;
begin
  Module := GetModuleHandle(Dll);
  AllocMemory := GetProcAddress(Module, '@Borlndmm@SysAllocMem$qqri');
  AddLeak := GetProcAddress(Module, '@Borlndmm@SysRegisterExpectedMemoryLeak$qqrpi');
  RemoveLeak := GetProcAddress(Module, '@Borlndmm@SysUnregisterExpectedMemoryLeak$qqrpi');
  AddRef := GetProcAddress(Module, '@Borlndmm@HeapAddRef$qqrv');
  Release := GetProcAddress(Module, '@Borlndmm@HeapRelease$qqrv');
  if not (Assigned(AllocMemory) and Assigned(AddLeak) and Assigned(RemoveLeak) and Assigned(AddRef) and
    Assigned(Release)) then
    Abandon('an export is missing');
  ExpectEqual(AddRef, 2, 'HeapAddRef');
  P := AllocMemory(5000);
  for I := 0 to 4999 do
    Expect(P[I] = 0, 'AllocMem is zeroed');
  Expect(AddLeak(P) and RemoveLeak(P) and not RemoveLeak(P), 'leaks can be announced');
  ExpectEqual(SysFreeMem(P), 0, 'SysFreeMem of it');
  ExpectEqual(Release, 2, 'HeapRelease');
end;

{ Fills Free Pascal's record with the DLL's functions, as ShareMem fills Delphi's. }

function ManagerFreeMem(P: Pointer): PtrUInt;
begin
  ExpectEqual(SysFreeMem(P), 0, 'FreeMem by the run-time library');
  Result := 0;
end;

function ManagerFreeMemSize(P: Pointer; Size: PtrUInt): PtrUInt;
begin
  Result := ManagerFreeMem(P);
end;

function ManagerReallocMem(var P: Pointer; Size: PtrUInt): Pointer;
begin
  P := SysReallocMem(P, Size);
  Result := P;
end;

function ManagerMemSize(P: Pointer): PtrUInt;
begin
  Result := 0; { unknown, so strings are reallocated each time }
end;

procedure TestAsManager;
var
  Old, Manager: TMemoryManager;
  Text: AnsiString;
  Count, I: Integer;
begin
  Text := '';
  Count := GetAllocMemCount;
  GetMemoryManager(Old);
  Manager := Old;
  Manager.GetMem := Pointer(@SysGetMem);
  Manager.FreeMem := ManagerFreeMem;
  Manager.FreeMemSize := ManagerFreeMemSize;
  Manager.AllocMem := GetProcAddress(GetModuleHandle(Dll), '@Borlndmm@SysAllocMem$qqri');
  Manager.ReallocMem := ManagerReallocMem;
  Manager.MemSize := ManagerMemSize;
  SetMemoryManager(Manager);
  for I := 1 to 5000 do
    Text := Text + 'abcdefgh';
  ExpectEqual(Length(Text), 40000, 'the length of the text');
  ExpectEqual(GetAllocMemCount, Count + 1, 'live pieces');
  Text := '';
  ExpectEqual(GetAllocMemCount, Count, 'live pieces at the end');
  SetMemoryManager(Old);
end;

begin
  TestImports;
  TestLookUps;
  TestAsManager;
  EndTest;
end.
