// SPDX-License-Identifier: MIT
{ The SpeedTest of the original BrainMM: lists that own their objects. Each list begins with a capacity of 7 and gets
  3,500 small objects, which are then read and deleted from the end. It runs in one thread or in several.

    speed_test LISTS THREADS        THREADS 0: in the main thread, while the program has no other

  Prints wall-clock and processor time in seconds. }
program speed_test;

{$mode delphi}

uses
{$I manager.inc}
  Clocks;

const
  ObjectsPerList = 3500;
  FirstCapacity = 7;
  MaxThreads = 64;

type
  TItem = class
    Value: Integer;
  end;

  TItems = array[0..ObjectsPerList * 2 - 1] of TItem;

  { A list that owns its objects, like Delphi's TObjectList: it grows in the same steps, and Delete frees the object. }
  TOwningList = class
  private
    FItems: ^TItems;
    FCount, FCapacity: Integer;
    procedure Grow;
    procedure SetCapacity(Capacity: Integer);
    function GetItem(Index: Integer): TItem;
  public
    constructor Create(Capacity: Integer);
    destructor Destroy; override;
    procedure Add(Item: TItem);
    procedure Delete(Index: Integer);
    property Count: Integer read FCount;
    property Items[Index: Integer]: TItem read GetItem; default;
  end;

constructor TOwningList.Create(Capacity: Integer);
begin
  SetCapacity(Capacity);
end;

destructor TOwningList.Destroy;
begin
  while FCount > 0 do
    Delete(FCount - 1);
  FreeMem(FItems);
  inherited;
end;

procedure TOwningList.SetCapacity(Capacity: Integer);
begin
  ReallocMem(FItems, Capacity * SizeOf(Pointer));
  FCapacity := Capacity;
end;

procedure TOwningList.Grow;
begin
  if FCapacity > 64 then
    SetCapacity(FCapacity + FCapacity div 4)
  else if FCapacity > 8 then
    SetCapacity(FCapacity + 16)
  else
    SetCapacity(FCapacity + 4);
end;

function TOwningList.GetItem(Index: Integer): TItem;
begin
  Result := FItems^[Index];
end;

procedure TOwningList.Add(Item: TItem);
begin
  if FCount = FCapacity then
    Grow;
  FItems^[FCount] := Item;
  Inc(FCount);
end;

procedure TOwningList.Delete(Index: Integer);
var
  Item: TItem;
begin
  Item := FItems^[Index];
  Dec(FCount);
  if Index < FCount then
    Move(FItems^[Index + 1], FItems^[Index], (FCount - Index) * SizeOf(Pointer));
  Item.Free;
end;

procedure OneList;
var
  List: TOwningList;
  Item: TItem;
  I: Integer;
  Sum: Int64;
begin
  List := TOwningList.Create(FirstCapacity);
  for I := 0 to ObjectsPerList - 1 do
  begin
    Item := TItem.Create;
    Item.Value := I;
    List.Add(Item);
  end;
  Sum := 0;
  for I := List.Count - 1 downto 0 do
  begin
    Inc(Sum, List[I].Value);
    List.Delete(I);
  end;
  List.Free;
  if Sum <> ObjectsPerList * (ObjectsPerList - 1) div 2 then
  begin
    WriteLn('the objects have other values');
    Halt(1);
  end;
end;

var
  ListsLeft: Longint;

function Work(Parameter: Pointer): PtrInt;
begin
  while InterlockedDecrement(ListsLeft) >= 0 do
    OneList;
  Result := 0;
end;

function Argument(Index, Most: Integer): Integer;
var
  Error: Integer;
begin
  Val(ParamStr(Index), Result, Error);
  if (Error <> 0) or (Result < 0) or (Result > Most) then
  begin
    WriteLn('usage: speed_test LISTS THREADS');
    Halt(2);
  end;
end;

var
  Handles: array[1..MaxThreads] of TThreadID;
  Threads, I: Integer;
  Wall, Processor: Double;

begin
  ListsLeft := Argument(1, MaxInt);
  Threads := Argument(2, MaxThreads);
  Wall := WallTime;
  Processor := ProcessorTime;
  if Threads = 0 then
    Work(nil);
  for I := 1 to Threads do
    Handles[I] := BeginThread(Work);
  for I := 1 to Threads do
    WaitForThreadTerminate(Handles[I], 0);
  WriteLn('wall ', WallTime - Wall: 0: 4, ' processor ', ProcessorTime - Processor: 0: 4);
end.
