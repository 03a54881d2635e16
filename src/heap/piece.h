/* SPDX-License-Identifier: MIT */
/* piece.h: pieces of any size: allocated, released, resized. A piece of up to MEDIUM_MAX bytes is an object of a slab,
 * a larger one a run. One of size 0 is an address only.
 */
#ifndef BRAINMM_PIECE_H
#define BRAINMM_PIECE_H

#include "brainmm.h"
#include "heap/resize.h"
#include "memory/instrument.h"
#include "slab/fast_path.h"

/* How many bytes of a live piece may be used; 0 for whatever is none. */
size_t BRAINMM_CALL piece_usable_size(const void *piece);

/* The FUNCTION that the program has called is named in reports. */

/* fast_alloc() found nothing. NULL: out of memory, or no such SIZE can be. */
void *piece_alloc_slow(size_t size, const char *function);

static inline void *piece_alloc_as(size_t size, const char *function) {
    void *piece = fast_alloc(os_thread_pointer(), size);
    return instrument_alloc(LIKELY(piece != NULL) ? piece : piece_alloc_slow(size, function), piece_usable_size);
}

static inline void *piece_alloc(size_t size) { return piece_alloc_as(size, "brainmm_alloc"); }

/* The same for a piece of up to MEDIUM_MAX bytes of which the caller knows the bin, also where the fast paths do not
 * see the thread's heap (os_hide_thread_pointers). */
void *piece_alloc_bin(size_t bin, const char *function);

/* Zero-filled up to its usable size. */
void *piece_alloc_zeroed(size_t size, const char *function);

/* At a multiple of ALIGNMENT, a power of two. A smaller one than 16 means 16. */
void *piece_alloc_aligned(size_t alignment, size_t size, const char *function);

/* fast_free() does not apply. PIECE may be any pointer. Returns BRAINMM_OK, BRAINMM_E_DOUBLE_FREE
 * or BRAINMM_E_POINTER. */
int piece_free_slow(void *piece);

static inline int piece_free(void *piece) {
    instrument_free(piece, piece_usable_size); /* before the piece can be anybody else's */
    return fast_free(os_thread_pointer(), piece, piece_free_slow);
}

/* The same where the fast paths do not see the thread's heap. */
static inline int piece_free_hidden(void *piece) { return fast_free(os_thread_pointer_sure(), piece, piece_free_slow); }

/* Makes a live piece SIZE bytes long, which is not 0. NULL: out of memory, or PIECE is none; the old one is
 * as before. */
void *piece_resize(void *piece, size_t size, enum contents contents, const char *function);

/* A live piece. */
struct piece {
    size_t usable;     /* bytes */
    size_t alignment;  /* which a resize keeps */
    struct unit *slab; /* one of these is not NULL, unless it is of size 0: zero.h */
    struct unit *run;
};

/* From now on each allocation of up to 32 KiB looks at the mark of what it hands out: a write into freed memory cannot
 * make it hand out any other. Before the heap starts. */
void piece_check_links(void);

/* Describes the piece that starts at ADDRESS. False if there is none. */
bool piece_describe(const void *address, struct piece *piece);

#endif
