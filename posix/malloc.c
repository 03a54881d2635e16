/* malloc.c: libbrainmm-malloc.so: the C library's malloc family and C++'s new and delete, over the process's heap.
 * For LD_PRELOAD, or linked before the C library.
 *
 * A pointer that cannot be freed ends the program with a message, as the C library's own free() does: the function has
 * no way to return an error, and going on would only move the crash. realloc() likewise.
 */
#define _GNU_SOURCE
#include "fast_path.h"
#include "heap.h"
#include "manager.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static void *failed(void) {
    errno = ENOMEM;
    return NULL;
}

static _Noreturn void refuse(const char *function, const void *piece, int result) {
    char text[128], digits[2 * sizeof piece], *end = text;
    const char *parts[] = {"BrainMM: ", function,
                           result == BRAINMM_E_DOUBLE_FREE ? ": freed twice: 0x" : ": not a live allocation: 0x"};
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
        for (const char *c = parts[i]; *c; c++)
            *end++ = *c;
    uintptr_t value = (uintptr_t)piece;
    unsigned count = 0;
    do
        digits[count++] = "0123456789abcdef"[value & 15];
    while ((value >>= 4) != 0);
    while (count)
        *end++ = digits[--count];
    *end++ = '\n';
    *end = 0;
    os_print(text);
    abort();
}

static __attribute__((noinline, cold)) void *malloc_slow(size_t size) {
    void *piece = alloc_slow(size);
    return piece ? piece : failed();
}

EXPORT void *malloc(size_t size) {
    void *piece = fast_alloc(os_thread_pointer(), size);
    return LIKELY(piece != NULL) ? piece : malloc_slow(size);
}

static __attribute__((noinline)) int free_or_refuse(void *piece) {
    int result = free_slow(piece);
    if (result != BRAINMM_OK)
        refuse("free()", piece, result);
    return result;
}

EXPORT void free(void *piece) { fast_free(os_thread_pointer(), piece, free_or_refuse); }

EXPORT void *calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return failed();
    void *piece = heap_alloc_zeroed(bytes);
    return piece ? piece : failed();
}

EXPORT void *realloc(void *piece, size_t size) {
    void *resized = heap_realloc(piece, size);
    if (resized || (piece && size == 0))
        return resized;
    if (piece && heap_usable_size(piece) == 0)
        refuse("realloc()", piece, BRAINMM_E_POINTER);
    return failed();
}

EXPORT void *reallocarray(void *piece, size_t count, size_t size) {
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? failed() : realloc(piece, bytes);
}

EXPORT size_t malloc_usable_size(void *piece) { return piece ? heap_usable_size(piece) : 0; }

/* ---- Aligned ---------------------------------------------------------------------------------------------------- */

static bool is_power_of_two(size_t value) { return value && (value & (value - 1)) == 0; }

EXPORT int posix_memalign(void **piece, size_t alignment, size_t size) {
    if (!is_power_of_two(alignment) || alignment % sizeof(void *) != 0)
        return EINVAL;
    int saved = errno;
    void *found = alloc_aligned_any(alignment, size);
    errno = saved;
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
    void *piece = alloc_aligned_any(alignment, size);
    return piece ? piece : failed();
}

EXPORT void *memalign(size_t alignment, size_t size) { return aligned_alloc(alignment, size); }

EXPORT void *valloc(size_t size) { return aligned_alloc((size_t)sysconf(_SC_PAGESIZE), size); }

EXPORT void *pvalloc(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return size > PTRDIFF_MAX ? failed() : aligned_alloc(page, (size + page - 1) & ~(page - 1));
}

EXPORT void cfree(void *piece) { free(piece); }
