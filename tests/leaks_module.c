/* SPDX-License-Identifier: MIT */
/* leaks_module.c: a module that leaks a piece and describes it. With `forget` it does not take its function back before
 * it is unloaded. For leaks_helper.c.
 */
#include "brainmm_attach.h"

#if defined(_WIN32)
#define MODULE_EXPORT __declspec(dllexport)
#else
#define MODULE_EXPORT __attribute__((visibility("default")))
#endif

static const struct brainmm_manager *heap;
static int secret;

static const char *BRAINMM_CALL describe(void *context, const void *address, size_t size) {
    (void)context, (void)address, (void)size;
    return "TModule";
}

MODULE_EXPORT int module_start(void);
MODULE_EXPORT int module_start(void) {
    heap = brainmm_attach();
    return heap && heap->alloc(100) && heap->add_describer(describe, &secret) == BRAINMM_OK;
}

MODULE_EXPORT int module_end(void);
MODULE_EXPORT int module_end(void) { return heap->remove_describer(describe, &secret) == BRAINMM_OK; }
