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

/* A call that succeeds leaves errno as it was SAVED, whatever the system has refused on the way. */
static inline void *result_of(void *piece, int *error, int saved) {
    *error = LIKELY(piece != NULL) ? saved : ENOMEM;
    return piece;
}

static __attribute__((noinline, cold)) void *malloc_slow(size_t size, const char *function) {
    CHECKED_ENTRY();
    int *error = &errno, saved = *error;
    return result_of(slow_alloc(size, FAMILY_PIECE, function), error, saved);
}

static inline void *alloc(size_t size, const char *function) {
    void *piece = fast_alloc(os_thread_pointer(), size);
    return LIKELY(piece != NULL) ? piece : malloc_slow(size, function);
}

EXPORT void *malloc(size_t size) { return alloc(size, "malloc"); }

/* Checked mode has reported what it refuses. */
int free_slow_as(void *piece, enum family family, const char *function) {
    int *error = &errno, saved = *error;
    if (UNLIKELY(checked_serves)) {
        checked_free_as(piece, family, function);
    } else {
        int result = slow_free(piece);
        if (UNLIKELY(result != BRAINMM_OK))
            refuse(function, piece, result);
    }
    *error = saved;
    return BRAINMM_OK;
}

static __attribute__((noinline)) int free_or_refuse(void *piece) {
    CHECKED_ENTRY();
    return free_slow_as(piece, FAMILY_PIECE, "free");
}

EXPORT void free(void *piece) { fast_free(os_thread_pointer(), piece, free_or_refuse); }

static __attribute__((noinline, cold)) void *calloc_slow(size_t size) {
    CHECKED_ENTRY();
    int *error = &errno, saved = *error;
    bool owns = checked_serves || manager_start();
    void *piece = checked_serves ? checked_alloc_with(size, BRAINMM_ALIGNMENT, true, FAMILY_PIECE, "calloc")
                  : owns         ? piece_alloc_zeroed(size, "calloc")
                                 : brainmm_alloc_zeroed(size);
    return result_of(piece, error, saved);
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

static void *resize(void *piece, size_t size) {
    if (UNLIKELY(checked_serves))
        return checked_resize_as(piece, size, true, "realloc");
    bool owns = manager_start();
    void *resized = owns ? piece_resize(piece, size, CONTENTS_KEPT, "realloc") : brainmm_realloc(piece, size);
    return LIKELY(resized != NULL) ? resized : realloc_failed(piece, owns);
}

EXPORT void *realloc(void *piece, size_t size) {
    if (!piece)
        return alloc(size, "realloc");
    CHECKED_ENTRY();
    if (size == 0) {
        free_slow_as(piece, FAMILY_PIECE, "realloc");
        return NULL;
    }
    int *error = &errno, saved = *error;
    return result_of(resize(piece, size), error, saved);
}

EXPORT void *reallocarray(void *piece, size_t count, size_t size) {
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? failed() : realloc(piece, bytes);
}

EXPORT size_t malloc_usable_size(void *piece) { return piece ? brainmm_usable_size(piece) : 0; }

/* The size may be that of an earlier realloc(), which has left the piece where it was, and larger than it had to be. */
static void free_with_size(void *piece, size_t size, bool aligned, const char *function) {
    int *error = &errno, saved = *error;
    if (!piece)
        return;
    if (!aligned)
        report_size(function, piece, size);
    if (checked_serves) {
        checked_free_sized(piece, size, FAMILY_PIECE, function);
    } else {
        size_t usable = malloc_usable_size(piece);
        if (usable != 0 && size > usable)
            report_size(function, piece, size);
        free_slow_as(piece, FAMILY_PIECE, function);
    }
    *error = saved;
}

/* C23's. */
EXPORT void free_sized(void *piece, size_t size) {
    CHECKED_ENTRY();
    free_with_size(piece, size, true, "free_sized");
}

EXPORT void free_aligned_sized(void *piece, size_t alignment, size_t size) {
    CHECKED_ENTRY();
    bool aligned = is_power_of_two(alignment) && is_aligned_to((uintptr_t)piece, alignment);
    free_with_size(piece, size, aligned, "free_aligned_sized");
}

/* ---- Aligned ---------------------------------------------------------------------------------------------------- */

static void *alloc_at_power(size_t alignment, size_t size, const char *function) {
    int *error = &errno, saved = *error;
    return result_of(slow_alloc_aligned(alignment, size, FAMILY_PIECE, function), error, saved);
}

/* The C library's sets errno, too, and there are programs that look. */
EXPORT int posix_memalign(void **piece, size_t alignment, size_t size) {
    if (!is_power_of_two(alignment) || alignment % sizeof(void *) != 0)
        return EINVAL;
    CHECKED_ENTRY();
    void *found = alloc_at_power(alignment, size, "posix_memalign");
    if (!found)
        return ENOMEM;
    *piece = found;
    return 0;
}

/* As in the C library of before 2.38: any alignment is raised to the next power of two that there is. */
static void *alloc_aligned(size_t alignment, size_t size, const char *function) {
    if (alignment > (size_t)PTRDIFF_MAX + 1) {
        errno = EINVAL;
        return NULL;
    }
    size_t power = BRAINMM_ALIGNMENT;
    while (power < alignment)
        power *= 2;
    return alloc_at_power(power, size, function);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size) {
    CHECKED_ENTRY();
    return alloc_aligned(alignment, size, "aligned_alloc");
}

EXPORT void *memalign(size_t alignment, size_t size) {
    CHECKED_ENTRY();
    return alloc_aligned(alignment, size, "memalign");
}

EXPORT void *valloc(size_t size) {
    CHECKED_ENTRY();
    return alloc_aligned((size_t)sysconf(_SC_PAGESIZE), size, "valloc");
}

EXPORT void *pvalloc(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    CHECKED_ENTRY();
    return size > PTRDIFF_MAX ? failed() : alloc_aligned(page, align_up(size, page), "pvalloc");
}

EXPORT void cfree(void *piece) { free(piece); }
