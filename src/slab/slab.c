/* SPDX-License-Identifier: MIT */
/* slab.c: the question that every slow path begins with. */
#include "slab/slab.h"
#include "slab/slab_inside.h"

struct unit *slab_of(const void *piece) {
    struct unit *slab = unit_of(piece);
    if (!slab)
        return NULL;
    unsigned kind = unit_kind(slab);
    if (kind == UNIT_SLAB && slab_tests_object(slab, piece))
        return slab;
    if (kind == UNIT_SUB) { /* the slab may have ended since: then `next` is any unit's number, or 0 */
        slab = unit_or_null(link_get(&slab->next));
        if (!slab)
            return NULL;
        kind = unit_kind(slab);
    }
    return kind == UNIT_SLAB && slab_holds(slab, piece, slab_geometry(slab)->object_size) ? slab : NULL;
}
