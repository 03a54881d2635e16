/* SPDX-License-Identifier: MIT */
/* malloc.c: libbrainmm-malloc.so: the C library's malloc family over the process's heap. C++'s new and delete are in
 * malloc_new.c. For LD_PRELOAD, or linked before the C library.
 *
 * The fast paths are the heap's own. They cannot succeed before the module has its heap, nor if it uses another
 * module's. The slow paths ask for that (malloc_slow.h).
 *
 * A pointer that cannot be freed ends the program with a message, as the C library's own free() does. The function has
 * no way to return an error, and to go on would only move the crash. realloc() likewise. sync/error.h does that, so the
 * program's handler hears of it, and whoever has asked for something else gets that.
 */
#define _GNU_SOURCE
#include "base/align.h"
#include "heap/heap.h"
#include "heap/report.h"
#include "malloc_slow.h"
#include "sync/error.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static void *failed(void) {
    errno = ENOMEM;
    return NULL;
}

/* Errors that the heap finds itself end the program, too. */
__attribute__((constructor)) static void errors_end_the_program(void) { error_set_default(ERROR_ACTION_ABORT); }

/* The heap that another module owns has reported it to its own handler, if it has one. */
static COLD void refuse(const char *function, const void *piece, int result) {
    brainmm_error error = {.kind = BRAINMM_ERROR_POINTER, .function = function, .address = piece};
    if (result == BRAINMM_E_DOUBLE_FREE)
        error.kind = BRAINMM_ERROR_DOUBLE_FREE;
    if (manager_start())
        report_refusal_untold(function, piece, heap_refusal(piece, result));
    else
        error_report(&error);
}

static __attribute__((noinline, cold)) void *malloc_slow(size_t size, const char *function) {
    CHECKED_ENTRY();
    void *piece = slow_alloc(size, FAMILY_PIECE, function);
    return piece ? piece : failed();
}

static inline void *alloc(size_t size, const char *function) {
    void *piece = fast_alloc(os_thread_pointer(), size);
    return LIKELY(piece != NULL) ? piece : malloc_slow(size, function);
}

EXPORT void *malloc(size_t size) { return alloc(size, "malloc"); }

/* Checked mode has reported what it refuses. */
__attribute__((noinline)) int free_or_refuse(void *piece) {
    CHECKED_ENTRY();
    if (UNLIKELY(checked_serves)) {
        checked_free_as(piece, FAMILY_PIECE, "free");
        return BRAINMM_OK;
    }
    int result = slow_free(piece);
    if (UNLIKELY(result != BRAINMM_OK))
        refuse("free", piece, result);
    return BRAINMM_OK;
}

EXPORT void free(void *piece) { fast_free(os_thread_pointer(), piece, free_or_refuse); }

static __attribute__((noinline, cold)) void *calloc_slow(size_t size) {
    CHECKED_ENTRY();
    bool owns = checked_serves || manager_start();
    void *piece = checked_serves ? checked_alloc_with(size, BRAINMM_ALIGNMENT, true, FAMILY_PIECE, "calloc")
                  : owns         ? piece_alloc_zeroed(size, "calloc")
                                 : brainmm_alloc_zeroed(size);
    return piece ? piece : failed();
}

EXPORT void *calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return failed();
    void *piece = fast_alloc(os_thread_pointer(), bytes);
    return LIKELY(piece != NULL) ? memset(piece, 0, bin_geometry[size_class_of(bytes)].object_size)
                                 : calloc_slow(bytes);
}

/* Why PIECE could not be resized to SIZE, which is not 0. */
static COLD void *realloc_failed(void *piece, bool owns) {
    brainmm_options options;
    struct piece found = {.slab = NULL};
    bool live = owns ? piece_describe(piece, &found)
                     : brainmm_get_options(piece, &options) != 0 && options.kind <= BRAINMM_LARGE;
    if (!live)
        refuse("realloc", piece, found.slab ? BRAINMM_E_DOUBLE_FREE : BRAINMM_E_POINTER);
    return failed();
}

static __attribute__((noinline)) void *realloc_checked(void *piece, size_t size) {
    CHECKED_ENTRY();
    void *resized = checked_resize_as(piece, size, true, "realloc");
    return resized || size == 0 ? resized : failed();
}

EXPORT void *realloc(void *piece, size_t size) {
    if (!piece)
        return alloc(size, "realloc");
    if (UNLIKELY(checked_serves))
        return realloc_checked(piece, size);
    bool owns = manager_start();
    if (size == 0) {
        int result = owns ? piece_free(piece) : brainmm_free(piece);
        if (UNLIKELY(result != BRAINMM_OK))
            refuse("realloc", piece, result);
        return NULL;
    }
    void *resized = owns ? piece_resize(piece, size, CONTENTS_KEPT, "realloc") : brainmm_realloc(piece, size);
    return LIKELY(resized != NULL) ? resized : realloc_failed(piece, owns);
}

EXPORT void *reallocarray(void *piece, size_t count, size_t size) {
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? failed() : realloc(piece, bytes);
}

EXPORT size_t malloc_usable_size(void *piece) { return piece ? brainmm_usable_size(piece) : 0; }

/* ---- Aligned ---------------------------------------------------------------------------------------------------- */

EXPORT int posix_memalign(void **piece, size_t alignment, size_t size) {
    if (!is_power_of_two(alignment) || alignment % sizeof(void *) != 0)
        return EINVAL;
    CHECKED_ENTRY();
    int saved = errno;
    void *found = slow_alloc_aligned(alignment, size, FAMILY_PIECE, "posix_memalign");
    errno = found ? saved : ENOMEM; /* the C library's sets it, too, and there are programs that look */
    if (!found)
        return ENOMEM;
    *piece = found;
    return 0;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size) {
    if (!is_power_of_two(alignment)) {
        errno = EINVAL;
        return NULL;
    }
    CHECKED_ENTRY();
    void *piece = slow_alloc_aligned(alignment, size, FAMILY_PIECE, "aligned_alloc");
    return piece ? piece : failed();
}

EXPORT void *memalign(size_t alignment, size_t size) { return aligned_alloc(alignment, size); }

EXPORT void *valloc(size_t size) { return aligned_alloc((size_t)sysconf(_SC_PAGESIZE), size); }

EXPORT void *pvalloc(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return size > PTRDIFF_MAX ? failed() : aligned_alloc(page, align_up(size, page));
}

EXPORT void cfree(void *piece) { free(piece); }
