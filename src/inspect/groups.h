/* SPDX-License-Identifier: MIT */
/* groups.h: counts of allocations that are alike, by size, kind, thread, call stack and name. They lie in memory of
 * their own, so that the heap does not change while it is looked at.
 */
#ifndef BRAINMM_GROUPS_H
#define BRAINMM_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GROUP_NAME_MAX 127u /* characters; a longer name is cut off */

struct group {
    int64_t count; /* 0: the slot is free, or what there was has been taken away */
    size_t size;   /* bytes of each */
    uintptr_t thread_id;
    uint32_t stack; /* of the call that allocated it; 0: not known */
    uint32_t name;  /* where its name begins among the names; 0: it has none */
    uint8_t kind;   /* enum brainmm_kind */
    bool used;
};

/* All zero: there are none. */
struct groups {
    struct group *slots; /* hashed; after groups_sort() the first USED are in order */
    size_t capacity;     /* of the slots: 0 or a power of two */
    size_t used;
    char *names; /* texts with a zero behind each. The first is the empty one */
    size_t names_capacity, names_used;
    bool failed; /* the system had no memory: something was not counted */
};

/* Adds LIKE->count, which may be negative, to the group that is like LIKE and has that NAME. LIKE->name and LIKE->used
 * do not matter. NAME may be NULL. */
void groups_add(struct groups *groups, const struct group *like, const char *name);

const char *groups_name(const struct groups *groups, const struct group *group);

/* Puts all groups in order: by size, kind, thread, stack, name. Nothing can be added afterwards. */
void groups_sort(struct groups *groups);

void groups_free(struct groups *groups);

#endif
