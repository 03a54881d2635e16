/* SPDX-License-Identifier: MIT */
/* malloc.c: libbrainmm-malloc.so: the C library's malloc family over the process's heap. C++'s new and delete are in
 * malloc_new.c. For LD_PRELOAD, or linked before the C library.
 *
 * The fast paths are the heap's own. They cannot succeed before the module has its heap, nor if it uses another
 * module's. The slow paths ask for that (malloc_slow.h).
 *
 * A pointer that cannot be freed ends the program with a message, as the C library's own free() does. The function has
 * no way to return an error, and to go on would only move the crash. realloc() likewise.
 */
#define _GNU_SOURCE
#include "base/align.h"
#include "base/text.h"
#include "malloc_slow.h"
#include "os.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static void *failed(void) {
    errno = ENOMEM;
    return NULL;
}

static _Noreturn void refuse(const char *function, const void *piece, int result) {
    char sentence[128];
    struct text text = TEXT_IN(sentence);
    text_add(&text, "BrainMM: ");
    text_add(&text, function);
    text_add(&text, result == BRAINMM_E_DOUBLE_FREE ? "(): freed twice: 0x" : "(): not a live allocation: 0x");
    text_add_hex(&text, (uintptr_t)piece);
    text_add(&text, "\n");
    os_abort(sentence);
}

static __attribute__((noinline, cold)) void *malloc_slow(size_t size) {
    CHECKED_ENTRY();
    void *piece = slow_alloc(size, FAMILY_PIECE, "malloc");
    return piece ? piece : failed();
}

EXPORT void *malloc(size_t size) {
    void *piece = fast_alloc(os_thread_pointer(), size);
    return LIKELY(piece != NULL) ? piece : malloc_slow(size);
}

int slow_free_or_refuse(void *piece, enum family family, const char *function) {
    int result = slow_free(piece, family, function);
    if (UNLIKELY(result != BRAINMM_OK))
        refuse(function, piece, result);
    return BRAINMM_OK;
}

static __attribute__((noinline)) int free_slow(void *piece) {
    CHECKED_ENTRY();
    return slow_free_or_refuse(piece, FAMILY_PIECE, "free");
}

EXPORT void free(void *piece) { fast_free(os_thread_pointer(), piece, free_slow); }

EXPORT void *calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return failed();
    void *piece = brainmm_alloc_zeroed(bytes);
    return piece ? piece : failed();
}

EXPORT void *realloc(void *piece, size_t size) {
    void *resized = brainmm_realloc(piece, size);
    if (resized || (piece && size == 0))
        return resized;
    if (piece && brainmm_usable_size(piece) == 0)
        refuse("realloc", piece, BRAINMM_E_POINTER);
    return failed();
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
    int saved = errno;
    void *found = brainmm_alloc_aligned(alignment, size);
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
    void *piece = brainmm_alloc_aligned(alignment, size);
    return piece ? piece : failed();
}

EXPORT void *memalign(size_t alignment, size_t size) { return aligned_alloc(alignment, size); }

EXPORT void *valloc(size_t size) { return aligned_alloc((size_t)sysconf(_SC_PAGESIZE), size); }

EXPORT void *pvalloc(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return size > PTRDIFF_MAX ? failed() : aligned_alloc(page, align_up(size, page));
}

EXPORT void cfree(void *piece) { free(piece); }
