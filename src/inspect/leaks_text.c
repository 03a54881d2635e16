/* SPDX-License-Identifier: MIT */
/* leaks_text.c: see leaks_text.h. A line is one size, kind and thread: what has a name comes with its name. */
#include "inspect/leaks_text.h"
#include "inspect/inspect.h"
#include "inspect/writer.h"

struct total {
    uint64_t count, bytes;
};

static void put_amount(struct writer *writer, uint64_t count, const char *what, const char *more, uint64_t bytes) {
    writer_put_decimal(writer, count);
    writer_put(writer, what);
    writer_put(writer, count == 1 ? "" : "s");
    writer_put(writer, more);
    writer_put_decimal(writer, bytes);
    writer_put(writer, bytes == 1 ? " byte" : " bytes");
}

/* A count with its sign, if WITH_SIGN. */
static void put_count(struct writer *writer, int64_t count, bool with_sign) {
    if (count < 0)
        writer_put(writer, "-");
    else if (with_sign)
        writer_put(writer, "+");
    writer_put_decimal(writer, (uint64_t)(count < 0 ? -count : count));
}

static bool is_one_line(const struct group *one, const struct group *other) {
    return one->size == other->size && one->kind == other->kind && one->thread_id == other->thread_id &&
           one->stack == other->stack;
}

static void put_start(struct writer *writer, const struct group *group) {
    writer_put(writer, "    ");
    writer_put_decimal(writer, group->size);
    writer_put(writer, group->size == 1 ? " byte, " : " bytes, ");
    writer_put(writer, kind_name(group->kind));
    if (group->thread_id != 0) {
        writer_put(writer, ", thread ");
        writer_put_decimal(writer, group->thread_id);
    }
    writer_put(writer, ":");
}

/* Unknown is what no describer names. */
static void put_group(struct writer *writer, const struct groups *groups, const struct group *group, bool with_sign) {
    const char *name = groups_name(groups, group);
    writer_put(writer, " ");
    writer_put(writer, *name ? name : "unknown");
    writer_put(writer, " x ");
    put_count(writer, group->count, with_sign);
}

/* Groups that have gone to 0 are left out. */
static void put_groups(struct writer *writer, const struct groups *groups, bool with_sign) {
    const struct group *last = NULL;
    for (const struct group *group = groups->slots, *end = group + groups->used; group < end; group++) {
        if (group->count == 0)
            continue;
        bool same = last && is_one_line(last, group);
        if (last)
            writer_put(writer, same ? "," : "\n");
        if (!same)
            put_start(writer, group);
        put_group(writer, groups, group, with_sign);
        last = group;
    }
    writer_put(writer, last ? "\n" : "");
}

/* What came, with SIGN 1, or went, with SIGN -1. */
static struct total total_of(const struct groups *groups, int sign) {
    struct total total = {0, 0};
    for (size_t i = 0; i < groups->used; i++) {
        int64_t count = groups->slots[i].count * sign;
        if (count > 0) {
            total.count += (uint64_t)count;
            total.bytes += (uint64_t)count * groups->slots[i].size;
        }
    }
    return total;
}

static int end(struct writer *writer) {
    writer_flush(writer);
    return writer->stopped ? BRAINMM_E_STOPPED : BRAINMM_OK;
}

int leaks_write(const struct groups *groups, const struct leaks_sums *sums, brainmm_write write, void *context) {
    struct writer writer = {.write = write, .context = context};
    struct total total = total_of(groups, 1);
    if (total.count == 0)
        return BRAINMM_OK;
    writer_put(&writer, "BrainMM: ");
    put_amount(&writer, total.count, " allocation",
               total.count == 1 ? " has not been freed, " : " have not been freed, ", total.bytes);
    writer_put(&writer, " in all\n");
    put_groups(&writer, groups, false);
    if (sums->expected_count) {
        put_amount(&writer, sums->expected_count, " expected leak", ", ", sums->expected_bytes);
        writer_put(&writer, sums->expected_count == 1 ? ", is not listed\n" : ", are not listed\n");
    }
    if (sums->uncertain)
        writer_put(&writer, "Other threads were using the heap: some of this may have been freed meanwhile\n");
    return end(&writer);
}

int leaks_write_difference(const struct groups *groups, brainmm_write write, void *context) {
    struct writer writer = {.write = write, .context = context};
    struct total more = total_of(groups, 1), less = total_of(groups, -1);
    if (more.count == 0 && less.count == 0)
        return BRAINMM_OK;
    writer_put(&writer, "BrainMM: ");
    put_amount(&writer, more.count, " allocation", " more, ", more.bytes);
    writer_put(&writer, "; ");
    put_amount(&writer, less.count, " allocation", " less, ", less.bytes);
    writer_put(&writer, "\n");
    put_groups(&writer, groups, true);
    return end(&writer);
}
