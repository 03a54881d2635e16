/* SPDX-License-Identifier: MIT */
/* density.h: whether large runs are written from end to end. Only then are huge pages worth their memory: in a piece of
 * 1 GiB of which each MiB has one byte in use, they would make 1 GiB of 4 MiB.
 *
 * The heap cannot know what a program will do. It looks at what the program has done, and expects the same again:
 *
 *   a run that grows      goes on as it began: density_of() what it had
 *   a new run             is like those of about its size before it: density_note_end() looks at runs when they end
 *
 * A page counts as used if it has a byte that is not zero. So it does not matter whether the memory has huge pages, and
 * the system need not be asked. That may be forbidden (tests/seccomp_filter.c). Memory that a program fills with zeros
 * is taken for unused, and is no more than slower. Nothing is said of memory that others have used before.
 *
 * All this works without a lock. A count that is lost in a race changes a guess, no more.
 */
#ifndef BRAINMM_DENSITY_H
#define BRAINMM_DENSITY_H

#include "memory/unit.h"

enum density {
    DENSITY_UNKNOWN,
    DENSITY_LOW,
    DENSITY_HIGH /* at least seven of eight pages, as far as a sample tells */
};

/* How much of the first SIZE bytes of RUN is used. Its thread calls this while the contents are there. */
enum density density_of(const struct unit *run, size_t size);

/* Whether a new run of SIZE bytes is likely to be written from end to end. */
bool density_expects(size_t size);

/* RUN, a piece, ends. */
void density_note_end(const struct unit *run);

#endif
