/* brainmm.h: the C interface of BrainMM, one heap for every module of a process.
 *
 * Link with brainmm.dll's import library, libbrainmm.so or the static core; all of them end up on the same heap,
 * because the first to be loaded publishes it and the others attach (docs/abi.md). A module that links nothing can
 * include brainmm_attach.h instead.
 *
 * Common to all functions
 *   - Thread-safe: any thread may call any function, and may resize or free what another thread allocated.
 *   - Every address returned is a multiple of 16, or more where a function says so.
 *   - Sizes are in bytes unless a name says pages. A size above PTRDIFF_MAX, which is what a negative number becomes,
 *     is refused with NULL and never wraps.
 *   - Out of memory is NULL; the old block of a resize is then untouched and still the caller's.
 *   - A function given a pointer that is not a live allocation of the kind it works on refuses: it returns an error
 *     (or NULL), changes nothing and does not read the memory behind a foreign pointer. NULL, misaligned, stack,
 *     foreign, never allocated and already freed pointers are always recognised, pointers into the middle of an
 *     allocation too. The one exception is a freed piece of up to 32 KiB that the program has written to after the
 *     free, or that has been handed out again since: a second free of it cannot be told from a legal one.
 *   - No function takes a lock for pieces of up to BRAINMM_LOCK_FREE_MAX bytes while the heap has memory cached.
 */
#ifndef BRAINMM_H
#define BRAINMM_H

#include <stddef.h>
#include <stdint.h>

#if defined(BRAINMM_STATIC)
#define BRAINMM_API
#elif defined(_WIN32)
#if defined(BRAINMM_BUILD)
#define BRAINMM_API
#else
#define BRAINMM_API __declspec(dllimport)
#endif
#else
#define BRAINMM_API __attribute__((visibility("default")))
#endif

#if defined(_WIN32)
#define BRAINMM_CALL __cdecl
#else
#define BRAINMM_CALL
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define BRAINMM_ALIGNMENT 16u        /* of every address */
#define BRAINMM_ALIGNMENT_MAX 2048u  /* the largest brainmm_alloc_aligned takes */
#define BRAINMM_LOCK_FREE_MAX 32768u /* pieces up to this size never need a lock */
#define BRAINMM_PAGE_SIZE 4096u      /* the unit of the pages functions, on every system */

/* Results of the functions that return int. Zero is success. */
enum brainmm_result {
    BRAINMM_OK = 0,
    BRAINMM_E_POINTER = 1,     /* not the start of a live allocation of this heap */
    BRAINMM_E_DOUBLE_FREE = 2, /* it was one, and has been freed already */
    BRAINMM_E_KIND = 3,        /* live, but of another kind: a block or pages given to brainmm_free, or the reverse */
    BRAINMM_E_ARGUMENT = 4,    /* a size, count, alignment or mode out of range */
    BRAINMM_E_MEMORY = 5,      /* the system has no more */
    BRAINMM_E_UNSUPPORTED = 6, /* the heap this module is attached to has no such function */
    BRAINMM_E_STOPPED = 7,     /* the caller's own callback ended it early */
    BRAINMM_E_REFUSED = 8      /* the system refuses, for reasons of its own */
};

/* What memory of blocks and pages is for. Memory is released with the mode it was taken with. */
enum brainmm_mode {
    BRAINMM_USER = 0,   /* readable and writable */
    BRAINMM_SYSTEM = 1, /* the same, for a library's own structures: reported as system memory */
    BRAINMM_JIT = 2     /* readable, writable and executable; never reused as ordinary memory while executable */
};

enum brainmm_kind {
    BRAINMM_SMALL = 0,  /* up to 128 bytes */
    BRAINMM_MEDIUM = 1, /* up to 32 KiB */
    BRAINMM_BIG = 2,    /* up to 1 MiB */
    BRAINMM_LARGE = 3,  /* more */
    BRAINMM_PAGES = 4,
    BRAINMM_BLOCK = 5,
    BRAINMM_JIT_MEMORY = 6 /* a block or pages of mode BRAINMM_JIT, or a piece of code of a JIT heap */
};

enum brainmm_rights { BRAINMM_READ = 1, BRAINMM_WRITE = 2, BRAINMM_EXECUTE = 4 };

/* What an address is. The layout is the original's TMemoryOptions, packed: 12 bytes on 32 bit, 20 on 64 bit. */
#pragma pack(push, 1)
typedef struct brainmm_options {
    uint8_t kind;  /* enum brainmm_kind */
    uint8_t align; /* log2(alignment / 16), 0 for 16 to 7 for 2048 bytes: what a resize keeps; of blocks and pages 7 */
    uint8_t block_size;  /* for blocks, log4(size / 4 KiB): 0 for 4 KiB to 8 for 256 MiB; else 0 */
    uint8_t rights;      /* enum brainmm_rights, or-ed, of the first page */
    uintptr_t thread_id; /* the system's id of the thread that owns the piece; 0 where no thread does: pieces above
                          * BRAINMM_LOCK_FREE_MAX, blocks, pages, and what a thread has let go of or left behind */
    size_t size;         /* usable bytes */
} brainmm_options;
#pragma pack(pop)

/* ---- Allocation ------------------------------------------------------------------------------------------------- */

/* A piece of at least SIZE bytes, contents undefined. SIZE 0 gives a valid, unique piece. NULL when memory is out. */
BRAINMM_API void *BRAINMM_CALL brainmm_alloc(size_t size);

/* The same, zero-filled up to its usable size. */
BRAINMM_API void *BRAINMM_CALL brainmm_alloc_zeroed(size_t size);

/* Like brainmm_alloc, at a multiple of ALIGNMENT: a power of two from 1 to BRAINMM_ALIGNMENT_MAX (below 16 means 16),
 * else NULL. Resized and freed with the ordinary functions; a resize keeps the alignment. */
BRAINMM_API void *BRAINMM_CALL brainmm_alloc_aligned(size_t alignment, size_t size);

/* Gives a piece back. NULL is allowed and does nothing. Returns BRAINMM_OK, or why nothing was freed. */
BRAINMM_API int BRAINMM_CALL brainmm_free(void *piece);

/* Makes a piece at least SIZE bytes, moved if need be, its contents kept up to the smaller of both sizes (all usable
 * bytes of a piece are contents) and its alignment kept. PIECE NULL: like brainmm_alloc. SIZE 0: frees the piece and
 * returns NULL. NULL otherwise: out of memory or not a piece of ours, and the old piece stays as it was. */
BRAINMM_API void *BRAINMM_CALL brainmm_realloc(void *piece, size_t size);

/* Like brainmm_realloc, but the contents become undefined: nothing is copied. On failure the old piece and its
 * contents stay. */
BRAINMM_API void *BRAINMM_CALL brainmm_reget(void *piece, size_t size);

/* How many bytes of the piece may be used: at least what was asked for. 0 for NULL and for what is not a live piece. */
BRAINMM_API size_t BRAINMM_CALL brainmm_usable_size(const void *piece);

/* ---- Blocks: fixed sizes, aligned to their size, so that code finds a block's start by AND ---------------------- */

/* A block of SIZE bytes at a multiple of SIZE: 4 KiB, 16 KiB, 64 KiB, 256 KiB, 1, 4, 16, 64 or 256 MiB, else NULL.
 * Contents undefined. Only what is touched costs memory. */
BRAINMM_API void *BRAINMM_CALL brainmm_block_get(size_t size, unsigned mode);

/* Gives a block back; MODE as it was taken. NULL is allowed. */
BRAINMM_API int BRAINMM_CALL brainmm_block_free(void *block, unsigned mode);

/* ---- Pages: runs of 4 KiB pages at a multiple of 4 KiB ---------------------------------------------------------- */

/* COUNT pages, contents undefined. COUNT 0 or too many, or an unknown MODE: NULL. */
BRAINMM_API void *BRAINMM_CALL brainmm_pages_get(size_t count, unsigned mode);

/* Makes a run COUNT pages long, moved if need be: contents undefined (reget) or kept (realloc). PAGES NULL: like
 * brainmm_pages_get. COUNT 0: frees, returns NULL. NULL otherwise: the old run stays as it was. */
BRAINMM_API void *BRAINMM_CALL brainmm_pages_reget(void *pages, size_t count, unsigned mode);
BRAINMM_API void *BRAINMM_CALL brainmm_pages_realloc(void *pages, size_t count, unsigned mode);

/* Gives a run back; MODE as it was taken. NULL is allowed. */
BRAINMM_API int BRAINMM_CALL brainmm_pages_free(void *pages, unsigned mode);

/* ---- Access rights ---------------------------------------------------------------------------------------------- */

/* Gives COUNT pages at PAGES, a multiple of 4 KiB, the RIGHTS of enum brainmm_rights, or-ed: any of the eight
 * combinations. No system has memory that can be written and not read, so WRITE includes READ; processors may let what is
 * EXECUTE only be read. On systems with larger pages, those are the unit: what is not a multiple of them is refused.
 *
 * The pages may be anybody's. Of the heap's own, they must lie inside one live allocation that has whole pages to
 * itself: pages, a block, or a piece above BRAINMM_LOCK_FREE_MAX bytes. Such an allocation gets the rights it began with
 * back when it is freed, and when it is resized, even if the resize fails; a block of 4 or 16 KiB for which the system
 * refuses that is not freed (BRAINMM_E_REFUSED). Must not run while another thread frees or resizes the same allocation.
 *
 * BRAINMM_E_ARGUMENT: unknown RIGHTS, more pages than there can be, or the allocation ends before the COUNT. _E_POINTER:
 * NULL, not a multiple of 4 KiB, not all mapped, or free memory or a table of the heap. _E_KIND: pieces that share
 * their pages. After _E_REFUSED a part of the pages may have the new rights. A COUNT of 0 changes nothing. */
BRAINMM_API int BRAINMM_CALL brainmm_pages_set_rights(void *pages, size_t count, unsigned rights);

/* Stores the rights of one page, which may be anybody's; 0 means no access. BRAINMM_E_POINTER: NULL, not a multiple of
 * 4 KiB, or not mapped; *RIGHTS is then untouched. On Linux this reads /proc/self/maps, and takes as long. */
BRAINMM_API int BRAINMM_CALL brainmm_pages_get_rights(const void *page, unsigned *rights);

/* ---- Memory for machine code ------------------------------------------------------------------------------------ */

/* A heap of executable memory. There may be many; each has its own memory, and every function may be called by any
 * thread at any time, except that a heap must not be destroyed while it is used. It is no piece: all other functions
 * refuse it, and the walk reports its code only. */
typedef struct brainmm_jit_heap brainmm_jit_heap;

enum brainmm_jit_kind {
    BRAINMM_JIT_WRITABLE = 0, /* readable, writable and executable, at one address */
    BRAINMM_JIT_TWO_VIEWS = 1 /* mapped twice: writable at one address, executable at another, never both */
};

/* Makes a heap of KIND and stores it in *HEAP. BRAINMM_E_REFUSED: this system gives no such memory (some forbid the one
 * kind, some the other); BRAINMM_E_ARGUMENT: unknown KIND, or HEAP NULL; BRAINMM_E_MEMORY. */
BRAINMM_API int BRAINMM_CALL brainmm_jit_heap_create(unsigned kind, brainmm_jit_heap **heap);

/* Memory for SIZE bytes of code, a multiple of 16: its start, where it runs. *WRITABLE, if WRITABLE is not NULL, becomes
 * where it is written: the same address, or the other view. Its contents are undefined. Small pieces share pages. NULL:
 * SIZE is 0, memory is out, or HEAP is none. With two views, after fork() both processes have the same memory. */
BRAINMM_API void *BRAINMM_CALL brainmm_jit_alloc(brainmm_jit_heap *heap, size_t size, void **writable);

/* Gives memory back by the address where its code ran; NULL is allowed. BRAINMM_E_POINTER: HEAP is none, or CODE is not
 * the start of a live allocation of this heap. The memory may hold other code soon, but is ordinary memory only when it
 * is not executable any more. */
BRAINMM_API int BRAINMM_CALL brainmm_jit_free(brainmm_jit_heap *heap, void *code);

/* Gives all memory of the heap back, which can then be used further (clear), or the heap too (destroy; NULL is allowed).
 * BRAINMM_E_POINTER: HEAP is none, or was destroyed. */
BRAINMM_API int BRAINMM_CALL brainmm_jit_heap_clear(brainmm_jit_heap *heap);
BRAINMM_API int BRAINMM_CALL brainmm_jit_heap_destroy(brainmm_jit_heap *heap);

/* To be called when code has been written, with the address where it runs, before it runs: processors other than x86
 * need it. Any memory, not only a heap's. */
BRAINMM_API void BRAINMM_CALL brainmm_jit_flush(const void *code, size_t size);

/* ---- Questions and upkeep --------------------------------------------------------------------------------------- */

/* Describes the allocation that starts at ADDRESS. Returns 1, or 0 with *OPTIONS untouched when there is none. */
BRAINMM_API int BRAINMM_CALL brainmm_get_options(const void *address, brainmm_options *options);

/* Takes back what other threads freed of the calling thread's memory and returns what is idle to the system.
 * Returns 1 if anything was taken back or returned, else 0. */
BRAINMM_API int BRAINMM_CALL brainmm_thread_heap_minimize(void);

/* A hint that the calling thread will allocate no more: its heap passes on to others now. What it does later still
 * works. Called for you at thread exit. */
BRAINMM_API void BRAINMM_CALL brainmm_thread_done(void);

/* ---- Moving ----------------------------------------------------------------------------------------------------- */

/* Moves COUNT units of 16 bytes from FROM to TO; the two may overlap. Made for addresses that are multiples of 16, as
 * the heap's are; others work and may be slower. Needs no heap, and is the calling module's own code whatever heap it is
 * on. Leaves no trace in the processor's vector registers that slows other code down. Returns BRAINMM_OK, or
 * BRAINMM_E_ARGUMENT and moves nothing: an address is NULL with a COUNT above 0, or COUNT units are more than
 * PTRDIFF_MAX bytes, which a negative count is. */
BRAINMM_API int BRAINMM_CALL brainmm_move_b16(void *to, const void *from, size_t count);

/* ---- Statistics, and a walk over all that is live ---------------------------------------------------------------- */

/* These functions look at the whole heap, of all threads, while the others go on. They take no lock for longer than a
 * look at 64 units, keep nobody from allocating, and need some memory of their own, which they take from the system.
 * Their cost grows with the heap (docs/benchmarks.md has figures): they are for reports, tests and diagnosis.
 *
 * If nobody else uses the heap during the call, everything in the result is exact, and says so. Otherwise
 *   - what is live from the call's begin to its end is found, once and correctly described; likewise what is free all
 *     the time is not;
 *   - what is allocated, freed or resized meanwhile may be found or not. If it is, it was live at some moment of the
 *     call, except for what is marked BRAINMM_PRESUMED. */
enum brainmm_certainty {
    BRAINMM_EXACT = 0,   /* the heap stood still: the whole walk is of one moment */
    BRAINMM_SEEN = 1,    /* other threads used the heap; the allocation was live at a moment of the call */
    BRAINMM_PRESUMED = 2 /* it may have been free: the program has taken away the right to read the memory, or it kept
                          * changing */
};

/* One live allocation. The owner of the heap may be of a later version and know more: `struct_size` tells how long its
 * record is. */
typedef struct brainmm_allocation {
    uint32_t struct_size;
    uint8_t kind;        /* enum brainmm_kind */
    uint8_t mode;        /* enum brainmm_mode; BRAINMM_USER for pieces */
    uint8_t certainty;   /* enum brainmm_certainty */
    uint8_t reserved;    /* 0 */
    void *address;       /* its start */
    size_t size;         /* usable bytes */
    size_t alignment;    /* in bytes: what a resize keeps; of pages 4096, of a block its size */
    uintptr_t thread_id; /* the system's id of the thread that owns the piece; 0 where no thread does */
} brainmm_allocation;

/* Called for one allocation. Anything but 0 ends the walk. *ALLOCATION is valid during the call only. */
typedef int(BRAINMM_CALL *brainmm_visit)(void *context, const brainmm_allocation *allocation);

/* Calls VISIT for every live allocation, in ascending order of addresses; of a JIT heap, for each piece of code, at the
 * address where it runs, and for the heap's own records, which are pieces. What is live has been written down before the
 * first call, and no lock is held: VISIT may allocate, resize and free anything, end or start threads, and walk; what it
 * does changes nothing in what is visited. It must return (no longjmp or exception through the walk).
 * Returns BRAINMM_OK; BRAINMM_E_STOPPED if VISIT ended the walk; before any call of VISIT BRAINMM_E_ARGUMENT if it is
 * NULL, BRAINMM_E_MEMORY if there is none to write down what is live, or BRAINMM_E_UNSUPPORTED. */
BRAINMM_API int BRAINMM_CALL brainmm_walk(brainmm_visit visit, void *context);

/* Bits of brainmm_stats.approximate. */
enum brainmm_approximate {
    BRAINMM_OTHERS_WORKED = 1, /* live_*, free_bytes, kinds and classes: other threads used the heap meanwhile */
    BRAINMM_SOME_PRESUMED = 2  /* the same: something BRAINMM_PRESUMED was counted as live */
};

typedef struct brainmm_kind_stats {
    uint64_t count, bytes; /* of live allocations; usable bytes */
} brainmm_kind_stats;

/* Figures of the heap. All members have the same place on 32 and 64 bit. Later versions add members at the end.
 *     committed_bytes = live_bytes + free_bytes + cached_bytes + overhead_bytes
 * if nothing is approximate. Sizes are in bytes; "ever" means since the heap began. */
typedef struct brainmm_stats {
    uint32_t struct_size; /* set by the caller: sizeof(brainmm_stats). Becomes how much of it has been filled in */
    uint32_t approximate; /* enum brainmm_approximate, or-ed; 0: all is exact and of one moment */
    uint64_t live_count;
    uint64_t live_bytes;         /* usable bytes of what is live */
    uint64_t free_bytes;         /* the rest of the units that hold something live, or that a thread keeps for more */
    uint64_t cached_bytes;       /* units in nobody's hands that have not gone back to the system */
    uint64_t overhead_bytes;     /* descriptors, bitmaps, heaps of threads */
    uint64_t committed_bytes;    /* what the system has been asked for; on Linux untouched parts cost nothing yet */
    uint64_t committed_most;     /* the most of it there ever was, without the overhead */
    uint64_t reserved_bytes;     /* addresses */
    brainmm_kind_stats kinds[8]; /* by enum brainmm_kind; the last is not used */
    uint64_t heaps;              /* of threads, those of ended ones too */
    uint64_t threads;            /* threads that have a heap */
    uint64_t slabs;              /* of objects up to 32 KiB */
    uint64_t remote_frees;       /* pieces that another thread freed than owned them, ever; counted when handed over */
    uint64_t purges;             /* times memory went back to the system, ever */
    uint64_t purged_bytes;       /* and how much, ever */
    uint64_t class_count;        /* size classes in use: rows that CLASSES could have been filled with */
    uint64_t
        grown_right_bytes;     /* what resizing above BRAINMM_LOCK_FREE_MAX has done, ever: free memory taken behind, */
    uint64_t grown_left_bytes; /* before, */
    uint64_t grown_room_bytes; /* and from addresses reserved for growth; */
    uint64_t slid_bytes;       /* contents moved down to the new start of one that grew to the left; */
    uint64_t moved_bytes;      /* contents whose pages were moved to another place; */
    uint64_t copied_bytes;     /* contents copied to one; */
    uint64_t shrunk_bytes;     /* memory given back in place */
} brainmm_stats;

/* One class of pieces up to 32 KiB: of an alignment and size. Never grows: an array of these is the caller's. */
typedef struct brainmm_class_stats {
    uint32_t size;      /* usable bytes of a piece */
    uint32_t alignment; /* of each */
    uint64_t slabs;     /* that hold such pieces */
    uint64_t live;      /* pieces */
    uint64_t free;      /* pieces that have been live, or have at least been made ready */
    uint64_t untouched; /* pieces there is room for in memory that has never been touched */
} brainmm_class_stats;

/* Fills *STATS, as far as STATS->struct_size goes, and the first CAPACITY rows of CLASSES, by alignment and size
 * (CLASSES may be NULL if CAPACITY is 0); CLASSES is not touched behind STATS->class_count rows.
 * Returns BRAINMM_OK; or with everything untouched BRAINMM_E_ARGUMENT: STATS is NULL, or its struct_size does not even
 * reach to live_bytes, or there are no CLASSES for the CAPACITY; BRAINMM_E_MEMORY; BRAINMM_E_UNSUPPORTED. */
BRAINMM_API int BRAINMM_CALL brainmm_get_stats(brainmm_stats *stats, brainmm_class_stats *classes, size_t capacity);

/* Takes the next LENGTH bytes of a text, which has no terminating zero. Anything but 0 ends the dump. */
typedef int(BRAINMM_CALL *brainmm_write)(void *context, const char *text, size_t length);

/* What a dump contains, or-ed. */
enum brainmm_dump_parts { BRAINMM_DUMP_STATS = 1, BRAINMM_DUMP_ALLOCATIONS = 2 };

/* Writes the statistics, all allocations, or both as one JSON object (docs/design.md shows one), ASCII only, in as many
 * calls of WRITE as it takes. WRITE may use the heap, as a visitor of brainmm_walk may.
 * Returns BRAINMM_OK; BRAINMM_E_STOPPED if WRITE ended it. Before WRITE is called, BRAINMM_E_ARGUMENT: WRITE is NULL, or
 * PARTS is 0 or has other bits; BRAINMM_E_MEMORY or BRAINMM_E_UNSUPPORTED. If memory is short only when the allocations'
 * turn comes, the text ends early with BRAINMM_E_MEMORY, and is no JSON. */
BRAINMM_API int BRAINMM_CALL brainmm_dump(brainmm_write write, void *context, unsigned parts);

/* ---- COM -------------------------------------------------------------------------------------------------------- */

/* Windows: stores an object with COM's interface IMalloc (objidl.h) over the process's heap in *MALLOC, with one
 * reference. Its methods may be called by any thread; they need no CoInitialize. As COM documents them: Alloc(0) is a
 * piece; Realloc of NULL allocates, to 0 frees; GetSize is what may be used, (SIZE_T)-1 for NULL and for what is not a live
 * piece; DidAlloc is 1, 0, and -1 for NULL; NULL when memory is out. Free refuses what brainmm_free does, silently.
 * BRAINMM_E_ARGUMENT: MALLOC is NULL; BRAINMM_E_MEMORY. Elsewhere: BRAINMM_E_UNSUPPORTED. For CoCreateInstance there is
 * brainmm_com.dll: docs/companions.md. */
struct IMalloc;
BRAINMM_API int BRAINMM_CALL brainmm_create_malloc(struct IMalloc **malloc);

/* ---- The process's heap ----------------------------------------------------------------------------------------- */

#define BRAINMM_MAGIC "BrainMM-table-v2" /* 16 bytes, without a terminating zero */
#define BRAINMM_ABI_VERSION 2u

/* The manager table. Every module's functions above go through the table of the process's heap. Offsets never change;
 * new members go at the end, and `size` tells which are there. Documented byte by byte in docs/abi.md. */
struct brainmm_manager {
    char magic[16];                     /* BRAINMM_MAGIC */
    uint32_t size;                      /* of this table, in bytes */
    uint32_t abi_version;               /* BRAINMM_ABI_VERSION */
    const struct brainmm_manager *self; /* this table's own address */
    void *const *version1;              /* the original's table of 24 pointers, over the same heap */
    uintptr_t heap_id;                  /* identity of the heap: equal in two modules if they share it */
    void *(BRAINMM_CALL *alloc)(size_t size);
    void *(BRAINMM_CALL *alloc_zeroed)(size_t size);
    void *(BRAINMM_CALL *alloc_aligned)(size_t alignment, size_t size);
    int(BRAINMM_CALL *free)(void *piece);
    void *(BRAINMM_CALL *realloc)(void *piece, size_t size);
    void *(BRAINMM_CALL *reget)(void *piece, size_t size);
    size_t(BRAINMM_CALL *usable_size)(const void *piece);
    void *(BRAINMM_CALL *block_get)(size_t size, unsigned mode);
    int(BRAINMM_CALL *block_free)(void *block, unsigned mode);
    void *(BRAINMM_CALL *pages_get)(size_t count, unsigned mode);
    void *(BRAINMM_CALL *pages_reget)(void *pages, size_t count, unsigned mode);
    void *(BRAINMM_CALL *pages_realloc)(void *pages, size_t count, unsigned mode);
    int(BRAINMM_CALL *pages_free)(void *pages, unsigned mode);
    int(BRAINMM_CALL *get_options)(const void *address, brainmm_options *options);
    int(BRAINMM_CALL *thread_heap_minimize)(void);
    void(BRAINMM_CALL *thread_done)(void);
    int(BRAINMM_CALL *move_b16)(void *to, const void *from, size_t count);
    int(BRAINMM_CALL *get_stats)(brainmm_stats *stats, brainmm_class_stats *classes, size_t capacity);
    int(BRAINMM_CALL *walk)(brainmm_visit visit, void *context);
    int(BRAINMM_CALL *pages_set_rights)(void *pages, size_t count, unsigned rights);
    int(BRAINMM_CALL *pages_get_rights)(const void *page, unsigned *rights);
    int(BRAINMM_CALL *jit_heap_create)(unsigned kind, brainmm_jit_heap **heap);
    int(BRAINMM_CALL *jit_heap_clear)(brainmm_jit_heap *heap);
    int(BRAINMM_CALL *jit_heap_destroy)(brainmm_jit_heap *heap);
    void *(BRAINMM_CALL *jit_alloc)(brainmm_jit_heap *heap, size_t size, void **writable);
    int(BRAINMM_CALL *jit_free)(brainmm_jit_heap *heap, void *code);
    void(BRAINMM_CALL *jit_flush)(const void *code, size_t size);
};

/* The table of the heap this module is on: its own, or the one it attached to. Never NULL; the heap is chosen by the
 * first call at the latest. */
BRAINMM_API const struct brainmm_manager *BRAINMM_CALL brainmm_get_manager(void);

/* This module's own table, as a symbol for those who look it up with GetProcAddress or dlsym. Its functions serve the
 * process's heap, whoever owns it. */
BRAINMM_API extern const struct brainmm_manager brainmm_manager;

/* How this module came to its heap, and what it saw on the way. */
enum brainmm_attach_state {
    BRAINMM_OWNER = 0,             /* it came first and published its own heap */
    BRAINMM_ATTACHED = 1,          /* it uses the heap of an earlier module, found under the first name */
    BRAINMM_ATTACHED_VERSION1 = 2, /* the same, an owner that has the original's table only */
    BRAINMM_ATTACHED_SECOND = 3,   /* found the second way, because the first name held something refused */
    BRAINMM_OWNER_SECOND = 4,      /* it owns the heap and published it the second way, for the same reason */
    BRAINMM_OWNER_UNPUBLISHED = 5  /* it owns a heap, but neither way of publishing worked: others cannot find it */
};

/* Returns the state; *TEXT, if TEXT is not NULL, becomes a sentence about it that names what was refused and why. */
BRAINMM_API int BRAINMM_CALL brainmm_attach_status(const char **text);

#ifdef __cplusplus
}
#endif

#endif
