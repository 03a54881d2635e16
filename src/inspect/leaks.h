/* SPDX-License-Identifier: MIT */
/* leaks.h: reports of leaks, snapshots and their differences; see brainmm.h. */
#ifndef BRAINMM_LEAKS_H
#define BRAINMM_LEAKS_H

#include "brainmm.h"
#include "inspect/groups.h"

/* Counts all that is live by size, kind, call stack and name, threads together, and puts the groups in order. GROUPS is
 * all zero. BRAINMM_E_MEMORY: then nothing is left in them. */
int leaks_count(struct groups *groups);

int BRAINMM_CALL heap_report_leaks(brainmm_write write, void *context);
int BRAINMM_CALL heap_snapshot_take(brainmm_snapshot **snapshot);
int BRAINMM_CALL heap_snapshot_free(brainmm_snapshot *snapshot);
int BRAINMM_CALL heap_snapshot_difference(const brainmm_snapshot *before, const brainmm_snapshot *after,
                                          brainmm_write write, void *context);

#endif
