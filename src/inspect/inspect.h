/* SPDX-License-Identifier: MIT */
/* inspect.h: brainmm_walk, brainmm_get_stats and brainmm_dump for a heap; see brainmm.h. */
#ifndef BRAINMM_INSPECT_H
#define BRAINMM_INSPECT_H

#include "brainmm.h"

int BRAINMM_CALL heap_walk(brainmm_visit visit, void *context);
int BRAINMM_CALL heap_get_stats(brainmm_stats *stats, brainmm_class_stats *classes, size_t capacity);
int BRAINMM_CALL heap_dump(brainmm_write write, void *context, unsigned parts);

/* What the texts call an enum brainmm_kind. */
const char *kind_name(unsigned kind);

/* The statistics as lines of text. */
int stats_as_text(brainmm_write write, void *context);

#endif
