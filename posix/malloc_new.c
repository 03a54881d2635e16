/* SPDX-License-Identifier: MIT */
/* malloc_new.c: C++'s operators new and delete of libbrainmm-malloc.so, by their mangled names, so that the library
 * needs no C++ runtime. A failed new does what it would do with the caller's own libstdc++ or libc++, through that
 * library: it calls the new handler, and throws.
 *
 * A delete that is told the size compares it with the size class of the piece.
 */
#include "base/align.h"
#include "heap/report.h"
#include "heap/run.h"
#include "malloc_cxx.h"
#include "malloc_slow.h"
#include <errno.h>
#include <stdlib.h>

#define EXPORT __attribute__((visibility("default")))

#if __SIZEOF_SIZE_T__ == 8
#define MANGLED(before, after) before "m" after
#else
#define MANGLED(before, after) before "j" after
#endif

/* ---- new -------------------------------------------------------------------------------------------------------- */

/* A form of new: the function that the C++ run-time has for it, and whose pieces it makes. */
struct new_form {
    const char *mangled;
    enum family family;
    bool aligned;
};

typedef void (*new_handler)(void);

/* A successful new leaves errno alone. */
static void *new_once(size_t alignment, size_t size, const struct new_form *form) {
    int *error = &errno, saved = *error;
    void *piece = form->aligned ? slow_alloc_aligned(alignment, size, form->family, "operator new")
                                : slow_alloc(size, form->family, "operator new");
    if (piece)
        *error = saved;
    return piece;
}

/* The run-time has the handler and the exception. Nobody can catch an exception of another run-time. libc++abi does not
 * have the function that throws, but its own operator new does. Returns if that has found memory. */
static COLD void throw_bad_alloc(const void *caller, size_t size) {
    void (*throw)(void) = (void (*)(void))cxx_function(caller, "_ZSt17__throw_bad_allocv");
    if (throw)
        throw();
    void *(*own)(size_t) = (void *(*)(size_t))cxx_function(caller, MANGLED("_Znw", ""));
    if (!own)
        os_abort("BrainMM: operator new: no memory, and no C++ run-time that could throw std::bad_alloc\n");
    free(own(size));
}

/* What a form that throws has to do with a request that the heap could not meet. */
static COLD void *new_retry(const void *caller, size_t alignment, size_t size, const struct new_form *form) {
    new_handler (*get_handler)(void) = (new_handler(*)(void))cxx_function(caller, "_ZSt15get_new_handlerv");
    bool possible = !form->aligned || is_power_of_two(alignment);
    for (;;) {
        new_handler handler = get_handler && possible ? get_handler() : NULL;
        if (handler)
            handler();
        else
            throw_bad_alloc(caller, possible ? size : PTRDIFF_MAX);
        void *piece = new_once(alignment, size, form);
        if (piece)
            return piece;
    }
}

/* The run-time's own form catches what the one that throws throws, also from a handler. That one is ours again. */
static COLD void *new_retry_nothrow(const void *caller, size_t alignment, size_t size, const void *tag,
                                    const struct new_form *form) {
    void *own = cxx_function(caller, form->mangled);
    if (!own)
        return NULL;
    return form->aligned ? ((void *(*)(size_t, size_t, const void *))own)(size, alignment, tag)
                         : ((void *(*)(size_t, const void *))own)(size, tag);
}

static __attribute__((noinline)) void *new_slow(size_t alignment, size_t size, const struct new_form *form,
                                                const void *caller) {
    CHECKED_ENTRY();
    void *piece = new_once(alignment, size, form);
    return LIKELY(piece != NULL) ? piece : new_retry(caller, alignment, size, form);
}

static __attribute__((noinline)) void *new_slow_nothrow(size_t alignment, size_t size, const void *tag,
                                                        const struct new_form *form, const void *caller) {
    CHECKED_ENTRY();
    void *piece = new_once(alignment, size, form);
    return LIKELY(piece != NULL) ? piece : new_retry_nothrow(caller, alignment, size, tag, form);
}

#define CALLER __builtin_return_address(0)

#define NEW(name, text, parameters, fast, slow, its_family, is_aligned)                                                \
    EXPORT void *name parameters __asm__(text);                                                                        \
    void *name parameters {                                                                                            \
        static const struct new_form form = {text, its_family, is_aligned};                                            \
        void *piece = fast;                                                                                            \
        return LIKELY(piece != NULL) ? piece : slow;                                                                   \
    }

#define FAST fast_alloc(os_thread_pointer(), size)

NEW(new_one, MANGLED("_Znw", ""), (size_t size), FAST, new_slow(0, size, &form, CALLER), FAMILY_NEW, false)
NEW(new_array, MANGLED("_Zna", ""), (size_t size), FAST, new_slow(0, size, &form, CALLER), FAMILY_NEW_ARRAY, false)
NEW(new_one_nothrow, MANGLED("_Znw", "RKSt9nothrow_t"), (size_t size, const void *tag), FAST,
    new_slow_nothrow(0, size, tag, &form, CALLER), FAMILY_NEW, false)
NEW(new_array_nothrow, MANGLED("_Zna", "RKSt9nothrow_t"), (size_t size, const void *tag), FAST,
    new_slow_nothrow(0, size, tag, &form, CALLER), FAMILY_NEW_ARRAY, false)
NEW(new_aligned_one, MANGLED("_Znw", "St11align_val_t"), (size_t size, size_t alignment), NULL,
    new_slow(alignment, size, &form, CALLER), FAMILY_NEW, true)
NEW(new_aligned_array, MANGLED("_Zna", "St11align_val_t"), (size_t size, size_t alignment), NULL,
    new_slow(alignment, size, &form, CALLER), FAMILY_NEW_ARRAY, true)
NEW(new_aligned_one_nothrow, MANGLED("_Znw", "St11align_val_tRKSt9nothrow_t"),
    (size_t size, size_t alignment, const void *tag), NULL, new_slow_nothrow(alignment, size, tag, &form, CALLER),
    FAMILY_NEW, true)
NEW(new_aligned_array_nothrow, MANGLED("_Zna", "St11align_val_tRKSt9nothrow_t"),
    (size_t size, size_t alignment, const void *tag), NULL, new_slow_nothrow(alignment, size, tag, &form, CALLER),
    FAMILY_NEW_ARRAY, true)

/* ---- delete ----------------------------------------------------------------------------------------------------- */

static __attribute__((noinline)) int delete_one_slow(void *piece) {
    CHECKED_ENTRY();
    return free_slow_as(piece, FAMILY_NEW, "operator delete");
}

static __attribute__((noinline)) int delete_array_slow(void *piece) {
    CHECKED_ENTRY();
    return free_slow_as(piece, FAMILY_NEW_ARRAY, "operator delete[]");
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
    int *error = &errno, saved = *error;
    CHECKED_ENTRY();
    if (checked_serves) {
        checked_free_sized(address, size, family, function);
    } else {
        if (piece_describe(address, &piece) && !can_be(&piece, alignment, size))
            report_size(function, address, size);
        free_slow_as(address, family, function);
    }
    *error = saved;
}

/* A piece that is no object of a slab may seem to have that bin. free() does without it. */
static inline __attribute__((always_inline)) void delete_sized(void *piece, size_t alignment, size_t size,
                                                               enum family family) {
    if (LIKELY(slab_bin(unit_at(piece)) == bin_of_new(alignment, size) && !checked_serves))
        fast_free(os_thread_pointer(), piece, family == FAMILY_NEW ? delete_one_slow : delete_array_slow);
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
