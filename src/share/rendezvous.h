/* SPDX-License-Identifier: MIT */
/* rendezvous.h: how the modules of a process find the one heap that they share.
 *
 * A port offers a few places, in an agreed order, where an owner can publish a record (struct brainmm_record). A module
 * looks at all of them. If none names an owner that passes the checks here, the module founds the heap and publishes it
 * at the first place that the system lets it have. Other things may lie at a place, by accident or put there by another
 * process. They are refused and reported, and the next place serves. docs/abi.md has the layout, the checks and the
 * contract of a port.
 *
 * Nothing here allocates, and nothing waits without a bound: it runs in DllMain and inside the process's first malloc.
 */
#ifndef BRAINMM_RENDEZVOUS_H
#define BRAINMM_RENDEZVOUS_H

#define BRAINMM_ATTACH_NO_CLIENT
#include "brainmm_attach.h"
#include "share/version1.h"
#include <stdbool.h>

/* ---- What the rendezvous offers --------------------------------------------------------------------------------- */

/* An owner whose table has been checked. */
struct rendezvous_owner {
    const struct brainmm_manager *manager; /* its version-2 table; NULL if it has a version-1 table only */
    const struct version1 *version1;       /* its version-1 table, where manager is NULL */
    struct brainmm_manager manager_copy;   /* what was checked, and nothing read later, is what is used */
    struct version1 version1_copy;
    bool free_pascal; /* its FreeMem returns 0 for an invalid pointer */
    unsigned place;   /* where it was found */
};

/* Looks for an owner; one with a version-2 table is preferred. Its image is then pinned. SELF, this module's own
 * version-2 table, is never taken for another's. */
bool rendezvous_find(const struct brainmm_manager *self, struct rendezvous_owner *owner);

enum rendezvous_result {
    RENDEZVOUS_PUBLISHED, /* *place tells where */
    RENDEZVOUS_LOST,      /* another owner was quicker: *owner */
    RENDEZVOUS_NOWHERE    /* no place could be had */
};

/* Publishes this module's tables. All that they need must be ready. */
enum rendezvous_result rendezvous_publish(const struct brainmm_manager *self, struct rendezvous_owner *owner,
                                          unsigned *place);

/* What was refused so far, as sentences, each with a space in front; empty if nothing was. */
const char *rendezvous_refusals(void);

/* ---- What a port implements ------------------------------------------------------------------------------------- */

extern const unsigned rendezvous_places;       /* how many places there are */
extern const bool rendezvous_has_thread_hooks; /* whether RTLs on this system expect slots 1 and 2 of version 1 */

/* What PLACE is called in reports. */
const char *rendezvous_place_name(unsigned place);

enum rendezvous_look {
    PLACE_EMPTY,    /* an owner may publish there */
    PLACE_UNFILLED, /* somebody has claimed it and may be about to fill it in */
    PLACE_FILLED,   /* *record is a copy of what lies there, of any content */
    PLACE_REFUSED   /* *reason tells what is wrong */
};

/* Looks at a place. */
enum rendezvous_look rendezvous_look(unsigned place, struct brainmm_record *record, const char **reason);

/* Publishes a record at a place. Until it is whole, others find PLACE_UNFILLED. False if somebody else has the place:
 * it was not empty, or has changed since the last look at it. */
bool rendezvous_claim(unsigned place, const struct brainmm_record *record);

/* Copies SIZE bytes if they lie readable in one image that is loaded in this process, and names the image. Memory
 * outside images is not touched. */
bool rendezvous_read(void *copy, const void *from, size_t size, const void **image);

/* Whether FUNCTION lies in executable memory of IMAGE. */
bool rendezvous_is_code(const void *function, const void *image);

/* Keeps the image that ADDRESS lies in loaded for the life of the process. False if it is gone already. */
bool rendezvous_pin(const void *address);

/* brainmm_publish_fastmm of a module that owns the heap. */
int BRAINMM_CALL heap_publish_fastmm(void);

#endif
