/* SPDX-License-Identifier: MIT */
/* mark.c: see mark.h. */
#include "memory/mark.h"
#include "sync/assert.h"

void marks_clear(struct unit *unit) {
    size_t size = unit->marks.object_size;
    char *memory = unit_address(unit);
    ASSERT(unit_kind(unit) == UNIT_NONE);
    for (unsigned i = 0; i < marks_left(unit); i++)
        object_clear_mark((struct object *)(void *)(memory + i * size));
    marks_forget(unit);
}
