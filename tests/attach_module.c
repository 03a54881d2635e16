/* SPDX-License-Identifier: MIT */
/* attach_module.c: a module that links nothing and includes brainmm_attach.h in two files. It joins the heap while it
 * is being loaded: in its DllMain or constructor, where the loader's lock is held. */
#include "brainmm_attach.h"
/* brainmm_attach.h first: it must not need anything before it */
#include "rendezvous_party.h"
#include "support/attach_second_file.h"

static const struct brainmm_manager *found_while_loading;

__attribute__((constructor)) static void module_start(void) { found_while_loading = brainmm_attach(); }

static const struct brainmm_manager *manager(void) {
    const struct brainmm_manager *found = brainmm_attach();
    CHECK_MSG(found != NULL, "%s", brainmm_attach_failure());
    CHECK(found == found_while_loading);
    CHECK(attach_in_second_file() == found);
    CHECK(brainmm_attach_failure()[0] == 0);
    CHECK(BRAINMM_HAS(found, usable_size));
    return found;
}

static void *party_alloc(size_t size) { return manager()->alloc(size); }
static int party_free(void *piece) { return manager()->free(piece); }
static void *party_realloc(void *piece, size_t size) { return manager()->realloc(piece, size); }
static uintptr_t party_heap_id(void) { return manager()->heap_id; }

/* For attach_alone.c: attaching may fail, and *WHY then says why. */
PARTY_EXPORT const struct brainmm_manager *attach_try(const char **why);
PARTY_EXPORT const struct brainmm_manager *attach_try(const char **why) {
    const struct brainmm_manager *found = brainmm_attach();
    *why = brainmm_attach_failure();
    return found;
}

PARTY_EXPORT const struct party *party_get(void);
PARTY_EXPORT const struct party *party_get(void) {
    static const struct party party = {party_alloc, party_free, party_realloc, party_heap_id, party_no_state};
    manager();
    return &party;
}
