/* attach_module.c: a party that links nothing and includes brainmm_attach.h, in two files. */
#include "brainmm_attach.h"
/* brainmm_attach.h first: it must not need anything before it */
#include "rendezvous_party.h"
#include "support/attach_second_file.h"

static const struct brainmm_manager *manager(void) {
    const struct brainmm_manager *found = brainmm_attach();
    CHECK_MSG(found != NULL, "%s", brainmm_attach_failure());
    CHECK(attach_in_second_file() == found);
    CHECK(brainmm_attach_failure()[0] == 0);
    CHECK(BRAINMM_HAS(found, usable_size));
    return found;
}

static void *party_alloc(size_t size) { return manager()->alloc(size); }
static int party_free(void *piece) { return manager()->free(piece); }
static void *party_realloc(void *piece, size_t size) { return manager()->realloc(piece, size); }
static uintptr_t party_heap_id(void) { return manager()->heap_id; }

static int party_state(const char **text) {
    (void)text;
    return -1;
}

PARTY_EXPORT const struct party *party_get(void);
PARTY_EXPORT const struct party *party_get(void) {
    static const struct party party = {party_alloc, party_free, party_realloc, party_heap_id, party_state};
    manager();
    return &party;
}
