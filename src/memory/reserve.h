/* SPDX-License-Identifier: MIT */
/* reserve.h: memory that is held back for what a program does when there is no more. To raise an exception, to write a
 * message and even to free can take memory.
 *
 *   held back    committed units in a row, taken when the heap has plenty
 *   open         to a thread whose request has failed. The request that meets the limit fails, although the reserve is
 *                there. What the thread asks for after that comes from the reserve, if there is nothing else
 *   closed       when the heap has found as much memory elsewhere
 *   filled up    and closed, when the heap has plenty again
 *
 * Private to the memory floor; everything here belongs to the lock of units.h.
 */
#ifndef BRAINMM_RESERVE_H
#define BRAINMM_RESERVE_H

#include "memory/unit.h"

#define RESERVE_UNITS 16u /* 1 MiB: a slab for each of a dozen size classes, and a large one */

/* A request of the calling thread has failed. */
void reserve_open(void);

/* COUNT units in a row, the first at a multiple of ALIGNMENT units, committed: place of the first one. SIZE_MAX: the
 * reserve is not open to the calling thread, or has not so many. */
size_t reserve_take(size_t count, size_t alignment);

/* COUNT units were found elsewhere. */
void reserve_note_found(size_t count);

/* After units were taken or given: fills the reserve up and closes it, if the heap has plenty. */
void reserve_look(void);

/* How many units are held back. */
size_t reserve_kept(void);

#endif
