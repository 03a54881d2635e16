/* SPDX-License-Identifier: MIT */
/* mark.h: the mark by which an object says that it is free.
 *
 * An object that is not in the program's hands carries the address of its slab's descriptor in its second word. Handing
 * it out clears that. A program that computes with random 32-bit numbers could hit on a mark by chance, so on 32 bit
 * the third word repeats it.
 *
 * No memory that a program is given contains a mark: it might copy the mark unread into another object, which would
 * then look free. So when a slab has ended, its descriptor goes on counting the marks that lie in its memory. They are
 * cleared before the memory serves another size or purpose.
 */
#ifndef BRAINMM_MARK_H
#define BRAINMM_MARK_H

#include "memory/unit.h"

#define OBJECT_MARKS (UINTPTR_MAX > 0xFFFFFFFFu ? 1u : 2u)

/* The first words of an object that is free. */
struct object {
    struct object *next;
    struct unit *mark[OBJECT_MARKS];
};

static inline void object_mark(struct object *object, struct unit *slab) {
    for (unsigned i = 0; i < OBJECT_MARKS; i++)
        object->mark[i] = slab;
}

static inline void object_clear_mark(struct object *object) { object_mark(object, NULL); }

/* Whether an object of SLAB is free, in whatever state. */
static inline bool object_is_free(const struct object *object, const struct unit *slab) {
    return object->mark[0] == slab && object->mark[OBJECT_MARKS - 1] == slab;
}

/* How many marks a slab that ended has left in the memory that begins with UNIT. */
static inline unsigned marks_left(const struct unit *unit) { return load_relaxed(&unit->marks.count); }

/* Clears them. */
void marks_clear(struct unit *unit);

/* The memory itself has gone back to the system, and the marks with it. */
static inline void marks_forget(struct unit *unit) { store_relaxed(&unit->marks.count, 0); }

#endif
