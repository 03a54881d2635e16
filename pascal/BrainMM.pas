// SPDX-License-Identifier: MIT
{$ifdef FPC}{$mode delphi}{$endif} { behind the unit's name the mode macpas does not allow it }
unit BrainMM;

{ Puts a Delphi or Free Pascal module on the process's heap.

      program Host;
      uses
        BrainMM, SysUtils, Classes;      (BrainMM first, in the program and in each DLL)

  From then on strings, arrays, objects and raw memory may be allocated in one module and resized and freed in any
  other, in Pascal or in C. The unit needs no other unit, no package and no SysUtils. It

    - joins the heap that a module of this process has published (docs/abi.md);
    - if there is none, loads brainmm.dll or libbrainmm.so.2 by full path from the folder of the module that it is in.
      On Linux it then loads the one that the system finds, which is an installed one. There libbrainmm.so is looked
      for, too, behind the name with the number;
    - if that fails, stops with a sentence on standard error. A program, or a library on Linux, ends with runtime error
      203; a DLL fails to load. It also stops, with runtime error 204, if the module has already allocated memory: then
      the module uses another unit before this one. The same happens if a unit after this one sets another memory
      manager.

  The memory manager stays until the process ends. No finalization removes it, in whatever order units finalize. Reports
  of leaks name classes, strings and dynamic arrays of this module: docs/leaks.md.

  Delphi 7 to 12 for Windows; Free Pascal 3.2 and later for Windows and Linux. docs/pascal.md says what is tested.

  Errors are those of the language: runtime errors 203 (out of memory), 204 (not a pointer of the heap, or already
  freed) and 219 (an enumeration out of its range). With SysUtils these are EOutOfMemory, EInvalidPointer and
  EInvalidCast. If a function fails, the variable passed to it keeps its value and the old memory stays valid. }

{$ifdef FPC}
  {$ifndef BRAINMM_DELPHI} { defined to compile the parts for Delphi with Free Pascal: tests/delphi_branches.sh }
    {$define BRAINMM_FPC}
  {$endif}
{$else}
  {$define BRAINMM_DELPHI}
{$endif}

{$ifdef BRAINMM_DELPHI}
  {$ifdef FPC}
    {$macro on}
  {$else}
    {$if CompilerVersion >= 24}
      {$legacyifend on}
    {$ifend}
    {$if CompilerVersion >= 15}
      {$warn unsafe_code off}
      {$warn unsafe_type off}
      {$warn unsafe_cast off}
    {$ifend}
    {$if CompilerVersion >= 17}
      {$warn symbol_deprecated off}
    {$ifend}
  {$endif}
  {$if CompilerVersion >= 18}
    {$define BRAINMM_MANAGER_EX} { Delphi 2006 and later have TMemoryManagerEx and the hooks for threads }
  {$ifend}
  {$if CompilerVersion >= 21}
    {$define BRAINMM_NATIVE_INT} { older versions have no NativeInt, or one of the wrong size }
  {$ifend}
  {$if CompilerVersion >= 23}
    {$define BRAINMM_NATIVE_SIZE} { the memory manager's sizes are NativeInt }
  {$ifend}
{$else}
  {$define BRAINMM_NATIVE_INT}
{$endif}

{$ifndef MSWINDOWS}
  {$ifndef LINUX}
    {$message fatal 'BrainMM: this system is not supported'}
  {$endif}
  {$ifndef FPC}
    {$message fatal 'BrainMM: Delphi is supported for Windows only'}
  {$endif}
{$endif}

{$ifdef BRAINMM_DELPHI}
  {$ifdef CPUX64}
    {$define BRAINMM_64}
  {$endif}
  {$ifdef CPU64BITS} { Delphi's name for all processors of 64 bits }
    {$define BRAINMM_64}
  {$endif}
  {$if CompilerVersion < 20}
    {$define BRAINMM_PLAIN_STRINGS} { strings have no code page and no element size }
  {$ifend}
{$endif}

{$ifdef BRAINMM_FPC}{$ifdef MSWINDOWS}
  {$define BRAINMM_COUNTS_OWN} { the run-time library keeps the command line in its heap }
{$endif}{$endif}

{$A8}{$B-}{$H+}{$I-}{$J-}{$Q-}{$R-}{$X+}{$Z1}

interface

{$ifdef BRAINMM_DELPHI}{$ifdef FPC}
uses
  DelphiSystem;
{$endif}{$endif}

type
{$ifndef BRAINMM_NATIVE_INT}
  NativeInt = Integer;
  NativeUInt = Cardinal;
  PNativeInt = ^NativeInt;
  PNativeUInt = ^NativeUInt;
{$endif}

  TMemoryAlign = (ma16Bytes, ma32Bytes, ma64Bytes, ma128Bytes, ma256Bytes, ma512Bytes, ma1024Bytes, ma2048Bytes);
  PMemoryAlign = ^TMemoryAlign;

  MemoryBlock = type Pointer;
  PMemoryBlock = ^MemoryBlock;

  TMemoryBlockSize = (BLOCK_4K, BLOCK_16K, BLOCK_64K, BLOCK_256K, BLOCK_1MB, BLOCK_4MB, BLOCK_16MB, BLOCK_64MB,
    BLOCK_256MB);
  PMemoryBlockSize = ^TMemoryBlockSize;

  MemoryPages = type Pointer;
  PMemoryPages = ^MemoryPages;

  TMemoryAccessRight = (marRead, marWrite, marExecute);
  PMemoryAccessRight = ^TMemoryAccessRight;
  TMemoryAccessRights = set of TMemoryAccessRight;
  PMemoryAccessRights = ^TMemoryAccessRights;

  TMemoryKind = (mkSmall, mkMedium, mkBig, mkLarge, mkPages, mkBlock, mkJIT);
  PMemoryKind = ^TMemoryKind;

  { Describes an allocation. The record has 12 bytes on 32 bit and 20 bytes on 64 bit. }
  TMemoryOptions = packed record
    Kind: TMemoryKind; { a piece up to 128 bytes, 32 KiB, 1 MiB, or larger; pages; a block; executable memory }
    Align: TMemoryAlign;
    BlockSize: TMemoryBlockSize; { of a block }
    AccessRights: TMemoryAccessRights;
    ThreadId: NativeUInt; { the system's id of the thread that owns the piece; 0 if no thread owns it }
    Size: NativeUInt; { usable bytes }
  end;
  PMemoryOptions = ^TMemoryOptions;

{ Allocates memory at a multiple of 16 to 2048 bytes with undefined contents. ReallocMem and RegetMem resize it and keep
  the alignment; FreeMem frees it. With a Size of 0 or less P becomes nil. Errors 203, 219. }
procedure GetMemAligned(var P: Pointer; Align: TMemoryAlign; Size: NativeInt);

{ Like ReallocMem, but copies nothing: the contents become undefined. With a NewSize of 0 or less it frees P, which
  becomes nil. If P is nil, it allocates. Errors 203, 204. }
procedure RegetMem(var P: Pointer; NewSize: NativeInt);

{$ifdef BRAINMM_DELPHI}{$ifndef BRAINMM_MANAGER_EX}
{ Allocates zeroed memory; FreeMem frees it. The System unit of these versions has no AllocMem. Error 203. }
function AllocMem(Size: NativeInt): Pointer;
{$endif}{$endif}

{ Allocates a block of 4 KiB to 256 MiB at a multiple of its size with undefined contents. Errors 203, 219. }
procedure GetMemoryBlock(var Block: MemoryBlock; BlockSize: TMemoryBlockSize);
{ Does nothing if Block is nil. Error 204. }
procedure FreeMemoryBlock(Block: MemoryBlock);

{ Allocates Count pages of 4 KiB with undefined contents. With a Count of 0 or less Pages becomes nil. Error 203. }
procedure GetMemoryPages(var Pages: MemoryPages; Count: NativeInt);
{ Resizes a run to NewCount pages; the run may move. Realloc keeps the contents, with Reget they become undefined. With
  a NewCount of 0 or less they free Pages, which becomes nil. If Pages is nil, they allocate. Errors 203, 204. }
procedure RegetMemoryPages(var Pages: MemoryPages; NewCount: NativeInt);
procedure ReallocMemoryPages(var Pages: MemoryPages; NewCount: NativeInt);
{ Does nothing if Pages is nil. Error 204. }
procedure FreeMemoryPages(Pages: MemoryPages);

{ Describes the piece, block or pages that begin at P. If none begin there, returns False and leaves Options untouched.
  P may be any address: nil, freed memory, the stack or anything else. }
function GetMemoryOptions(const P: Pointer; var Options: TMemoryOptions): Boolean;

{ Collects the pieces of the calling thread that other threads have freed, and returns idle memory to the system. True
  if it did anything. }
function ThreadHeapMinimize: Boolean;

{ Sets the rights of Count pages of 4 KiB, of the heap or of any other memory. marWrite includes marRead. Pages of the
  heap must lie inside one run, one block or one piece above 32 KiB. It gets its first rights back when it is freed or
  resized. A Count of 0 or less changes nothing. Errors 204 (also if the system refuses), 219. }
procedure ChangeMemoryAccessRights(Pages: MemoryPages; Count: NativeInt; Rights: TMemoryAccessRights);
{ The rights of one page. A page that is not mapped has none. Error 204: nil, or not a multiple of 4 KiB. }
function GetMemoryAccessRights(Pages: MemoryPages): TMemoryAccessRights;

{ Moves B16Count units of 16 bytes. Source and Dest may overlap. With 0 or less it moves nothing. }
procedure MoveB16Aligned(const Source; var Dest; const B16Count: NativeInt);

type
{ A heap of memory for machine code: readable, writable and executable. Any thread may call any method. Methods with two
  names do the same under both. The end of the heap frees all of its memory. Errors 203, 204.
  Some systems forbid memory that is writable and executable at one address (PR_SET_MDWE on Linux). The heap then has
  two addresses for its memory: GetMemoryViews returns where the code runs, and stores in Writable where it is written.
  Elsewhere the two are equal. On such a system GetMemory raises error 203, because its code could not be written. }
  IJITHeap = interface
    procedure Clear; stdcall;
    function GetMemory(Size: NativeInt): Pointer; stdcall; { nil with a Size of 0 or less }
    procedure FreeMemory(P: Pointer); stdcall; { does nothing if P is nil }
    function SyncGetMemory(Size: NativeInt): Pointer; stdcall;
    procedure SyncFreeMemory(P: Pointer); stdcall;
    function GetMemoryViews(Size: NativeInt; out Writable: Pointer): Pointer; stdcall;
  end;

  TJITHeap = class(TInterfacedObject, IJITHeap)
  private
    FHeap: Pointer;
  public
    constructor Create;
    destructor Destroy; override;
    procedure Clear; stdcall;
    function GetMemory(Size: NativeInt): Pointer; stdcall;
    procedure FreeMemory(P: Pointer); stdcall;
    function SyncGetMemory(Size: NativeInt): Pointer; stdcall;
    procedure SyncFreeMemory(P: Pointer); stdcall;
    function GetMemoryViews(Size: NativeInt; out Writable: Pointer): Pointer; stdcall;
  end;

{ COM's memory allocator on this heap. It follows COM's rules: it raises no error. }
  IMalloc = interface(IUnknown)
    ['{00000002-0000-0000-C000-000000000046}']
    function Alloc(cb: NativeUInt): Pointer; stdcall;
    function Realloc(pv: Pointer; cb: NativeUInt): Pointer; stdcall;
    procedure Free(pv: Pointer); stdcall;
    function GetSize(pv: Pointer): NativeUInt; stdcall; { all bits set if pv is nil or no piece }
    function DidAlloc(pv: Pointer): Integer; stdcall; { 1: a piece, 0: not a piece, -1: nil }
    procedure HeapMinimize; stdcall;
  end;

  TMalloc = class(TInterfacedObject, IMalloc)
  public
    function Alloc(cb: NativeUInt): Pointer; stdcall;
    function Realloc(pv: Pointer; cb: NativeUInt): Pointer; stdcall;
    procedure Free(pv: Pointer); stdcall;
    function GetSize(pv: Pointer): NativeUInt; stdcall;
    function DidAlloc(pv: Pointer): Integer; stdcall;
    procedure HeapMinimize; stdcall;
  end;

{ ---- Looking at the heap: the functions of brainmm.h, with their contracts ----------------------------------------- }

const
  { What the functions below return }
  BRAINMM_OK = 0;
  BRAINMM_E_POINTER = 1;
  BRAINMM_E_DOUBLE_FREE = 2;
  BRAINMM_E_KIND = 3;
  BRAINMM_E_ARGUMENT = 4;
  BRAINMM_E_MEMORY = 5;
  BRAINMM_E_UNSUPPORTED = 6; { the process's heap belongs to a module of an older version }
  BRAINMM_E_STOPPED = 7; { the caller's own function ended the call early }
  BRAINMM_E_REFUSED = 8;
  BRAINMM_E_DAMAGED = 9;
  BRAINMM_E_TAKEN = 10;

  { The version of this unit: major, minor, patch }
  BRAINMM_VERSION = $020000;

  { The parts of a dump }
  BRAINMM_DUMP_STATS = 1;
  BRAINMM_DUMP_ALLOCATIONS = 2;
  BRAINMM_DUMP_MAP = 4; { the heap's regions, and what their units are used for }
  BRAINMM_DUMP_HOLDERS = 8; { counts by size, kind, name and call stack }

type
  { How this module came to its heap. docs/abi.md explains the two ways of publishing. }
  TMemoryAttachState = (
    masOwner, { the library that this module has loaded owns the heap }
    masAttached, { the heap is another module's }
    masAttachedVersion1, { the same, and that module has the original's table only }
    masAttachedSecond, { the heap was found the second way: what has the first name was refused }
    masOwnerSecond, { the library owns the heap, and published it the second way }
    masOwnerUnpublished); { the library owns a heap that other modules cannot find }

  TMemoryKindStatistics = packed record
    Count, Bytes: Int64;
  end;

  { struct brainmm_stats: figures of the heap }
  TMemoryStatistics = packed record
    StructSize: Cardinal; { the bytes that were filled in }
    Approximate: Cardinal; { 0: all is exact and of one moment }
    LiveCount, LiveBytes, FreeBytes, CachedBytes, OverheadBytes, CommittedBytes, CommittedMost, ReservedBytes: Int64;
    Kinds: array[0..7] of TMemoryKindStatistics; { by TMemoryKind }
    Heaps, Threads, Slabs, RemoteFrees, Purges, PurgedBytes, ClassCount: Int64;
    GrownRightBytes, GrownLeftBytes, GrownHeadroomBytes, SlidBytes, MovedBytes, CopiedBytes, ShrunkBytes: Int64;
  end;
  PMemoryStatistics = ^TMemoryStatistics;

  { struct brainmm_class_stats: one size class }
  TMemoryClassStatistics = packed record
    Size, Alignment: Cardinal;
    Slabs, Live, Free, Untouched: Int64;
  end;
  PMemoryClassStatistics = ^TMemoryClassStatistics;

  { struct brainmm_allocation: one live allocation }
  TMemoryAllocation = record
    StructSize: Cardinal;
    Kind: TMemoryKind;
    Mode: Byte; { 0: the user's. 1: a library's own. 2: for machine code }
    Certainty: Byte; { 0: exact. 1: it was live at some moment of the call. 2: it may have been free }
    Reserved: Byte;
    Address: Pointer;
    Size: NativeUInt; { usable bytes }
    Alignment: NativeUInt; { in bytes }
    ThreadId: NativeUInt; { of the thread that owns the piece, or 0 }
    Requested: NativeUInt; { in checked mode: the bytes that were asked for }
    Stack: Cardinal; { in checked mode, with stacks: a number for GetMemoryStack }
    Serial: Cardinal;
  end;
  PMemoryAllocation = ^TMemoryAllocation;

  { struct brainmm_frame: one return address of a call stack }
  TMemoryFrame = record
    Address: Pointer;
    Module: PAnsiChar; { the file of the module, in UTF-8, or nil }
    Offset: NativeUInt;
  end;
  PMemoryFrame = ^TMemoryFrame;

  { struct brainmm_error: an error of the program that the heap has found }
  TMemoryError = record
    StructSize: Cardinal;
    Kind: Cardinal; { 1: freed twice. 2: no allocation. 3: of another kind. 4: written to behind its end. 5: before its
      start. 6: after it was freed. 7: a structure of the heap is not as it was left. 8: freed with a wrong size }
    FunctionName: PAnsiChar;
    Address, Piece: Pointer;
    Size: NativeUInt;
    ThreadId, AllocThreadId, FreeThreadId: NativeUInt;
    AllocStack, FreeStack: Cardinal;
    Text: PAnsiChar; { all of that as an English sentence. Never nil }
  end;
  PMemoryError = ^TMemoryError;

  { Functions of the program. Their first argument is the Context that was given with them. No exception may leave them.
    A visitor and a writer end the call with a result other than 0. }
  TMemoryVisit = function(Context: Pointer; Allocation: PMemoryAllocation): Integer; cdecl;
  TMemoryWrite = function(Context: Pointer; Text: PAnsiChar; Length: NativeUInt): Integer; cdecl;
  TMemoryDescribe = function(Context, Address: Pointer; Size: NativeUInt): PAnsiChar; cdecl;
  TMemoryErrorHandler = procedure(Context: Pointer; Error: PMemoryError); cdecl;
  TMemorySnapshot = type Pointer;

{ How this module came to its heap. Text becomes an English text about it, which stays valid. }
function GetAttachStatus(out Text: PAnsiChar): TMemoryAttachState;

{ The version of the library, in the form of BRAINMM_VERSION, if this module has loaded it. 0: it has not, because it
  uses the heap of another module. That heap may be of another version. For what it lacks, the functions below return
  BRAINMM_E_UNSUPPORTED. }
function GetLibraryVersion: Cardinal;
{ An English sentence about what a function has returned. Never nil. }
function GetMemoryResultText(MemoryResult: Integer): PAnsiChar;

{ Fills Statistics, and up to Capacity rows of Classes, which may be nil with a Capacity of 0. }
function GetMemoryStatistics(out Statistics: TMemoryStatistics; Classes: PMemoryClassStatistics = nil;
  Capacity: NativeUInt = 0): Integer;
{ Calls Visit for each live allocation of the process, in ascending order of addresses. It may use the heap. }
function WalkMemory(Visit: TMemoryVisit; Context: Pointer = nil): Integer;
{ Writes statistics, allocations or both as JSON. }
function DumpMemory(Write: TMemoryWrite; Context: Pointer = nil;
  Parts: Cardinal = BRAINMM_DUMP_STATS or BRAINMM_DUMP_ALLOCATIONS): Integer;
{ Checked mode: looks for what the program has overwritten. }
function CheckMemory: Integer;
{ Handler is called for each error that the heap finds, in the thread that made it. nil: none is. }
function SetMemoryErrorHandler(Handler: TMemoryErrorHandler; Context: Pointer = nil): Integer;
{ Fills in up to Capacity frames of a call stack, and returns how many it has. }
function GetMemoryStack(Stack: Cardinal; Frames: PMemoryFrame; Capacity: Cardinal): Cardinal;
{ Copies memory that may be unreadable. False: a part of it is. }
function PeekMemory(Target, From: Pointer; Size: NativeUInt): Boolean;

{ ---- Leaks: docs/leaks.md ------------------------------------------------------------------------------------------ }

var
{$ifndef BRAINMM_MANAGER_EX}
  { True: a report of leaks is written when the process ends, as with the option `leaks`. In Delphi 2006 and later the
    unit System has this variable. }
  ReportMemoryLeaksOnShutdown: Boolean = False;
{$endif}
  { True: a program for Windows with windows shows the report in a message box, as with the option `message_box`. }
  ShowMemoryLeaksInMessageBox: Boolean = False;

{ Leaks that are meant: one allocation by its address, Count objects of a class, Count allocations of a size in bytes. A
  descendant is another class. Unregistering takes Count away. False: there is nothing of that kind in the list, or no
  memory for it. }
function RegisterExpectedMemoryLeak(P: Pointer): Boolean; overload;
function RegisterExpectedMemoryLeak(AClass: TClass; Count: Integer = 1): Boolean; overload;
function RegisterExpectedMemoryLeak(Size: NativeInt; Count: Integer = 1): Boolean; overload;
function UnregisterExpectedMemoryLeak(P: Pointer): Boolean; overload;
function UnregisterExpectedMemoryLeak(AClass: TClass; Count: Integer = 1): Boolean; overload;
function UnregisterExpectedMemoryLeak(Size: NativeInt; Count: Integer = 1): Boolean; overload;

{ Writes a report of what is live now, without the leaks that are meant. If nothing is, Write is not called. }
function ReportMemoryLeaks(Write: TMemoryWrite; Context: Pointer = nil): Integer;
{ What is live at one moment, as counts; and what one moment has more and less than another. Before nil: nothing was
  live. After nil: now. }
function TakeMemorySnapshot(out Snapshot: TMemorySnapshot): Integer;
function FreeMemorySnapshot(Snapshot: TMemorySnapshot): Integer;
function WriteMemoryDifference(Before, After: TMemorySnapshot; Write: TMemoryWrite; Context: Pointer = nil): Integer;

{ Windows: publishes the heap under FastMM's name as well, for modules that attach as FastMM and SimpleShareMem do and
  are loaded later: docs/from-sharemem.md. Returns BRAINMM_OK, also if it was published there before; BRAINMM_E_TAKEN:
  another memory manager has published there; BRAINMM_E_REFUSED or BRAINMM_E_UNSUPPORTED. With the define
  BRAINMM_FASTMM the unit calls it at its start, and FastMMPublication is the result. }
function PublishFastMM: Integer;

var
  FastMMPublication: Integer = BRAINMM_E_UNSUPPORTED;

{ Functions that tell what lies in an allocation. They read it with PeekMemory. A report begins with a call for nil. }
function AddMemoryDescriber(Describe: TMemoryDescribe; Context: Pointer = nil): Integer;
function RemoveMemoryDescriber(Describe: TMemoryDescribe; Context: Pointer = nil): Integer;

implementation

const
  NoMemoryError = 203;
  PointerError = 204;
  RangeError = 219;

{ ---- The manager table: struct brainmm_manager of brainmm.h -------------------------------------------------------- }

type
  TMagic = array[0..15] of AnsiChar;

  PManager = ^TManager;
  TManager = record { the members before the first function }
    Magic: TMagic;
    Size: Cardinal; { of the table with its functions, in bytes }
    AbiVersion: Cardinal;
    Self: PManager;
    Version1: Pointer;
    HeapId: NativeUInt;
  end;

  PExpectedLeak = ^TExpectedLeak;
  TExpectedLeak = record { struct brainmm_expected_leak }
    StructSize, Count: Cardinal;
    Address: Pointer;
    Name: PAnsiChar;
    Size: NativeUInt;
  end;

  { The functions in the order of the table }
  THeap = record
    Alloc: function(Size: NativeUInt): Pointer; cdecl;
    AllocZeroed: function(Size: NativeUInt): Pointer; cdecl;
    AllocAligned: function(Alignment, Size: NativeUInt): Pointer; cdecl;
    Free: function(Piece: Pointer): Integer; cdecl;
    Realloc: function(Piece: Pointer; Size: NativeUInt): Pointer; cdecl;
    Reget: function(Piece: Pointer; Size: NativeUInt): Pointer; cdecl;
    UsableSize: function(Piece: Pointer): NativeUInt; cdecl;
    BlockGet: function(Size: NativeUInt; Mode: Cardinal): Pointer; cdecl;
    BlockFree: function(Block: Pointer; Mode: Cardinal): Integer; cdecl;
    PagesGet: function(Count: NativeUInt; Mode: Cardinal): Pointer; cdecl;
    PagesReget: function(Pages: Pointer; Count: NativeUInt; Mode: Cardinal): Pointer; cdecl;
    PagesRealloc: function(Pages: Pointer; Count: NativeUInt; Mode: Cardinal): Pointer; cdecl;
    PagesFree: function(Pages: Pointer; Mode: Cardinal): Integer; cdecl;
    GetOptions: function(Address: Pointer; Options: PMemoryOptions): Integer; cdecl;
    ThreadHeapMinimize: function: Integer; cdecl;
    ThreadDone: procedure; cdecl;
    MoveB16: function(Target, Source: Pointer; Count: NativeUInt): Integer; cdecl;
    GetStats: function(Statistics: PMemoryStatistics; Classes: PMemoryClassStatistics;
      Capacity: NativeUInt): Integer; cdecl;
    Walk: function(Visit: TMemoryVisit; Context: Pointer): Integer; cdecl;
    PagesSetRights: function(Pages: Pointer; Count: NativeUInt; Rights: Cardinal): Integer; cdecl;
    PagesGetRights: function(Page: Pointer; out Rights: Cardinal): Integer; cdecl;
    JitHeapCreate: function(Kind: Cardinal; out JitHeap: Pointer): Integer; cdecl;
    JitHeapClear: function(JitHeap: Pointer): Integer; cdecl;
    JitHeapDestroy: function(JitHeap: Pointer): Integer; cdecl;
    JitAlloc: function(JitHeap: Pointer; Size: NativeUInt; Writable: Pointer): Pointer; cdecl;
    JitFree: function(JitHeap, P: Pointer): Integer; cdecl;
    JitFlush: procedure(Code: Pointer; Size: NativeUInt); cdecl;
    SetErrorHandler: function(Handler: TMemoryErrorHandler; Context: Pointer): Integer; cdecl;
    StackFrames: function(Stack: Cardinal; Frames: PMemoryFrame; Capacity: Cardinal): Cardinal; cdecl;
    Check: function: Integer; cdecl;
    ReportLeaks: function(Write: TMemoryWrite; Context: Pointer): Integer; cdecl;
    SnapshotTake: function(out Snapshot: TMemorySnapshot): Integer; cdecl;
    SnapshotFree: function(Snapshot: TMemorySnapshot): Integer; cdecl;
    SnapshotDifference: function(Before, After: TMemorySnapshot; Write: TMemoryWrite;
      Context: Pointer): Integer; cdecl;
    RegisterExpectedLeak: function(Leak: PExpectedLeak): Integer; cdecl;
    UnregisterExpectedLeak: function(Leak: PExpectedLeak): Integer; cdecl;
    AddDescriber: function(Describe: TMemoryDescribe; Context: Pointer): Integer; cdecl;
    RemoveDescriber: function(Describe: TMemoryDescribe; Context: Pointer): Integer; cdecl;
    LeakWishes: function: Cardinal; cdecl;
    Dump: function(Write: TMemoryWrite; Context: Pointer; Parts: Cardinal): Integer; cdecl;
    Peek: function(Target, From: Pointer; Size: NativeUInt): Integer; cdecl;
    HoldReports: function: Integer; cdecl;
    ReleaseReports: function: Integer; cdecl;
    Contains: function(Address: Pointer): Integer; cdecl;
    PublishFastMM: function: Integer; cdecl;
  end;

const
  FunctionCount = SizeOf(THeap) div SizeOf(Pointer);
  RequiredCount = 7; { the functions up to UsableSize }

type
  TFunctions = array[0..FunctionCount - 1] of Pointer;

const
  ManagerMagic: TMagic = 'BrainMM-table-v2';
  ManagerAbiVersion = 2;
  ManagerSizeMax = 65536;
  UserMode = 0; { BRAINMM_USER }

var
  Heap: THeap; { the functions of the process's heap, and what stands in for those that it lacks }

{ Stand in for functions that the heap of an older version lacks: they return an error, or nil or 0. In the C convention
  a function may ignore its arguments. }
function MissingResult: NativeUInt; cdecl;
begin
  Result := 0;
end;

function MissingFunction: Integer; cdecl;
begin
  Result := BRAINMM_E_UNSUPPORTED;
end;

function MissingMove(Target, Source: Pointer; Count: NativeUInt): Integer; cdecl;
begin
  Move(Source^, Target^, Count * 16);
  Result := BRAINMM_OK;
end;

function SameMagic(const Found, Expected: TMagic): Boolean;
var
  I: Integer;
begin
  Result := True;
  for I := 0 to High(TMagic) do
    Result := Result and (Found[I] = Expected[I]);
end;

{ Copies the functions of a table that has Size bytes. }
procedure UseFunctions(const Functions: TFunctions; Size: Cardinal);
var
  All: TFunctions absolute Heap;
  I, Count: Integer;
begin
  Count := (Size - SizeOf(TManager)) div SizeOf(Pointer);
  for I := 0 to FunctionCount - 1 do
    if I < Count then
      All[I] := Functions[I]
    else
      All[I] := @MissingFunction;
  if @Heap.BlockGet = @MissingFunction then
    @Heap.BlockGet := @MissingResult;
  if @Heap.PagesGet = @MissingFunction then
    @Heap.PagesGet := @MissingResult;
  if @Heap.PagesReget = @MissingFunction then
    @Heap.PagesReget := @MissingResult;
  if @Heap.PagesRealloc = @MissingFunction then
    @Heap.PagesRealloc := @MissingResult;
  if @Heap.GetOptions = @MissingFunction then
    @Heap.GetOptions := @MissingResult;
  if @Heap.ThreadHeapMinimize = @MissingFunction then
    @Heap.ThreadHeapMinimize := @MissingResult;
  if @Heap.MoveB16 = @MissingFunction then
    @Heap.MoveB16 := @MissingMove;
  if @Heap.JitAlloc = @MissingFunction then
    @Heap.JitAlloc := @MissingResult;
  if @Heap.StackFrames = @MissingFunction then
    @Heap.StackFrames := @MissingResult;
  if @Heap.LeakWishes = @MissingFunction then
    @Heap.LeakWishes := @MissingResult;
  if @Heap.Contains = @MissingFunction then
    @Heap.Contains := @MissingResult;
end;

{ ---- Errors -------------------------------------------------------------------------------------------------------- }

{$ifdef BRAINMM_FPC}

procedure HandleError(Code: Longint); external name 'FPC_HANDLEERROR';

procedure RaiseError(Code: Integer);
begin
  HandleError(Code);
end;

{$else}

procedure RaiseError(Code: Integer);
begin
  if Assigned(ErrorProc) then { SysUtils raises an exception there }
    case Code of
      NoMemoryError: ErrorProc(Byte(Ord(reOutOfMemory)), nil);
      PointerError: ErrorProc(Byte(Ord(reInvalidPtr)), nil);
      RangeError: ErrorProc(Byte(Ord(reInvalidCast)), nil);
    end;
  RunError(Code);
end;

{$endif}

{ ---- The interface ------------------------------------------------------------------------------------------------- }

{ Also one of size 0. Blocks, pages and code are no pieces; their size is not 0. }
function IsPiece(P: Pointer): Boolean;
var
  Options: TMemoryOptions;
begin
  Result := (Heap.UsableSize(P) <> 0) or ((Heap.GetOptions(P, @Options) <> 0) and (Options.Size = 0));
end;

procedure ReleasePiece(P: Pointer);
begin
  if Heap.Free(P) <> BRAINMM_OK then
    RaiseError(PointerError);
end;

procedure GetMemAligned(var P: Pointer; Align: TMemoryAlign; Size: NativeInt);
var
  Piece: Pointer;
begin
  Piece := nil;
  if Ord(Align) > Ord(High(TMemoryAlign)) then
    RaiseError(RangeError)
  else
  begin
    if Size > 0 then
    begin
      Piece := Heap.AllocAligned(NativeUInt(16) shl Ord(Align), Size);
      if Piece = nil then
      begin
        RaiseError(NoMemoryError);
        Exit;
      end;
    end;
    P := Piece;
  end;
end;

procedure RegetMem(var P: Pointer; NewSize: NativeInt);
var
  Piece: Pointer;
begin
  Piece := nil;
  if NewSize > 0 then
  begin
    Piece := Heap.Reget(P, NewSize);
    if Piece = nil then
    begin
      if (P <> nil) and not IsPiece(P) then
        RaiseError(PointerError)
      else
        RaiseError(NoMemoryError);
      Exit;
    end;
  end
  else
    ReleasePiece(P);
  P := Piece;
end;

{$ifdef BRAINMM_DELPHI}{$ifndef BRAINMM_MANAGER_EX}
function AllocMem(Size: NativeInt): Pointer;
begin
  Result := nil;
  if Size > 0 then
  begin
    Result := Heap.AllocZeroed(Size);
    if Result = nil then
      RaiseError(NoMemoryError);
  end;
end;
{$endif}{$endif}

procedure GetMemoryBlock(var Block: MemoryBlock; BlockSize: TMemoryBlockSize);
var
  Found: Pointer;
begin
  if Ord(BlockSize) > Ord(High(TMemoryBlockSize)) then
    RaiseError(RangeError)
  else
  begin
    Found := Heap.BlockGet(NativeUInt(4096) shl (2 * Ord(BlockSize)), UserMode);
    if Found = nil then
      RaiseError(NoMemoryError)
    else
      Block := Found;
  end;
end;

procedure FreeMemoryBlock(Block: MemoryBlock);
begin
  if (Block <> nil) and (Heap.BlockFree(Block, UserMode) <> BRAINMM_OK) then
    RaiseError(PointerError);
end;

procedure GetMemoryPages(var Pages: MemoryPages; Count: NativeInt);
var
  Found: Pointer;
begin
  Found := nil;
  if Count > 0 then
  begin
    Found := Heap.PagesGet(Count, UserMode);
    if Found = nil then
    begin
      RaiseError(NoMemoryError);
      Exit;
    end;
  end;
  Pages := Found;
end;

procedure ResizeMemoryPages(var Pages: MemoryPages; NewCount: NativeInt; Keep: Boolean);
var
  Found: Pointer;
  Options: TMemoryOptions;
begin
  if (Pages = nil) or (NewCount <= 0) then
  begin
    FreeMemoryPages(Pages);
    GetMemoryPages(Pages, NewCount);
    Exit;
  end;
  if Keep then
    Found := Heap.PagesRealloc(Pages, NewCount, UserMode)
  else
    Found := Heap.PagesReget(Pages, NewCount, UserMode);
  if Found <> nil then
    Pages := Found
  else if GetMemoryOptions(Pages, Options) and (Options.Kind = mkPages) then
    RaiseError(NoMemoryError)
  else
    RaiseError(PointerError);
end;

procedure RegetMemoryPages(var Pages: MemoryPages; NewCount: NativeInt);
begin
  ResizeMemoryPages(Pages, NewCount, False);
end;

procedure ReallocMemoryPages(var Pages: MemoryPages; NewCount: NativeInt);
begin
  ResizeMemoryPages(Pages, NewCount, True);
end;

procedure FreeMemoryPages(Pages: MemoryPages);
begin
  if (Pages <> nil) and (Heap.PagesFree(Pages, UserMode) <> BRAINMM_OK) then
    RaiseError(PointerError);
end;

function GetMemoryOptions(const P: Pointer; var Options: TMemoryOptions): Boolean;
begin
  Result := Heap.GetOptions(P, @Options) <> 0;
end;

function ThreadHeapMinimize: Boolean;
begin
  Result := Heap.ThreadHeapMinimize() <> 0;
end;

procedure ChangeMemoryAccessRights(Pages: MemoryPages; Count: NativeInt; Rights: TMemoryAccessRights);
var
  Bits: Byte absolute Rights;
begin
  if Bits > 7 then
    RaiseError(RangeError)
  else
  begin
    if Count < 0 then
      Count := 0;
    if Heap.PagesSetRights(Pages, NativeUInt(Count), Bits) <> BRAINMM_OK then
      RaiseError(PointerError);
  end;
end;

function GetMemoryAccessRights(Pages: MemoryPages): TMemoryAccessRights;
var
  Bits: Byte absolute Result;
  Rights: Cardinal;
begin
  Result := [];
  if (Pages = nil) or (NativeUInt(Pages) and 4095 <> 0) then
    RaiseError(PointerError)
  else if Heap.PagesGetRights(Pages, Rights) = BRAINMM_OK then
    Bits := Byte(Rights);
end;

procedure MoveB16Aligned(const Source; var Dest; const B16Count: NativeInt);
begin
  if B16Count > 0 then
    Heap.MoveB16(@Dest, @Source, NativeUInt(B16Count));
end;

{ ---- TJITHeap ------------------------------------------------------------------------------------------------------ }

constructor TJITHeap.Create;
begin
  inherited Create;
  if Heap.JitHeapCreate(0, FHeap) <> BRAINMM_OK then
  begin
    FHeap := nil;
    RaiseError(NoMemoryError);
  end;
end;

destructor TJITHeap.Destroy;
begin
  if FHeap <> nil then
    Heap.JitHeapDestroy(FHeap);
  inherited Destroy;
end;

procedure TJITHeap.Clear;
begin
  Heap.JitHeapClear(FHeap);
end;

function TJITHeap.GetMemory(Size: NativeInt): Pointer;
begin
  Result := nil;
  if Size > 0 then
  begin
    Result := Heap.JitAlloc(FHeap, NativeUInt(Size), nil);
    if Result = nil then
      RaiseError(NoMemoryError);
  end;
end;

function TJITHeap.GetMemoryViews(Size: NativeInt; out Writable: Pointer): Pointer;
begin
  Result := nil;
  Writable := nil;
  if Size > 0 then
  begin
    Result := Heap.JitAlloc(FHeap, NativeUInt(Size), @Writable);
    if Result = nil then
      RaiseError(NoMemoryError);
  end;
end;

procedure TJITHeap.FreeMemory(P: Pointer);
begin
  if (P <> nil) and (Heap.JitFree(FHeap, P) <> BRAINMM_OK) then
    RaiseError(PointerError);
end;

function TJITHeap.SyncGetMemory(Size: NativeInt): Pointer;
begin
  Result := GetMemory(Size);
end;

procedure TJITHeap.SyncFreeMemory(P: Pointer);
begin
  FreeMemory(P);
end;

{ ---- TMalloc ------------------------------------------------------------------------------------------------------- }

function TMalloc.Alloc(cb: NativeUInt): Pointer;
begin
  Result := Heap.Alloc(cb);
end;

function TMalloc.Realloc(pv: Pointer; cb: NativeUInt): Pointer;
begin
  Result := Heap.Realloc(pv, cb);
end;

procedure TMalloc.Free(pv: Pointer);
begin
  Heap.Free(pv);
end;

function TMalloc.GetSize(pv: Pointer): NativeUInt;
begin
  Result := 0;
  if pv <> nil then
    Result := Heap.UsableSize(pv);
  if (Result = 0) and not IsPiece(pv) then
    Result := not NativeUInt(0);
end;

function TMalloc.DidAlloc(pv: Pointer): Integer;
begin
  if pv = nil then
    Result := -1
  else
    Result := Ord(IsPiece(pv));
end;

procedure TMalloc.HeapMinimize;
begin
  Heap.ThreadHeapMinimize();
end;

{ ---- Looking at the heap ------------------------------------------------------------------------------------------- }

var
  AttachState: TMemoryAttachState;
  AttachText: PAnsiChar;
  LibraryVersion: Cardinal;

function GetAttachStatus(out Text: PAnsiChar): TMemoryAttachState;
begin
  Text := AttachText;
  Result := AttachState;
end;

function GetLibraryVersion: Cardinal;
begin
  Result := LibraryVersion;
end;

{ The library's texts. They are here, too, because a module may have loaded no library. }
function GetMemoryResultText(MemoryResult: Integer): PAnsiChar;
begin
  case MemoryResult of
    BRAINMM_OK: Result := 'The call succeeded.';
    BRAINMM_E_POINTER: Result := 'The pointer is not valid: it is no live allocation of this heap, or not mapped.';
    BRAINMM_E_DOUBLE_FREE: Result := 'The memory was freed before.';
    BRAINMM_E_KIND: Result := 'The memory is live, but of another kind or mode than the call is for.';
    BRAINMM_E_ARGUMENT: Result := 'An argument is out of range.';
    BRAINMM_E_MEMORY: Result := 'There is not enough memory.';
    BRAINMM_E_UNSUPPORTED: Result := 'The process''s heap, or the system, does not have this function.';
    BRAINMM_E_STOPPED: Result := 'The caller''s own function ended the call early.';
    BRAINMM_E_REFUSED: Result := 'The system refused the request.';
    BRAINMM_E_DAMAGED: Result := 'Memory was written to that the program must not write to.';
    BRAINMM_E_TAKEN: Result := 'Somebody else has the place.';
  else
    Result := 'Unknown result.';
  end;
end;

function GetMemoryStatistics(out Statistics: TMemoryStatistics; Classes: PMemoryClassStatistics;
  Capacity: NativeUInt): Integer;
begin
  FillChar(Statistics, SizeOf(Statistics), 0);
  Statistics.StructSize := SizeOf(Statistics);
  Result := Heap.GetStats(@Statistics, Classes, Capacity);
  if Result <> BRAINMM_OK then
    FillChar(Statistics, SizeOf(Statistics), 0);
end;

function WalkMemory(Visit: TMemoryVisit; Context: Pointer): Integer;
begin
  Result := Heap.Walk(Visit, Context);
end;

function DumpMemory(Write: TMemoryWrite; Context: Pointer; Parts: Cardinal): Integer;
begin
  Result := Heap.Dump(Write, Context, Parts);
end;

function CheckMemory: Integer;
begin
  Result := Heap.Check();
end;

function SetMemoryErrorHandler(Handler: TMemoryErrorHandler; Context: Pointer): Integer;
begin
  Result := Heap.SetErrorHandler(Handler, Context);
end;

function GetMemoryStack(Stack: Cardinal; Frames: PMemoryFrame; Capacity: Cardinal): Cardinal;
begin
  Result := Heap.StackFrames(Stack, Frames, Capacity);
end;

function PublishFastMM: Integer;
begin
  FastMMPublication := Heap.PublishFastMM;
  Result := FastMMPublication;
end;

function PeekMemory(Target, From: Pointer; Size: NativeUInt): Boolean;
begin
  Result := Heap.Peek(Target, From, Size) = BRAINMM_OK;
end;

function ReportMemoryLeaks(Write: TMemoryWrite; Context: Pointer): Integer;
begin
  Result := Heap.ReportLeaks(Write, Context);
end;

function TakeMemorySnapshot(out Snapshot: TMemorySnapshot): Integer;
begin
  Snapshot := nil;
  Result := Heap.SnapshotTake(Snapshot);
end;

function FreeMemorySnapshot(Snapshot: TMemorySnapshot): Integer;
begin
  Result := Heap.SnapshotFree(Snapshot);
end;

function WriteMemoryDifference(Before, After: TMemorySnapshot; Write: TMemoryWrite; Context: Pointer): Integer;
begin
  Result := Heap.SnapshotDifference(Before, After, Write, Context);
end;

function AddMemoryDescriber(Describe: TMemoryDescribe; Context: Pointer): Integer;
begin
  Result := Heap.AddDescriber(Describe, Context);
end;

function RemoveMemoryDescriber(Describe: TMemoryDescribe; Context: Pointer): Integer;
begin
  Result := Heap.RemoveDescriber(Describe, Context);
end;

{ ---- What lies in a piece ------------------------------------------------------------------------------------------ }

{ The heap calls DescribePiece for one piece at a time. The piece may belong to any module and may change or go away
  meanwhile. So everything is read with PeekMemory, and nothing that was read is trusted. What was read is kept for one
  report, because each call of the system takes a microsecond or many. }

const
  NameMost = 127; { the heap does not look at more }

type
  TName = array[0..NameMost] of AnsiChar; { with a zero at its end }

  { What a string begins with }
  TStringHead = packed record
{$ifdef BRAINMM_PLAIN_STRINGS}
    References, Length: Integer;
{$else}
  {$ifdef BRAINMM_FPC}
    CodePage, ElementSize: Word;
    {$if FPC_FULLVERSION >= 30300}
    References: Integer;
    {$else}
      {$ifdef CPU64}
    Padding: Cardinal;
      {$endif}
    References: NativeInt;
    {$ifend}
    Length: NativeInt;
  {$else}
    {$ifdef BRAINMM_64}
    Padding: Cardinal;
    {$endif}
    CodePage, ElementSize: Word;
    References, Length: Integer;
  {$endif}
{$endif}
  end;

  { What a dynamic array begins with }
  TArrayHead = packed record
{$ifdef BRAINMM_FPC}
    References, High: NativeInt;
{$else}
  {$ifdef BRAINMM_64}
    Padding: Cardinal;
  {$endif}
    References: Integer;
    Length: NativeInt;
{$endif}
  end;

  THead = packed record
    case Integer of
      0: (AClass: Pointer);
      1: (Text: TStringHead);
      2: (List: TArrayHead);
      3: (Bytes: array[0..31] of Byte);
  end;

  TClassFacts = record
    InstanceSize: NativeInt;
    Parent: Pointer; { where the address of the parent's table lies, or nil }
    Name: Pointer; { a ShortString }
  end;

{$ifdef BRAINMM_FPC}

function ReadClass(AClass: Pointer; out Facts: TClassFacts): Boolean;
var
  Table: record { the beginning of TVmt }
    InstanceSize, NegatedSize: NativeInt;
    Parent, Name: Pointer;
  end;
begin
  Result := PeekMemory(@Table, AClass, SizeOf(Table)) and (Table.InstanceSize >= SizeOf(Pointer)) and
    (Table.InstanceSize + Table.NegatedSize = 0);
  Facts.InstanceSize := Table.InstanceSize;
  Facts.Parent := Table.Parent;
  Facts.Name := Table.Name;
end;

{$else}

{ The tables that a class has before its methods. Their first word is the class itself. }
function ReadClass(AClass: Pointer; out Facts: TClassFacts): Boolean;
var
  Table: array[0..-vmtSelfPtr - 1] of Byte;

  function PointerAt(Offset: Integer): Pointer;
  begin
    Result := PPointer(@Table[Offset - vmtSelfPtr])^;
  end;

begin
  Result := PeekMemory(@Table, PAnsiChar(AClass) + vmtSelfPtr, SizeOf(Table)) and (PointerAt(vmtSelfPtr) = AClass);
  Facts.InstanceSize := PInteger(@Table[vmtInstanceSize - vmtSelfPtr])^;
  Facts.Parent := PointerAt(vmtParent);
  Facts.Name := PointerAt(vmtClassName);
end;

{$endif}

{ Reads a class's name, or as much of it as counts. False if it is none. Names of generic classes have more than letters
  and digits in them. }
function ReadName(From: Pointer; out Name: TName): Boolean;
var
  Length: Byte;
  I: Integer;
begin
  Result := PeekMemory(@Length, From, 1) and (Length > 0);
  if not Result then
    Exit;
  if Length > NameMost then
    Length := NameMost;
  Result := PeekMemory(@Name, PAnsiChar(From) + 1, Length);
  Name[Length] := #0;
  for I := 0 to Length - 1 do
    Result := Result and (Name[I] >= ' ') and (Name[I] <> #127);
end;

{ The size of the objects of a class, and its name. 0: it is no class. Its ancestors must be classes, too, and their
  objects not larger. }
function SizeOfClass(AClass: Pointer; out Name: TName): NativeInt;
const
  DepthMost = 64;
var
  Facts: TClassFacts;
  Depth: Integer;
  Size: NativeInt;
begin
  Result := 0;
  Size := High(NativeInt);
  for Depth := 0 to DepthMost do
  begin
    if not ReadClass(AClass, Facts) or (Facts.InstanceSize < SizeOf(Pointer)) or (Facts.InstanceSize > Size) or
      ((Depth = 0) and not ReadName(Facts.Name, Name)) then
      Exit;
    if Depth = 0 then
      Size := Facts.InstanceSize;
    if Facts.Parent = nil then
    begin
      Result := Size;
      Exit;
    end;
    if not PeekMemory(@AClass, Facts.Parent, SizeOf(AClass)) then
      Exit;
  end;
end;

type
  PSeenClass = ^TSeenClass;
  TSeenClass = record
    AClass: Pointer; { nil: the entry is empty }
    Size: NativeInt; { of its objects; 0: it is no class }
    Name: TName;
  end;

const
  SeenMost = 128; { a power of two }
  PageSize = 4096;

var
  Seen: array[0..SeenMost - 1] of TSeenClass;
  Page: array[0..PageSize - 1] of Byte; { a copy of the memory at PageStart }
  PageStart: NativeUInt; { 0: there is none }

procedure ForgetWhatWasRead;
begin
  FillChar(Seen, SizeOf(Seen), 0);
  PageStart := 0;
end;

{ nil if the objects of AClass do not fit, or if it is no class. }
function FindClassName(AClass: Pointer; Size: NativeUInt): PAnsiChar;
const
  LowestClass = 65536; { no system has images below }
var
  Entry: PSeenClass;
begin
  Result := nil;
  if (NativeUInt(AClass) < LowestClass) or (NativeUInt(AClass) and 3 <> 0) then
    Exit;
  Entry := @Seen[(NativeUInt(AClass) shr 4 xor NativeUInt(AClass) shr 11) and (SeenMost - 1)];
  if Entry.AClass <> AClass then
  begin
    Entry.AClass := AClass;
    Entry.Size := SizeOfClass(AClass, Entry.Name);
  end;
  if (Entry.Size <> 0) and (NativeUInt(Entry.Size) <= Size) then
    Result := Entry.Name;
end;

{ Reads a part of a piece. The heap asks for pieces in the order of their addresses, so many lie on the same page. }
function ReadPiece(Target, From: Pointer; Size: NativeUInt): Boolean;
var
  Start, Offset: NativeUInt;
begin
  Offset := NativeUInt(From) and (PageSize - 1);
  Start := NativeUInt(From) - Offset;
  if Offset + Size > PageSize then
  begin
    Result := PeekMemory(Target, From, Size);
    Exit;
  end;
  if PageStart <> Start then
  begin
    PageStart := 0;
    if PeekMemory(@Page, Pointer(Start), PageSize) then
      PageStart := Start;
  end;
  Result := PageStart = Start;
  if Result then
    Move(Page[Offset], Target^, Size);
end;

{ Whether a string of that length can be at Address. There is a zero behind it. It takes most of its memory: if half is
  free, it is given back. }
function IsText(Address: Pointer; Length: NativeInt; ElementSize: Integer; Size: NativeUInt): Boolean;
var
  Bytes: NativeUInt;
  Ending: Word;
begin
  Result := False;
  if (Length <= 0) or (NativeUInt(Length) > Size) then
    Exit;
  Bytes := NativeUInt(Length) * NativeUInt(ElementSize) + SizeOf(TStringHead);
  Ending := 0;
  Result := (Bytes + NativeUInt(ElementSize) <= Size) and (Size <= 2 * Bytes + 64) and
    ReadPiece(@Ending, PAnsiChar(Address) + Bytes, ElementSize) and (Ending = 0);
end;

{$ifdef BRAINMM_PLAIN_STRINGS}

{ An array begins in the same way. So the first characters must be some that texts have. }
function DescribeText(Address: Pointer; const Head: THead; Size: NativeUInt): PAnsiChar;
var
  I: Integer;
begin
  Result := nil;
  if (Head.Text.References <= 0) or not IsText(Address, Head.Text.Length, 1, Size) then
    Exit;
  for I := SizeOf(TStringHead) to High(Head.Bytes) do
    if (I - SizeOf(TStringHead) < Head.Text.Length) and (Head.Bytes[I] < 32) and not (Head.Bytes[I] in [9, 10, 13]) then
      Exit;
  Result := 'AnsiString';
end;

{$else}

function DescribeText(Address: Pointer; const Head: THead; Size: NativeUInt): PAnsiChar;
begin
  Result := nil;
  if (Head.Text.References > 0) and (Head.Text.ElementSize >= 1) and (Head.Text.ElementSize <= 2) and
    IsText(Address, Head.Text.Length, Head.Text.ElementSize, Size) then
    if Head.Text.ElementSize = 1 then
      Result := 'AnsiString'
    else
      Result := 'UnicodeString';
end;

{$endif}

{ An array does not tell how large its elements are. They must take most of the memory. }
function DescribeArray(const Head: THead; Size: NativeUInt): PAnsiChar;
const
  ReferencesMost = 1023;
var
  Count, Bytes: NativeUInt;
begin
  Result := nil;
  if Size <= SizeOf(TArrayHead) then
    Exit;
{$ifdef BRAINMM_FPC}
  Count := NativeUInt(Head.List.High) + 1;
{$else}
  Count := NativeUInt(Head.List.Length);
{$endif}
  Bytes := Size - SizeOf(TArrayHead);
  if (Head.List.References > 0) and (Head.List.References <= ReferencesMost) and (Count > 0) and
    (Bytes mod Count <= Bytes div 4) then
    Result := 'dynamic array';
end;

function DescribePiece(Context, Address: Pointer; Size: NativeUInt): PAnsiChar; cdecl;
var
  Head: THead;
  Part: NativeUInt;
begin
  Result := nil;
  if Address = nil then
  begin
    ForgetWhatWasRead;
    Exit;
  end;
  FillChar(Head, SizeOf(Head), 0);
  Part := SizeOf(Head);
  if Size < Part then
    Part := Size;
  if (Part < SizeOf(Pointer)) or not ReadPiece(@Head, Address, Part) then
    Exit;
  Result := FindClassName(Head.AClass, Size);
  if Result = nil then
    Result := DescribeText(Address, Head, Size);
  if Result = nil then
    Result := DescribeArray(Head, Size);
end;

{ ---- Expected leaks ------------------------------------------------------------------------------------------------ }

function ChangeExpected(Address: Pointer; Name: PAnsiChar; Size: NativeUInt; Count: Integer; Add: Boolean): Boolean;
var
  Leak: TExpectedLeak;
begin
  Leak.StructSize := SizeOf(Leak);
  Leak.Count := Cardinal(Count);
  Leak.Address := Address;
  Leak.Name := Name;
  Leak.Size := Size;
  if Count <= 0 then
    Result := False
  else if Add then
    Result := Heap.RegisterExpectedLeak(@Leak) = BRAINMM_OK
  else
    Result := Heap.UnregisterExpectedLeak(@Leak) = BRAINMM_OK;
end;

{ By the name that DescribePiece gives such objects }
function ChangeExpectedClass(AClass: TClass; Count: Integer; Add: Boolean): Boolean;
var
  Facts: TClassFacts;
  Name: TName;
begin
  Result := (AClass <> nil) and ReadClass(Pointer(AClass), Facts) and ReadName(Facts.Name, Name) and
    ChangeExpected(nil, Name, 0, Count, Add);
end;

function RegisterExpectedMemoryLeak(P: Pointer): Boolean;
begin
  Result := ChangeExpected(P, nil, 0, 1, True);
end;

function RegisterExpectedMemoryLeak(AClass: TClass; Count: Integer): Boolean;
begin
  Result := ChangeExpectedClass(AClass, Count, True);
end;

function RegisterExpectedMemoryLeak(Size: NativeInt; Count: Integer): Boolean;
begin
  Result := (Size > 0) and ChangeExpected(nil, nil, NativeUInt(Size), Count, True);
end;

function UnregisterExpectedMemoryLeak(P: Pointer): Boolean;
begin
  Result := ChangeExpected(P, nil, 0, 1, False);
end;

function UnregisterExpectedMemoryLeak(AClass: TClass; Count: Integer): Boolean;
begin
  Result := ChangeExpectedClass(AClass, Count, False);
end;

function UnregisterExpectedMemoryLeak(Size: NativeInt; Count: Integer): Boolean;
begin
  Result := (Size > 0) and ChangeExpected(nil, nil, NativeUInt(Size), Count, False);
end;

{ ---- The memory manager of the run-time library -------------------------------------------------------------------- }

{$ifdef BRAINMM_FPC}

{ In Free Pascal the memory manager itself reports errors. }

function NoMemory: Pointer;
begin
  if not ReturnNilIfGrowHeapFails then
    RaiseError(NoMemoryError);
  Result := nil;
end;

function HeapGetMem(Size: PtrUInt): Pointer;
begin
  Result := Heap.Alloc(Size); { a size of 0 gives a piece, too }
  if Result = nil then
    Result := NoMemory;
end;

function HeapAllocMem(Size: PtrUInt): Pointer;
begin
  Result := Heap.AllocZeroed(Size);
  if Result = nil then
    Result := NoMemory;
end;

{ The result is 0, as in the unit CMem. To find out the size would cost an eighth of the time from Create to Free of a
  small object, and no caller uses the number. }
function HeapFreeMem(P: Pointer): PtrUInt;
begin
  Result := 0;
  if Heap.Free(P) <> BRAINMM_OK then
    RaiseError(PointerError);
end;

{ FreeMem(P, Size). With a Size of 0 Free Pascal's own manager does nothing, whatever P is. Here P is freed if it is a
  piece, because GetMem(0) returns a piece. }
function HeapFreeMemSize(P: Pointer; Size: PtrUInt): PtrUInt;
begin
  if (Size = 0) and not IsPiece(P) then
    Result := 0
  else
    Result := HeapFreeMem(P);
end;

function HeapReallocMem(var P: Pointer; Size: PtrUInt): Pointer;
begin
  if Size = 0 then
  begin
    HeapFreeMem(P);
    P := nil;
    Result := nil;
    Exit;
  end;
  Result := Heap.Realloc(P, Size);
  if Result <> nil then
    P := Result
  else if (P <> nil) and not IsPiece(P) then
    RaiseError(PointerError)
  else
    Result := NoMemory;
end;

function HeapMemSize(P: Pointer): PtrUInt;
begin
  Result := Heap.UsableSize(P);
end;

{ Each Pascal module of the process calls this at the end of a thread. The thread may free memory afterwards. }
procedure HeapDoneThread;
begin
  Heap.ThreadDone();
end;

{ The record's members have 32 bits on all systems, so larger values are limited. }
function Limited(Value: Int64): Cardinal;
begin
  if Value > High(Cardinal) then
    Result := High(Cardinal)
  else
    Result := Cardinal(Value);
end;

function HeapStatus: THeapStatus;
var
  Statistics: TMemoryStatistics; { of the process's heap. All are 0 if its owner keeps none }
begin
  GetMemoryStatistics(Statistics);
  Result.TotalAddrSpace := Limited(Statistics.ReservedBytes);
  Result.TotalUncommitted := Limited(Statistics.ReservedBytes - Statistics.CommittedBytes);
  Result.TotalCommitted := Limited(Statistics.CommittedBytes);
  Result.TotalAllocated := Limited(Statistics.LiveBytes);
  Result.TotalFree := Limited(Statistics.FreeBytes + Statistics.CachedBytes);
  Result.FreeSmall := Limited(Statistics.FreeBytes);
  Result.FreeBig := Limited(Statistics.CachedBytes);
  Result.Unused := 0;
  Result.Overhead := Limited(Statistics.OverheadBytes);
  Result.HeapErrorCode := 0;
end;

var
  MaxUsedSeen: PtrUInt; { the heap keeps no maximum: this is the largest value that any call has seen }

function FPCHeapStatus: TFPCHeapStatus;
var
  Statistics: TMemoryStatistics;
begin
  GetMemoryStatistics(Statistics);
  if Statistics.LiveBytes > MaxUsedSeen then
    MaxUsedSeen := Statistics.LiveBytes;
  Result.MaxHeapSize := Statistics.CommittedMost;
  Result.MaxHeapUsed := MaxUsedSeen;
  Result.CurrHeapSize := Statistics.CommittedBytes;
  Result.CurrHeapUsed := Statistics.LiveBytes;
  Result.CurrHeapFree := Statistics.FreeBytes + Statistics.CachedBytes;
end;

{ The threads of a library are its host's, and the library's own run-time library does not know of them. Without this it
  would count references without locking. On Linux threads become possible when CThreads initialises. At that moment the
  run-time library asks the manager to relocate the heap. A library without CThreads has no threads. }
procedure ExpectThreads;
begin
  if IsLibrary then
    IsMultiThread := True;
end;

procedure SetManager;
const
  Manager: TMemoryManager = (
    NeedLock: False;
    GetMem: HeapGetMem;
    FreeMem: HeapFreeMem;
    FreeMemSize: HeapFreeMemSize;
    AllocMem: HeapAllocMem;
    ReAllocMem: HeapReallocMem;
    MemSize: HeapMemSize;
    InitThread: nil; { a thread gets its heap with its first piece }
    DoneThread: HeapDoneThread;
    RelocateHeap: ExpectThreads;
    GetHeapStatus: HeapStatus;
    GetFPCHeapStatus: FPCHeapStatus);
begin
  SetMemoryManager(Manager);
end;

procedure InstallManager;
begin
  SetManager;
{$ifdef MSWINDOWS}
  ExpectThreads;
{$endif}
end;

{$else}

{ Delphi's run-time library reports errors itself and never passes nil. The assembler code of older versions may pass a
  size that is not positive. }

type
{$ifdef BRAINMM_NATIVE_SIZE}
  TManagerSize = NativeInt;
  TManagerAllocSize = NativeInt;
{$else}
  TManagerSize = Integer;
  TManagerAllocSize = Cardinal;
{$endif}

function HeapGetMem(Size: TManagerSize): Pointer;
begin
  if Size > 0 then
    Result := Heap.Alloc(Size)
  else
    Result := nil;
end;

function HeapFreeMem(P: Pointer): Integer;
begin
  Result := Heap.Free(P);
end;

function HeapReallocMem(P: Pointer; Size: TManagerSize): Pointer;
begin
  if Size > 0 then
    Result := Heap.Realloc(P, Size)
  else
    Result := nil;
end;

{$ifdef BRAINMM_MANAGER_EX}

function HeapAllocMem(Size: TManagerAllocSize): Pointer;
begin
  if Size > 0 then
    Result := Heap.AllocZeroed(Size)
  else
    Result := nil;
end;

function HeapExpectLeak(P: Pointer): Boolean;
begin
  Result := ChangeExpected(P, nil, 0, 1, True);
end;

function HeapUnexpectLeak(P: Pointer): Boolean;
begin
  Result := ChangeExpected(P, nil, 0, 1, False);
end;

var
  NextThreadEnd: procedure(ExitCode: Integer);

{ Tells the heap that the thread ends, then calls the hook that was set before. No hook is needed for a thread's start.
  }
procedure ThreadEnd(ExitCode: Integer);
begin
  Heap.ThreadDone();
  if Assigned(NextThreadEnd) then
    NextThreadEnd(ExitCode);
end;

{$endif}

procedure SetManager;
const
{$ifdef BRAINMM_MANAGER_EX}
  Manager: TMemoryManagerEx = (
    GetMem: HeapGetMem;
    FreeMem: HeapFreeMem;
    ReallocMem: HeapReallocMem;
    AllocMem: HeapAllocMem;
    RegisterExpectedMemoryLeak: HeapExpectLeak;
    UnregisterExpectedMemoryLeak: HeapUnexpectLeak);
{$else}
  Manager: TMemoryManager = (
    GetMem: HeapGetMem;
    FreeMem: HeapFreeMem;
    ReallocMem: HeapReallocMem);
{$endif}
begin
  SetMemoryManager(Manager);
end;

procedure InstallManager;
begin
  SetManager;
{$ifdef BRAINMM_MANAGER_EX}
  NextThreadEnd := SystemThreadEndProc;
  SystemThreadEndProc := ThreadEnd;
{$endif}
  { The threads of a library are its host's, and the library's own run-time library does not know of them. Without this
    it would count references without locking. }
  if IsLibrary then
    IsMultiThread := True;
end;

{$endif}

{ ---- The process's heap: docs/abi.md ------------------------------------------------------------------------------- }

type
  { What an owner publishes. On Windows it holds addresses. On Linux it tells how far behind the start of their image
    the tables lie, and which image that is. }
  TPublished = packed record
    Version1: Int64; { written last; 0 until then }
    Magic: TMagic;
    Size, AbiVersion: Cardinal;
    Manager: Int64;
{$ifndef MSWINDOWS}
    Image: UInt64; { the hash of the name under which the loader knows it }
{$endif}
  end;

  TGetManager = function: PManager; cdecl;
  TGetStatus = function(out Text: PAnsiChar): Integer; cdecl;
  TGetVersion = function: Cardinal; cdecl;

  { The library's functions }
  TLibrary = record
    GetManager: TGetManager;
    GetStatus: TGetStatus;
    GetVersion: TGetVersion;
  end;

const
  PublishedMagic: TMagic = 'BrainMM-record-2';

{$ifdef MSWINDOWS}

const
  LibraryName = 'brainmm.dll';
  PathMax = 32768; { the longest path of Windows }
  MemoryCommit = $1000;
  MemoryImage = $1000000;
  PageExecutable = $F0; { PAGE_EXECUTE to PAGE_EXECUTE_WRITECOPY }
  MapRead = 4;
  ModuleOfAddress = 4;
  ModulePinned = 1;
  ModuleUncounted = 2;
  LoadWithAlteredSearchPath = 8;
  StandardError = Cardinal(-12);

type
  THandle = NativeUInt;

  TMemoryInfo = record
    BaseAddress: Pointer;
    AllocationBase: Pointer;
    AllocationProtect: Cardinal;
    RegionSize: NativeUInt;
    State: Cardinal;
    Protect: Cardinal;
    Kind: Cardinal;
  end;

function VirtualQuery(Address: Pointer; out Info: TMemoryInfo; Size: NativeUInt): NativeUInt; stdcall;
  external 'kernel32.dll' name 'VirtualQuery';
function GetCurrentProcess: THandle; stdcall; external 'kernel32.dll' name 'GetCurrentProcess';
function GetCurrentProcessId: Cardinal; stdcall; external 'kernel32.dll' name 'GetCurrentProcessId';
{ If the memory is unmapped at this moment, this call fails where a plain read would fault. }
function ReadProcessMemory(Process: THandle; From: Pointer; Target: Pointer; Size: NativeUInt;
  out Done: NativeUInt): LongBool; stdcall; external 'kernel32.dll' name 'ReadProcessMemory';
function OpenFileMappingW(Rights: Cardinal; Inherit: LongBool; Name: PWideChar): THandle; stdcall;
  external 'kernel32.dll' name 'OpenFileMappingW';
function MapViewOfFile(Mapping: THandle; Rights, OffsetHigh, OffsetLow: Cardinal; Size: NativeUInt): Pointer; stdcall;
  external 'kernel32.dll' name 'MapViewOfFile';
function UnmapViewOfFile(View: Pointer): LongBool; stdcall; external 'kernel32.dll' name 'UnmapViewOfFile';
function CloseHandle(Handle: THandle): LongBool; stdcall; external 'kernel32.dll' name 'CloseHandle';
function GetEnvironmentVariableW(Name: PWideChar; Value: PWideChar; Size: Cardinal): Cardinal; stdcall;
  external 'kernel32.dll' name 'GetEnvironmentVariableW';
function GetModuleHandleExW(Flags: Cardinal; NameOrAddress: Pointer; out Module: THandle): LongBool; stdcall;
  external 'kernel32.dll' name 'GetModuleHandleExW';
function GetModuleFileNameW(Module: THandle; Path: PWideChar; Size: Cardinal): Cardinal; stdcall;
  external 'kernel32.dll' name 'GetModuleFileNameW';
function LoadLibraryExW(Path: PWideChar; Zero: THandle; Flags: Cardinal): THandle; stdcall;
  external 'kernel32.dll' name 'LoadLibraryExW';
function GetProcAddress(Module: THandle; Name: PAnsiChar): Pointer; stdcall;
  external 'kernel32.dll' name 'GetProcAddress';
function LocalAlloc(Flags: Cardinal; Size: NativeUInt): Pointer; stdcall; external 'kernel32.dll' name 'LocalAlloc';
function LocalFree(P: Pointer): Pointer; stdcall; external 'kernel32.dll' name 'LocalFree';
function GetStdHandle(Which: Cardinal): THandle; stdcall; external 'kernel32.dll' name 'GetStdHandle';
function WriteFile(Handle: THandle; From: PAnsiChar; Size: Cardinal; out Done: Cardinal;
  Overlapped: Pointer): LongBool; stdcall; external 'kernel32.dll' name 'WriteFile';
procedure OutputDebugStringA(Text: PAnsiChar); stdcall; external 'kernel32.dll' name 'OutputDebugStringA';

{ Writes to standard error and to the debugger, because a program without a console has no standard error. }
procedure WriteError(Text: PAnsiChar);
var
  Length, Done: Cardinal;
begin
  Length := 0;
  while Text[Length] <> #0 do
    Inc(Length);
  WriteFile(GetStdHandle(StandardError), Text, Length, Done, nil);
  OutputDebugStringA(Text);
end;

{ Whether Address lies in an image, that is, in a program or library that the system has loaded into this process. }
function QueryImage(Address: Pointer; out Info: TMemoryInfo): Boolean;
begin
  Result := (VirtualQuery(Address, Info, SizeOf(Info)) <> 0) and (Info.State = MemoryCommit) and
    (Info.Kind = MemoryImage);
end;

function ReadImage(Target, From: Pointer; Size: NativeUInt; out Image: Pointer): Boolean;
var
  First, Last: TMemoryInfo;
  Done: NativeUInt;
begin
  Result := QueryImage(From, First) and QueryImage(PAnsiChar(From) + Size - 1, Last) and
    (First.AllocationBase = Last.AllocationBase) and
    ReadProcessMemory(GetCurrentProcess, From, Target, Size, Done) and (Done = Size);
  Image := First.AllocationBase;
end;

function IsCode(Address, Image: Pointer): Boolean;
var
  Info: TMemoryInfo;
begin
  Result := QueryImage(Address, Info) and (Info.AllocationBase = Image) and (Info.Protect and PageExecutable <> 0);
end;

function PinImage(Address: Pointer): Boolean;
var
  Module: THandle;
begin
  Result := GetModuleHandleExW(ModuleOfAddress or ModulePinned, Address, Module);
end;

{ Reads exactly Count upper-case hexadecimal digits. False if there are not so many. }
function ParseDigits(Text: PWideChar; Count: Integer; out Value: Int64): Boolean;
var
  I: Integer;
begin
  Value := 0;
  Result := False;
  for I := 0 to Count - 1 do
    case Text[I] of
      '0'..'9': Value := Value shl 4 or (Ord(Text[I]) - Ord('0'));
      'A'..'F': Value := Value shl 4 or (Ord(Text[I]) - Ord('A') + 10);
    else
      Exit;
    end;
  Result := True;
end;

{ Reads the environment variable, "PPPPPPPP:AAAAAAAAAAAAAAAA". No other process can write to it. }
function ReadVariable(out Found: TPublished): Boolean;
const
  Name: PWideChar = 'BRAINMM_MANAGER';
var
  Text: array[0..26] of WideChar;
  Process: Int64;
begin
  Found.Version1 := 1; { it is written in one step, so the record is complete }
  Found.Magic := PublishedMagic;
  Found.Size := SizeOf(Found);
  Found.AbiVersion := ManagerAbiVersion;
  Result := (GetEnvironmentVariableW(Name, Text, 27) = 25) and (Text[8] = ':') and ParseDigits(Text, 8, Process) and
    (Process = GetCurrentProcessId) and ParseDigits(@Text[9], 16, Found.Manager);
end;

{ Reads the file mapping "Local\BrainMM_PID_%08X". }
function ReadMapping(out Found: TPublished): Boolean;
const
  Prefix: array[0..17] of AnsiChar = 'Local\BrainMM_PID_';
  Digits: array[0..15] of AnsiChar = '0123456789ABCDEF';
var
  Name: array[0..26] of WideChar;
  I: Integer;
  Mapping: THandle;
  View: Pointer;
  Done: NativeUInt;
begin
  for I := 0 to 17 do
    Name[I] := WideChar(Prefix[I]);
  for I := 0 to 7 do
    Name[18 + I] := WideChar(Digits[GetCurrentProcessId shr (28 - 4 * I) and 15]);
  Name[26] := #0;
  Result := False;
  Mapping := OpenFileMappingW(MapRead, False, Name);
  if Mapping = 0 then
    Exit;
  View := MapViewOfFile(Mapping, MapRead, 0, 0, SizeOf(Pointer));
  if View <> nil then
  begin
    Result := ReadProcessMemory(GetCurrentProcess, View, @Found, SizeOf(Found), Done) and (Done = SizeOf(Found));
    UnmapViewOfFile(View);
  end;
  CloseHandle(Mapping);
end;

{ Reads what is published at a place. Place counts from 0. Last is set at the last place. }
function ReadPlace(Place: Integer; out Found: TPublished; out Last: Boolean): Boolean;
begin
  Last := Place > 0;
  if Place = 0 then
    Result := ReadVariable(Found)
  else
    Result := ReadMapping(Found);
end;

{ Loads the library from this module's folder. If that fails, GetManager is nil, and the result says why. }
function LoadManagerLibrary(out Found: TLibrary): PAnsiChar;
const
  Name: array[0..11] of AnsiChar = LibraryName + #0;
var
  Path: PWideChar;
  Module: THandle;
  Length, I: Integer;
begin
  Result := 'no heap is published, and ' + LibraryName + ' could not be loaded from the folder of this module';
  FillChar(Found, SizeOf(Found), 0);
  Path := LocalAlloc(0, (PathMax + SizeOf(Name)) * SizeOf(WideChar));
  if Path = nil then
    Exit;
  Length := 0;
  if GetModuleHandleExW(ModuleOfAddress or ModuleUncounted, @WriteError, Module) then
    Length := GetModuleFileNameW(Module, Path, PathMax);
  Module := 0;
  while (Length > 0) and (Path[Length - 1] <> '\') do
    Dec(Length);
  if Length > 0 then
  begin
    for I := 0 to High(Name) do
      Path[Length + I] := WideChar(Name[I]);
    Module := LoadLibraryExW(Path, 0, LoadWithAlteredSearchPath);
  end;
  LocalFree(Path);
  if Module = 0 then
    Exit;
  @Found.GetManager := GetProcAddress(Module, 'brainmm_get_manager');
  @Found.GetStatus := GetProcAddress(Module, 'brainmm_attach_status');
  @Found.GetVersion := GetProcAddress(Module, 'brainmm_version');
  Result := LibraryName + ' in the folder of this module is another library of that name';
end;

{$else}

{$linklib c}
{$linklib dl}

const
  LibraryName = 'libbrainmm.so.2';
  LibraryNames: array[0..1] of PAnsiChar = (LibraryName, 'libbrainmm.so'); { the first one that is there }
  PathMax = 4096;
  LineMax = PathMax + 256;
  SegmentLoaded = 1; { PT_LOAD }
  SegmentExecutable = 1; { PF_X }
  SegmentReadable = 4; { PF_R }
  LoadNow = 2; { RTLD_NOW }
{$ifdef CPU64}
  Places: array[0..3] of NativeUInt = ($00360000, $7fe60000, $1f6b6d600000, $5f6b6d600000);
{$else}
  Places: array[0..3] of NativeUInt = ($07e60000, $1e6b0000, $4f6b0000, $5f6b0000);
{$endif}

type
  PSegment = ^TSegment;
  TSegment = record { ElfW(Phdr) }
    Kind: Cardinal;
{$ifdef CPU64}
    Rights: Cardinal;
    Offset, Address, PhysicalAddress, FileSize, MemorySize, Alignment: NativeUInt;
{$else}
    Offset, Address, PhysicalAddress, FileSize, MemorySize: NativeUInt;
    Rights: Cardinal;
    Alignment: NativeUInt;
{$endif}
  end;

  PImage = ^TImage;
  TImage = record { the beginning of struct dl_phdr_info }
    Base: NativeUInt;
    Name: PAnsiChar;
    Segments: PSegment;
    SegmentCount: Word;
  end;

  PSearch = ^TSearch;
  TSearch = record
    From, Size: NativeUInt; { which bytes }
    Rights: Cardinal; { the rights that their segment must have }
    Target: Pointer; { where to copy them, or nil }
    Image: Pointer; { the image that they lie in: the address of its table of segments }
    Name: PAnsiChar; { the loader's name for that image }
  end;

  PNamed = ^TNamed;
  TNamed = record
    Hash: UInt64; { of an image's name }
    Start: NativeUInt; { where that image starts; 0: there is none }
  end;

function dl_iterate_phdr(Visit, Search: Pointer): Integer; cdecl; external name 'dl_iterate_phdr';
function dlopen(Path: PAnsiChar; Flags: Integer): Pointer; cdecl; external name 'dlopen';
function dlsym(Module: Pointer; Name: PAnsiChar): Pointer; cdecl; external name 'dlsym';
function mincore(Address: Pointer; Size: NativeUInt; Resident: PByte): Integer; cdecl; external name 'mincore';
function fopen(Path, Mode: PAnsiChar): Pointer; cdecl; external name 'fopen';
function fgets(Line: PAnsiChar; Size: Integer; Stream: Pointer): PAnsiChar; cdecl; external name 'fgets';
function fclose(Stream: Pointer): Integer; cdecl; external name 'fclose';
function strtoul(Text: PAnsiChar; out Rest: PAnsiChar; Base: Integer): NativeUInt; cdecl; external name 'strtoul';
function pipe(Tube: PInteger): Integer; cdecl; external name 'pipe';
function read(Handle: Integer; Target: Pointer; Size: NativeUInt): NativeInt; cdecl; external name 'read';
function write(Handle: Integer; From: Pointer; Size: NativeUInt): NativeInt; cdecl; external name 'write';
function close(Handle: Integer): Integer; cdecl; external name 'close';

procedure WriteError(Text: PAnsiChar);
var
  Length: NativeInt;
begin
  Length := 0;
  while Text[Length] <> #0 do
    Inc(Length);
  if write(2, Text, Length) <> Length then
    Exit; { standard error is closed }
end;

{ The list of images is locked during this call, so that the image cannot be unloaded while its bytes are copied. }
function VisitImage(Image: PImage; Size: NativeUInt; Search: PSearch): Integer; cdecl;
var
  I: Integer;
  Segment: PSegment;
  Skip: NativeUInt;
begin
  Result := 0;
  Segment := Image.Segments;
  for I := 1 to Image.SegmentCount do
  begin
    Skip := Search.From - (Image.Base + Segment.Address);
    if (Segment.Kind = SegmentLoaded) and (Segment.Rights and Search.Rights = Search.Rights) and
      (Skip < Segment.MemorySize) and (Search.Size <= Segment.MemorySize - Skip) then
    begin
      if Search.Target <> nil then
        Move(Pointer(Search.From)^, Search.Target^, Search.Size);
      Search.Image := Image.Segments;
      Search.Name := Image.Name;
      Result := 1;
      Exit;
    end;
    Inc(Segment);
  end;
end;

{ Copies bytes of an image, that is, of a program or library that the system has loaded into this process. }
function ReadImage(Target, From: Pointer; Size: NativeUInt; out Image: Pointer): Boolean;
var
  Search: TSearch;
begin
  Search.From := NativeUInt(From);
  Search.Size := Size;
  Search.Rights := SegmentReadable;
  Search.Target := Target;
  Search.Image := nil;
  dl_iterate_phdr(@VisitImage, @Search);
  Image := Search.Image;
  Result := Image <> nil;
end;

function IsCode(Address, Image: Pointer): Boolean;
var
  Search: TSearch;
begin
  Search.From := NativeUInt(Address);
  Search.Size := 1;
  Search.Rights := SegmentExecutable;
  Search.Target := nil;
  Search.Image := nil;
  dl_iterate_phdr(@VisitImage, @Search);
  Result := (Search.Image <> nil) and (Search.Image = Image);
end;

{ On Linux owners keep themselves loaded, so there is nothing to do. }
function PinImage(Address: Pointer): Boolean;
begin
  Result := True;
end;

{ FNV-1a of 64 bits. }
function HashOf(Text: PAnsiChar): UInt64;
begin
  Result := UInt64($cbf29ce484222325);
  while Text^ <> #0 do
  begin
    Result := (Result xor Ord(Text^)) * $100000001b3;
    Inc(Text);
  end;
end;

function VisitNamed(Image: PImage; Size: NativeUInt; Named: PNamed): Integer; cdecl;
var
  I: Integer;
  Segment: PSegment;
begin
  Result := 0;
  if HashOf(Image.Name) <> Named.Hash then
    Exit;
  Segment := Image.Segments;
  for I := 1 to Image.SegmentCount do
  begin
    if Segment.Kind = SegmentLoaded then
    begin
      Named.Start := Image.Base + Segment.Address;
      Result := 1;
      Exit;
    end;
    Inc(Segment);
  end;
end;

{ Puts addresses in the place of what the record says about them. False: its image is not loaded. }
function Resolve(var Found: TPublished): Boolean;
var
  Named: TNamed;
begin
  Named.Hash := Found.Image;
  Named.Start := 0;
  dl_iterate_phdr(@VisitNamed, @Named);
  Result := Named.Start <> 0;
  if Found.Manager <> 0 then
    Found.Manager := Int64(UInt64(Found.Manager) + Named.Start);
end;

{ Finds the line of /proc/self/maps for Address and returns the part from the rights on; nil if there is none. }
function FindMapping(Address: NativeUInt; Line: PAnsiChar): PAnsiChar;
var
  Maps: Pointer;
  First, Past: NativeUInt;
  Rest: PAnsiChar;
begin
  Result := nil;
  Maps := fopen('/proc/self/maps', 're');
  if Maps = nil then
    Exit;
  while (Result = nil) and (fgets(Line, LineMax, Maps) <> nil) do
  begin
    First := strtoul(Line, Rest, 16);
    if Rest^ <> '-' then
      Continue; { the rest of a line that was too long }
    Past := strtoul(Rest + 1, Rest, 16);
    if (Address >= First) and (Address < Past) and (Rest^ = ' ') then
      Result := Rest + 1;
  end;
  fclose(Maps);
end;

{ Reads what is published at a place. Place counts from 0. Last is set at the last place. The kernel reads the page: its
  call fails where a plain read would fault. }
function ReadPlace(Place: Integer; out Found: TPublished; out Last: Boolean): Boolean;
var
  Resident: Byte;
  Line: array[0..LineMax - 1] of AnsiChar;
  Rights: PAnsiChar;
  Tube: array[0..1] of Integer;
begin
  Result := False;
  Last := Place = High(Places);
  if mincore(Pointer(Places[Place]), 1, @Resident) <> 0 then
    Exit; { nothing is mapped there }
  Rights := FindMapping(Places[Place], Line);
  if (Rights <> nil) and (Rights[3] <> 'p') then
    Exit; { shared with another process, so it is not an owner's page }
  if pipe(@Tube) <> 0 then
    Exit;
  if write(Tube[1], Pointer(Places[Place]), SizeOf(Found)) = SizeOf(Found) then
    Result := read(Tube[0], @Found, SizeOf(Found)) = SizeOf(Found);
  close(Tube[0]);
  close(Tube[1]);
  Result := Result and Resolve(Found);
end;

{ Puts the absolute path of this module into Line and returns where it begins there; nil if it is not known. The name
  that the loader has may be relative to what was the current folder, or empty for the program. Then the system's list
  has the path. }
function FindModule(Line: PAnsiChar): PAnsiChar;
var
  Search: TSearch;
  Length: Integer;
begin
  Search.From := NativeUInt(@WriteError);
  Search.Size := 1;
  Search.Rights := SegmentExecutable;
  Search.Target := nil;
  Search.Image := nil;
  dl_iterate_phdr(@VisitImage, @Search);
  Result := Line;
  Length := 0;
  if Search.Image <> nil then
    while (Search.Name[Length] <> #0) and (Length < LineMax - 1) do
    begin
      Line[Length] := Search.Name[Length];
      Inc(Length);
    end;
  Line[Length] := #0;
  if Line[0] <> '/' then
    Result := FindMapping(NativeUInt(@WriteError), Line);
  Length := 0;
  while (Line[Length] <> #0) and ((Line[Length] <> #10) or (Line[Length + 1] <> #0)) do
    Inc(Length);
  Line[Length] := #0; { in the place of the line's end }
  while (Result <> nil) and (Result^ <> '/') do
    if Result^ = #0 then
      Result := nil
    else
      Inc(Result);
end;

{ Opens the library at Path. The system's list has \012 for a line break in a path. }
function OpenLibrary(Path: PAnsiChar): Pointer;
var
  Source, Target: PAnsiChar;
begin
  Result := dlopen(Path, LoadNow);
  if Result <> nil then
    Exit;
  Source := Path;
  Target := Path;
  while Source^ <> #0 do
  begin
    Target^ := Source^;
    if (Source[0] = '\') and (Source[1] = '0') and (Source[2] = '1') and (Source[3] = '2') then
    begin
      Target^ := #10;
      Inc(Source, 3);
    end;
    Inc(Source);
    Inc(Target);
  end;
  if Source = Target then
    Exit; { there was none }
  Target^ := #0;
  Result := dlopen(Path, LoadNow);
end;

{ Loads the library Name from this module's folder. nil: it is not there. }
function OpenBeside(Name: PAnsiChar): Pointer;
var
  Line: array[0..LineMax + Length(LibraryName)] of AnsiChar; { Name is no longer than that }
  Path, Slash, Rest: PAnsiChar;
begin
  Result := nil;
  Path := FindModule(Line);
  if Path = nil then
    Exit;
  Slash := Path;
  Rest := Path;
  while Rest^ <> #0 do
  begin
    if Rest^ = '/' then
      Slash := Rest;
    Inc(Rest);
  end;
  Rest := Name;
  repeat
    Inc(Slash);
    Slash^ := Rest^;
    Inc(Rest);
  until Slash^ = #0;
  Result := OpenLibrary(Path);
end;

{ Loads the library from this module's folder, or else the one that the loader finds, as for a program that is linked
  with it. If that fails, GetManager is nil, and the result says why. }
function LoadManagerLibrary(out Found: TLibrary): PAnsiChar;
var
  Module: Pointer;
  I: Integer;
begin
  FillChar(Found, SizeOf(Found), 0);
  Module := nil;
  for I := Low(LibraryNames) to High(LibraryNames) do
    if Module = nil then
      Module := OpenBeside(LibraryNames[I]);
  Result := LibraryName + ' in the folder of this module is another library of that name';
  if Module = nil then
    Result := 'the ' + LibraryName + ' that the loader finds is another library of that name';
  for I := Low(LibraryNames) to High(LibraryNames) do
    if Module = nil then
      Module := dlopen(LibraryNames[I], LoadNow);
  if Module = nil then
    Result := 'no heap is published, and ' + LibraryName + ' could not be loaded from the folder of this module, nor' +
      ' found by the loader'
  else
  begin
    @Found.GetManager := dlsym(Module, 'brainmm_get_manager');
    @Found.GetStatus := dlsym(Module, 'brainmm_attach_status');
    @Found.GetVersion := dlsym(Module, 'brainmm_version');
  end;
end;

{$endif}

{ Does not return. }
procedure Stop(Code: Integer; Reason: PAnsiChar; Details: PAnsiChar = nil);
begin
  WriteError('BrainMM: ');
  WriteError(Reason);
  if Details <> nil then
    WriteError(Details);
  WriteError({$ifdef MSWINDOWS}#13#10{$else}#10{$endif});
  RunError(Code);
end;

var
  LeakFlag: PByte; { the original's ReportMemoryLeaksOnShutdown, of the heap's owner; nil if it has none }

{ Finds it through the original's table and that table's options. }
procedure FindLeakFlag(Version1: Pointer);
var
  Options, Image: Pointer;
  Found: packed record
    RecordSize, Version: Integer;
    Compiler: array[0..2] of Byte;
    Flag: PByte;
  end;
  Value: Byte;
begin
  if (Version1 <> nil) and ReadImage(@Options, Version1, SizeOf(Options), Image) and
    ReadImage(@Found, Options, SizeOf(Found), Image) and (Found.RecordSize >= SizeOf(Found)) and
    ReadImage(@Value, Found.Flag, SizeOf(Value), Image) then
    LeakFlag := Found.Flag;
end;

{ Uses the functions of the table at Address if it is an owner's version-2 table. Another process cannot forge one: the
  table must lie in an image of this process, contain its own address, belong to a heap that has started, and have all
  its functions in the code of the same image. The table is copied once; the copy is checked and used. }
function UseManager(Address: PManager): Boolean;
var
  Manager: TManager;
  Functions: TFunctions;
  Image, Again: Pointer;
  Count, I: Integer;
begin
  Result := False;
  if (NativeUInt(Address) and (SizeOf(Pointer) - 1) <> 0) or
    not ReadImage(@Manager, Address, SizeOf(Manager), Image) then
    Exit;
  if not SameMagic(Manager.Magic, ManagerMagic) or (Manager.AbiVersion <> ManagerAbiVersion) or
    (Manager.Self <> Address) or (Manager.HeapId = 0) or (Manager.Size > ManagerSizeMax) or
    (Manager.Size and (SizeOf(Pointer) - 1) <> 0) or
    (Manager.Size < SizeOf(Manager) + RequiredCount * SizeOf(Pointer)) then
    Exit;
  Count := (Manager.Size - SizeOf(Manager)) div SizeOf(Pointer);
  if Count > FunctionCount then
    Count := FunctionCount;
  if not ReadImage(@Functions, Pointer(NativeUInt(Address) + SizeOf(Manager)), Count * SizeOf(Pointer), Again) or
    (Again <> Image) then
    Exit;
  for I := 0 to Count - 1 do
    if not IsCode(Functions[I], Image) then
      Exit;
  if not PinImage(Address) then
    Exit;
  UseFunctions(Functions, Manager.Size);
  FindLeakFlag(Manager.Version1);
  Result := True;
end;

function JoinPublished: Boolean;
var
  Place: Integer;
  Found: TPublished;
  Last: Boolean;
begin
  Place := 0;
  repeat
    Result := ReadPlace(Place, Found, Last) and (Found.Version1 <> 0) and SameMagic(Found.Magic, PublishedMagic) and
      (Found.Size >= SizeOf(Found)) and (Found.AbiVersion = ManagerAbiVersion) and
      (Found.Manager = Int64(NativeUInt(Found.Manager))) and UseManager(PManager(NativeUInt(Found.Manager)));
    Inc(Place);
  until Result or Last;
  if Place > 1 then
    AttachState := masAttachedSecond
  else
    AttachState := masAttached;
  AttachText := 'This module uses the heap of another module.';
end;

{ Whether a library has given a table that this unit can use. Its functions are the library's own, or those that it has
  checked itself. }
function IsUsable(Address: PManager): Boolean;
var
  Manager: TManager;
  Image: Pointer;
begin
  Result := ReadImage(@Manager, Address, SizeOf(Manager), Image) and SameMagic(Manager.Magic, ManagerMagic) and
    (Manager.AbiVersion = ManagerAbiVersion) and
    (Manager.Size >= SizeOf(Manager) + RequiredCount * SizeOf(Pointer));
end;

{ A library that has been loaded may have got no memory. Then the first piece would fail, and nobody would know why. }
function HasMemory(Manager: PManager): Boolean;
var
  Piece: Pointer;
begin
  Result := Manager.HeapId <> 0;
  if not Result or (AttachState in [masAttached..masAttachedSecond]) then
    Exit; { in another module's heap memory may have run out for a moment }
  Piece := Heap.Alloc(1);
  Result := Piece <> nil;
  if Result then
    Heap.Free(Piece)
  else
    AttachText := 'There is not enough memory.';
end;

{ Joins the heap through the library, which also works with an owner that has the original's table only. }
procedure JoinLibrary;
var
  Found: TLibrary;
  Reason: PAnsiChar;
  Manager: PManager;
begin
  Reason := LoadManagerLibrary(Found);
  if not Assigned(Found.GetManager) then
    Stop(NoMemoryError, Reason);
  Manager := Found.GetManager();
  if not IsUsable(Manager) then
    Stop(NoMemoryError, 'the ' + LibraryName + ' that was found is of a version that this unit does not know');
  UseFunctions(TFunctions(Pointer(NativeUInt(Manager) + SizeOf(TManager))^), Manager.Size);
  FindLeakFlag(Manager.Version1);
  if Assigned(Found.GetStatus) then
    AttachState := TMemoryAttachState(Found.GetStatus(AttachText));
  if Assigned(Found.GetVersion) then
    LibraryVersion := Found.GetVersion();
  if not HasMemory(Manager) then
    Stop(NoMemoryError, 'no heap could be started. ', AttachText);
end;

{ ---- Another memory manager ---------------------------------------------------------------------------------------- }

{ A unit behind this one may set a memory manager of its own, as CMem and HeapTrc do. From then on the module does not
  use the heap, and what other modules pass to it, or get from it, cannot be freed. System calls InitProc when all units
  have initialized, before the program's own code. Delphi's does not: there TApplication.Initialize calls it. A manager
  that passes on to the one before it does no harm, and neither does another module's manager for the same heap. So a
  piece is taken to see where it comes from. }

var
  NextInit: procedure;
  NextAlloc: function(Size: NativeUInt): Pointer; cdecl;
  HeapWasAsked: Boolean;

function NoteAlloc(Size: NativeUInt): Pointer; cdecl;
begin
  HeapWasAsked := True;
  Result := NextAlloc(Size);
end;

{ When the module stops, its units end. What they free may come from either manager. }
function FreeAny(Piece: Pointer): Integer; cdecl;
begin
  Result := BRAINMM_OK;
end;

procedure CheckManager;
var
  P: Pointer;
begin
  HeapWasAsked := False;
  Heap.Alloc := NoteAlloc;
  GetMem(P, 1);
  Heap.Alloc := NextAlloc;
  if not HeapWasAsked and not IsPiece(P) then
  begin
    SetManager;
    Heap.Free := FreeAny;
    Stop(PointerError, 'a unit that is used after the unit BrainMM has set another memory manager, as CMem and' +
      ' HeapTrc do; this module does not use the heap');
  end;
  FreeMem(P);
  if Assigned(NextInit) then
    NextInit;
end;

procedure StartChecking;
begin
  NextAlloc := Heap.Alloc;
  @NextInit := InitProc;
  InitProc := @CheckManager;
end;

{ ---- The end of the module ----------------------------------------------------------------------------------------- }

{ The heap's owner reports leaks when all modules have ended, and asks this module's function for names. So a program
  leaves its function there, and a library takes it away only if it is unloaded before the process ends. }

{$ifdef MSWINDOWS}

const
  BoxTitle: PWideChar = 'Unexpected memory leak';
  BoxMost = 3000; { characters }
  BoxStyle = $12010; { MB_ICONERROR, MB_TASKMODAL, MB_SETFOREGROUND }
  ObjectFlags = 1; { UOI_FLAGS }
  VisibleStation = 1; { WSF_VISIBLE }
  Utf8 = 65001;

var
  Box: record
    Length: Integer;
    Text: array[0..BoxMost] of AnsiChar;
    Shown: array[0..BoxMost] of WideChar;
  end;

{ The system's unit of each compiler imports user32.dll, too. }
function MessageBoxW(Window: THandle; Text, Title: PWideChar; Style: Cardinal): Integer; stdcall;
  external 'user32.dll' name 'MessageBoxW';
function GetProcessWindowStation: THandle; stdcall; external 'user32.dll' name 'GetProcessWindowStation';
function GetUserObjectInformationW(Item: THandle; Index: Integer; Target: Pointer; Size: Cardinal;
  out Needed: Cardinal): LongBool; stdcall; external 'user32.dll' name 'GetUserObjectInformationW';
function MultiByteToWideChar(CodePage, Flags: Cardinal; Text: PAnsiChar; Length: Integer; Target: PWideChar;
  Size: Integer): Integer; stdcall; external 'kernel32.dll' name 'MultiByteToWideChar';
function GetModuleHandleW(Name: PWideChar): THandle; stdcall; external 'kernel32.dll' name 'GetModuleHandleW';

{ Whether somebody can see a message box and close it. The window station of a service is not visible. }
function CanShowBox: Boolean;
var
  Facts: record
    Inherit, Reserved: LongBool;
    Flags: Cardinal;
  end;
  Needed: Cardinal;
begin
  Result := not IsConsole and
    GetUserObjectInformationW(GetProcessWindowStation, ObjectFlags, @Facts, SizeOf(Facts), Needed) and
    (Facts.Flags and VisibleStation <> 0);
end;

{ Keeps as many lines of a report as fit. }
function KeepForBox(Context: Pointer; Text: PAnsiChar; Length: NativeUInt): Integer; cdecl;
const
  Rest: PAnsiChar = '...';
  RestLength = 3;
var
  Room: Integer;
begin
  Result := 0;
  Room := BoxMost - RestLength - Box.Length;
  if Length > NativeUInt(Room) then
  begin
    Move(Text^, Box.Text[Box.Length], Room);
    Inc(Box.Length, Room);
    while (Box.Length > 0) and (Box.Text[Box.Length - 1] <> #10) do
      Dec(Box.Length);
    Move(Rest^, Box.Text[Box.Length], RestLength);
    Inc(Box.Length, RestLength);
    Result := 1;
    Exit;
  end;
  Move(Text^, Box.Text[Box.Length], Length);
  Inc(Box.Length, Integer(Length));
end;

{ False: the report is not shown. }
function ShowBox: Boolean;
begin
  Box.Length := 0;
  Heap.ReportLeaks(KeepForBox, nil);
  Result := Box.Length = 0;
  if Result then
    Exit;
  Box.Shown[MultiByteToWideChar(Utf8, 0, Box.Text, Box.Length, Box.Shown, BoxMost)] := #0;
  Result := MessageBoxW(0, Box.Shown, BoxTitle, BoxStyle) > 0;
end;

{ Whether this library is ended by the end of the process. }
function ProcessEnds: Boolean;
type
  TQuestion = function: Byte; stdcall;
var
  Question: TQuestion;
begin
  @Question := GetProcAddress(GetModuleHandleW('ntdll.dll'), 'RtlDllShutdownInProgress');
  Result := Assigned(Question) and (Question() <> 0);
end;

{$else}

function CanShowBox: Boolean;
begin
  Result := False;
end;

function ShowBox: Boolean;
begin
  Result := False;
end;

function cxa_atexit(Note, Argument, Module: Pointer): Integer; cdecl; external name '__cxa_atexit';
procedure cxa_finalize(Module: Pointer); cdecl; external name '__cxa_finalize';

var
  ExitNoted: Boolean;

{ Is called when the process ends, before any library ends; otherwise by cxa_finalize below. }
procedure NoteExit(Argument: Pointer); cdecl;
begin
  ExitNoted := True;
end;

function ProcessEnds: Boolean;
begin
  Result := ExitNoted;
  cxa_finalize(@ExitNoted);
end;

{$endif}

function WriteLeaks(Context: Pointer; Text: PAnsiChar; Length: NativeUInt): Integer; cdecl;
var
  Line: array[0..255] of AnsiChar;
  Part: NativeUInt;
begin
  while Length > 0 do
  begin
    Part := High(Line);
    if Length < Part then
      Part := Length;
    Move(Text^, Line, Part);
    Line[Part] := #0;
    WriteError(Line);
    Inc(Text, Part);
    Dec(Length, Part);
  end;
  Result := 0;
end;

{ Where no box can be shown, standard error has the report: from the owner, or else from here. }
procedure ShowLeaks;
const
  WantsReport = 1; { BRAINMM_WISH_LEAKS }
  WantsBox = 2; { BRAINMM_WISH_MESSAGE_BOX }
var
  Wishes: Cardinal;
begin
  Wishes := Heap.LeakWishes();
  if not ShowMemoryLeaksInMessageBox and (Wishes and WantsBox = 0) then
    Exit;
  if not (CanShowBox and ShowBox) and (Wishes and WantsReport = 0) then
    Heap.ReportLeaks(WriteLeaks, nil);
end;

var
  HasStarted: Boolean; { False: the unit has stopped in its initialization }
  HasHeld: Boolean; { the reports }

procedure PassWishOn;
begin
  if ReportMemoryLeaksOnShutdown and (LeakFlag <> nil) then
    LeakFlag^ := 1;
end;

{ What units free that finalize after this one is no leak. In Free Pascal these are units that are used before this one;
  in Delphi XE2 and later they can be others, too (QC 103616). So reports come after all of them. }

{$ifdef BRAINMM_FPC}
procedure FinalizeUnits; external name 'FPC_FINALIZEUNITS'; { those that are left }
{$endif}

{ A library may end after the heap's owner, which waits for it with its reports. }
procedure EndLibrary;
begin
{$ifdef BRAINMM_FPC}
  FinalizeUnits;
{$endif}
  PassWishOn;
  if not ProcessEnds then
    Heap.RemoveDescriber(DescribePiece, nil);
  if HasHeld then
    Heap.ReleaseReports();
end;

{$ifdef BRAINMM_FPC}

procedure EndProgram;
begin
  FinalizeUnits;
  PassWishOn;
  ShowLeaks;
end;

{$else}

var
  NextExitProcess: procedure;

{ Is called when all units have finalized, before the process ends. }
procedure EndProgram;
begin
  PassWishOn;
  ShowLeaks;
  if Assigned(NextExitProcess) then
    NextExitProcess;
end;

{$endif}

procedure StartDescribing;
begin
  HasStarted := True;
  Heap.AddDescriber(DescribePiece, nil);
  HasHeld := IsLibrary and (Heap.HoldReports() = BRAINMM_OK);
{$ifdef LINUX}
  if IsLibrary then
    cxa_atexit(@NoteExit, nil, @ExitNoted);
{$endif}
{$ifdef BRAINMM_DELPHI}
  if not IsLibrary then
  begin
    NextExitProcess := ExitProcessProc;
    ExitProcessProc := EndProgram;
  end;
{$endif}
end;

initialization
  if IsMemoryManagerSet then
    Stop(PointerError, 'another memory manager is set already; the unit BrainMM must be the first that a program uses');
  if Assigned(ErrorProc) then
    Stop(PointerError, 'SysUtils has taken memory already; the unit BrainMM must be the first that a program uses');
{$ifndef BRAINMM_COUNTS_OWN}
  if GetHeapStatus.TotalAllocated <> 0 then
    Stop(PointerError, 'memory has been taken already; the unit BrainMM must be the first that a program uses');
{$endif}
  if not JoinPublished then
    JoinLibrary;
  InstallManager;
{$ifdef BRAINMM_FASTMM}
  PublishFastMM;
{$endif}
  StartChecking;
  StartDescribing;

finalization
  if HasStarted and IsLibrary then
    EndLibrary;
{$ifdef BRAINMM_FPC}
  if HasStarted and not IsLibrary then
    EndProgram;
{$endif}
end.
