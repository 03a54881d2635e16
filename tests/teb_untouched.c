/* SPDX-License-Identifier: MIT */
/* teb_untouched.c: the heap never uses the thread's ArbitraryUserPointer, which belongs to the loader and debuggers.
 * The original kept its heap there. Whatever a thread has there stays, and the heap works with any value in it.
 */
#include "heap_support.h"

#include "brainmm.h"
#include <windows.h>

enum { THREADS = 4, STEPS = 20000, KEPT = 200 };

static void *volatile *user_pointer(void) {
    NT_TIB *block; /* for NtCurrentTeb() gcc warns of an array without elements */
#if defined(_WIN64)
    __asm__("movq %%gs:0x30, %0" : "=r"(block));
#else
    __asm__("movl %%fs:0x18, %0" : "=r"(block));
#endif
    return (void *volatile *)&block->ArbitraryUserPointer;
}

static void use_heap(void *seed) {
    random_source random = {(uintptr_t)seed};
    void *kept[KEPT] = {NULL};
    void *const values[] = {NULL, (void *)(uintptr_t)1, (void *)(UINTPTR_MAX - 15), &random};
    for (unsigned step = 0; step < STEPS; step++) {
        void *value = values[step / 100 % 4], **slot = &kept[random_below(&random, KEPT)];
        *user_pointer() = value;
        CHECK(brainmm_free(*slot) == BRAINMM_OK);
        *slot = brainmm_alloc(random_below(&random, step % 50 ? 2000 : 100000));
        CHECK(*slot != NULL);
        CHECK_MSG(*user_pointer() == value, "it is %p, and was %p", *user_pointer(), value);
    }
    for (unsigned i = 0; i < KEPT; i++)
        CHECK(brainmm_free(kept[i]) == BRAINMM_OK);
    CHECK(*user_pointer() == values[(STEPS - 1) / 100 % 4]);
    *user_pointer() = NULL;
}

int main(void) {
    thread threads[THREADS];
    watchdog_start(60);
    for (unsigned i = 0; i < THREADS; i++)
        thread_start(&threads[i], use_heap, (void *)(uintptr_t)(i + 1));
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    use_heap((void *)(uintptr_t)99);
    return TEST_PASSED;
}
