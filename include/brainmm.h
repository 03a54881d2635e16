/* SPDX-License-Identifier: MIT */
/* brainmm.h: the C interface of BrainMM, one heap for every module of a process.
 *
 * A module is a program, a DLL or a shared library. How a module gets these functions:
 *
 *     Linux, shared        gcc program.c -lbrainmm
 *     Linux, static        gcc -DBRAINMM_STATIC program.c libbrainmm.a -pthread
 *     Windows, DLL         gcc program.c libbrainmm.dll.a
 *     Windows, static      gcc -DBRAINMM_STATIC program.c libbrainmm.a
 *     linked to nothing    #include "brainmm_attach.h"
 *     C++17 and later      #include "brainmm.hpp", with any of these
 *
 * However they do it, all modules of a process use the same heap. The first module that is loaded publishes its heap,
 * and the others attach to it (docs/abi.md). A module that contains the static core takes part in this, too.
 *
 * Terms
 *   - A piece is what brainmm_alloc and its relatives return. A piece whose size or alignment is above
 *     BRAINMM_LOCK_FREE_MAX bytes has pages of its own. Smaller ones come from memory that many share.
 *   - A block is memory of one of nine sizes, aligned to its size. Pages are a run of 4 KiB pages.
 *   - An allocation is any of them: a piece, a block, a run of pages, or a piece of code from a JIT heap.
 *   - The owner is the module whose heap the process uses.
 *   - The original is BrainMM by Dmitry Mozulyov: a memory manager in Pascal, published in 2016 under the MIT licence.
 *     This library shares its heap with modules that were built with the original.
 *
 * What holds for all functions, unless a function says otherwise
 *   - Threads: any thread may call any function at any time. Any thread may resize or free what another thread
 *     allocated. Two threads must not resize or free the same allocation at the same time. If two threads free one
 *     piece of up to BRAINMM_LOCK_FREE_MAX bytes in the same instant, both may be told BRAINMM_OK, and the heap may
 *     then hand out its address twice. Of two threads that free any other allocation, exactly one is told so.
 *   - Alignment: every address returned is a multiple of 16.
 *   - Sizes are in bytes, unless a name says pages. A size above PTRDIFF_MAX is refused and never wraps round. A
 *     negative number becomes such a size.
 *   - Memory: where there is not enough, the result is NULL or BRAINMM_E_MEMORY. The old memory of a resize that fails
 *     is unchanged and still belongs to the caller.
 *   - When memory is out: the heap holds 1 MiB back, the emergency reserve. The request that meets the limit fails,
 *     although the reserve is there. After that the same thread gets memory out of the reserve if there is no other. So
 *     it can raise an exception, write a message and free. A thread that does not look at NULL and goes on uses the
 *     reserve up. The heap fills it up again when 3 MiB are free.
 *   - Wrong pointers: a function refuses a pointer that is not a live allocation of the kind it works on. It returns an
 *     error or NULL, changes nothing, and does not read memory that is not the heap's. A handler hears of it, if the
 *     program has set one (brainmm_set_error_handler). Pointers that are NULL,
 *     misaligned, on a stack, foreign, never allocated, freed, or inside an allocation are all recognised. There are
 *     two exceptions. A freed piece of up to BRAINMM_LOCK_FREE_MAX bytes looks live if the program has written to it
 *     since, or if the heap has handed it out again. A freed piece whose memory another thread gives back to the system
 *     in the very moment of the look may not be readable any more, on Windows and under a limit of addresses: the look
 *     then faults.
 *   - Locks: allocating and freeing pieces of up to BRAINMM_LOCK_FREE_MAX bytes takes no lock as long as the heap has
 *     free memory. The same holds for resizing within that size.
 *   - Forks and signals: the child of a fork may use the heap, whatever other threads of the parent were doing. A
 *     signal handler may fork at any time. It must not call functions of the heap otherwise: if it has interrupted one,
 *     the process may end with a message. No function is a cancellation point.
 *   - Owners of another version: a function that the owner does not have returns NULL, 0 or BRAINMM_E_UNSUPPORTED.
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

#define BRAINMM_VERSION 0x020000u /* of this header: major << 16 | minor << 8 | patch */

#define BRAINMM_ALIGNMENT 16u /* every address is a multiple of this many bytes */
/* The largest alignment that every owner can give, also one that has the original's table only. Others give larger
 * ones as well. */
#define BRAINMM_ALIGNMENT_MAX 2048u
#define BRAINMM_LOCK_FREE_MAX 32768u /* bytes: pieces of up to this size are allocated and freed without a lock */
#define BRAINMM_PAGE_SIZE 4096u      /* bytes: the unit of the pages functions, on every system */

/* The result of most functions that return int. Zero is success. */
enum brainmm_result {
    BRAINMM_OK = 0,
    BRAINMM_E_POINTER = 1,     /* the pointer is not the start of a live allocation of this heap */
    BRAINMM_E_DOUBLE_FREE = 2, /* it was one, and has been freed since */
    BRAINMM_E_KIND = 3,        /* it is one, but of another kind or mode: a block given to brainmm_free, for example */
    BRAINMM_E_ARGUMENT = 4,    /* a size, count, alignment or mode is out of range */
    BRAINMM_E_MEMORY = 5,      /* there is not enough memory */
    BRAINMM_E_UNSUPPORTED = 6, /* the process's heap, or the system, does not have this function */
    BRAINMM_E_STOPPED = 7,     /* the caller's own function ended the call early */
    BRAINMM_E_REFUSED = 8,     /* the system refused the request */
    BRAINMM_E_DAMAGED = 9,     /* memory was written to that the program must not write to */
    BRAINMM_E_TAKEN = 10       /* somebody else has the place */
};

/* What the memory of blocks and pages is for. Memory is freed with the mode it was allocated with. */
enum brainmm_mode {
    BRAINMM_USER = 0,   /* readable and writable */
    BRAINMM_SYSTEM = 1, /* the same, for a library's own data; the walk tells it apart */
    /* Readable, writable and executable. Once freed, it is not used as ordinary memory while it is executable. */
    BRAINMM_JIT = 2
};

/* What an allocation is. Pieces are told apart by their usable size. */
enum brainmm_kind {
    BRAINMM_SMALL = 0,     /* a piece of up to 128 bytes */
    BRAINMM_MEDIUM = 1,    /* a piece of up to 32 KiB */
    BRAINMM_BIG = 2,       /* a piece of up to 1 MiB */
    BRAINMM_LARGE = 3,     /* a larger piece */
    BRAINMM_PAGES = 4,     /* a run of pages */
    BRAINMM_BLOCK = 5,     /* a block */
    BRAINMM_JIT_MEMORY = 6 /* a block or pages of mode BRAINMM_JIT, or a piece of code of a JIT heap */
};

/* Rights of access to a page, or-ed. 0 is no access. */
enum brainmm_rights { BRAINMM_READ = 1, BRAINMM_WRITE = 2, BRAINMM_EXECUTE = 4 };

/* What brainmm_get_options tells about an allocation. The layout is that of the original's TMemoryOptions. It is
 * packed into 12 bytes on 32 bit and 20 bytes on 64 bit. */
#pragma pack(push, 1)
typedef struct brainmm_options {
    uint8_t kind; /* enum brainmm_kind */
    /* The alignment that a resize keeps, as log2(bytes / 16): 0 for 16 bytes to 6 for 1024. 7 is 2048 or more, and any
     * alignment of blocks and pages. brainmm_walk tells the alignment in bytes. */
    uint8_t align;
    uint8_t block_size; /* of a block: 0 for 4 KiB, 1 for 16 KiB, to 8 for 256 MiB; of anything else 0 */
    uint8_t rights;     /* enum brainmm_rights, or-ed, of the first page; a piece of size 0 has none */
    /* The system's id of the thread that owns the piece, or 0. No thread owns a piece with pages of its own or of size
     * 0, a block, pages, or what a thread has passed on or left behind. */
    uintptr_t thread_id;
    size_t size; /* usable bytes */
} brainmm_options;
#pragma pack(pop)

/* ---- The library and the system --------------------------------------------------------------------------------- */

/* The version of the library that this module is linked with, in the form of BRAINMM_VERSION. A program compares it
 * with the BRAINMM_VERSION it was compiled with: an equal or higher one has all functions of that header. Needs no
 * heap. The process's heap may belong to a module of another version, and brainmm_get_manager()->size tells what
 * that has. */
BRAINMM_API unsigned BRAINMM_CALL brainmm_version(void);

/* An English sentence about RESULT, an enum brainmm_result. Never NULL: for any other number it says that the result
 * is unknown. The text is constant and stays valid as long as the library is loaded. Needs no heap. */
BRAINMM_API const char *BRAINMM_CALL brainmm_result_text(int result);

/* Options: docs/options.md lists them. The module that founds the process's heap reads them, once, from four sources:
 * the program's own text, the file PROGRAM.brainmm beside the program, the environment variable BRAINMM_OPTIONS and
 * brainmm_set_options. The last that gives an option decides. A program with other rights than its caller (set-user-id)
 * ignores the file and the environment. */

/* Defines the program's own text. A program, not a library, has in one of its files, outside any function:
 *     BRAINMM_PROGRAM_OPTIONS("checked,stacks");
 * The program must export the symbol, or no library finds it. It does so on Windows. On Linux it does if it is linked
 * with libbrainmm.so. If it has the static core, it need not. Other programs are linked with -rdynamic. */
#if defined(__cplusplus)
#define BRAINMM_C_NAME extern "C"
#else
#define BRAINMM_C_NAME extern
#endif
#if defined(_WIN32)
#define BRAINMM_PROGRAM_EXPORT __declspec(dllexport)
#else
#define BRAINMM_PROGRAM_EXPORT __attribute__((visibility("default")))
#endif
#define BRAINMM_PROGRAM_OPTIONS(text)                                                                                  \
    BRAINMM_C_NAME BRAINMM_PROGRAM_EXPORT const char brainmm_program_options[sizeof(text)];                            \
    const char brainmm_program_options[sizeof(text)] = text

/* Reads TEXT as the last source, before this module has a heap: in a constructor or TLS callback that runs before the
 * static core's, or in .preinit_array of a program that is linked with libbrainmm.so. May be called several times, then
 * the last that gives an option decides.
 * BRAINMM_E_ARGUMENT: a word of TEXT is wrong, or TEXT is NULL. A wrong word is reported where a process's diagnostics
 * go. The others count.
 * BRAINMM_E_REFUSED: this module has its heap already. Nothing has changed. */
BRAINMM_API int BRAINMM_CALL brainmm_set_options(const char *text);

/* The size in bytes of the pages that this system gives access rights to: 4096 on x86, 16384 or 65536 on some
 * others. Always a power of two, and BRAINMM_PAGE_SIZE or more. Needs no heap. */
BRAINMM_API size_t BRAINMM_CALL brainmm_system_page_size(void);

/* ---- Pieces ----------------------------------------------------------------------------------------------------- */

/* Allocates a piece of at least SIZE bytes. Its contents are undefined. SIZE 0 gives a piece of its own, too: an
 * address in memory that nobody may touch, with a usable size of 0. If a program has thousands of these at once,
 * further ones are as those of size 1.
 * NULL: not enough memory, or SIZE is above PTRDIFF_MAX. */
BRAINMM_API void *BRAINMM_CALL brainmm_alloc(size_t size);

/* The same. All usable bytes of the piece are zero. */
BRAINMM_API void *BRAINMM_CALL brainmm_alloc_zeroed(size_t size);

/* Allocates a piece of at least SIZE bytes at a multiple of ALIGNMENT bytes. ALIGNMENT may be any power of two; what
 * is below 16 means 16. Its contents are undefined. It is resized and freed like any piece, and a resize keeps its
 * alignment. From 4096 to BRAINMM_LOCK_FREE_MAX a piece costs a multiple of its alignment. A larger alignment costs
 * pages of its own, more than BRAINMM_LOCK_FREE_MAX bytes, however small SIZE is.
 * NULL: ALIGNMENT is not a power of two, the two together are above PTRDIFF_MAX, or there is not enough memory or no
 * such address. An owner that has the original's table only gives NULL above BRAINMM_ALIGNMENT_MAX. */
BRAINMM_API void *BRAINMM_CALL brainmm_alloc_aligned(size_t alignment, size_t size);

/* Allocates a piece for COUNT elements of SIZE bytes each: like brainmm_alloc or brainmm_alloc_zeroed with the
 * product.
 * NULL also if the product is above PTRDIFF_MAX. It never wraps round. */
BRAINMM_API void *BRAINMM_CALL brainmm_alloc_array(size_t count, size_t size);
BRAINMM_API void *BRAINMM_CALL brainmm_alloc_zeroed_array(size_t count, size_t size);

/* Frees a piece. NULL is allowed and does nothing.
 * Errors, after which everything is as before: BRAINMM_E_POINTER; BRAINMM_E_DOUBLE_FREE for a piece that was freed
 * before, or BRAINMM_E_POINTER if the heap has put its memory to another use since; BRAINMM_E_KIND for blocks, pages
 * and code. */
BRAINMM_API int BRAINMM_CALL brainmm_free(void *piece);

/* Makes PIECE at least SIZE bytes long and returns its address, which may be a new one. The contents are kept up to
 * the smaller of both sizes; all usable bytes of a piece are contents. The alignment it was allocated with is kept.
 * If the piece moves, the old one is freed. PIECE NULL: like brainmm_alloc. SIZE 0: frees the piece, returns NULL.
 * Otherwise NULL is failure, and the old piece and its contents stay as they were: not enough memory, SIZE is above
 * PTRDIFF_MAX, or PIECE is not a live piece. */
BRAINMM_API void *BRAINMM_CALL brainmm_realloc(void *piece, size_t size);

/* The same for COUNT elements of SIZE bytes each. If the product is above PTRDIFF_MAX, the result is NULL and the
 * old piece stays as it was. If the product is 0, the piece is freed. */
BRAINMM_API void *BRAINMM_CALL brainmm_realloc_array(void *piece, size_t count, size_t size);

/* Like brainmm_realloc, but copies nothing: the contents become undefined. On failure the old piece keeps them. */
BRAINMM_API void *BRAINMM_CALL brainmm_reget(void *piece, size_t size);

/* How many bytes of the piece may be used: at least as many as were asked for. 0 if PIECE is NULL or not a live
 * piece, and for a piece of size 0. brainmm_get_options tells these apart. */
BRAINMM_API size_t BRAINMM_CALL brainmm_usable_size(const void *piece);

/* ---- Blocks: nine sizes, aligned to the size, so that code finds the start of a block by masking an address ------ */

/* Allocates a block of SIZE bytes at a multiple of SIZE. SIZE is 4, 16, 64 or 256 KiB, or 1, 4, 16, 64 or 256 MiB;
 * MODE is an enum brainmm_mode. Its contents are undefined. Only the pages that are touched take memory.
 * NULL: any other SIZE or MODE, or not enough memory. */
BRAINMM_API void *BRAINMM_CALL brainmm_block_get(size_t size, unsigned mode);

/* Frees a block; MODE is the one it was allocated with. NULL is allowed and does nothing.
 * Errors, after which the block is as before: BRAINMM_E_POINTER; BRAINMM_E_KIND, also for another MODE;
 * BRAINMM_E_ARGUMENT: unknown MODE; BRAINMM_E_REFUSED: brainmm_pages_set_rights changed rights that the system does
 * not give back, which concerns blocks of 4 and 16 KiB only. */
BRAINMM_API int BRAINMM_CALL brainmm_block_free(void *block, unsigned mode);

/* ---- Pages: runs of 4 KiB pages at a multiple of 4 KiB ---------------------------------------------------------- */

/* Allocates a run of COUNT pages; MODE is an enum brainmm_mode. Its contents are undefined.
 * NULL: COUNT is 0 or more than PTRDIFF_MAX bytes, unknown MODE, or not enough memory. */
BRAINMM_API void *BRAINMM_CALL brainmm_pages_get(size_t count, unsigned mode);

/* Make a run COUNT pages long and return its address, which may be a new one. MODE is the one it was allocated with.
 * brainmm_pages_reget leaves the contents undefined. brainmm_pages_realloc keeps them up to the smaller of both
 * lengths. If the run moves, the old one is freed. PAGES NULL: like brainmm_pages_get. COUNT 0: frees the run and
 * returns NULL.
 * Otherwise NULL is failure, and the old run and its contents stay as they were: not enough memory, COUNT is more
 * than PTRDIFF_MAX bytes, or PAGES is not a live run of that MODE. */
BRAINMM_API void *BRAINMM_CALL brainmm_pages_reget(void *pages, size_t count, unsigned mode);
BRAINMM_API void *BRAINMM_CALL brainmm_pages_realloc(void *pages, size_t count, unsigned mode);

/* Frees a run; MODE is the one it was allocated with. NULL is allowed and does nothing.
 * Errors, after which the run is as before: BRAINMM_E_POINTER; BRAINMM_E_KIND, also for another MODE;
 * BRAINMM_E_ARGUMENT: unknown MODE. */
BRAINMM_API int BRAINMM_CALL brainmm_pages_free(void *pages, unsigned mode);

/* ---- Access rights ---------------------------------------------------------------------------------------------- */

/* Gives COUNT pages from PAGES on, a multiple of 4 KiB, the access RIGHTS of enum brainmm_rights. All eight
 * combinations are allowed. WRITE includes READ, because no system has memory that can be written and not read. Some
 * processors let what is EXECUTE only be read. On a system with larger pages, PAGES and the length must be multiples
 * of brainmm_system_page_size().
 *
 * The pages may be anybody's. Pages of the heap must lie inside one live allocation that has pages of its own: a run
 * of pages, a block, or such a piece. A piece begins at a page only if brainmm_alloc_aligned was asked for that. The
 * allocation gets its first rights back when it is freed or resized, even if the resize fails. No other thread may
 * free or resize the allocation during the call.
 *
 * BRAINMM_E_ARGUMENT: unknown RIGHTS, more pages than an address space has, or the allocation ends before the COUNT.
 * BRAINMM_E_POINTER: NULL, not a multiple of 4 KiB, not all mapped, or memory of the heap that is free or its own.
 * BRAINMM_E_KIND: a piece without pages of its own, also if it happens to begin at one.
 * BRAINMM_E_REFUSED: the system refuses, and some of the pages may have the new rights already.
 * All other errors change nothing. A COUNT of 0 changes nothing and is no error. */
BRAINMM_API int BRAINMM_CALL brainmm_pages_set_rights(void *pages, size_t count, unsigned rights);

/* Stores the rights of one page in *RIGHTS, enum brainmm_rights or-ed. The page may be anybody's. On Linux the
 * function reads /proc/self/maps and takes as long as that.
 * Errors, after which *RIGHTS is as before: BRAINMM_E_POINTER: PAGE is NULL, not a multiple of 4 KiB, or not mapped;
 * BRAINMM_E_ARGUMENT: RIGHTS is NULL; BRAINMM_E_UNSUPPORTED: the page is mapped, but the system does not tell its
 * rights, as on Linux without /proc. */
BRAINMM_API int BRAINMM_CALL brainmm_pages_get_rights(const void *page, unsigned *rights);

/* ---- Memory for machine code ------------------------------------------------------------------------------------ */

/* A heap of executable memory. There may be many, and each has memory of its own. Threads may use one heap at the
 * same time, but a heap must not be destroyed while another thread uses it. The pointer is not a piece, and
 * functions other than those below refuse it. brainmm_walk reports the code that the heap holds, and never the
 * heap's own records. */
typedef struct brainmm_jit_heap brainmm_jit_heap;

enum brainmm_jit_kind {
    /* Readable, writable and executable, at one address. Where the system forbids that, as under PR_SET_MDWE on Linux,
     * the heap has two views instead: the code is then written at *WRITABLE of brainmm_jit_alloc. */
    BRAINMM_JIT_WRITABLE = 0,
    BRAINMM_JIT_TWO_VIEWS = 1 /* mapped twice: writable at one address, executable at another, never both */
};

/* Makes a heap of KIND and stores it in *HEAP.
 * Errors, after which *HEAP is as before: BRAINMM_E_REFUSED: the system gives no such memory: it forbids that kind,
 * or for BRAINMM_JIT_WRITABLE both kinds; BRAINMM_E_ARGUMENT: unknown KIND, or HEAP is NULL; BRAINMM_E_MEMORY. */
BRAINMM_API int BRAINMM_CALL brainmm_jit_heap_create(unsigned kind, brainmm_jit_heap **heap);

/* Allocates memory for SIZE bytes of code at a multiple of 16 and returns the address where the code will run. If
 * WRITABLE is not NULL, *WRITABLE becomes the address where the code is written: the same one, or the one in the
 * other view. The contents are undefined. Allocations share pages. With two views, both processes share the memory
 * after fork().
 * NULL, and *WRITABLE is as before: SIZE is 0 or above 2 GiB, HEAP is not a live heap, not enough memory, or WRITABLE
 * is NULL while a heap of kind BRAINMM_JIT_WRITABLE has two views, because the code could not be written. */
BRAINMM_API void *BRAINMM_CALL brainmm_jit_alloc(brainmm_jit_heap *heap, size_t size, void **writable);

/* Frees code by the address where it runs. NULL is allowed and does nothing. The memory may hold other code soon; it
 * becomes ordinary memory only when it is not executable any more.
 * BRAINMM_E_POINTER: HEAP is not a live heap, or CODE is not the start of a live allocation of it; nothing has
 * changed. BRAINMM_E_DOUBLE_FREE: the same, in checked mode, for code that was freed and whose memory still waits. */
BRAINMM_API int BRAINMM_CALL brainmm_jit_free(brainmm_jit_heap *heap, void *code);

/* Free all memory of a heap at once. After clear the heap can be used further; destroy frees the heap, too, and
 * allows NULL.
 * BRAINMM_E_POINTER: HEAP is not a live heap; nothing has changed. */
BRAINMM_API int BRAINMM_CALL brainmm_jit_heap_clear(brainmm_jit_heap *heap);
BRAINMM_API int BRAINMM_CALL brainmm_jit_heap_destroy(brainmm_jit_heap *heap);

/* Makes SIZE bytes of written code at CODE, the address where it runs, visible to the processor. Must be called
 * before the code runs; x86 needs nothing, but other processors do. Works on any executable memory. Needs no heap. */
BRAINMM_API void BRAINMM_CALL brainmm_jit_flush(const void *code, size_t size);

/* ---- Questions and upkeep --------------------------------------------------------------------------------------- */

/* Describes the allocation that starts at ADDRESS in *OPTIONS. OPTIONS may be NULL if only the result matters.
 * Returns 1; or 0 if no live allocation starts there, and *OPTIONS is as before. ADDRESS may be any number. */
BRAINMM_API int BRAINMM_CALL brainmm_get_options(const void *address, brainmm_options *options);

/* Whether ADDRESS, any number, lies in the memory of the process's heap: inside an allocation, in free memory or in the
 * heap's own tables. Returns 1 or 0. Code of a JIT heap with two views is an exception: it counts only where an
 * allocation starts. A function that replaces another heap's free() asks this. If the result is 0, no allocation of
 * this heap starts at ADDRESS, and if one did, its addresses have gone back to the system. */
BRAINMM_API int BRAINMM_CALL brainmm_contains(const void *address);

/* Takes back what other threads have freed of the calling thread's memory, and returns unused memory to the system.
 * Returns 1 if there was any, else 0. */
BRAINMM_API int BRAINMM_CALL brainmm_thread_heap_minimize(void);

/* A hint that the calling thread will allocate no more: its heap passes on to other threads now, and not only when
 * the thread ends. The thread may allocate and free all the same. */
BRAINMM_API void BRAINMM_CALL brainmm_thread_done(void);

/* ---- Errors in the use of the heap ------------------------------------------------------------------------------- */

/* What the heap has found. */
enum brainmm_error_kind {
    BRAINMM_ERROR_DOUBLE_FREE = 1,    /* freed or resized, and freed before */
    BRAINMM_ERROR_POINTER = 2,        /* freed or resized, and no live allocation */
    BRAINMM_ERROR_KIND = 3,           /* a function for another kind or mode: a block given to brainmm_free */
    BRAINMM_ERROR_OVERFLOW = 4,       /* written to behind its end */
    BRAINMM_ERROR_UNDERFLOW = 5,      /* written to before its start */
    BRAINMM_ERROR_USE_AFTER_FREE = 6, /* written to after it was freed */
    BRAINMM_ERROR_CORRUPTED = 7,      /* a structure of the heap is not as the heap has left it */
    BRAINMM_ERROR_SIZE = 8            /* freed with another size than it has */
};

/* One error. An owner of a later version may add members at the end: `struct_size` tells how many bytes there are. What
 * is not known is 0 or NULL. */
typedef struct brainmm_error {
    uint32_t struct_size;
    uint32_t kind;             /* enum brainmm_error_kind */
    const char *function;      /* the name of the function that found it, such as "brainmm_free" */
    const void *address;       /* the pointer that the function was given, or where memory is not as it should be */
    const void *piece;         /* the start of the allocation that ADDRESS lies in, live or free */
    size_t size;               /* its usable bytes */
    uintptr_t thread_id;       /* the system's id of the calling thread */
    uintptr_t alloc_thread_id; /* of the thread that allocated it */
    uintptr_t free_thread_id;  /* of the thread that freed it first */
    uint32_t alloc_stack;      /* the number of the call stack that allocated it */
    uint32_t free_stack;       /* of the one that freed it first */
    const char *text;          /* all of that as an English sentence, without a full stop. Never NULL */
} brainmm_error;

/* Takes an error. *ERROR and its texts are valid during the call only. */
typedef void(BRAINMM_CALL *brainmm_error_handler)(void *context, const brainmm_error *error);

/* From now on HANDLER is called with CONTEXT for every error that the process's heap finds, of all modules, in place of
 * a message. NULL: none is called, as at the beginning.
 *
 * HANDLER is called in the thread that made the error, before the function returns, and by several threads at the same
 * time. It holds no lock of the heap and may use the heap. An error that it makes itself is only printed. It must
 * return or end the process: no longjmp or exception may leave it. A thread that has read the old HANDLER may still
 * call it after this function has returned.
 *
 * Without a handler the functions of this header say by their results what they refuse, and nothing is printed. An
 * error that no result can tell (BRAINMM_ERROR_CORRUPTED) is printed on standard error. Under libbrainmm-malloc.so,
 * whose functions have no such results, the program ends after the handler or the message.
 *
 * Errors: BRAINMM_E_UNSUPPORTED. */
BRAINMM_API int BRAINMM_CALL brainmm_set_error_handler(brainmm_error_handler handler, void *context);

/* Checked mode (docs/checked.md): looks at the zones around all live allocations and at the contents of freed ones, of
 * all threads, while others go on. What was written to is reported as every error is, once.
 * BRAINMM_E_DAMAGED: something was. Other errors: BRAINMM_E_MEMORY; BRAINMM_E_UNSUPPORTED: this is not checked mode,
 * or a tool like memcheck looks instead (docs/tools.md). */
BRAINMM_API int BRAINMM_CALL brainmm_check(void);

/* ---- Moving ----------------------------------------------------------------------------------------------------- */

/* Copies COUNT units of 16 bytes from FROM to TO, which may overlap. It is made for addresses that are multiples of
 * 16, as those of the heap are; others work and may be slower. Needs no heap, and does not slow down vector code
 * that runs afterwards.
 * BRAINMM_E_ARGUMENT, and nothing is copied: TO or FROM is NULL and COUNT is not 0, or COUNT units are more than
 * PTRDIFF_MAX bytes. */
BRAINMM_API int BRAINMM_CALL brainmm_move_b16(void *to, const void *from, size_t count);

/* ---- Statistics, and a walk over all that is live ---------------------------------------------------------------- */

/* The functions below look at the whole heap, of all threads, while the others go on. They hold a lock for short times
 * only and stop nobody from allocating. They take some memory from the system. Their cost grows with the heap
 * (docs/benchmarks.md has figures), so they are for reports, tests and diagnosis.
 *
 * If nobody else uses the heap during the call, everything in the result is exact, and the result says so. Otherwise:
 *   - what is live during the whole call is found once and described correctly;
 *   - what is free during the whole call is not found;
 *   - what is allocated, freed or resized during the call may be found or not. If it is found, it was live at some
 *     moment of the call, except for what is marked BRAINMM_PRESUMED. */
enum brainmm_certainty {
    BRAINMM_EXACT = 0,   /* the heap stood still: all of the walk is of one moment */
    BRAINMM_SEEN = 1,    /* other threads used the heap; the allocation was live at some moment of the call */
    BRAINMM_PRESUMED = 2 /* it may have been free: the program has forbidden to read the memory, or it kept changing */
};

/* One live allocation. An owner of a later version may add members at the end: `struct_size` tells how many bytes
 * there are. */
typedef struct brainmm_allocation {
    uint32_t struct_size;
    uint8_t kind;        /* enum brainmm_kind */
    uint8_t mode;        /* enum brainmm_mode; of pieces BRAINMM_USER */
    uint8_t certainty;   /* enum brainmm_certainty */
    uint8_t reserved;    /* 0 */
    void *address;       /* its start */
    size_t size;         /* usable bytes */
    size_t alignment;    /* in bytes: of a piece what a resize keeps, of pages 4096, of a block its size, of code 16 */
    uintptr_t thread_id; /* the system's id of the thread that owns the piece; 0 if no thread does. In checked mode of
                            the thread that allocated it */
    size_t requested;    /* in checked mode: the bytes that were asked for, as `size` is then; else 0 */
    uint32_t stack;      /* in checked mode, with stacks: the number of the call stack that allocated it; else 0 */
    uint32_t serial;     /* in checked mode: differs from that of the allocation that had the address before; else 0 */
} brainmm_allocation;

/* Called for one allocation. A result other than 0 ends the walk. *ALLOCATION is valid during the call only. */
typedef int(BRAINMM_CALL *brainmm_visit)(void *context, const brainmm_allocation *allocation);

/* Calls VISIT with CONTEXT for every live allocation, in ascending order of addresses. Each piece of code of a JIT
 * heap is one, at the address where it runs; the heap's own records are not reported. Everything that is live is
 * noted before the first call, and no lock is held during a call. So VISIT may allocate, resize and free anything,
 * start and end threads, and walk; what it does changes nothing in what is visited. VISIT must return: no longjmp or
 * exception may leave it.
 * BRAINMM_E_STOPPED: VISIT ended the walk.
 * Errors before the first call: BRAINMM_E_ARGUMENT: VISIT is NULL; BRAINMM_E_MEMORY: there is none to note what is
 * live; BRAINMM_E_UNSUPPORTED. */
BRAINMM_API int BRAINMM_CALL brainmm_walk(brainmm_visit visit, void *context);

/* Bits of brainmm_stats.approximate. They concern live_count, live_bytes, free_bytes, the kinds and the classes. */
enum brainmm_approximate {
    BRAINMM_OTHERS_WORKED = 1, /* other threads used the heap during the call */
    BRAINMM_SOME_PRESUMED = 2  /* something that is BRAINMM_PRESUMED was counted as live */
};

typedef struct brainmm_kind_stats {
    uint64_t count; /* of live allocations */
    uint64_t bytes; /* their usable bytes */
} brainmm_kind_stats;

/* Figures of the heap. The members have the same offsets on 32 and 64 bit. Later versions add members at the end. If
 * nothing is approximate,
 *     committed_bytes = live_bytes + free_bytes + cached_bytes + overhead_bytes.
 * "Ever" means since the heap began. */
typedef struct brainmm_stats {
    uint32_t struct_size;    /* the caller sets it to sizeof(brainmm_stats); it becomes how many bytes were filled in */
    uint32_t approximate;    /* enum brainmm_approximate, or-ed; 0: all is exact and of one moment */
    uint64_t live_count;     /* of live allocations */
    uint64_t live_bytes;     /* their usable bytes */
    uint64_t free_bytes;     /* free memory in units that hold a live allocation or belong to a thread */
    uint64_t cached_bytes;   /* units that are free and have not gone back to the system */
    uint64_t overhead_bytes; /* the heap's own tables and records, and the emergency reserve */
    uint64_t committed_bytes;    /* asked of the system; on Linux the parts never touched cost no memory */
    uint64_t committed_most;     /* the most of it ever, without the overhead */
    uint64_t reserved_bytes;     /* of address space */
    brainmm_kind_stats kinds[8]; /* by enum brainmm_kind; the last is not used */
    uint64_t heaps;              /* heaps of threads, also those of ended threads */
    uint64_t threads;            /* threads that have a heap */
    uint64_t slabs;              /* units of 64 KiB with pieces of up to BRAINMM_LOCK_FREE_MAX bytes */
    uint64_t remote_frees;       /* pieces freed by another thread than their owner, ever; counted when handed over */
    uint64_t purges;             /* times memory went back to the system, ever */
    uint64_t purged_bytes;       /* how much that was, ever */
    uint64_t class_count;        /* size classes in use: rows that CLASSES could have been filled with */
    /* What resizing allocations with pages of their own has done, ever: */
    uint64_t grown_right_bytes;    /* free memory behind them was added */
    uint64_t grown_left_bytes;     /* free memory before them was added */
    uint64_t grown_headroom_bytes; /* addresses behind them that were reserved for growth were put to use */
    uint64_t slid_bytes;           /* contents copied down to a new start, after memory before them was added */
    uint64_t moved_bytes;          /* contents that moved to another place by their pages, without a copy */
    uint64_t copied_bytes;         /* contents copied to another place */
    uint64_t shrunk_bytes;         /* memory given back in place */
} brainmm_stats;

/* One size class: the pieces of one size and alignment of up to BRAINMM_LOCK_FREE_MAX bytes, without those of size 0.
 * Later versions add no members, because the caller has an array of these. */
typedef struct brainmm_class_stats {
    uint32_t size;      /* usable bytes of each piece */
    uint32_t alignment; /* of each piece, in bytes */
    uint64_t slabs;     /* slabs that hold such pieces */
    uint64_t live;      /* live pieces */
    uint64_t free;      /* free pieces whose memory has been live or prepared */
    uint64_t untouched; /* pieces that fit into memory never touched */
} brainmm_class_stats;

/* Fills *STATS as far as STATS->struct_size goes, and up to CAPACITY rows of CLASSES, in ascending order of
 * alignment and size. Rows behind STATS->class_count are left as they are. CLASSES may be NULL if CAPACITY is 0.
 * Errors, after which everything is as before: BRAINMM_E_ARGUMENT: STATS is NULL, its struct_size does not reach to
 * live_bytes, or CLASSES is NULL and CAPACITY is not 0; BRAINMM_E_MEMORY; BRAINMM_E_UNSUPPORTED. */
BRAINMM_API int BRAINMM_CALL brainmm_get_stats(brainmm_stats *stats, brainmm_class_stats *classes, size_t capacity);

/* Takes the next LENGTH bytes of a text, which does not end with a zero. A result other than 0 ends the dump. */
typedef int(BRAINMM_CALL *brainmm_write)(void *context, const char *text, size_t length);

/* What a dump contains, or-ed. An owner of an earlier version knows the first two only. */
enum brainmm_dump_parts {
    BRAINMM_DUMP_STATS = 1,       /* the statistics, and those of the size classes */
    BRAINMM_DUMP_ALLOCATIONS = 2, /* all live allocations */
    BRAINMM_DUMP_MAP = 4,         /* the heap's regions, and what each of their units is used for */
    BRAINMM_DUMP_HOLDERS = 8      /* counts of allocations by size, kind, name and call stack, and these stacks. Names
                                     are what describers say (brainmm_add_describer) */
};

/* Writes the PARTS as one JSON object in ASCII (docs/view.md has its members). Calls WRITE with CONTEXT as often as it
 * takes. WRITE may use the heap, as a visitor of brainmm_walk may. Each part is of a moment of its own. With
 * BRAINMM_DUMP_HOLDERS no describer may call this function.
 * BRAINMM_E_STOPPED: WRITE ended the dump.
 * Errors before the first call: BRAINMM_E_ARGUMENT: WRITE is NULL, or PARTS is 0 or has unknown bits;
 * BRAINMM_E_MEMORY; BRAINMM_E_UNSUPPORTED. If memory runs out between two parts, the text ends early with
 * BRAINMM_E_MEMORY and is not valid JSON. */
BRAINMM_API int BRAINMM_CALL brainmm_dump(brainmm_write write, void *context, unsigned parts);

/* ---- Leaks ------------------------------------------------------------------------------------------------------ */

/* A report of leaks lists what is live at that moment: who calls it knows what should be. With the option `leaks` the
 * library writes one when the process ends (docs/leaks.md). The functions below serve the process's heap, of all
 * modules, while other threads go on, as brainmm_walk does. BRAINMM_E_UNSUPPORTED is an error of all of them. */

/* Writes a report: how many allocations are live, how many bytes they have, and a line for each size, kind and thread,
 * with the names that describers give. In checked mode with stacks there is a line for each call stack, and each module
 * is told how much it has asked for. Expected leaks are counted and left out. If nothing else is live, WRITE is not
 * called. WRITE may use the heap, as a visitor of brainmm_walk may.
 * BRAINMM_E_STOPPED: WRITE ended the report. BRAINMM_E_ARGUMENT: WRITE is NULL. BRAINMM_E_MEMORY. */
BRAINMM_API int BRAINMM_CALL brainmm_report_leaks(brainmm_write write, void *context);

/* What was live at one moment, as counts by size, kind, call stack and name. It lies in memory of its own. */
typedef struct brainmm_snapshot brainmm_snapshot;

/* Takes a snapshot and stores it in *SNAPSHOT.
 * Errors, after which *SNAPSHOT is as before: BRAINMM_E_ARGUMENT: SNAPSHOT is NULL; BRAINMM_E_MEMORY. */
BRAINMM_API int BRAINMM_CALL brainmm_snapshot_take(brainmm_snapshot **snapshot);

/* Frees a snapshot. NULL is allowed and does nothing. BRAINMM_E_POINTER: it is no snapshot. */
BRAINMM_API int BRAINMM_CALL brainmm_snapshot_free(brainmm_snapshot *snapshot);

/* Writes what AFTER has more and less than BEFORE: a line for each size, kind and call stack whose count differs.
 * Threads are not told apart, because pieces pass from one to another. BEFORE NULL is a moment when nothing was live,
 * AFTER NULL is now. Expected leaks count like others. If nothing differs, WRITE is not called.
 * BRAINMM_E_STOPPED: WRITE ended it. BRAINMM_E_ARGUMENT: WRITE is NULL. BRAINMM_E_POINTER: one is no snapshot.
 * BRAINMM_E_MEMORY. */
BRAINMM_API int BRAINMM_CALL brainmm_snapshot_difference(const brainmm_snapshot *before, const brainmm_snapshot *after,
                                                         brainmm_write write, void *context);

/* Allocations that the program never frees, and means to. Exactly one of ADDRESS, NAME and SIZE is given. */
typedef struct brainmm_expected_leak {
    uint32_t struct_size; /* sizeof(brainmm_expected_leak) */
    uint32_t count;       /* how many have that NAME or SIZE; 0 is 1. An ADDRESS is always one */
    const void *address;  /* the start of an allocation */
    const char *name;     /* what a describer calls it, up to 127 characters: the name of a class, for example */
    size_t size;          /* bytes asked for. Without checked mode: all allocations that such a request can give */
} brainmm_expected_leak;

/* Registers expected leaks, in the heap: all modules share the list. Registering the same once more adds to the count.
 * Unregistering takes COUNT away. An ADDRESS stays in the list when the allocation is freed.
 * BRAINMM_E_ARGUMENT: LEAK is NULL, is shorter than this one, has none or several of the three, or too long a name; or
 * less than COUNT are registered: then nothing has changed. BRAINMM_E_MEMORY. */
BRAINMM_API int BRAINMM_CALL brainmm_register_expected_leak(const brainmm_expected_leak *leak);
BRAINMM_API int BRAINMM_CALL brainmm_unregister_expected_leak(const brainmm_expected_leak *leak);

/* Tells what lies at ADDRESS, an allocation of SIZE usable bytes: the name of a class or of a kind of string, or NULL
 * if it does not know. The text is read before the next call. Other threads may write to the memory or free it
 * meanwhile, so it is read with brainmm_peek only. The function may use the heap, but none of the functions of this
 * section.
 * A report or snapshot begins with a call for ADDRESS NULL and SIZE 0, whose result is ignored: what the function has
 * noted of memory and modules before may not hold any more. */
typedef const char *(BRAINMM_CALL *brainmm_describe)(void *context, const void *address, size_t size);

/* Adds a function that reports and snapshots ask, and removes it. After the removal it is not running and never called
 * again: a module can then be unloaded. DESCRIBE and CONTEXT are one entry, and the last one added is asked first.
 * BRAINMM_E_ARGUMENT: DESCRIBE is NULL, or there is no such entry. BRAINMM_E_MEMORY: there are 32 already. */
BRAINMM_API int BRAINMM_CALL brainmm_add_describer(brainmm_describe describe, void *context);
BRAINMM_API int BRAINMM_CALL brainmm_remove_describer(brainmm_describe describe, void *context);

/* What the user has asked for, or-ed: enum brainmm_leak_wish. 0 also if the owner does not have this function. The
 * library shows no windows. A program that does calls brainmm_report_leaks at its end, and shows the text if
 * BRAINMM_WISH_MESSAGE_BOX is set. */
enum brainmm_leak_wish {
    BRAINMM_WISH_LEAKS = 1,      /* the option `leaks`, or the original's ReportMemoryLeaksOnShutdown */
    BRAINMM_WISH_MESSAGE_BOX = 2 /* the option `message_box` */
};
BRAINMM_API unsigned BRAINMM_CALL brainmm_leak_wishes(void);

/* What the options write at the end of the process comes when the module that owns the heap ends. Some libraries end
 * later and free memory then. Such a library holds the reports when it starts, and releases them as the last thing it
 * does, whether it is unloaded or ends with the process. The reports come when the owner has ended and nobody holds
 * them. A library that does not release them loses them.
 * BRAINMM_E_REFUSED: they have come. BRAINMM_E_ARGUMENT: nobody holds them. */
BRAINMM_API int BRAINMM_CALL brainmm_hold_reports(void);
BRAINMM_API int BRAINMM_CALL brainmm_release_reports(void);

/* Copies SIZE bytes of memory that may be unreadable, or that other threads change or give back. It does not fault.
 * Needs no heap. BRAINMM_E_POINTER: a part cannot be read; some of COPY may have been written then. */
BRAINMM_API int BRAINMM_CALL brainmm_peek(void *copy, const void *from, size_t size);

/* ---- Call stacks ------------------------------------------------------------------------------------------------- */

/* One return address of a call stack. MODULE and OFFSET are of the time when the stack was captured: the module may be
 * unloaded by now. */
typedef struct brainmm_frame {
    const void *address; /* behind the call */
    const char *module;  /* the file of the module, in UTF-8; stays valid. NULL: the address was in no module */
    uintptr_t offset;    /* Linux: the address as the module's debug information has it; Windows: from its start */
} brainmm_frame;

/* Fills in up to CAPACITY frames of the stack with the number STACK, the innermost first, and returns how many it has.
 * Stacks are captured in checked mode with the option `stacks` (docs/stacks.md). Their numbers stay valid. 0 if no
 * stack has that number. FRAMES may be NULL if CAPACITY is 0. */
BRAINMM_API unsigned BRAINMM_CALL brainmm_stack_frames(uint32_t stack, brainmm_frame *frames, unsigned capacity);

/* ---- COM -------------------------------------------------------------------------------------------------------- */

/* Windows: makes an object with COM's interface IMalloc (objidl.h) over the process's heap and stores it in *OBJECT,
 * with one reference. Any thread may call its methods, and they need no CoInitialize. They do what COM's
 * documentation says: Alloc(0) is a piece; Realloc of NULL allocates, and to size 0 frees; GetSize is (SIZE_T)-1 for
 * what is not a live piece; DidAlloc is 1, 0, or -1 for NULL. Free ignores what brainmm_free refuses.
 * brainmm_com.dll gives the same object through CoCreateInstance (docs/companions.md).
 * Errors, after which *OBJECT is as before: BRAINMM_E_ARGUMENT: OBJECT is NULL; BRAINMM_E_MEMORY; on other systems
 * BRAINMM_E_UNSUPPORTED. */
struct IMalloc;
BRAINMM_API int BRAINMM_CALL brainmm_create_malloc(struct IMalloc **object);

/* ---- Modules that share memory as FastMM does -------------------------------------------------------------------- */

/* Windows: the heap's owner also publishes it under FastMM's name, for Delphi modules that are loaded later and attach
 * as FastMM 4 and 5 and the unit SimpleShareMem do (docs/from-sharemem.md). The option `fastmm` does the same when the
 * heap begins. The name stays until the process ends.
 * BRAINMM_OK: it is published there, now or before. BRAINMM_E_TAKEN: another memory manager has published there.
 * BRAINMM_E_REFUSED: the system refuses. BRAINMM_E_UNSUPPORTED: the owner does not have this function, or the system is
 * not Windows. */
BRAINMM_API int BRAINMM_CALL brainmm_publish_fastmm(void);

/* ---- The process's heap ----------------------------------------------------------------------------------------- */

#define BRAINMM_MAGIC "BrainMM-table-v2" /* 16 bytes, without a terminating zero */
#define BRAINMM_ABI_VERSION 2u

/* The manager table: the functions above as pointers. A module's own functions call through the table of the
 * process's heap. Offsets never change. Later versions add members at the end, and `size` tells which are there.
 * docs/abi.md describes the table byte by byte. Where a member's name is a function-like macro, as `free` may be for
 * a debugging library, put it in parentheses: (table->free)(piece). */
struct brainmm_manager {
    char magic[16];                     /* BRAINMM_MAGIC */
    uint32_t size;                      /* of this table, in bytes */
    uint32_t abi_version;               /* BRAINMM_ABI_VERSION */
    const struct brainmm_manager *self; /* this table's own address */
    void *const *version1;              /* the original's table of 24 pointers, over the same heap */
    uintptr_t heap_id;                  /* which heap: two modules share it if theirs are equal */
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
    int(BRAINMM_CALL *set_error_handler)(brainmm_error_handler handler, void *context);
    unsigned(BRAINMM_CALL *stack_frames)(uint32_t stack, brainmm_frame *frames, unsigned capacity);
    int(BRAINMM_CALL *check)(void);
    int(BRAINMM_CALL *report_leaks)(brainmm_write write, void *context);
    int(BRAINMM_CALL *snapshot_take)(brainmm_snapshot **snapshot);
    int(BRAINMM_CALL *snapshot_free)(brainmm_snapshot *snapshot);
    int(BRAINMM_CALL *snapshot_difference)(const brainmm_snapshot *before, const brainmm_snapshot *after,
                                           brainmm_write write, void *context);
    int(BRAINMM_CALL *register_expected_leak)(const brainmm_expected_leak *leak);
    int(BRAINMM_CALL *unregister_expected_leak)(const brainmm_expected_leak *leak);
    int(BRAINMM_CALL *add_describer)(brainmm_describe describe, void *context);
    int(BRAINMM_CALL *remove_describer)(brainmm_describe describe, void *context);
    unsigned(BRAINMM_CALL *leak_wishes)(void);
    int(BRAINMM_CALL *dump)(brainmm_write write, void *context, unsigned parts);
    int(BRAINMM_CALL *peek)(void *copy, const void *from, size_t size);
    int(BRAINMM_CALL *hold_reports)(void);
    int(BRAINMM_CALL *release_reports)(void);
    int(BRAINMM_CALL *contains)(const void *address);
    int(BRAINMM_CALL *publish_fastmm)(void);
};

/* The table of the heap that this module uses: its own, or the owner's. Never NULL. The heap is chosen by the first
 * call of a function that needs one, at the latest, and stays the same. */
BRAINMM_API const struct brainmm_manager *BRAINMM_CALL brainmm_get_manager(void);

/* This module's own table, as a symbol to look up with GetProcAddress or dlsym. Its functions serve the process's
 * heap, whoever owns it. */
BRAINMM_API extern const struct brainmm_manager brainmm_manager;

/* How this module came to its heap. docs/abi.md explains the two ways of publishing. */
enum brainmm_attach_state {
    BRAINMM_OWNER = 0,             /* it came first and published its own heap */
    BRAINMM_ATTACHED = 1,          /* it uses the heap of another module, found under the first name */
    BRAINMM_ATTACHED_VERSION1 = 2, /* the same, but the owner has the original's table only */
    BRAINMM_ATTACHED_SECOND = 3,   /* it uses a heap found the second way: what has the first name was refused */
    BRAINMM_OWNER_SECOND = 4,      /* it owns the heap and published it the second way, for the same reason */
    BRAINMM_OWNER_UNPUBLISHED = 5  /* it owns a heap but could not publish it: other modules cannot find it */
};

/* Returns the state. If TEXT is not NULL, *TEXT becomes an English text about it, which names what was refused and
 * why. The text does not change, and stays valid as long as the library is loaded. */
BRAINMM_API int BRAINMM_CALL brainmm_attach_status(const char **text);

#ifdef __cplusplus
}
#endif

#endif
