/* SPDX-License-Identifier: MIT */
/* expected.c: see expected.h. The list lies in memory of its own. A report must not find it. */
#include "inspect/expected.h"
#include "base/align.h"
#include "base/text.h"
#include "inspect/groups.h"
#include "inspect/scan.h"
#include "slab/size_class.h"
#include "sync/lock.h"
#include <string.h>

#define FIRST_BYTES ((size_t)65536)

/* Exactly one of `address`, `name` and `size` is given. */
struct entry {
    const void *address;
    size_t size;    /* bytes asked for */
    size_t usable;  /* bytes that such a piece has, or the least of several sizes */
    uint32_t count; /* 0: the entry can be used for another */
    uint32_t left;  /* of them, in the report that is being made */
    char name[GROUP_NAME_MAX + 1];
};

static struct entry *entries;
static size_t capacity, used;

/* ---- The list --------------------------------------------------------------------------------------------------- */

/* Of a request above those of slabs, the rest of the last page may be usable, or some of it. */
static size_t usable_of(size_t size) {
    return size > MEDIUM_MAX ? size : bin_geometry[bin_of(BRAINMM_ALIGNMENT, size)].object_size;
}

static bool is_usable_of(const struct entry *entry, size_t usable) {
    return entry->size > MEDIUM_MAX ? usable >= entry->size && usable - entry->size < os_facts.page
                                    : usable == entry->usable;
}

/* False if LEAK does not name exactly one thing. */
static bool entry_make(const brainmm_expected_leak *leak, struct entry *entry) {
    if (!leak || leak->struct_size < sizeof *leak ||
        (leak->address != NULL) + (leak->name != NULL) + (leak->size != 0) != 1)
        return false;
    *entry = (struct entry){.address = leak->address, .size = leak->size, .count = leak->count};
    if (entry->address || entry->count == 0)
        entry->count = 1;
    if (entry->size)
        entry->usable = usable_of(entry->size);
    if (leak->name) {
        size_t length = text_length(leak->name);
        if (length == 0 || length > GROUP_NAME_MAX)
            return false;
        memcpy(entry->name, leak->name, length + 1);
    }
    return true;
}

static bool is_same(const struct entry *one, const struct entry *other) {
    return one->address == other->address && one->size == other->size && text_equal(one->name, other->name);
}

/* The entry that is like WANTED; if there is none, one that can be used for it; NULL if there is neither. */
static struct entry *entry_find(const struct entry *wanted) {
    struct entry *unused = NULL;
    for (size_t i = 0; i < used; i++) {
        if (entries[i].count == 0)
            unused = &entries[i];
        else if (is_same(&entries[i], wanted))
            return &entries[i];
    }
    return unused;
}

static bool list_grow(void) {
    size_t bytes = capacity ? capacity * sizeof *entries * 2 : FIRST_BYTES;
    struct entry *grown = scan_memory_take(bytes);
    if (!grown)
        return false;
    if (entries)
        memcpy(grown, entries, used * sizeof *entries);
    scan_memory_give(entries, capacity * sizeof *entries);
    entries = grown;
    capacity = bytes / sizeof *entries;
    return true;
}

static struct entry *entry_add(void) {
    if (used == capacity && !list_grow())
        return NULL;
    return &entries[used++];
}

/* An address that is registered twice is one leak all the same. */
int BRAINMM_CALL heap_register_expected_leak(const brainmm_expected_leak *leak) {
    struct entry entry;
    int result = BRAINMM_OK;
    if (!entry_make(leak, &entry))
        return BRAINMM_E_ARGUMENT;
    lock_acquire(LOCK_LEAKS);
    struct entry *found = entry_find(&entry);
    if (!found)
        found = entry_add();
    if (!found)
        result = BRAINMM_E_MEMORY;
    else if (found->count == 0)
        *found = entry;
    else if (entry.address)
        result = BRAINMM_OK;
    else if (entry.count > UINT32_MAX - found->count)
        result = BRAINMM_E_ARGUMENT;
    else
        found->count += entry.count;
    lock_release(LOCK_LEAKS);
    return result;
}

int BRAINMM_CALL heap_unregister_expected_leak(const brainmm_expected_leak *leak) {
    struct entry entry;
    if (!entry_make(leak, &entry))
        return BRAINMM_E_ARGUMENT;
    lock_acquire(LOCK_LEAKS);
    struct entry *found = entry_find(&entry);
    bool enough = found && found->count >= entry.count; /* an unused entry has 0 */
    if (enough)
        found->count -= entry.count;
    lock_release(LOCK_LEAKS);
    return enough ? BRAINMM_OK : BRAINMM_E_ARGUMENT;
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

void expected_begin(void) {
    for (size_t i = 0; i < used; i++)
        entries[i].left = entries[i].count;
}

static bool is_meant(const struct entry *entry, const void *address, const char *name, size_t usable,
                     size_t requested) {
    if (entry->address)
        return entry->address == address;
    if (entry->size)
        return requested ? entry->size == requested : is_usable_of(entry, usable);
    return name && text_equal(entry->name, name);
}

/* What is registered by its address does not use up what is registered otherwise. */
bool expected_is(const void *address, const char *name, size_t usable, size_t requested) {
    struct entry *found = NULL;
    for (size_t i = 0; i < used; i++)
        if (entries[i].left != 0 && is_meant(&entries[i], address, name, usable, requested) &&
            (!found || entries[i].address))
            found = &entries[i];
    if (found)
        found->left--;
    return found != NULL;
}
