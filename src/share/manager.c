/* SPDX-License-Identifier: MIT */
/* manager.c: see manager.h.
 *
 * Every module has four tables. `manager_active` is what the module's own functions jump through. `manager_published`
 * holds the heap's functions and is what others see if this module owns the heap: they save a jump by it.
 * `manager_exported` is what those find who look up the symbol brainmm_manager: its functions serve the process's heap,
 * whoever owns it. version1_table is the original's form of `manager_published`. No entry of a table changes while
 * others may call through it, except those of manager_active, once. After the start no table can be written to.
 */
#include "share/manager.h"
#include "base/atomic.h"
#include "base/compiler.h"
#include "checked/checked.h"
#include "checked/stacks.h"
#include "heap/functions.h"
#include "heap/heap.h"
#include "heap/jit.h"
#include "inspect/describe.h"
#include "inspect/expected.h"
#include "inspect/inspect.h"
#include "inspect/leaks.h"
#include "inspect/leaks_text.h"
#include "move/move.h"
#include "os.h"
#include "os_inline.h"
#include "share/at_exit.h"
#include "share/decision.h"
#include "share/foreign.h"
#include "share/options.h"

/* An entry changes once, while other threads may be calling through it. */
#define ENTRY(name) word_load_acquire(&manager_active.name) /* with ENTRY_SET */
#define ENTRY_SET(name, function) word_store_release(&manager_active.name, function)

/* ---- The functions of brainmm.h --------------------------------------------------------------------------------- */

#define EXPORTED(result, name, parameters, arguments, missing)                                                         \
    result BRAINMM_CALL brainmm_##name parameters { return ENTRY(name) arguments; }
ALL_FUNCTIONS(EXPORTED)

void BRAINMM_CALL brainmm_thread_done(void) { ENTRY(thread_done)(); }

int BRAINMM_CALL brainmm_peek(void *copy, const void *from, size_t size) {
    return os_peek(copy, from, size) ? BRAINMM_OK : BRAINMM_E_POINTER;
}
/* For the tables: another module's function of that name is not in this module's image. */
HIDDEN_ALIAS(manager_peek, brainmm_peek);

/* What the entries are until the module has its heap. If there is none afterwards, for want of address space or because
 * the call came from within manager_start(), the entry is still the same. */
#define START(result, name, parameters, arguments, missing)                                                            \
    static result BRAINMM_CALL start_##name parameters {                                                               \
        manager_start();                                                                                               \
        __auto_type entry = ENTRY(name);                                                                               \
        return entry == start_##name ? (missing) : entry arguments;                                                    \
    }
ALL_FUNCTIONS(START)

/* A thread that has not allocated yet is done. */
static void BRAINMM_CALL start_thread_done(void) {}

/* What the entries are that an older owner has nothing for. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#define MISSING(result, name, parameters, arguments, missing)                                                          \
    static result BRAINMM_CALL missing_##name parameters { return missing; }
LATER_FUNCTIONS(MISSING)
#pragma GCC diagnostic pop
static void BRAINMM_CALL missing_thread_done(void) {}

/* ---- The tables ------------------------------------------------------------------------------------------------- */

#define START_MEMBER(result, name, parameters, arguments, missing) .name = start_##name,
OS_TABLE(struct brainmm_manager, manager_active) = {ALL_FUNCTIONS(START_MEMBER).thread_done = start_thread_done};

/* Others take a table for an owner's only once it has a heap_id. */
#define HEAP_MEMBER(result, name, parameters, arguments, missing) .name = heap_##name,
OS_TABLE(struct brainmm_manager, manager_published) = {
    .magic = BRAINMM_MAGIC,
    .size = sizeof manager_published,
    .abi_version = BRAINMM_ABI_VERSION,
    .self = &manager_published,
    .version1 = (void *const *)&version1_table,
    ALL_FUNCTIONS(HEAP_MEMBER).thread_done = heap_thread_done,
    .move_b16 = move_b16,
    .jit_flush = jit_flush,
    .peek = manager_peek,
};

#define EXPORTED_MEMBER(result, name, parameters, arguments, missing) .name = brainmm_##name,
OS_TABLE(struct brainmm_manager, manager_exported) = {
    .magic = BRAINMM_MAGIC,
    .size = sizeof manager_exported,
    .abi_version = BRAINMM_ABI_VERSION,
    .self = &manager_exported,
    ALL_FUNCTIONS(EXPORTED_MEMBER).thread_done = brainmm_thread_done,
    .move_b16 = move_b16,
    .jit_flush = jit_flush,
    .peek = manager_peek,
};

/* What brainmm_get_manager() returns. */
OS_TABLE(const struct brainmm_manager *, heap_manager) = &manager_exported;

/* Makes all of them writable or read-only. False if the system refuses. */
static bool tables_protect(bool writable) {
    static const struct {
        const void *table;
        size_t size;
    } tables[] = {
        {&manager_active, sizeof manager_active},     {&manager_published, sizeof manager_published},
        {&manager_exported, sizeof manager_exported}, {&heap_manager, sizeof heap_manager},
        {&version1_table, sizeof version1_table},     {&version1_options, sizeof version1_options},
        {&foreign_owner, sizeof foreign_owner},
    };
    uintptr_t first = UINTPTR_MAX, end = 0;
    for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++) {
        uintptr_t table = (uintptr_t)tables[i].table;
        first = table < first ? table : first;
        end = table + tables[i].size > end ? table + tables[i].size : end;
    }
    return os_protect_tables((void *)first, end - first, writable);
}

/* Constant for everybody but manager_start(). */
EXPORTED_ALIAS(brainmm_manager, manager_exported);

static void export_heap(void *const *version1, uintptr_t heap_id) {
    manager_exported.version1 = version1;
    manager_exported.heap_id = heap_id;
}

#define SET_CHECKED(result, name, parameters, arguments, missing) manager_published.name = checked_##name;

static void publish_complete(void) {
    if (checked_is_on) {
        ALL_FUNCTIONS(SET_CHECKED)
    }
    manager_published.heap_id = (uintptr_t)&manager_published;
    version1_complete(rendezvous_has_thread_hooks);
}

/* Another module was quicker: nobody may attach to this one. */
static void publish_withdraw(void) {
    manager_published.heap_id = 0;
    version1_withdraw();
}

#define ACTIVATE(result, name, parameters, arguments, missing) ENTRY_SET(name, table->name);
#define ACTIVATE_LATER(result, name, parameters, arguments, missing)                                                   \
    ENTRY_SET(name, BRAINMM_HAS(table, name) && table->name ? table->name : missing_##name);
static void activate(const struct brainmm_manager *table) {
    FIRST_FUNCTIONS(ACTIVATE)
    LATER_FUNCTIONS(ACTIVATE_LATER)
    ENTRY_SET(thread_done, BRAINMM_HAS(table, thread_done) ? table->thread_done : missing_thread_done);
}

/* ---- The start -------------------------------------------------------------------------------------------------- */

enum { NOT_STARTED, STARTING, STARTED };
static ATOMIC(int) start_state;
static atomic_word starting_thread;
static bool manager_owns;

enum { START_WAIT_MS = 2000 }; /* for another thread's start, which takes well below a millisecond */

static void attach(const struct rendezvous_owner *owner) {
    publish_withdraw();
    if (owner->manager) {
        activate(&owner->manager_copy);
        export_heap(owner->manager_copy.version1, owner->manager_copy.heap_id);
        heap_manager = owner->manager;
        return;
    }
    struct brainmm_manager adapter = {.size = offsetof(struct brainmm_manager, move_b16)}; /* it has none beyond */
    foreign_attach(&owner->version1_copy, owner->free_pascal, &adapter);
    activate(&adapter);
    export_heap((void *const *)owner->version1, (uintptr_t)owner->version1);
}

static bool start(void) {
    struct rendezvous_owner owner;
    if (!tables_protect(true)) {
        decision_fail("The system refused to make this module's tables writable");
        return false;
    }
    enum decision decision = decide(&manager_published, publish_complete, &owner);
    if (decision == DECISION_ATTACH)
        attach(&owner);
    if (decision == DECISION_OWN) {
        manager_owns = true;
        leaks_use_stacks(heap_stack_frames, stack_line);
        heap_manager = &manager_published;
        export_heap(manager_published.version1, manager_published.heap_id);
        activate(&manager_published);
        checked_serves = checked_is_on;
    }
    tables_protect(false); /* if the system refuses, they work all the same */
    return decision != DECISION_NONE;
}

/* Libraries start in DllMain or a constructor, before anybody can call them. So two threads hardly ever meet here. If
 * they do, the one that waits may hold a lock (the loader's) that the other needs. So the wait ends, and its call fails
 * as if memory were out; the next call tries again. */
bool manager_start(void) {
    int state = load_acquire(&start_state); /* with the release of STARTED */
    uint64_t begin = 0;
    while (state != STARTED) {
        int expected = NOT_STARTED;
        if (exchange_if_acquire_retry(&start_state, &expected, STARTING)) {
            store_relaxed(&starting_thread, os_thread_id());
            bool started = start();
            store_relaxed(&starting_thread, 0);
            store_release(&start_state, started ? STARTED : NOT_STARTED);
            if (!started)
                return false;
            if (manager_owns) /* a module that uses another's heap leaves forks to its owner */
                os_watch_fork(heap_forked);
        } else if (expected == STARTING) {
            uint64_t now = os_clock_ms();
            if (load_relaxed(&starting_thread) == os_thread_id())
                return false; /* called by something that this thread's start has called */
            if (begin == 0)
                begin = now;
            if (now - begin > START_WAIT_MS)
                return false;
            os_sleep();
        }
        state = load_acquire(&start_state);
    }
    return manager_owns;
}

void manager_end(void) {
    static ATOMIC(bool) ended;
    bool expected = false;
    if (load_acquire(&start_state) == STARTED && manager_owns && /* with the release of STARTED */
        exchange_if_acquire(&ended, &expected, true))
        at_exit_reports();
}

/* The start's state is also the lock: no start reads the options while they are set. */
int BRAINMM_CALL brainmm_set_options(const char *text) {
    int expected = NOT_STARTED;
    if (!text)
        return BRAINMM_E_ARGUMENT;
    if (!exchange_if_acquire(&start_state, &expected, STARTING))
        return BRAINMM_E_REFUSED;
    bool all_right = options_set(text);
    store_release(&start_state, NOT_STARTED);
    return all_right ? BRAINMM_OK : BRAINMM_E_ARGUMENT;
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

const struct brainmm_manager *BRAINMM_CALL brainmm_get_manager(void) {
    manager_start();
    return heap_manager;
}

int BRAINMM_CALL brainmm_attach_status(const char **text) {
    manager_start();
    return decision_status(text);
}
