/* SPDX-License-Identifier: MIT */
/* live.h: what a look at the whole heap finds, in rows: allocations of one kind that lie one after the other. */
#ifndef BRAINMM_LIVE_H
#define BRAINMM_LIVE_H

#include "brainmm.h"
#include <stdbool.h>

#define LIVE_NO_BIN UINT16_MAX

/* What checked mode knows of one of them. */
struct live_detail {
    size_t size; /* as asked for */
    uintptr_t thread_id;
    uint32_t stack;  /* of the allocation: checked/stacks.h */
    uint32_t serial; /* differs from that of the allocation that was there before */
    uint8_t kind;
};

/* Those of a slab, the blocks of a unit, or a single one. */
struct live_row {
    uintptr_t start;
    size_t stride;    /* place number i is at start + i * stride */
    size_t size;      /* usable bytes of each */
    size_t alignment; /* in bytes */
    uintptr_t thread_id;
    unsigned places;                   /* how many there are */
    const uint64_t *live;              /* a bit for each place */
    uint16_t bin;                      /* of a slab; else LIVE_NO_BIN */
    uint8_t kind, mode;                /* enum brainmm_kind, enum brainmm_mode */
    bool presumed;                     /* some of `live` may not be */
    const struct live_detail *details; /* of each place that is live; NULL: all are as the row says */
};

/* Takes a row, whose memory is valid during the call. */
typedef void live_visit(void *context, const struct live_row *row);

#endif
