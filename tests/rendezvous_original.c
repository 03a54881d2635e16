/* SPDX-License-Identifier: MIT */
/* rendezvous_original.c: a module that behaves like one built with the original's unit. It reads the pointer at offset
 * 0, copies 24 slots without a check and calls them in Delphi's convention. */
#include "rendezvous_party.h"

#if defined(__i386__)
#define REGISTER __attribute__((regparm(3)))
#else
#define REGISTER
#endif

static void *slots[24];

typedef void *(REGISTER *get_mem)(intptr_t size);
typedef int32_t(REGISTER *free_mem)(void *piece);
typedef void *(REGISTER *realloc_mem)(void *piece, intptr_t size);

static void *party_alloc(size_t size) { return ((get_mem)slots[14])((intptr_t)size); }
static int party_free(void *piece) { return ((free_mem)slots[15])(piece) == 0 ? BRAINMM_OK : BRAINMM_E_POINTER; }
static void *party_realloc(void *piece, size_t size) { return ((realloc_mem)slots[16])(piece, (intptr_t)size); }
static uintptr_t party_heap_id(void) { return 0; }

PARTY_EXPORT const struct party *party_get(void);
PARTY_EXPORT const struct party *party_get(void) {
    static const struct party party = {party_alloc, party_free, party_realloc, party_heap_id, party_no_state};
    void **table;
    CHECK(published(&table, sizeof table));
    memcpy(slots, table, sizeof slots);
    return &party;
}
