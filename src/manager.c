/* manager.c: the functions that brainmm.h declares, and the decision which heap they lead to.
 *
 * Every module has three tables. `manager_active` is what the module's own functions jump through: it holds the start
 * functions first, then the core's (this module owns the heap), those of another owner, or the adapter's over a
 * version-1 owner. `own_table`, which others see under the name brainmm_manager, is what is published if this module
 * becomes the owner. `version1_table` is the original's form of the same.
 */
#include "manager.h"
#include "foreign.h"
#include "heap.h"
#include "options.h"
#include "os.h"
#include "rendezvous.h"
#include <stdatomic.h>

/* The functions of the tables: result, name, parameters, arguments, and what the answer is where there is no such
 * function. The first list is in every version-2 table; the second can be missing in that of an older owner.
 * thread_done, which returns nothing, is not in the lists; move_b16 and jit_flush, which need no heap, are always the module's own. */
#define FIRST_FUNCTIONS(F)                                                                                             \
    F(void *, alloc, (size_t size), (size), NULL)                                                                      \
    F(void *, alloc_zeroed, (size_t size), (size), NULL)                                                               \
    F(void *, alloc_aligned, (size_t alignment, size_t size), (alignment, size), NULL)                                 \
    F(int, free, (void *piece), (piece), BRAINMM_E_POINTER)                                                            \
    F(void *, realloc, (void *piece, size_t size), (piece, size), NULL)                                                \
    F(void *, reget, (void *piece, size_t size), (piece, size), NULL)                                                  \
    F(size_t, usable_size, (const void *piece), (piece), 0)
#define LATER_FUNCTIONS(F)                                                                                             \
    F(void *, block_get, (size_t size, unsigned mode), (size, mode), NULL)                                             \
    F(int, block_free, (void *block, unsigned mode), (block, mode), BRAINMM_E_UNSUPPORTED)                             \
    F(void *, pages_get, (size_t count, unsigned mode), (count, mode), NULL)                                           \
    F(void *, pages_reget, (void *pages, size_t count, unsigned mode), (pages, count, mode), NULL)                     \
    F(void *, pages_realloc, (void *pages, size_t count, unsigned mode), (pages, count, mode), NULL)                   \
    F(int, pages_free, (void *pages, unsigned mode), (pages, mode), BRAINMM_E_UNSUPPORTED)                             \
    F(int, get_options, (const void *address, brainmm_options *options), (address, options), 0)                        \
    F(int, thread_heap_minimize, (void), (), 0)                                                                        \
    F(int, get_stats, (brainmm_stats * stats, brainmm_class_stats * classes, size_t capacity),                         \
      (stats, classes, capacity), BRAINMM_E_UNSUPPORTED)                                                               \
    F(int, walk, (brainmm_visit visit, void *context), (visit, context), BRAINMM_E_UNSUPPORTED)                        \
    F(int, pages_set_rights, (void *pages, size_t count, unsigned rights), (pages, count, rights),                     \
      BRAINMM_E_UNSUPPORTED)                                                                                           \
    F(int, pages_get_rights, (const void *page, unsigned *rights), (page, rights), BRAINMM_E_UNSUPPORTED)              \
    F(int, jit_heap_create, (unsigned kind, brainmm_jit_heap **heap), (kind, heap), BRAINMM_E_UNSUPPORTED)             \
    F(int, jit_heap_clear, (brainmm_jit_heap * heap), (heap), BRAINMM_E_UNSUPPORTED)                                   \
    F(int, jit_heap_destroy, (brainmm_jit_heap * heap), (heap), BRAINMM_E_UNSUPPORTED)                                 \
    F(void *, jit_alloc, (brainmm_jit_heap * heap, size_t size, void **writable), (heap, size, writable), NULL)        \
    F(int, jit_free, (brainmm_jit_heap * heap, void *code), (heap, code), BRAINMM_E_UNSUPPORTED)
#define ALL_FUNCTIONS(F) FIRST_FUNCTIONS(F) LATER_FUNCTIONS(F)

/* An entry changes once, while other threads may be calling through it. */
#define ENTRY(name) __atomic_load_n(&manager_active.name, __ATOMIC_ACQUIRE) /* pairs with ENTRY_SET */
#define ENTRY_SET(name, function) __atomic_store_n(&manager_active.name, function, __ATOMIC_RELEASE)

/* ---- The functions of brainmm.h --------------------------------------------------------------------------------- */

#define EXPORTED(result, name, parameters, arguments, missing)                                                         \
    result BRAINMM_CALL brainmm_##name parameters { return ENTRY(name) arguments; }
ALL_FUNCTIONS(EXPORTED)

void BRAINMM_CALL brainmm_thread_done(void) { ENTRY(thread_done)(); }

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
struct brainmm_manager manager_active = {ALL_FUNCTIONS(START_MEMBER).thread_done = start_thread_done};

/* Others take it for an owner's table only once it has a heap_id. Its functions serve whoever looked up the symbol; an
 * owner puts its core's in their place, which saves the modules that attach a jump. */
#define EXPORTED_MEMBER(result, name, parameters, arguments, missing) .name = brainmm_##name,
static struct brainmm_manager own_table = {
    .magic = BRAINMM_MAGIC,
    .size = sizeof own_table,
    .abi_version = BRAINMM_ABI_VERSION,
    .self = &own_table,
    .version1 = (void *const *)&version1_table,
    ALL_FUNCTIONS(EXPORTED_MEMBER).thread_done = brainmm_thread_done,
    .move_b16 = heap_move_b16,
    .jit_flush = heap_jit_flush,
};

/* Constant for everybody but manager_start(). */
extern const struct brainmm_manager brainmm_manager __attribute__((alias("own_table")));

#define OWN_CORE(result, name, parameters, arguments, missing) own_table.name = heap_##name;
#define OWN_EXPORTED(result, name, parameters, arguments, missing) own_table.name = brainmm_##name;
static void own_table_found_heap(void) {
    ALL_FUNCTIONS(OWN_CORE)
    own_table.thread_done = heap_thread_done;
    own_table.heap_id = (uintptr_t)&own_table;
    version1_start(rendezvous_has_thread_hooks);
}

/* This module's functions serve a heap that is another's. */
static void own_table_attach(void *const *version1, uintptr_t heap_id) {
    ALL_FUNCTIONS(OWN_EXPORTED)
    own_table.thread_done = brainmm_thread_done;
    own_table.version1 = version1;
    own_table.heap_id = heap_id;
    version1_stop();
}

#define ACTIVATE(result, name, parameters, arguments, missing) ENTRY_SET(name, table->name);
#define ACTIVATE_LATER(result, name, parameters, arguments, missing)                                                   \
    ENTRY_SET(name, BRAINMM_HAS(table, name) && table->name ? table->name : missing_##name);
static void manager_activate(const struct brainmm_manager *table) {
    FIRST_FUNCTIONS(ACTIVATE)
    LATER_FUNCTIONS(ACTIVATE_LATER)
    ENTRY_SET(thread_done, BRAINMM_HAS(table, thread_done) ? table->thread_done : missing_thread_done);
}

/* ---- Status ----------------------------------------------------------------------------------------------------- */

static int attach_state = BRAINMM_OWNER_UNPUBLISHED;
static char attach_text[768] = "The system gave no address space for a heap.";
static size_t attach_text_length; /* of what status_set() writes; a zero follows */

static void text_append(const char *text) {
    while (*text && attach_text_length < sizeof attach_text - 1)
        attach_text[attach_text_length++] = *text++;
    attach_text[attach_text_length] = 0;
}

static void status_set(int state, const char *sentence, const char *place) {
    attach_state = state;
    text_append(sentence);
    if (place) {
        text_append(" ");
        text_append(place);
    }
    text_append(".");
    text_append(rendezvous_refusals());
}

/* ---- The decision ----------------------------------------------------------------------------------------------- */

enum { NOT_STARTED, STARTING, STARTED };
static _Atomic int start_state;
static _Atomic uintptr_t starting_thread;
static bool manager_owns;
static const struct brainmm_manager *heap_manager = &own_table; /* what brainmm_get_manager() returns */

enum { START_WAIT_MS = 2000 }; /* for another thread's start, which takes well below a millisecond, see manager_start */

static void attach(struct rendezvous_owner *owner) {
    const char *place = rendezvous_place_name(owner->place);
    if (owner->manager) {
        manager_activate(&owner->manager_copy);
        own_table_attach(owner->manager_copy.version1, owner->manager_copy.heap_id);
        heap_manager = owner->manager;
        status_set(owner->place == 0 ? BRAINMM_ATTACHED : BRAINMM_ATTACHED_SECOND,
                   "This module uses the heap of another module, found at", place);
        return;
    }
    struct brainmm_manager adapter = {.size = offsetof(struct brainmm_manager, move_b16)}; /* it has none beyond */
    foreign_attach(&owner->version1_copy, owner->free_pascal, &adapter);
    manager_activate(&adapter);
    own_table_attach((void *const *)owner->version1, (uintptr_t)owner->version1);
    status_set(BRAINMM_ATTACHED_VERSION1,
               "This module uses the heap of another module, which has a version-1 table only, found at", place);
}

static bool found_or_find(void) {
    struct rendezvous_owner owner;
    unsigned place;
    if (rendezvous_find(&own_table, &owner)) {
        attach(&owner);
        return true;
    }
    if (!heap_start())
        return false;
    options_read();
    own_table_found_heap();
    rendezvous_pin(&own_table);
    switch (rendezvous_publish(&own_table, &owner, &place)) {
    case RENDEZVOUS_LOST: attach(&owner); return true;
    case RENDEZVOUS_PUBLISHED:
        status_set(place == 0 ? BRAINMM_OWNER : BRAINMM_OWNER_SECOND,
                   "This module owns the process's heap and published it at", rendezvous_place_name(place));
        break;
    case RENDEZVOUS_NOWHERE:
        status_set(BRAINMM_OWNER_UNPUBLISHED, "This module owns a heap and could publish it nowhere", NULL);
        break;
    }
    manager_owns = true;
    manager_activate(&own_table);
    return true;
}

/* Libraries start in DllMain or a constructor, before anybody can call them, so two threads hardly ever meet here. If
 * they do, the one that waits may hold a lock (the loader's) that the other needs: so the wait ends, and its call fails
 * as if memory were out; the next one tries again. */
bool manager_start(void) {
    int state = atomic_load_explicit(&start_state, memory_order_acquire); /* pairs with the release of STARTED */
    uint64_t begin = 0;
    while (state != STARTED) {
        int expected = NOT_STARTED;
        if (atomic_compare_exchange_strong_explicit(&start_state, &expected, STARTING, memory_order_acquire,
                                                    memory_order_acquire)) {
            atomic_store_explicit(&starting_thread, os_thread_id(), memory_order_relaxed);
            bool found = found_or_find();
            atomic_store_explicit(&starting_thread, 0, memory_order_relaxed);
            atomic_store_explicit(&start_state, found ? STARTED : NOT_STARTED, memory_order_release);
            if (!found)
                return false;
            rendezvous_bind_lifecycle();
        } else if (expected == STARTING) {
            uint64_t now = os_clock_ms();
            if (atomic_load_explicit(&starting_thread, memory_order_relaxed) == os_thread_id())
                return false; /* called by something this thread's start has called */
            if (begin == 0)
                begin = now;
            if (now - begin > START_WAIT_MS)
                return false;
            os_yield(true);
        }
        state = atomic_load_explicit(&start_state, memory_order_acquire);
    }
    return manager_owns;
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

const struct brainmm_manager *BRAINMM_CALL brainmm_get_manager(void) {
    manager_start();
    return heap_manager;
}

int BRAINMM_CALL brainmm_attach_status(const char **text) {
    manager_start();
    if (text)
        *text = attach_text;
    return attach_state;
}
