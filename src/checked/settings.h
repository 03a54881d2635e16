/* SPDX-License-Identifier: MIT */
/* settings.h: whether the heap is in checked mode, and what was asked of it. */
#ifndef BRAINMM_SETTINGS_H
#define BRAINMM_SETTINGS_H

#include "base/compiler.h"
#include "os.h"
#include <stdbool.h>
#include <stddef.h>

struct checked_settings {
    size_t quarantine; /* bytes of freed allocations that each thread holds back */
    unsigned scan;     /* the youngest allocations of its thread that each call looks at; 0: none */
    unsigned frames;   /* of each stack that is kept; 0: none */
    bool unwind;       /* stacks are found by unwinding, not by frame pointers */
    bool zero;         /* new and freed memory is filled with zeros */
    bool guard_all;    /* every allocation has pages of its own */
    bool guard_none;
    bool guard_end; /* allocations with pages of their own end at the guard page */
    bool fast;      /* small allocations are as record.h has them: no guard_all, no tool */

    /* A tool that watches the process, and is told of allocations; NULL: none. It takes the place of zones, fills and
     * guard pages (watch.h). */
    const struct os_tool *tool;
};
extern struct checked_settings checked_settings HIDDEN_DATA;

/* Whether the mode was chosen. */
extern bool checked_is_on HIDDEN_DATA;

/* It is on, this module owns the process's heap, and that has started. */
extern bool checked_serves HIDDEN_DATA;

#endif
