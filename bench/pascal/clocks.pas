// SPDX-License-Identifier: MIT
{ Time and memory of this process on all systems. Nothing in this unit allocates. }
unit Clocks;

{$mode delphi}

interface

{ WallTime: seconds of a clock. ProcessorTime: seconds of processor time of all threads of this process. }
function WallTime: Double;
function ProcessorTime: Double;
{ Bytes of this process in physical memory. }
function ResidentBytes: Int64;
function ProcessorCount: Integer;

implementation

{$ifdef windows}

uses
  Windows;

type
  TMemoryCounters = record
    Size, Faults: DWORD;
    Peak, WorkingSet, PeakPaged, Paged, PeakNonPaged, NonPaged, PageFile, PeakPageFile: SIZE_T;
  end;

function GetProcessMemoryInfo(Process: THandle; var Counters: TMemoryCounters; Size: DWORD): LongBool; stdcall;
  external 'psapi.dll';

function WallTime: Double;
var
  Ticks, Frequency: Int64;
begin
  QueryPerformanceCounter(Ticks);
  QueryPerformanceFrequency(Frequency);
  Result := Ticks / Frequency;
end;

function ProcessorTime: Double;
var
  Created, Ended, Kernel, User: TFileTime;
begin
  GetProcessTimes(GetCurrentProcess, Created, Ended, Kernel, User);
  Result := (Int64(Kernel) + Int64(User)) * 1e-7;
end;

function ResidentBytes: Int64;
var
  Counters: TMemoryCounters;
begin
  GetProcessMemoryInfo(GetCurrentProcess, Counters, SizeOf(Counters));
  Result := Counters.WorkingSet;
end;

function ProcessorCount: Integer;
var
  Info: TSystemInfo;
begin
  GetSystemInfo(Info);
  Result := Info.dwNumberOfProcessors;
end;

{$else}

uses
  BaseUnix, Linux;

function Seconds(Clock: Integer): Double;
var
  Time: TTimeSpec;
begin
  clock_gettime(Clock, @Time);
  Result := Time.tv_sec + Time.tv_nsec * 1e-9;
end;

function WallTime: Double;
begin
  Result := Seconds(CLOCK_MONOTONIC);
end;

function ProcessorTime: Double;
begin
  Result := Seconds(CLOCK_PROCESS_CPUTIME_ID);
end;

function FirstNumberAfter(const FileName, Word: ShortString; Index: Integer): Int64; forward;

{ smaps_rollup is counted from the page tables; the counters of statm lag behind. }
function ResidentBytes: Int64;
begin
  Result := FirstNumberAfter('/proc/self/smaps_rollup', 'Rss:', 1) * 1024;
end;

function ProcessorCount: Integer;
begin
  Result := FirstNumberAfter('/proc/cpuinfo', 'processor', 0);
end;

{ With Index 1: the first number behind Word. With Index 0: how many lines begin with Word. }
function FirstNumberAfter(const FileName, Word: ShortString; Index: Integer): Int64;
var
  Source: Text;
  Line: ShortString;
  At: Integer;
begin
  Result := 0;
  Assign(Source, FileName);
  Reset(Source);
  while not Eof(Source) do
  begin
    ReadLn(Source, Line);
    if Copy(Line, 1, Length(Word)) <> Word then
      Continue;
    if Index = 0 then
      Inc(Result)
    else
      for At := Length(Word) + 1 to Length(Line) do
        if Line[At] in ['0'..'9'] then
          Result := Result * 10 + Ord(Line[At]) - Ord('0');
  end;
  Close(Source);
end;

{$endif}

end.
