// SPDX-License-Identifier: MIT
{ Attaches as the unit of the original BrainMM does: reads the pointer at the beginning of the file mapping, copies the
  24 slots without a check and makes them the memory manager of this program. The owner was built by another compiler,
  so the result of FreeMem is inverted, as the original does it. If there is no owner, the original becomes one; this
  unit loads the library first instead. }
unit OriginalUnit;

{$mode delphi}

interface

uses
  Version1;

var
  Table: TVersion1Table;

implementation

uses
  ClientManager, TestSupport;

var
  OwnersFreeMem: function(P: Pointer): Integer;

{ In the convention of Free Pascal 0 means that the pointer was refused. }
function FreeMemInverted(P: Pointer): Integer;
begin
  Result := Ord(OwnersFreeMem(P) = 0);
end;

function TableIsFreed(P: Pointer): Boolean;
begin
  Result := Table.FreeMem(P) <> 0;
end;

function TableMemSize(P: Pointer): PtrUInt;
var
  Options: TVersion1MemoryOptions;
begin
  if not Table.GetMemoryOptions(P, Options) then
    RunError(204);
  Result := Options.Size;
end;

procedure TableThreadDone;
begin
  if Assigned(Table.EndThreadEvent) then
    Table.EndThreadEvent(0);
end;

{ A procedure of its own: its temporary strings are freed before the memory manager changes. }
procedure Attach;
begin
{$ifdef windows}
  if PublishedTable = nil then
    LoadBeside(LibraryName);
{$endif}
  Table := PublishedTable^;
end;

initialization
  Attach;
  if not Table.Options.FreePacalCompiler then
  begin
    OwnersFreeMem := Table.FreeMem;
    Table.FreeMem := FreeMemInverted;
  end;
  UseForeignHeap(Table.GetMem, Table.AllocMem, Table.ReallocMem, TableIsFreed, TableMemSize, TableThreadDone);
end.
