/* SPDX-License-Identifier: MIT */
/* rendezvous_module.c: a module that calls the functions of brainmm.h. It is linked with the library or contains the
 * static core. */
#include "rendezvous_party.h"

static uintptr_t heap_id(void) { return brainmm_get_manager()->heap_id; }

PARTY_EXPORT const struct party *party_get(void);
PARTY_EXPORT const struct party *party_get(void) {
    static struct party party; /* not static data: imported functions have no constant address */
    party = (struct party){brainmm_alloc, brainmm_free, brainmm_realloc, heap_id, brainmm_attach_status};
    return &party;
}
