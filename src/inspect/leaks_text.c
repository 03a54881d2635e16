/* SPDX-License-Identifier: MIT */
/* leaks_text.c: see leaks_text.h. A line is one size, kind and thread: what has a name comes with its name. */
#include "inspect/leaks_text.h"
#include "inspect/inspect.h"
#include "inspect/writer.h"

#define LINE_BYTES 512u /* of a frame; what is longer is cut off */

static unsigned(BRAINMM_CALL *stack_frames)(uint32_t stack, brainmm_frame *frames, unsigned capacity);
static bool (*stack_line)(struct text *text, uint32_t stack, unsigned frame);

void leaks_use_stacks(unsigned(BRAINMM_CALL *frames)(uint32_t stack, brainmm_frame *frames, unsigned capacity),
                      bool (*line)(struct text *text, uint32_t stack, unsigned frame)) {
    stack_frames = frames;
    stack_line = line;
}

unsigned leaks_stack_frames(uint32_t stack, brainmm_frame *frames, unsigned capacity) {
    return stack_frames ? stack_frames(stack, frames, capacity) : 0;
}

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

static void put_stack(struct writer *writer, uint32_t stack) {
    char line[LINE_BYTES];
    struct text text = TEXT_IN(line);
    for (unsigned frame = 0; stack != 0 && stack_line && stack_line(&text, stack, frame); frame++) {
        writer_put(writer, "    ");
        writer_put(writer, line);
        text.length = 0;
    }
}

/* The end of a line, and the stack of its groups. */
static void put_end(struct writer *writer, const struct group *group) {
    writer_put(writer, "\n");
    put_stack(writer, group->stack);
}

/* Groups that have gone to 0 are left out. */
static void put_groups(struct writer *writer, const struct groups *groups, bool with_sign) {
    const struct group *last = NULL;
    for (const struct group *group = groups->slots, *end = group + groups->used; group < end; group++) {
        if (group->count == 0)
            continue;
        bool same = last && is_one_line(last, group);
        if (same)
            writer_put(writer, ",");
        else if (last)
            put_end(writer, last);
        if (!same)
            put_start(writer, group);
        put_group(writer, groups, group, with_sign);
        last = group;
    }
    if (last)
        put_end(writer, last);
}

/* ---- Modules ---------------------------------------------------------------------------------------------------- */

/* Each module has two groups: one counts its allocations, the other their bytes. */
enum { COUNT_OF_MODULE, BYTES_OF_MODULE };

static void add_module(struct groups *modules, const struct group *group) {
    brainmm_frame frame;
    struct group like = {.count = group->count, .kind = COUNT_OF_MODULE};
    if (group->stack == 0 || leaks_stack_frames(group->stack, &frame, 1) == 0)
        return;
    const char *name = frame.module ? frame.module : "no module";
    groups_add(modules, &like, name);
    like.count *= (int64_t)group->size;
    like.kind = BYTES_OF_MODULE;
    groups_add(modules, &like, name);
}

/* Whose code has asked for how much. In order, all counts come before all bytes, both by name. */
static void put_modules(struct writer *writer, const struct groups *groups) {
    struct groups modules = {0};
    for (size_t i = 0; i < groups->used; i++)
        add_module(&modules, &groups->slots[i]);
    groups_sort(&modules);
    size_t count = modules.failed ? 0 : modules.used / 2;
    for (size_t i = 0; i < count; i++) {
        writer_put(writer, "    ");
        writer_put(writer, groups_name(&modules, &modules.slots[i]));
        writer_put(writer, ": ");
        put_amount(writer, (uint64_t)modules.slots[i].count, " allocation", ", ",
                   (uint64_t)modules.slots[i + count].count);
        writer_put(writer, "\n");
    }
    groups_free(&modules);
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
    put_modules(&writer, groups);
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
