/* SPDX-License-Identifier: MIT */
/* malloc_new.c: C++'s operators new and delete of libbrainmm-malloc.so, by their mangled names, so that the library
 * needs no C++ runtime. A failed new calls the program's new handler and throws through the program's own libstdc++ or
 * libc++; a program that has neither cannot catch, and ends.
 *
 * A delete that is told the size compares it with the size class of the piece.
 */
#include "base/align.h"
#include "heap/report.h"
#include "heap/run.h"
#include "malloc_slow.h"
#include <stdlib.h>

#define EXPORT __attribute__((visibility("default")))

void free(void *piece);

#if __SIZEOF_SIZE_T__ == 8
#define MANGLED(before, after) before "m" after
#else
#define MANGLED(before, after) before "j" after
#endif

typedef void (*new_handler)(void);
extern new_handler get_new_handler(void) __asm__("_ZSt15get_new_handlerv") __attribute__((weak));
extern _Noreturn void throw_bad_alloc(void) __asm__("_ZSt17__throw_bad_allocv") __attribute__((weak));

/* What a form of new does when there is no memory and no new handler. */
enum new_failure { NEW_THROWS, NEW_RETURNS_NULL };

/* What std::bad_alloc and a new handler have to do with a request that the heap could not meet. */
static void *new_retry(size_t alignment, size_t size, enum new_failure failure, enum family family) {
    for (;;) {
        new_handler handler = get_new_handler ? get_new_handler() : NULL;
        if (handler)
            handler();
        void *piece = slow_alloc_aligned(alignment, size, family, "operator new");
        if (piece)
            return piece;
        if (handler)
            continue;
        if (failure == NEW_RETURNS_NULL)
            return NULL;
        if (!throw_bad_alloc)
            abort();
        throw_bad_alloc();
    }
}

static __attribute__((noinline)) void *new_slow(size_t size, enum new_failure failure, enum family family) {
    CHECKED_ENTRY();
    void *piece = slow_alloc(size, family, "operator new");
    return piece ? piece : new_retry(BRAINMM_ALIGNMENT, size, failure, family);
}

static inline void *new_piece(size_t size, enum new_failure failure, enum family family) {
    void *piece = fast_alloc(os_thread_pointer(), size);
    return LIKELY(piece != NULL) ? piece : new_slow(size, failure, family);
}

static inline void *new_aligned(size_t size, size_t alignment, enum new_failure failure, enum family family) {
    CHECKED_ENTRY();
    void *piece = slow_alloc_aligned(alignment, size, family, "operator new");
    return piece ? piece : new_retry(alignment, size, failure, family);
}

#define NEW(name, mangled, parameters, body)                                                                           \
    EXPORT void *name parameters __asm__(mangled);                                                                     \
    void *name parameters { return body; }

NEW(new_one, MANGLED("_Znw", ""), (size_t size), new_piece(size, NEW_THROWS, FAMILY_NEW))
NEW(new_array, MANGLED("_Zna", ""), (size_t size), new_piece(size, NEW_THROWS, FAMILY_NEW_ARRAY))
NEW(new_one_nothrow, MANGLED("_Znw", "RKSt9nothrow_t"), (size_t size), new_piece(size, NEW_RETURNS_NULL, FAMILY_NEW))
NEW(new_array_nothrow, MANGLED("_Zna", "RKSt9nothrow_t"), (size_t size),
    new_piece(size, NEW_RETURNS_NULL, FAMILY_NEW_ARRAY))
NEW(new_aligned_one, MANGLED("_Znw", "St11align_val_t"), (size_t size, size_t alignment),
    new_aligned(size, alignment, NEW_THROWS, FAMILY_NEW))
NEW(new_aligned_array, MANGLED("_Zna", "St11align_val_t"), (size_t size, size_t alignment),
    new_aligned(size, alignment, NEW_THROWS, FAMILY_NEW_ARRAY))
NEW(new_aligned_one_nothrow, MANGLED("_Znw", "St11align_val_tRKSt9nothrow_t"), (size_t size, size_t alignment),
    new_aligned(size, alignment, NEW_RETURNS_NULL, FAMILY_NEW))
NEW(new_aligned_array_nothrow, MANGLED("_Zna", "St11align_val_tRKSt9nothrow_t"), (size_t size, size_t alignment),
    new_aligned(size, alignment, NEW_RETURNS_NULL, FAMILY_NEW_ARRAY))

/* ---- delete ----------------------------------------------------------------------------------------------------- */

static inline __attribute__((always_inline)) int delete_as(void *piece, enum family family, const char *function) {
    CHECKED_ENTRY();
    if (LIKELY(!checked_serves))
        return free_or_refuse(piece);
    checked_free_as(piece, family, function);
    return BRAINMM_OK;
}

static __attribute__((noinline)) int delete_one_slow(void *piece) {
    return delete_as(piece, FAMILY_NEW, "operator delete");
}

static __attribute__((noinline)) int delete_array_slow(void *piece) {
    return delete_as(piece, FAMILY_NEW_ARRAY, "operator delete[]");
}

/* The tags that some forms pass after the piece are not needed. */
#define DELETE(name, mangled, slow)                                                                                    \
    EXPORT void name(void *piece) __asm__(mangled);                                                                    \
    void name(void *piece) { fast_free(os_thread_pointer(), piece, slow); }

DELETE(delete_one, "_ZdlPv", delete_one_slow)
DELETE(delete_array, "_ZdaPv", delete_array_slow)
DELETE(delete_one_nothrow, "_ZdlPvRKSt9nothrow_t", delete_one_slow)
DELETE(delete_array_nothrow, "_ZdaPvRKSt9nothrow_t", delete_array_slow)
DELETE(delete_one_aligned, "_ZdlPvSt11align_val_t", delete_one_slow)
DELETE(delete_array_aligned, "_ZdaPvSt11align_val_t", delete_array_slow)
DELETE(delete_one_aligned_nothrow, "_ZdlPvSt11align_val_tRKSt9nothrow_t", delete_one_slow)
DELETE(delete_array_aligned_nothrow, "_ZdaPvSt11align_val_tRKSt9nothrow_t", delete_array_slow)

#define NO_BIN SIZE_MAX

/* The bin of pieces that new gives for SIZE bytes at a multiple of ALIGNMENT; NO_BIN: a piece with pages of its own, or
 * one of size 0. */
static inline size_t bin_of_new(size_t alignment, size_t size) {
    if (alignment < BRAINMM_ALIGNMENT)
        alignment = BRAINMM_ALIGNMENT;
    return size - 1 < MEDIUM_MAX && alignment <= MEDIUM_MAX ? bin_of(alignment, size) : NO_BIN;
}

/* Whether a live piece can be one that new gave for SIZE bytes at a multiple of ALIGNMENT. */
static bool can_be(const struct piece *piece, size_t alignment, size_t size) {
    size_t page = os_facts.page, least = size > MEDIUM_MAX ? size : MEDIUM_MAX + 1;
    if (size == 0 && (piece->slab || !piece->run))
        return !piece->slab || slab_bin(piece->slab) == bin_of_new(alignment, 1);
    if (piece->slab)
        return slab_bin(piece->slab) == bin_of_new(alignment, size);
    bool same_alignment = piece->alignment == (alignment < BRAINMM_ALIGNMENT ? BRAINMM_ALIGNMENT : alignment);
    return piece->run && same_alignment && align_up(least, page) == align_up(piece->usable, page);
}

/* The piece is of another bin, or of none. */
static __attribute__((noinline, cold)) void delete_slow(void *address, size_t alignment, size_t size,
                                                        enum family family) {
    const char *function = family == FAMILY_NEW_ARRAY ? "operator delete[]" : "operator delete";
    struct piece piece;
    CHECKED_ENTRY();
    if (checked_serves) {
        checked_free_sized(address, size, family, function);
        return;
    }
    if (piece_describe(address, &piece) && !can_be(&piece, alignment, size))
        report_size(function, address, size);
    free(address);
}

/* A piece that is no object of a slab may seem to have that bin. free() does without it. */
static inline __attribute__((always_inline)) void delete_sized(void *piece, size_t alignment, size_t size,
                                                               enum family family) {
    if (LIKELY(slab_bin(unit_at(piece)) == bin_of_new(alignment, size) && !checked_serves))
        fast_free(os_thread_pointer(), piece, free_or_refuse);
    else
        delete_slow(piece, alignment, size, family);
}

#define DELETE_SIZED(name, mangled, parameters, alignment, family)                                                     \
    EXPORT void name parameters __asm__(mangled);                                                                      \
    void name parameters { delete_sized(piece, alignment, size, family); }

DELETE_SIZED(delete_one_sized, MANGLED("_ZdlPv", ""), (void *piece, size_t size), BRAINMM_ALIGNMENT, FAMILY_NEW)
DELETE_SIZED(delete_array_sized, MANGLED("_ZdaPv", ""), (void *piece, size_t size), BRAINMM_ALIGNMENT, FAMILY_NEW_ARRAY)
DELETE_SIZED(delete_one_sized_aligned, MANGLED("_ZdlPv", "St11align_val_t"),
             (void *piece, size_t size, size_t alignment), alignment, FAMILY_NEW)
DELETE_SIZED(delete_array_sized_aligned, MANGLED("_ZdaPv", "St11align_val_t"),
             (void *piece, size_t size, size_t alignment), alignment, FAMILY_NEW_ARRAY)
