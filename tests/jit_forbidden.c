/* SPDX-License-Identifier: MIT */
/* jit_forbidden.c: the process has told the kernel that no memory may be writable and executable (PR_SET_MDWE). A JIT
 * heap of the writable kind then has two views by itself, and says at which address the code is written.
 */
#include "brainmm.h"
#include "machine_code.h"
#include <sys/prctl.h>

#define SET_MDWE 65 /* PR_SET_MDWE, Linux 6.3 */
#define REFUSE_EXEC_GAIN 1

int main(void) {
    brainmm_jit_heap *heap = NULL;
    char nothing;
    watchdog_start(50);
    if (prctl(SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0) != 0)
        test_skip("this kernel has no PR_SET_MDWE");
    CHECK(brainmm_pages_get(4, BRAINMM_JIT) == NULL);
    CHECK(brainmm_jit_heap_create(BRAINMM_JIT_WRITABLE, &heap) == BRAINMM_OK);
    CHECK(brainmm_jit_alloc(heap, 100, NULL) == NULL);
    for (uint32_t i = 0; i < 2000; i++) {
        void *writable = &nothing, *code = brainmm_jit_alloc(heap, 200, &writable);
        CHECK(code != NULL && writable != code && writable != &nothing);
        code_write(writable, i);
        brainmm_jit_flush(code, 200);
        CHECK(code_run(code) == i);
        CHECK(i % 2 || brainmm_jit_free(heap, code) == BRAINMM_OK);
    }
    CHECK(brainmm_jit_heap_destroy(heap) == BRAINMM_OK);
    CHECK(brainmm_jit_heap_create(BRAINMM_JIT_TWO_VIEWS, &heap) == BRAINMM_OK);
    CHECK(brainmm_jit_alloc(heap, 100, NULL) != NULL); /* who asked for two views may have a way of its own */
    CHECK(brainmm_jit_heap_destroy(heap) == BRAINMM_OK);
    CHECK(brainmm_free(brainmm_alloc(100000)) == BRAINMM_OK);
    return TEST_PASSED;
}
