// SPDX-License-Identifier: MIT
{ Imitates the parts of Delphi's unit System that the unit BrainMM uses. With it tests/delphi_branches.sh can compile
  and run the parts of BrainMM.pas for Delphi. The macro CompilerVersion says which version of Delphi is imitated. }
unit DelphiSystem;

{$mode delphi}
{$macro on}

interface

type
{$if CompilerVersion >= 23}
  TManagerSize = NativeInt;
  TManagerAllocSize = NativeInt;
{$else}
  TManagerSize = Integer;
  TManagerAllocSize = Cardinal;
{$endif}

  TMemoryManager = record
    GetMem: function(Size: TManagerSize): Pointer;
    FreeMem: function(P: Pointer): Integer;
    ReallocMem: function(P: Pointer; Size: TManagerSize): Pointer;
  end;

{$if CompilerVersion >= 18}
  TMemoryManagerEx = record
    GetMem: function(Size: TManagerSize): Pointer;
    FreeMem: function(P: Pointer): Integer;
    ReallocMem: function(P: Pointer; Size: TManagerSize): Pointer;
    AllocMem: function(Size: TManagerAllocSize): Pointer;
    RegisterExpectedMemoryLeak: function(P: Pointer): Boolean;
    UnregisterExpectedMemoryLeak: function(P: Pointer): Boolean;
  end;

procedure SetMemoryManager(const Manager: TMemoryManagerEx); overload;
{$endif}
procedure SetMemoryManager(const Manager: TMemoryManager); overload;

type
  TDelphiHeapStatus = record
    TotalAllocated: NativeUInt;
  end;

{ The status of Delphi's own manager, which is not used in a program that has another manager. }
function GetHeapStatus: TDelphiHeapStatus;

procedure ThreadEnded(ExitCode: Integer);

{ Where the tables of a class have what the unit reads. Other versions have other distances: the unit asks for them. }
const
{$ifdef CPU64}
  vmtSelfPtr = -176;
  vmtClassName = -112;
  vmtInstanceSize = -104;
  vmtParent = -96;
{$else}
  vmtSelfPtr = -88;
  vmtClassName = -56;
  vmtInstanceSize = -52;
  vmtParent = -48;
{$endif}

var
{$if CompilerVersion >= 18}
  ReportMemoryLeaksOnShutdown: Boolean;
  ExpectLeak, UnexpectLeak: function(P: Pointer): Boolean; { the manager's }
{$endif}
  ExitProcessProc: procedure; { DelphiSystem calls it when it finalizes, after all units that use it }
  ErrorProc: procedure(ErrorCode: Byte; ErrorAddr: Pointer);
  SystemThreadEndProc: procedure(ExitCode: Integer) = ThreadEnded; { set before the unit BrainMM starts }
  EndedThreads: Integer; { the calls of ThreadEnded }

implementation

uses
  Windows;

var
  GetMemFunction: function(Size: TManagerSize): Pointer;
  FreeMemFunction: function(P: Pointer): Integer;
  ReallocMemFunction: function(P: Pointer; Size: TManagerSize): Pointer;
  UsableSize: function(P: Pointer): NativeUInt; cdecl; { Free Pascal asks for it, Delphi does not }

procedure HandleError(Code: Longint); external name 'FPC_HANDLEERROR';

function GetHeapStatus: TDelphiHeapStatus;
begin
  Result.TotalAllocated := 0;
end;

procedure ThreadEnded(ExitCode: Integer);
begin
  InterlockedIncrement(EndedThreads);
end;

{ As Delphi's System does }

function DelphiGetMem(Size: PtrUInt): Pointer;
begin
  Result := nil;
  if Size = 0 then
    Exit;
  Result := GetMemFunction(Size);
  if Result = nil then
    HandleError(203);
end;

function DelphiFreeMem(P: Pointer): PtrUInt;
begin
  Result := 0;
  if (P <> nil) and (FreeMemFunction(P) <> 0) then
    HandleError(204);
end;

function DelphiFreeMemSize(P: Pointer; Size: PtrUInt): PtrUInt;
begin
  Result := DelphiFreeMem(P);
end;

function DelphiAllocMem(Size: PtrUInt): Pointer;
begin
  Result := DelphiGetMem(Size);
  if Result <> nil then
    FillChar(Result^, Size, 0);
end;

function DelphiReallocMem(var P: Pointer; Size: PtrUInt): Pointer;
begin
  if P = nil then
    P := DelphiGetMem(Size)
  else if Size = 0 then
  begin
    DelphiFreeMem(P);
    P := nil;
  end
  else
  begin
    Result := ReallocMemFunction(P, Size);
    if Result = nil then
      HandleError(203);
    P := Result;
  end;
  Result := P;
end;

function DelphiMemSize(P: Pointer): PtrUInt;
begin
  Result := UsableSize(P);
end;

procedure SetMemoryManager(const Manager: TMemoryManager);
var
  Adapter: System.TMemoryManager;
begin
  GetMemFunction := Manager.GetMem;
  FreeMemFunction := Manager.FreeMem;
  ReallocMemFunction := Manager.ReallocMem;
  UsableSize := GetProcAddress(GetModuleHandle('brainmm.dll'), 'brainmm_usable_size');
  GetMemoryManager(Adapter);
  Adapter.GetMem := DelphiGetMem;
  Adapter.FreeMem := DelphiFreeMem;
  Adapter.FreeMemSize := DelphiFreeMemSize;
  Adapter.AllocMem := DelphiAllocMem;
  Adapter.ReAllocMem := DelphiReallocMem;
  Adapter.MemSize := DelphiMemSize;
  System.SetMemoryManager(Adapter);
end;

{$if CompilerVersion >= 18}

var
  AllocMemFunction: function(Size: TManagerAllocSize): Pointer;

function DelphiAllocMemEx(Size: PtrUInt): Pointer;
begin
  Result := AllocMemFunction(Size);
  if Result = nil then
    HandleError(203);
end;

procedure SetMemoryManager(const Manager: TMemoryManagerEx);
var
  Adapter: System.TMemoryManager;
  Small: TMemoryManager;
begin
  Small.GetMem := Manager.GetMem;
  Small.FreeMem := Manager.FreeMem;
  Small.ReallocMem := Manager.ReallocMem;
  SetMemoryManager(Small);
  AllocMemFunction := Manager.AllocMem;
  GetMemoryManager(Adapter);
  Adapter.AllocMem := DelphiAllocMemEx;
  System.SetMemoryManager(Adapter);
  ExpectLeak := Manager.RegisterExpectedMemoryLeak;
  UnexpectLeak := Manager.UnregisterExpectedMemoryLeak;
end;

{$endif}

finalization
  if Assigned(ExitProcessProc) then
    ExitProcessProc;
end.
