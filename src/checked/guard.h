/* SPDX-License-Identifier: MIT */
/* guard.h: runs of checked mode: their guard pages, and memory that nobody may touch once they are freed. */
#ifndef BRAINMM_GUARD_H
#define BRAINMM_GUARD_H

#include "checked/record.h"

/* Once. */
void guards_start(void);

/* How large a raw piece must be for an allocation of SIZE bytes at a multiple of ALIGNMENT, and where in it things lie.
 * The allocation begins behind the front guard page; or, with AT_END, it ends before the rear one, as near as its
 * alignment allows. */
struct run_layout {
    size_t alignment; /* of the raw piece */
    size_t front;     /* bytes; the last page of it is the front guard page */
    size_t body;      /* whole pages */
    size_t offset;    /* of the allocation */
    size_t total;
};

/* False if no such SIZE can be. */
bool run_layout(size_t size, size_t alignment, bool at_end, struct run_layout *layout);

/* Takes the rights to a new run's guard pages away. If the system refuses, or there are as many as it may have, the
 * pages get the canary instead. False if the system has taken rights and does not give them back: nobody can use the
 * run. */
bool guard_run(struct place *place);

/* The program may have changed the rights to the pages of the allocation: they are RIGHTS again. False if the system
 * refuses. */
bool guard_restore_rights(const struct place *place, unsigned rights);

/* The gap before the allocation and the zone behind it get the canary. */
void guard_fill_zones(const struct place *place);

/* Reports damage in the zones, if there is any. The run is one that the caller has freed. */
void guard_report(const struct place *place, const char *function);

/* The same of a live run that others may free meanwhile; mends the damage, unless the program has changed rights to the
 * pages. False if there is none. */
bool guard_look(const struct place *place, const char *function);

/* Gives the memory of a freed run back to the system and takes away all rights to it. False if the system refuses. */
bool guard_close_run(const struct place *place);

/* The pages of a run that could not be closed become ordinary again. False if the system refuses. */
bool guard_remove(const struct place *place);

/* Makes it ordinary memory again. False if the system refuses. */
bool guard_open_run(const struct place *place);

#endif
