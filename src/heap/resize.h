/* SPDX-License-Identifier: MIT */
/* resize.h: making a run longer or shorter. */
#ifndef BRAINMM_RESIZE_H
#define BRAINMM_RESIZE_H

#include "heap/run.h"

/* Whether a resize keeps the contents, up to the smaller size, or lets them become undefined. */
enum contents { CONTENTS_UNDEFINED, CONTENTS_KEPT };

/* Makes a run SIZE bytes long, moved if need be. Its alignment is kept. NULL, and nothing has changed: out
 * of memory. */
void *run_resize(struct unit *run, size_t size, enum contents contents);

/* What resizing has done since the process started, in bytes. */
struct resize_counters {
    uint64_t grown_right;    /* taken from free memory on the right */
    uint64_t grown_left;     /* on the left */
    uint64_t grown_headroom; /* from the run's own headroom */
    uint64_t slid;           /* contents moved down to a new start on the left */
    uint64_t moved;          /* contents whose pages were moved to another place */
    uint64_t copied;         /* contents copied to another place */
    uint64_t shrunk;         /* given back in place */
};
void resize_counters_get(struct resize_counters *counters);

#endif
