/* SPDX-License-Identifier: MIT */
/* crt_malloc.h (Windows): the malloc family of a C run-time over the process's heap.
 *
 * Each function does what Microsoft documents for the one whose name it has. A process may have several C run-times,
 * and each has its own heap, its own errno and its own handlers. So the first argument tells which run-time's function
 * the program has called: the original.
 *
 * The original also serves what the process's heap does not have. The run-time itself allocates, in _strdup, _wgetcwd
 * and others, and its own calls do not come here. The program frees such a piece like any other. A piece is ours if
 * brainmm_contains says so: then a wrong pointer is refused and reported. Everything else goes to the original.
 *
 * A size is what brainmm_usable_size tells: what was asked for, rounded up. So _msize may say more than the program has
 * asked for, and _recalloc sets to zero what is new beyond that. Of a piece that only calloc and _recalloc have made,
 * all is zero that the program has not written to.
 */
#ifndef BRAINMM_CRT_MALLOC_H
#define BRAINMM_CRT_MALLOC_H

#include "brainmm.h"
#include "malloc/crt_functions.h"
#include <stdbool.h>
#include <windows.h>

/* One C run-time, and the heap that serves its callers. */
struct crt_original {
    /* The table of the process's heap. Where there is no heap, it is one whose functions fail. */
    const struct brainmm_manager *heap;
    /* FUNCTION, which cannot tell by its result, was given PIECE, which is in the heap's memory and not what FUNCTION
     * works on. RESULT is what a function of the table has said about it, and then the heap's handler has heard of it.
     * It is BRAINMM_OK if none was asked: crt_ask_heap asks. Ends the program with a message, unless the user wants
     * something else. */
    void (*refuse)(const char *function, void *piece, int result);
    /* What the run-time's DLL exports. What it does not have is NULL. */
    int *(__cdecl *errno_place)(void);
    void(__cdecl *invalid_parameter)(void); /* calls the program's handler of invalid parameters */
    int(__cdecl *call_new_handler)(size_t size);
    int(__cdecl *query_new_mode)(void);
#define CRT_MEMBER(result, name, parameters, arguments) result(__cdecl *name) parameters;
    CRT_FUNCTIONS(CRT_MEMBER)
#undef CRT_MEMBER
};

/* The function NAME that the DLL at RUN_TIME exports, or NULL. */
typedef void (*crt_function)(void);
typedef crt_function (*crt_finder)(const void *run_time, const char *name);

/* Fills *ORIGINAL, but for its first two members, with what FIND finds in the DLL at RUN_TIME. NULL; or the name of a
 * function that it lacks and that every C run-time has: then it is none. */
const char *crt_original_find(struct crt_original *original, crt_finder find, const void *run_time);

/* Whether anybody can tell which pieces are HEAP's. Its owner may have the original's table only, and that may lack
 * what usable_size asks. */
bool crt_heap_tells_pieces(const struct brainmm_manager *heap);

#define CRT_DECLARE_TAKING(...) (const struct crt_original *original, __VA_ARGS__)
#define CRT_UNPACK(...) __VA_ARGS__
#define CRT_DECLARE(result, name, parameters, arguments) result crt_##name CRT_DECLARE_TAKING(CRT_UNPACK parameters);
CRT_FUNCTIONS(CRT_DECLARE)

/* The body of a function with the run-time's own signature: CRT_CALL(&original, malloc, (size)). */
#define CRT_CALL(original, name, arguments) crt_##name(original, CRT_UNPACK arguments)

/* Has the heap refuse PIECE, so that its handler hears of it. No size can be that large, so nothing else happens. */
static inline int crt_ask_heap(const struct brainmm_manager *heap, void *piece) {
    heap->realloc(piece, SIZE_MAX);
    return BRAINMM_E_POINTER;
}

/* ---- What these files share -------------------------------------------------------------------------------------- */

/* To whom a pointer belongs that the program wants to free or resize. */
enum crt_owner {
    CRT_OURS,  /* a live piece of the heap starts there */
    CRT_WRONG, /* it is in the heap's memory, and no live piece starts there */
    CRT_OTHERS /* the heap does not know it */
};

/* *SIZE becomes the usable size, 0 if it is not CRT_OURS. */
enum crt_owner crt_owner_of(const struct brainmm_manager *heap, const void *piece, size_t *size);

/* Set errno to ENOMEM or EINVAL. The latter calls the handler of invalid parameters first, which may not return. */
void *crt_no_memory(const struct crt_original *original);
void crt_invalid(const struct crt_original *original);

/* A request for SIZE bytes has failed. Whether it may be tried again: malloc shall call the new handler, and it has. */
bool crt_new_handler_helps(const struct crt_original *original, size_t size);

#endif
