/* SPDX-License-Identifier: MIT */
/* pieces.h: allocations of checked mode, whatever they are: made, freed, resized. */
#ifndef BRAINMM_CHECKED_PIECES_H
#define BRAINMM_CHECKED_PIECES_H

#include "brainmm.h"
#include "checked/record.h"

/* What is asked for. */
struct request {
    size_t size, alignment;
    bool zeroed;
    enum family family;
    unsigned mode;        /* enum brainmm_mode */
    const char *function; /* that is named in reports */
};

/* For quarantine_start(). */
void pieces_release(void *raw);

/* NULL: out of memory, or there can be no such allocation. */
void *pieces_alloc(const struct request *request);

/* Frees what REQUEST's family allocated, in its mode. Errors are reported. What another family of functions for pieces
 * allocated is reported, and freed. */
int pieces_free(void *piece, const struct request *request);

/* Always moves, so that whoever still uses the old address is found. REQUEST: the new size, the family; the alignment
 * is kept. Not for NULL and size 0. */
void *pieces_resize(void *piece, const struct request *request, bool keeps_contents);

/* The same for pieces, for callers that know the family, as C++'s operators do. FUNCTION is named in reports. */
void *checked_alloc_as(size_t size, enum family family, const char *function);
void *checked_alloc_with(size_t size, size_t alignment, bool zeroed, enum family family, const char *function);
int checked_free_as(void *piece, enum family family, const char *function);

/* The same for a caller that knows the SIZE it asked for. Another size is reported. */
int checked_free_sized(void *piece, size_t size, enum family family, const char *function);

/* The live allocation that starts at ADDRESS. */
bool pieces_live(const void *address, struct place *place, uint32_t *word);

#endif
