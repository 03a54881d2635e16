/* SPDX-License-Identifier: MIT */
/* error.c: see error.h. */
#include "sync/error.h"
#include "base/atomic.h"
#include "sync/lock.h"

#define TEXT_MOST 320u /* characters of a sentence that is composed here */
#define LINE_MOST 512u /* of a line that is printed at once: other threads print as well */

#define NOT_SET (-1)
static ATOMIC(int) action_set = ATOMIC_INITIAL(NOT_SET), action_default = ATOMIC_INITIAL(NOT_SET);

void error_set_action(enum error_action action) { store_relaxed(&action_set, (int)action); }

void error_set_default(enum error_action action) { store_relaxed(&action_default, (int)action); }

void error_propose_default(enum error_action action) {
    int none = NOT_SET;
    exchange_if_acquire(&action_default, &none, (int)action); /* alone: it orders nothing */
}

static bool results_tell(uint32_t kind) {
    return kind == BRAINMM_ERROR_DOUBLE_FREE || kind == BRAINMM_ERROR_POINTER || kind == BRAINMM_ERROR_KIND;
}

static enum error_action action_for(const brainmm_error *error, bool told) {
    int set = load_relaxed(&action_set), otherwise = load_relaxed(&action_default);
    if (set != NOT_SET)
        return (enum error_action)set;
    if (told)
        return ERROR_ACTION_RETURN;
    if (otherwise != NOT_SET)
        return (enum error_action)otherwise;
    return results_tell(error->kind) ? ERROR_ACTION_RETURN : ERROR_ACTION_LOG;
}

/* ---- The handler ------------------------------------------------------------------------------------------------ */

/* A handler and its context belong together, so they are read and written under the lock. A thread that was killed
 * between the two stores has left no handler. */
static ATOMIC(brainmm_error_handler) current_handler;
static void *current_context;

int BRAINMM_CALL error_set_handler(brainmm_error_handler handler, void *context) {
    lock_acquire(LOCK_ERROR);
    store_relaxed(&current_handler, NULL);
    store_order();
    current_context = context;
    store_order();
    store_relaxed(&current_handler, handler);
    lock_release(LOCK_ERROR);
    return BRAINMM_OK;
}

static brainmm_error_handler handler_get(void **context) {
    if (!load_relaxed(&current_handler)) /* most programs have none, and take no lock */
        return NULL;
    lock_acquire(LOCK_ERROR);
    brainmm_error_handler handler = load_relaxed(&current_handler);
    *context = current_context;
    lock_release(LOCK_ERROR);
    return handler;
}

/* The ids of the threads that are in a handler. An error that a handler makes itself must not call it again. If there
 * are more threads than places, the last ones call no handler. */
#define REPORTERS 32u
static atomic_word reporters[REPORTERS];

/* The place that the calling thread now has; NULL if it has one already, or if there is none. */
static atomic_word *reporter_enter(uintptr_t thread_id) {
    for (unsigned i = 0; i < REPORTERS; i++)
        if (load_relaxed(&reporters[i]) == thread_id)
            return NULL;
    for (unsigned i = 0; i < REPORTERS; i++) {
        uintptr_t nobody = 0;
        if (exchange_if_acquire(&reporters[i], &nobody, thread_id)) /* with the release below */
            return &reporters[i];
    }
    return NULL;
}

/* False if there is no handler to call. */
static bool handler_call(const brainmm_error *error) {
    void *context = NULL;
    brainmm_error_handler handler = handler_get(&context);
    atomic_word *place = handler ? reporter_enter(error->thread_id) : NULL;
    if (!place)
        return false;
    handler(context, error);
    store_release(place, 0);
    return true;
}

/* ---- The text --------------------------------------------------------------------------------------------------- */

static const char *const sentences[] = {
    [BRAINMM_ERROR_DOUBLE_FREE] = "freed twice",
    [BRAINMM_ERROR_POINTER] = "not a live allocation",
    [BRAINMM_ERROR_KIND] = "an allocation of another kind",
    [BRAINMM_ERROR_OVERFLOW] = "written to behind its end",
    [BRAINMM_ERROR_UNDERFLOW] = "written to before its start",
    [BRAINMM_ERROR_USE_AFTER_FREE] = "written to after it was freed",
    [BRAINMM_ERROR_CORRUPTED] = "a structure of the heap is broken",
    [BRAINMM_ERROR_SIZE] = "freed with another size than it has",
};

void error_text_begin(struct text *text, const brainmm_error *error) {
    bool known = error->kind < sizeof sentences / sizeof *sentences && sentences[error->kind];
    if (error->function) {
        text_add(text, error->function);
        text_add(text, "(): ");
    }
    text_add(text, known ? sentences[error->kind] : "an error");
    text_add(text, ": 0x");
    text_add_hex(text, (uintptr_t)error->address);
}

void error_text_end(struct text *text) {
    text_add(text, ", thread ");
    text_add_decimal(text, os_thread_id());
}

static void compose(struct text *text, const brainmm_error *error) {
    error_text_begin(text, error);
    if (error->piece) {
        text_add(text, error->piece == error->address ? ", of " : ", in ");
        text_add_decimal(text, error->size);
        text_add(text, " bytes");
        if (error->piece != error->address) {
            text_add(text, " at 0x");
            text_add_hex(text, (uintptr_t)error->piece);
        }
    }
    error_text_end(text);
}

/* A text that is longer than a line was composed by the caller. */
static void print(const char *sentence) {
    char buffer[LINE_MOST];
    struct text line = TEXT_IN(buffer);
    text_add(&line, "BrainMM: ");
    text_add(&line, sentence);
    text_add(&line, "\n");
    if (line.length + 1 < sizeof buffer) {
        os_print(buffer);
        return;
    }
    os_print("BrainMM: ");
    os_print(sentence);
    os_print("\n");
}

/* ---- The report ------------------------------------------------------------------------------------------------- */

static void report(brainmm_error *error, enum error_action action) {
    char buffer[TEXT_MOST];
    struct text text = TEXT_IN(buffer);
    if (action == ERROR_ACTION_RETURN && !load_relaxed(&current_handler))
        return;
    error->struct_size = sizeof *error;
    error->thread_id = os_thread_id();
    if (!error->text) {
        compose(&text, error);
        error->text = buffer;
    }
    bool handled = handler_call(error);
    if (action == ERROR_ACTION_ABORT || (action != ERROR_ACTION_RETURN && !handled))
        print(error->text);
    if (action == ERROR_ACTION_ABORT)
        os_abort("");
    if (action == ERROR_ACTION_DEBUGGER)
        os_break();
    if (error->text == buffer)
        error->text = NULL; /* it ends here */
}

bool error_is_returned(void) { return load_relaxed(&action_set) == (int)ERROR_ACTION_RETURN; }

bool error_told_is_heard(void) {
    int set = load_relaxed(&action_set);
    return (set != NOT_SET && set != ERROR_ACTION_RETURN) || load_relaxed(&current_handler);
}

void error_report(brainmm_error *error) { report(error, action_for(error, false)); }

void error_report_told(brainmm_error *error) { report(error, action_for(error, true)); }
