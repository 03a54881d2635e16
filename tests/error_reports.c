/* SPDX-License-Identifier: MIT */
/* error_reports.c: what becomes of an error that the heap finds: the program's handler gets it with all that is known.
 * Without one it is printed, or nothing is, as the action says. A handler may use the heap, and an error that it makes
 * itself does not call it again.
 *
 * White box: linked with the static core and the linker's --wrap for what prints and ends (tests.mk).
 */
#include "heap_support.h"

#include "brainmm.h"
#include "sync/error.h"
#include <setjmp.h>

enum { THREADS = 4, REPORTS = 20000, MESSAGE_MOST = 2048 };

static char printed[MESSAGE_MOST];
static unsigned breaks, aborts;
static jmp_buf aborted;

void __wrap_os_print(const char *text);
void __wrap_os_print(const char *text) { strncat(printed, text, sizeof printed - strlen(printed) - 1); }

void __wrap_os_break(void);
void __wrap_os_break(void) { breaks++; }

_Noreturn void __wrap_os_abort(const char *text);
_Noreturn void __wrap_os_abort(const char *text) {
    __wrap_os_print(text);
    aborts++;
    longjmp(aborted, 1);
}

static brainmm_error last;
static char last_text[MESSAGE_MOST];
static unsigned calls;
static int context_of_one, context_of_other;
static const void *seen_context;

static void BRAINMM_CALL remember(void *context, const brainmm_error *error) {
    seen_context = context;
    last = *error;
    snprintf(last_text, sizeof last_text, "%s", error->text);
    calls++;
}

static brainmm_error error_of(uint32_t kind) {
    return (brainmm_error){
        .kind = kind, .function = "some_function", .address = (void *)0x1230, .piece = (void *)0x1200, .size = 96};
}

static void report(uint32_t kind) {
    brainmm_error error = error_of(kind);
    printed[0] = 0;
    if (setjmp(aborted) == 0)
        error_report(&error);
}

static void report_told(uint32_t kind) {
    brainmm_error error = error_of(kind);
    printed[0] = 0;
    if (setjmp(aborted) == 0)
        error_report_told(&error);
}

/* ---- Without a handler ------------------------------------------------------------------------------------------ */

static void what_results_tell_is_not_printed(void) {
    for (uint32_t kind = BRAINMM_ERROR_DOUBLE_FREE; kind <= BRAINMM_ERROR_KIND; kind++) {
        report(kind);
        CHECK_MSG(printed[0] == 0, "%s", printed);
    }
    report_told(BRAINMM_ERROR_OVERFLOW);
    CHECK_MSG(printed[0] == 0, "%s", printed);
}

static void all_else_is_printed_in_one_line(void) {
    char expected[256];
    report(BRAINMM_ERROR_USE_AFTER_FREE);
    snprintf(expected, sizeof expected,
             "BrainMM: some_function(): written to after it was freed: 0x1230, in 96 bytes at 0x1200, thread %" PRIuPTR
             "\n",
             current_thread_id());
    CHECK_MSG(strcmp(printed, expected) == 0, "%s", printed);
}

static void a_long_text_is_printed_whole(void) {
    static char text[1500];
    memset(text, 'x', sizeof text - 1);
    brainmm_error error = error_of(BRAINMM_ERROR_OVERFLOW);
    error.text = text;
    printed[0] = 0;
    error_report(&error);
    CHECK(strstr(printed, text) != NULL && printed[strlen(printed) - 1] == '\n');
    CHECK(error.text == text);
}

/* ---- With a handler --------------------------------------------------------------------------------------------- */

static void the_handler_gets_all_that_is_known(void) {
    CHECK(brainmm_set_error_handler(remember, &context_of_one) == BRAINMM_OK);
    calls = 0;
    report(BRAINMM_ERROR_CORRUPTED);
    CHECK(calls == 1 && seen_context == &context_of_one && printed[0] == 0);
    CHECK(last.struct_size == sizeof(brainmm_error) && last.kind == BRAINMM_ERROR_CORRUPTED);
    CHECK(strcmp(last.function, "some_function") == 0 && last.address == (void *)0x1230 &&
          last.piece == (void *)0x1200 && last.size == 96);
    CHECK(last.thread_id == current_thread_id() && last.alloc_thread_id == 0 && last.free_stack == 0);
    CHECK(strstr(last_text, "some_function()") && strstr(last_text, "0x1230") && strstr(last_text, "0x1200"));
    report_told(BRAINMM_ERROR_POINTER); /* although nothing would be printed */
    CHECK(calls == 2 && last.kind == BRAINMM_ERROR_POINTER && printed[0] == 0);
    CHECK(brainmm_set_error_handler(remember, &context_of_other) == BRAINMM_OK);
    report(BRAINMM_ERROR_SIZE);
    CHECK(calls == 3 && seen_context == &context_of_other);
    CHECK(brainmm_set_error_handler(NULL, NULL) == BRAINMM_OK);
    report(BRAINMM_ERROR_SIZE);
    CHECK(calls == 3 && printed[0] != 0);
}

static void BRAINMM_CALL err_again(void *context, const brainmm_error *error) {
    brainmm_error inner = error_of(BRAINMM_ERROR_UNDERFLOW);
    void *piece = brainmm_alloc(error->size); /* it may use the heap */
    CHECK(piece != NULL && brainmm_free(piece) == BRAINMM_OK);
    ++*(unsigned *)context;
    error_report(&inner);
}

static void an_error_of_the_handler_is_printed_only(void) {
    unsigned entered = 0;
    CHECK(brainmm_set_error_handler(err_again, &entered) == BRAINMM_OK);
    for (unsigned i = 1; i <= 40; i++) { /* more often than there are places for threads */
        report(BRAINMM_ERROR_OVERFLOW);
        CHECK(entered == i && strstr(printed, "before its start") && !strstr(printed, "behind its end"));
    }
    CHECK(brainmm_set_error_handler(NULL, NULL) == BRAINMM_OK);
}

static int pairs[2];
static int counts[2];

/* A handler and its context never come from two different calls. */
static void BRAINMM_CALL first_of_pair(void *context, const brainmm_error *error) {
    CHECK(context == &pairs[0] && error->thread_id == current_thread_id());
    __atomic_add_fetch(&counts[0], 1, __ATOMIC_RELAXED);
}

static void BRAINMM_CALL second_of_pair(void *context, const brainmm_error *error) {
    CHECK(context == &pairs[1] && error->thread_id == current_thread_id());
    __atomic_add_fetch(&counts[1], 1, __ATOMIC_RELAXED);
}

static unsigned finished; /* threads */

static void report_often(void *unused) {
    (void)unused;
    for (unsigned i = 0; i < REPORTS; i++) {
        brainmm_error error = error_of(BRAINMM_ERROR_POINTER);
        error_report(&error);
    }
    __atomic_add_fetch(&finished, 1, __ATOMIC_RELAXED);
}

static void threads_report_while_the_handler_changes(void) {
    thread threads[THREADS];
    CHECK(brainmm_set_error_handler(first_of_pair, &pairs[0]) == BRAINMM_OK);
    for (unsigned i = 0; i < THREADS; i++)
        thread_start(&threads[i], report_often, NULL);
    for (unsigned i = 0; __atomic_load_n(&finished, __ATOMIC_RELAXED) < THREADS; i++)
        CHECK(brainmm_set_error_handler(i % 2 ? first_of_pair : second_of_pair, &pairs[i % 2 ? 0 : 1]) == BRAINMM_OK);
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    CHECK(brainmm_set_error_handler(NULL, NULL) == BRAINMM_OK);
    CHECK(counts[0] + counts[1] > 0);
}

/* ---- Actions ---------------------------------------------------------------------------------------------------- */

/* While a default is set that somebody has asked for nothing. */
static void a_default_is_for_what_no_result_tells(void) {
    error_set_default(ERROR_ACTION_ABORT);
    aborts = 0;
    report(BRAINMM_ERROR_POINTER);
    CHECK(aborts == 1 && strstr(printed, "not a live allocation"));
    report_told(BRAINMM_ERROR_POINTER);
    CHECK(aborts == 1 && printed[0] == 0);
    CHECK(brainmm_set_error_handler(remember, &context_of_one) == BRAINMM_OK);
    calls = 0;
    report(BRAINMM_ERROR_CORRUPTED); /* the handler is called, and the message tells why the program ends */
    CHECK(calls == 1 && aborts == 2 && printed[0] != 0);
    CHECK(brainmm_set_error_handler(NULL, NULL) == BRAINMM_OK);
}

static void an_action_is_for_all(void) {
    error_set_action(ERROR_ACTION_LOG);
    aborts = 0;
    report(BRAINMM_ERROR_POINTER);
    CHECK(printed[0] != 0);
    report_told(BRAINMM_ERROR_POINTER);
    CHECK(printed[0] != 0 && aborts == 0);
    error_set_action(ERROR_ACTION_DEBUGGER);
    report_told(BRAINMM_ERROR_KIND);
    CHECK(breaks == 1 && printed[0] != 0);
    error_set_action(ERROR_ACTION_RETURN);
    report(BRAINMM_ERROR_CORRUPTED);
    CHECK(breaks == 1 && printed[0] == 0);
    error_set_action(ERROR_ACTION_ABORT);
    report_told(BRAINMM_ERROR_DOUBLE_FREE);
    CHECK(aborts == 1 && strstr(printed, "freed twice"));
}

int main(void) {
    watchdog_start(50);
    what_results_tell_is_not_printed();
    all_else_is_printed_in_one_line();
    a_long_text_is_printed_whole();
    the_handler_gets_all_that_is_known();
    an_error_of_the_handler_is_printed_only();
    threads_report_while_the_handler_changes();
    a_default_is_for_what_no_result_tells();
    an_action_is_for_all();
    return TEST_PASSED;
}
