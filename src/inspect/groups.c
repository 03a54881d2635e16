/* SPDX-License-Identifier: MIT */
/* groups.c: see groups.h. */
#include "inspect/groups.h"
#include "base/text.h"
#include "inspect/scan.h"
#include <string.h>

#define FIRST_BYTES ((size_t)16384)

const char *groups_name(const struct groups *groups, const struct group *group) {
    return groups->names ? groups->names + group->name : "";
}

/* ---- Slots ------------------------------------------------------------------------------------------------------ */

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 29;
}

static size_t hash_of(const struct group *group, const char *name) {
    uint64_t hash = mix(mix(group->size, group->thread_id), (uint64_t)group->stack << 8 | group->kind);
    for (; *name; name++)
        hash = mix(hash, (unsigned char)*name);
    return (size_t)hash;
}

static bool is_alike(const struct groups *groups, const struct group *group, const struct group *like,
                     const char *name) {
    return group->size == like->size && group->kind == like->kind && group->thread_id == like->thread_id &&
           group->stack == like->stack && text_equal(groups_name(groups, group), name);
}

/* The slot of that group, or the free one where it belongs. There is always a free one. */
static struct group *slot_of(const struct groups *groups, const struct group *like, const char *name) {
    size_t place = hash_of(like, name);
    struct group *slot;
    do
        slot = &groups->slots[place++ & (groups->capacity - 1)];
    while (slot->used && !is_alike(groups, slot, like, name));
    return slot;
}

static size_t slots_bytes(size_t capacity) { return capacity * sizeof(struct group); }

static size_t power_of_two_below(size_t number) {
    size_t power = 1;
    while (power * 2 <= number)
        power *= 2;
    return power;
}

/* A quarter of the slots stays free. */
static bool slots_grow(struct groups *groups) {
    size_t capacity = groups->capacity ? groups->capacity * 2 : power_of_two_below(FIRST_BYTES / sizeof(struct group));
    struct group *old = groups->slots, *slots = scan_memory_take(slots_bytes(capacity));
    size_t old_capacity = groups->capacity;
    if (!slots)
        return false;
    groups->slots = slots;
    groups->capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].used)
            *slot_of(groups, &old[i], groups_name(groups, &old[i])) = old[i];
    scan_memory_give(old, slots_bytes(old_capacity));
    return true;
}

/* ---- Names ------------------------------------------------------------------------------------------------------ */

/* Makes room for SIZE more bytes. */
static bool names_grow(struct groups *groups, size_t size) {
    size_t capacity = groups->names_capacity ? groups->names_capacity * 2 : FIRST_BYTES;
    if (groups->names_used + size <= groups->names_capacity)
        return true;
    char *names = capacity <= UINT32_MAX ? scan_memory_take(capacity) : NULL;
    if (!names)
        return false;
    if (groups->names)
        memcpy(names, groups->names, groups->names_used);
    else
        groups->names_used = 1; /* the empty name */
    scan_memory_give(groups->names, groups->names_capacity);
    groups->names = names;
    groups->names_capacity = capacity;
    return true;
}

static bool name_add(struct groups *groups, struct group *group, const char *name) {
    size_t size = text_length(name) + 1;
    group->name = 0;
    if (size == 1)
        return true;
    if (!names_grow(groups, size))
        return false;
    memcpy(groups->names + groups->names_used, name, size);
    group->name = (uint32_t)groups->names_used;
    groups->names_used += size;
    return true;
}

/* ---- Groups ----------------------------------------------------------------------------------------------------- */

void groups_add(struct groups *groups, const struct group *like, const char *name) {
    char cut[GROUP_NAME_MAX + 1];
    struct text text = TEXT_IN(cut);
    cut[0] = 0;
    text_add(&text, name ? name : "");
    if (groups->used >= groups->capacity / 4 * 3 && !slots_grow(groups)) {
        groups->failed = true;
        return;
    }
    struct group *slot = slot_of(groups, like, cut);
    if (slot->used) {
        slot->count += like->count;
        return;
    }
    *slot = *like;
    slot->used = name_add(groups, slot, cut);
    groups->used += slot->used;
    groups->failed |= !slot->used;
}

void groups_free(struct groups *groups) {
    scan_memory_give(groups->slots, slots_bytes(groups->capacity));
    scan_memory_give(groups->names, groups->names_capacity);
    *groups = (struct groups){0};
}

/* ---- Order ------------------------------------------------------------------------------------------------------ */

static int texts_compare(const char *one, const char *other) {
    while (*one && *one == *other)
        one++, other++;
    return (unsigned char)*one - (unsigned char)*other;
}

static bool is_before(const struct groups *groups, const struct group *one, const struct group *other) {
    if (one->size != other->size)
        return one->size < other->size;
    if (one->kind != other->kind)
        return one->kind < other->kind;
    if (one->thread_id != other->thread_id)
        return one->thread_id < other->thread_id;
    if (one->stack != other->stack)
        return one->stack < other->stack;
    return texts_compare(groups_name(groups, one), groups_name(groups, other)) < 0;
}

/* Moves the group at ROOT down the heap of the first COUNT, until none below it is greater. */
static void sift_down(const struct groups *groups, size_t root, size_t count) {
    struct group *slots = groups->slots, moved = slots[root];
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && is_before(groups, &slots[child], &slots[child + 1]))
            child++;
        if (!is_before(groups, &moved, &slots[child]))
            break;
        slots[root] = slots[child];
    }
    slots[root] = moved;
}

void groups_sort(struct groups *groups) {
    struct group *slots = groups->slots;
    size_t count = 0;
    for (size_t i = 0; i < groups->capacity; i++)
        if (slots[i].used)
            slots[count++] = slots[i];
    for (size_t root = count / 2; root-- > 0;)
        sift_down(groups, root, count);
    for (size_t end = count; end-- > 1;) {
        struct group greatest = slots[0];
        slots[0] = slots[end];
        slots[end] = greatest;
        sift_down(groups, 0, end);
    }
}
