/* SPDX-License-Identifier: MIT */
/* leaks_module.c: a module that leaks a piece and describes it. With `forget` it does not take its function back before
 * it is unloaded. If module_hold() is called, it holds the reports, and frees the piece when it ends. For
 * leaks_helper.c.
 */
#include "brainmm_attach.h"
#include <stdbool.h>

#if defined(_WIN32)
#define MODULE_EXPORT __declspec(dllexport)
#else
#define MODULE_EXPORT __attribute__((visibility("default")))
#endif

static const struct brainmm_manager *heap;
static int secret;
static void *piece;
static bool holds;

static const char *BRAINMM_CALL describe(void *context, const void *address, size_t size) {
    (void)context, (void)size;
    return address ? "TModule" : "the beginning";
}

MODULE_EXPORT int module_start(void);
MODULE_EXPORT int module_start(void) {
    heap = brainmm_attach();
    return heap && (piece = heap->alloc(100)) != NULL && heap->add_describer(describe, &secret) == BRAINMM_OK;
}

MODULE_EXPORT int module_end(void);
MODULE_EXPORT int module_end(void) { return heap->remove_describer(describe, &secret) == BRAINMM_OK; }

MODULE_EXPORT int module_hold(void);
MODULE_EXPORT int module_hold(void) {
    holds = heap->hold_reports() == BRAINMM_OK;
    return holds;
}

__attribute__((destructor)) static void module_ends(void) {
    if (holds && heap->free(piece) == BRAINMM_OK)
        heap->release_reports();
}
