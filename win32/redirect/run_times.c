/* SPDX-License-Identifier: MIT */
#include "redirect/run_times.h"
#include "companions/companion.h"
#include "base/text.h"
#include "malloc/crt_malloc.h"

/* The C++ names of the operators new, new[], delete and delete[] are those of Visual C++. Run-times since 2015 have
 * none: there the operators are in the program, and call malloc and free. */
#if defined(_WIN64)
#define NEW_NAME "??2@YAPEAX_K@Z"
#define NEW_ARRAY_NAME "??_U@YAPEAX_K@Z"
#define DELETE_NAME "??3@YAXPEAX@Z"
#define DELETE_ARRAY_NAME "??_V@YAXPEAX@Z"
#else
#define NEW_NAME "??2@YAPAXI@Z"
#define NEW_ARRAY_NAME "??_U@YAPAXI@Z"
#define DELETE_NAME "??3@YAXPAX@Z"
#define DELETE_ARRAY_NAME "??_V@YAXPAX@Z"
#endif

#define DLL_AT_END_NAME "__dllonexit"

/* A function that is called at the end of a module. */
typedef int(__cdecl *at_end)(void);

/* A run-time's functions. */
struct originals {
    struct crt_original c;
    void *(__cdecl *new_one)(size_t size);
    at_end(__cdecl *dll_at_end)(at_end function, at_end **first, at_end **behind);
};

/* Where the heap has no memory, the run-time's own operator calls the new handler and throws. */
static void *new_piece(const struct originals *originals, size_t size) {
    void *piece = companion_heap->alloc(size);
    return piece ? piece : originals->new_one(size);
}

/* A DLL by Visual C++ up to 2003 allocates a table of functions for its end, and has the run-time's __dllonexit add to
 * it. That resizes the table by a realloc of its own, so a table that is the heap's is served here. As in the run-time,
 * *FIRST is where the piece begins, and *BEHIND is behind the last function in it. */
static at_end dll_at_end(const struct originals *originals, at_end function, at_end **first, at_end **behind) {
    static SRWLOCK lock = SRWLOCK_INIT;
    size_t size;
    if (!first || !*first || crt_owner_of(companion_heap, *first, &size) != CRT_OURS)
        return originals->dll_at_end(function, first, behind);
    AcquireSRWLockExclusive(&lock);
    size_t used = (size_t)((char *)*behind - (char *)*first);
    at_end *table = *first;
    if (companion_heap->usable_size(table) < used + sizeof *table)
        table = companion_heap->realloc(table, 2 * used + sizeof *table);
    if (table) {
        *first = table;
        *behind = (at_end *)(void *)((char *)table + used);
        *(*behind)++ = function;
    }
    ReleaseSRWLockExclusive(&lock);
    return table ? function : NULL;
}

/* The heap's own handler has told of it, as the options want, and the program cannot go on: the function has no way to
 * return an error. */
static void __attribute__((cold)) refuse(const char *function, void *piece, int result) {
    char buffer[128];
    struct text text = TEXT_IN(buffer);
    if (result == BRAINMM_OK)
        result = crt_ask_heap(companion_heap, piece);
    text_add(&text, function);
    text_add(&text, result == BRAINMM_E_DOUBLE_FREE ? ": freed before: 0x" : ": no live piece of the heap: 0x");
    text_add_hex(&text, (uintptr_t)piece);
    companion_print(text.start, "");
    TerminateProcess(GetCurrentProcess(), 3); /* as abort() of the run-time does */
}

/* ---- Looking up ------------------------------------------------------------------------------------------------- */

/* GetProcAddress() may run code of a DLL that is being loaded. */
static crt_function find(const void *image, const char *name) {
    const DWORD *offset = pe_export(image, name);
    if (!offset || pe_is_forwarder(image, *offset))
        return NULL;
    return (crt_function)(uintptr_t)pe_at(image, *offset, 1);
}

static bool find_all(struct originals *originals, const struct pe_image *image) {
    originals->c.heap = companion_heap;
    originals->c.refuse = refuse;
    originals->new_one = (__typeof(originals->new_one))find(image, NEW_NAME);
    originals->dll_at_end = (__typeof(originals->dll_at_end))find(image, DLL_AT_END_NAME);
    return crt_original_find(&originals->c, find, image) == NULL;
}

/* ---- A run-time ------------------------------------------------------------------------------------------------- */

/* One of the functions of crt_functions.h, for run-time ID. */
#define FUNCTION(id, result, name, parameters, arguments)                                                              \
    static result __cdecl id##_##name parameters { return CRT_CALL(&id##_originals.c, name, arguments); }

/* The names under which a run-time has a function; those with "base" are the functions that malloc and its kin call,
 * those with "_o_" are for Windows's own programs. */
#define ROW(id, export, function, memory)                                                                              \
    { .name = export, .replacement = (void *)(uintptr_t)id##_##function, .does = memory }
#define NAMES(id, function, memory) ROW(id, #function, function, memory), ROW(id, "_o_" #function, function, memory)
#define BASE(id, function, memory) ROW(id, "_" #function "_base", function, memory)

#define RUN_TIME_BEGIN(id)                                                                                             \
    static struct originals id##_originals;                                                                            \
    static bool id##_find(const struct library *library) { return find_all(&id##_originals, &library->image); }        \
    static void *__cdecl id##_new(size_t size) { return new_piece(&id##_originals, size); }                            \
    static at_end __cdecl id##_at_end(at_end function, at_end **first, at_end **behind) {                              \
        return dll_at_end(&id##_originals, function, first, behind);                                                   \
    }
#define RUN_TIME_END(id)                                                                                               \
    static struct replaced id##_replaced[] = {                                                                         \
        NAMES(id, malloc, GIVES),                                                                                      \
        NAMES(id, calloc, GIVES),                                                                                      \
        NAMES(id, realloc, TAKES),                                                                                     \
        NAMES(id, free, TAKES),                                                                                        \
        NAMES(id, _msize, TAKES),                                                                                      \
        NAMES(id, _expand, TAKES),                                                                                     \
        NAMES(id, _recalloc, TAKES),                                                                                   \
        NAMES(id, _aligned_malloc, GIVES),                                                                             \
        NAMES(id, _aligned_realloc, TAKES),                                                                            \
        NAMES(id, _aligned_recalloc, TAKES),                                                                           \
        NAMES(id, _aligned_offset_malloc, GIVES),                                                                      \
        NAMES(id, _aligned_offset_realloc, TAKES),                                                                     \
        NAMES(id, _aligned_offset_recalloc, TAKES),                                                                    \
        NAMES(id, _aligned_msize, TAKES),                                                                              \
        NAMES(id, _aligned_free, TAKES),                                                                               \
        BASE(id, malloc, GIVES),                                                                                       \
        BASE(id, calloc, GIVES),                                                                                       \
        BASE(id, realloc, TAKES),                                                                                      \
        BASE(id, free, TAKES),                                                                                         \
        ROW(id, NEW_NAME, new, GIVES),                                                                                 \
        ROW(id, NEW_ARRAY_NAME, new, GIVES),                                                                           \
        ROW(id, DELETE_NAME, free, TAKES),                                                                             \
        ROW(id, DELETE_ARRAY_NAME, free, TAKES),                                                                       \
        ROW(id, DLL_AT_END_NAME, at_end, TAKES),                                                                       \
    };
#define LIBRARY(id)                                                                                                    \
    {                                                                                                                  \
        .file = #id ".dll", .functions = id##_replaced, .count = sizeof id##_replaced / sizeof *id##_replaced,         \
        .find_originals = id##_find, .run_time = true                                                                  \
    }

RUN_TIME_BEGIN(msvcrt)
#define MSVCRT(result, name, parameters, arguments) FUNCTION(msvcrt, result, name, parameters, arguments)
CRT_FUNCTIONS(MSVCRT)
RUN_TIME_END(msvcrt)

RUN_TIME_BEGIN(ucrtbase)
#define UCRTBASE(result, name, parameters, arguments) FUNCTION(ucrtbase, result, name, parameters, arguments)
CRT_FUNCTIONS(UCRTBASE)
RUN_TIME_END(ucrtbase)

RUN_TIME_BEGIN(msvcr71)
#define MSVCR71(result, name, parameters, arguments) FUNCTION(msvcr71, result, name, parameters, arguments)
CRT_FUNCTIONS(MSVCR71)
RUN_TIME_END(msvcr71)

RUN_TIME_BEGIN(msvcr80)
#define MSVCR80(result, name, parameters, arguments) FUNCTION(msvcr80, result, name, parameters, arguments)
CRT_FUNCTIONS(MSVCR80)
RUN_TIME_END(msvcr80)

RUN_TIME_BEGIN(msvcr90)
#define MSVCR90(result, name, parameters, arguments) FUNCTION(msvcr90, result, name, parameters, arguments)
CRT_FUNCTIONS(MSVCR90)
RUN_TIME_END(msvcr90)

RUN_TIME_BEGIN(msvcr100)
#define MSVCR100(result, name, parameters, arguments) FUNCTION(msvcr100, result, name, parameters, arguments)
CRT_FUNCTIONS(MSVCR100)
RUN_TIME_END(msvcr100)

RUN_TIME_BEGIN(msvcr110)
#define MSVCR110(result, name, parameters, arguments) FUNCTION(msvcr110, result, name, parameters, arguments)
CRT_FUNCTIONS(MSVCR110)
RUN_TIME_END(msvcr110)

RUN_TIME_BEGIN(msvcr120)
#define MSVCR120(result, name, parameters, arguments) FUNCTION(msvcr120, result, name, parameters, arguments)
CRT_FUNCTIONS(MSVCR120)
RUN_TIME_END(msvcr120)

struct library run_times[] = {LIBRARY(msvcrt),  LIBRARY(ucrtbase), LIBRARY(msvcr71),  LIBRARY(msvcr80),
                              LIBRARY(msvcr90), LIBRARY(msvcr100), LIBRARY(msvcr110), LIBRARY(msvcr120)};
const unsigned run_time_count = sizeof run_times / sizeof *run_times;
