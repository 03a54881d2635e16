/* SPDX-License-Identifier: MIT */
/* describe.c: see describe.h. */
#include "inspect/describe.h"
#include "base/align.h"
#include "sync/lock.h"

#define DESCRIBERS_MOST 32u

static struct describer {
    brainmm_describe describe;
    void *context;
    bool is_there;
} describers[DESCRIBERS_MOST];
static unsigned count;

int BRAINMM_CALL heap_add_describer(brainmm_describe function, void *context) {
    int result = BRAINMM_E_MEMORY;
    if (!function)
        return BRAINMM_E_ARGUMENT;
    lock_acquire(LOCK_LEAKS);
    if (count < DESCRIBERS_MOST) {
        describers[count++] = (struct describer){function, context, true};
        result = BRAINMM_OK;
    }
    lock_release(LOCK_LEAKS);
    return result;
}

/* The last one added goes first, if there are two alike. The others keep their order. */
int BRAINMM_CALL heap_remove_describer(brainmm_describe function, void *context) {
    lock_acquire(LOCK_LEAKS);
    unsigned at = count;
    while (at > 0 && (describers[at - 1].describe != function || describers[at - 1].context != context))
        at--;
    bool found = function && at > 0;
    if (found) {
        for (; at < count; at++)
            describers[at - 1] = describers[at];
        count--;
    }
    lock_release(LOCK_LEAKS);
    return found ? BRAINMM_OK : BRAINMM_E_ARGUMENT;
}

/* A module may have been unloaded without removing its function. If nothing else has come to that place, it is not
 * called. */
void describe_begin(void) {
    for (unsigned i = 0; i < count; i++) {
        uintptr_t page = align_down((uintptr_t)describers[i].describe, os_facts.page);
        describers[i].is_there = os_pages_are_mapped((const void *)page, os_facts.page);
        if (describers[i].is_there)
            describers[i].describe(describers[i].context, NULL, 0);
    }
}

const char *description_of(const void *address, size_t size) {
    const char *name = NULL;
    for (unsigned i = count; i-- > 0 && !name;)
        if (describers[i].is_there)
            name = describers[i].describe(describers[i].context, address, size);
    return name;
}
