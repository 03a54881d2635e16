/* SPDX-License-Identifier: MIT */
/* decision.c: see decision.h. */
#include "share/decision.h"
#include "base/text.h"
#include "checked/checked.h"
#include "heap/heap.h"
#include "heap/piece.h"
#include "memory/instrument.h"
#include "os.h"
#include "share/options.h"
#include "slab/supply.h"
#include "sync/error.h"

static int state = BRAINMM_OWNER_UNPUBLISHED;
static char sentences[768] = "This module has not looked for a heap yet.";

static void set_status(int new_state, const char *sentence, const char *place) {
    struct text text = TEXT_IN(sentences);
    state = new_state;
    text_add(&text, sentence);
    if (place) {
        text_add(&text, " ");
        text_add(&text, place);
    }
    text_add(&text, ".");
    text_add(&text, rendezvous_refusals());
}

int decision_status(const char **text) {
    if (text)
        *text = sentences;
    return state;
}

void decision_fail(const char *sentence) { set_status(BRAINMM_OWNER_UNPUBLISHED, sentence, NULL); }

static enum decision attach(const struct rendezvous_owner *owner) {
    const char *place = rendezvous_place_name(owner->place);
    if (owner->manager)
        set_status(owner->place == 0 ? BRAINMM_ATTACHED : BRAINMM_ATTACHED_SECOND,
                   "This module uses the heap of another module, found at", place);
    else
        set_status(BRAINMM_ATTACHED_VERSION1,
                   "This module uses the heap of another module, which has a version-1 table only, found at", place);
    return DECISION_ATTACH;
}

/* A tool that watches the process. Where the core was built for one, it tells the tool itself (memory/instrument.h). */
static const struct os_tool *find_tool(void) {
    uint64_t choice = option_number(OPTION_TOOLS);
    return INSTRUMENT_BUILT_FOR_TOOL || choice == OPTION_TOOLS_OFF ? NULL : os_tool_find(choice == OPTION_TOOLS_ON);
}

#define TOOL_QUARANTINE ((size_t)16 << 20) /* bytes of freed memory that a tool knows as such, of each thread */
#define TOOL_FRAMES 16u                    /* of each stack, where the tool keeps none of ours */

static void start_checked(const struct os_tool *tool) {
    size_t quarantine = (size_t)option_number(OPTION_QUARANTINE);
    unsigned frames = (unsigned)option_number(OPTION_STACKS);
    if (tool && !option_is_given(OPTION_QUARANTINE))
        quarantine = tool->wants_quarantine ? TOOL_QUARANTINE : 0;
    if (tool && tool->refuse && !tool->knows_allocations && !option_is_given(OPTION_STACKS))
        frames = TOOL_FRAMES;
    struct checked_settings settings = {
        .quarantine = quarantine,
        .scan = (unsigned)option_number(OPTION_SCAN),
        .frames = frames,
        .tool = tool,
        .unwind = option_is_set(OPTION_UNWIND),
        .zero = option_is_set(OPTION_ZERO),
        .guard_all = option_number(OPTION_GUARD) == OPTION_GUARD_ALL,
        .guard_none = option_number(OPTION_GUARD) == OPTION_GUARD_NONE,
        .guard_end = option_is_set(OPTION_GUARD_END),
    };
    checked_start(&settings);
}

enum decision decide(const struct brainmm_manager *self, void (*complete)(void), struct rendezvous_owner *owner) {
    unsigned place;
    os_facts_start();
    if (rendezvous_find(self, owner))
        return attach(owner);
    options_read();
    if (option_is_set(OPTION_CHECK_LINKS))
        piece_check_links();
    if (option_is_given(OPTION_ON_ERROR))
        error_set_action((enum error_action)option_number(OPTION_ON_ERROR));
    const struct os_tool *tool = find_tool();
    if (option_is_set(OPTION_CHECKED) || tool)
        start_checked(tool);
    if (option_is_set(OPTION_RANDOM))
        supply_in_random_order(os_random());
    const char *lacking = heap_start(option_is_set(OPTION_FIXED_ADDRESSES));
    if (lacking) {
        decision_fail(lacking);
        return DECISION_NONE;
    }
    complete();
    rendezvous_pin(self);
    switch (rendezvous_publish(self, owner, &place)) {
    case RENDEZVOUS_LOST: return attach(owner);
    case RENDEZVOUS_PUBLISHED:
        set_status(place == 0 ? BRAINMM_OWNER : BRAINMM_OWNER_SECOND,
                   "This module owns the process's heap and published it at", rendezvous_place_name(place));
        break;
    case RENDEZVOUS_NOWHERE:
        set_status(BRAINMM_OWNER_UNPUBLISHED, "This module owns a heap and could publish it nowhere", NULL);
        break;
    }
    return DECISION_OWN;
}
