/* SPDX-License-Identifier: MIT */
/* symbolize_helper.c: prints a call stack for tests/symbolize.sh. With the name of a plug-in in this folder, its
 * function pascal_calls is in the stack. The plug-in is unloaded before the stack is printed.
 */
#include "checked/stacks.h"
#include "support/outcome.h"

#include "rendezvous_party.h"

static uint32_t number;

/* The call is named by the comments. */
static __attribute__((noinline)) void library_function(void) { number = stack_capture(STACK_ORIGIN, 16); }

static void called_back(void) {
    __asm__ volatile("" : : "r"(__builtin_frame_address(0)));
    library_function(); /* the innermost */
    __asm__ volatile("");
}

static __attribute__((noinline)) void outer_function(void (*through)(void (*function)(void))) {
    __asm__ volatile("" : : "r"(__builtin_frame_address(0)));
    through(called_back); /* the outer one */
    __asm__ volatile("");
}

static void straight(void (*function)(void)) {
    __asm__ volatile("" : : "r"(__builtin_frame_address(0)));
    function(); /* straight */
    __asm__ volatile("");
}

int main(int count, char **arguments) {
    char report[8192];
    struct text text = TEXT_IN(report);
    CHECK(brainmm_free(brainmm_alloc(1)) == BRAINMM_OK && stacks_start(false));
    if (count > 1) {
        void (*calls)(void (*function)(void));
        module loaded = module_load(path_beside(arguments[1]));
        module_symbol(loaded, "pascal_calls", &calls);
        outer_function(calls);
        module_unload(loaded);
    } else {
        outer_function(straight);
    }
    stack_text(&text, number);
    printf("a line that is none of a stack\n%s", report);
    return TEST_PASSED;
}
