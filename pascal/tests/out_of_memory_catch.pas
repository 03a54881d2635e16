// SPDX-License-Identifier: MIT
{ Fills memory with pieces until EOutOfMemory is raised, catches it, writes a line, frees all, and does so three times,
  for each size. To raise an exception takes memory. tests/out_of_memory_caught.sh starts this program under a limit. }
program out_of_memory_catch;

{$mode delphi}

uses
  BrainMM, SysUtils, TestSupport;

const
  Sizes: array[0..5] of NativeInt = (64, 100, 1000, 3000, 10000, 100000);
  LeastBytes = 16 shl 20; { that fit under the limit }
  Rounds = 3;

type
  PNode = ^TNode;
  TNode = record
    Next: PNode;
  end;

var
  Head, Node: PNode;
  Text: string;
  Count, Caught: Integer;
  I, Round: Integer;
begin
  for I := 0 to High(Sizes) do
    for Round := 1 to Rounds do
    begin
      Head := nil;
      Count := 0;
      Caught := 0;
      try
        repeat
          GetMem(Pointer(Node), Sizes[I]);
          Node^.Next := Head;
          Head := Node;
          Inc(Count);
        until False;
      except
        on E: EOutOfMemory do
        begin
          Inc(Caught);
          Text := Format('%s after %d pieces of %d bytes', [E.ClassName, Count, Sizes[I]]);
          WriteLn(Text);
        end;
      end;
      while Head <> nil do
      begin
        Node := Head^.Next;
        FreeMem(Head);
        Head := Node;
      end;
      ExpectEqual(Caught, 1, 'how often EOutOfMemory was caught');
      Expect(Count >= LeastBytes div Sizes[I], 'memory was out too early');
    end;
  EndTest;
end.
