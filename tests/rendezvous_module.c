/* rendezvous_module.c: a party that calls the functions of brainmm.h: linked with the library, or with the static core
 * inside it. */
#include "rendezvous_party.h"

static uintptr_t heap_id(void) { return brainmm_get_manager()->heap_id; }

PARTY_EXPORT const struct party *party_get(void);
PARTY_EXPORT const struct party *party_get(void) {
    static struct party party; /* imported functions have no constant address */
    party = (struct party){brainmm_alloc, brainmm_free, brainmm_realloc, heap_id, brainmm_attach_status};
    return &party;
}
