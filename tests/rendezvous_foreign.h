/* SPDX-License-Identifier: MIT */
/* rendezvous_foreign.h: what tests ask the foreign owner, rendezvous_foreign_owner.c. */
#ifndef TESTS_RENDEZVOUS_FOREIGN_H
#define TESTS_RENDEZVOUS_FOREIGN_H

#include <stddef.h>

struct foreign_report {
    unsigned calls[24]; /* by slot */
    size_t live;        /* pieces, blocks and runs of pages not given back */
    void *table;
};

typedef const struct foreign_report *(*foreign_report_function)(void);

#endif
