/* SPDX-License-Identifier: MIT */
/* leaks.c: see leaks.h. What is live is counted first, in groups, and then written. LOCK_LEAKS is held while it is
 * counted: the lists of expected leaks and of describers stay as they are. It is not held while the caller's function
 * is called. */
#include "inspect/leaks.h"
#include "inspect/describe.h"
#include "inspect/expected.h"
#include "inspect/inspect.h"
#include "inspect/leaks_text.h"
#include "inspect/scan.h"
#include "sync/lock.h"

#define SNAPSHOT_MAGIC 0x746F68736E415042u

struct brainmm_snapshot {
    uint64_t magic;
    struct groups groups;
};

/* ---- Counting --------------------------------------------------------------------------------------------------- */

struct count {
    struct groups *groups;
    struct leaks_sums sums;
    bool is_report; /* threads are told apart, and expected leaks left out */
};

/* Only pieces have a type. */
static const char *name_of(const brainmm_allocation *allocation) {
    return allocation->kind <= BRAINMM_LARGE ? description_of(allocation->address, allocation->size) : NULL;
}

static int BRAINMM_CALL count_one(void *context, const brainmm_allocation *allocation) {
    struct count *count = context;
    const char *name = name_of(allocation);
    const struct group like = {
        .count = 1,
        .size = allocation->size,
        .thread_id = count->is_report ? allocation->thread_id : 0,
        .stack = allocation->stack,
        .kind = allocation->kind,
    };
    count->sums.uncertain |= allocation->certainty != BRAINMM_EXACT;
    if (count->is_report && expected_is(allocation->address, name, like.size, allocation->requested)) {
        count->sums.expected_count++;
        count->sums.expected_bytes += like.size;
    } else {
        groups_add(count->groups, &like, name);
    }
    return count->groups->failed;
}

/* Where memory runs out, nothing is left in the groups. */
static int count_all(struct count *count) {
    lock_acquire(LOCK_LEAKS);
    describe_begin();
    expected_begin();
    int result = heap_walk(count_one, count);
    lock_release(LOCK_LEAKS);
    if (count->groups->failed)
        result = BRAINMM_E_MEMORY;
    if (result != BRAINMM_OK)
        groups_free(count->groups);
    return result;
}

int leaks_count(struct groups *groups) {
    struct count count = {.groups = groups};
    int result = count_all(&count);
    if (result == BRAINMM_OK)
        groups_sort(groups);
    return result;
}

/* ---- Reports ---------------------------------------------------------------------------------------------------- */

int BRAINMM_CALL heap_report_leaks(brainmm_write write, void *context) {
    struct groups groups = {0};
    struct count count = {.groups = &groups, .is_report = true};
    if (!write)
        return BRAINMM_E_ARGUMENT;
    int result = count_all(&count);
    if (result == BRAINMM_OK) {
        groups_sort(&groups);
        result = leaks_write(&groups, &count.sums, write, context);
        groups_free(&groups);
    }
    return result;
}

/* ---- Snapshots -------------------------------------------------------------------------------------------------- */

/* The pointer may be any. */
static bool is_snapshot(const brainmm_snapshot *snapshot) {
    uint64_t magic;
    return os_peek(&magic, &snapshot->magic, sizeof magic) && magic == SNAPSHOT_MAGIC;
}

int BRAINMM_CALL heap_snapshot_take(brainmm_snapshot **snapshot) {
    if (!snapshot)
        return BRAINMM_E_ARGUMENT;
    brainmm_snapshot *taken = scan_memory_take(sizeof *taken);
    if (!taken)
        return BRAINMM_E_MEMORY;
    struct count count = {.groups = &taken->groups};
    int result = count_all(&count);
    if (result == BRAINMM_OK) {
        taken->magic = SNAPSHOT_MAGIC;
        *snapshot = taken;
    } else {
        scan_memory_give(taken, sizeof *taken);
    }
    return result;
}

int BRAINMM_CALL heap_snapshot_free(brainmm_snapshot *snapshot) {
    if (!snapshot)
        return BRAINMM_OK;
    if (!is_snapshot(snapshot))
        return BRAINMM_E_POINTER;
    groups_free(&snapshot->groups);
    snapshot->magic = 0;
    scan_memory_give(snapshot, sizeof *snapshot);
    return BRAINMM_OK;
}

/* Adds all of a snapshot, SIGN times. */
static void add_all(struct groups *groups, const brainmm_snapshot *snapshot, int sign) {
    for (size_t i = 0; snapshot && i < snapshot->groups.capacity; i++) {
        struct group like = snapshot->groups.slots[i];
        like.count *= sign;
        if (like.used)
            groups_add(groups, &like, groups_name(&snapshot->groups, &snapshot->groups.slots[i]));
    }
}

int BRAINMM_CALL heap_snapshot_difference(const brainmm_snapshot *before, const brainmm_snapshot *after,
                                          brainmm_write write, void *context) {
    struct groups groups = {0};
    brainmm_snapshot *now = NULL;
    int result = BRAINMM_OK;
    if (!write)
        return BRAINMM_E_ARGUMENT;
    if ((before && !is_snapshot(before)) || (after && !is_snapshot(after)))
        return BRAINMM_E_POINTER;
    if (!after)
        result = heap_snapshot_take(&now);
    if (result != BRAINMM_OK)
        return result;
    add_all(&groups, after ? after : now, 1);
    add_all(&groups, before, -1);
    heap_snapshot_free(now);
    if (groups.failed) {
        result = BRAINMM_E_MEMORY;
    } else {
        groups_sort(&groups);
        result = leaks_write_difference(&groups, write, context);
    }
    groups_free(&groups);
    return result;
}
