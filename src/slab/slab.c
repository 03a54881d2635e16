/* slab.c: the question that every slow path begins with. */
#include "slab/slab.h"
#include "slab/slab_inside.h"

struct unit *slab_of(const void *piece) {
    struct unit *slab = unit_of(piece);
    if (slab && unit_kind(slab) == UNIT_SLAB && slab_tests_object(slab, piece))
        return slab;
    if (slab && unit_kind(slab) == UNIT_SUB)
        slab = unit_from_number(link_get(&slab->next));
    if (!slab || unit_kind(slab) != UNIT_SLAB)
        return NULL;
    return slab_holds(slab, piece, slab_geometry(slab)->object_size) ? slab : NULL;
}
