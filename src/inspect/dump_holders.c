/* SPDX-License-Identifier: MIT */
/* dump_holders.c: who holds memory, in brainmm_dump: counts by size, kind, call stack and name, and the frames of these
 * call stacks. */
#include "inspect/dump_parts.h"
#include "inspect/inspect.h"
#include "inspect/leaks.h"
#include "inspect/leaks_text.h"

#define FRAMES_MOST 64u

static void write_group(struct json *json, const struct groups *groups, const struct group *group) {
    json_open(json, NULL, "\n{");
    json_text(json, "kind", kind_name(group->kind));
    json_number(json, "size", group->size);
    json_number(json, "count", (uint64_t)group->count);
    if (group->name)
        json_text(json, "name", groups_name(groups, group));
    if (group->stack)
        json_number(json, "stack", group->stack);
    json_close(json, "}");
}

static void write_stack(struct json *json, uint32_t stack) {
    brainmm_frame frames[FRAMES_MOST];
    unsigned count = leaks_stack_frames(stack, frames, FRAMES_MOST);
    json_open(json, NULL, "\n{");
    json_number(json, "stack", stack);
    json_open(json, "frames", "[");
    for (unsigned i = 0; i < count && i < FRAMES_MOST; i++) {
        json_open(json, NULL, "{");
        json_address(json, "address", (uintptr_t)frames[i].address);
        if (frames[i].module) {
            json_text(json, "module", frames[i].module);
            json_address(json, "offset", frames[i].offset);
        }
        json_close(json, "}");
    }
    json_close(json, "]");
    json_close(json, "}");
}

/* Groups of one stack are not all beside each other: size and kind come first. */
static int write_stacks(struct json *json, const struct groups *groups) {
    struct groups stacks = {0};
    for (size_t i = 0; i < groups->used; i++)
        if (groups->slots[i].stack)
            groups_add(&stacks, &(struct group){.count = 1, .stack = groups->slots[i].stack}, NULL);
    bool failed = stacks.failed;
    groups_sort(&stacks);
    json_open(json, "stacks", "[");
    for (size_t i = 0; !failed && i < stacks.used; i++)
        write_stack(json, stacks.slots[i].stack);
    json_close(json, "]");
    groups_free(&stacks);
    return failed ? BRAINMM_E_MEMORY : BRAINMM_OK;
}

int dump_holders(struct json *json) {
    struct groups groups = {0};
    int result = leaks_count(&groups);
    if (result != BRAINMM_OK)
        return result;
    json_open(json, "holders", "[");
    for (size_t i = 0; i < groups.used; i++)
        write_group(json, &groups, &groups.slots[i]);
    json_close(json, "]");
    result = write_stacks(json, &groups);
    groups_free(&groups);
    return result;
}
