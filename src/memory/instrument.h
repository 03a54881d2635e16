/* SPDX-License-Identifier: MIT */
/* instrument.h: what AddressSanitizer and valgrind are told, so that they see our pieces as they see the C library's.
 *
 * The first words of a freed piece hold the heap's link and mark (mark.h). Behind them, a freed piece may not be
 * touched. A piece that is handed out holds undefined bytes. In an ordinary build all of this is nothing.
 */
#ifndef BRAINMM_INSTRUMENT_H
#define BRAINMM_INSTRUMENT_H

#include "brainmm.h"
#include "memory/mark.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define INSTRUMENT_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define INSTRUMENT_ASAN 1
#endif

#if defined(INSTRUMENT_ASAN)
#include <sanitizer/asan_interface.h>
#define INSTRUMENT_FORBID(address, size) __asan_poison_memory_region(address, size)
#define INSTRUMENT_ALLOW(address, size) __asan_unpoison_memory_region(address, size)
#elif defined(BRAINMM_VALGRIND)
#include <valgrind/memcheck.h>
#define INSTRUMENT_FORBID(address, size) (void)VALGRIND_MAKE_MEM_NOACCESS(address, size)
#define INSTRUMENT_ALLOW(address, size) (void)VALGRIND_MAKE_MEM_UNDEFINED(address, size)
/* The heap is about to look for a mark, where the program may have copied bytes that it never wrote. */
#define INSTRUMENT_LOOK(address) (void)VALGRIND_MAKE_MEM_DEFINED_IF_ADDRESSABLE(address, sizeof(struct object))
#else
#define INSTRUMENT_FORBID(address, size) (void)0
#define INSTRUMENT_ALLOW(address, size) (void)0
#define INSTRUMENTED 0
#endif
#if !defined(INSTRUMENT_LOOK)
#define INSTRUMENT_LOOK(address) (void)0
#endif
#if !defined(INSTRUMENTED)
#define INSTRUMENTED 1
#endif

/* The core was built for a tool, which need not be looked for at run time. */
#if defined(BRAINMM_TSAN)
#define INSTRUMENT_BUILT_FOR_TOOL 1
#else
#define INSTRUMENT_BUILT_FOR_TOOL INSTRUMENTED
#endif

typedef size_t BRAINMM_CALL instrument_usable_size(const void *piece);

/* Bytes of a live piece that the program alone uses. */
static inline size_t instrument_size(void *piece, instrument_usable_size *usable_size) {
    size_t usable = usable_size(piece);
    return usable > sizeof(struct object) ? usable - sizeof(struct object) : 0;
}

static inline void *instrument_alloc(void *piece, instrument_usable_size *usable_size) {
    (void)usable_size;
    if (INSTRUMENTED && piece)
        INSTRUMENT_ALLOW((struct object *)piece + 1, instrument_size(piece, usable_size));
    return piece;
}

/* PIECE may be any pointer, also one to which nothing can be added. */
static inline void instrument_free(void *piece, instrument_usable_size *usable_size) {
    (void)piece, (void)usable_size;
    size_t size = INSTRUMENTED ? instrument_size(piece, usable_size) : 0;
    if (size)
        INSTRUMENT_FORBID((struct object *)piece + 1, size);
}

#endif
