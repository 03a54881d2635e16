/* SPDX-License-Identifier: MIT */
/* code.c: see code.h. */
#include "checked/code.h"
#include "checked/checked.h"
#include "checked/detect.h"
#include "heap/jit.h"
#include "sync/error.h"

#define REPORTS_MOST 100u /* at a time: another thread may be writing there again and again */

void code_start(void) {
    jit_checks.on = true;
    jit_checks.guards = !checked_settings.guard_none;
    jit_checks.quarantine = checked_settings.quarantine;
}

static void report(const struct jit_damage *damage, const char *function) {
    brainmm_error error = {.kind = damage->kind,
                           .function = function,
                           .address = damage->address,
                           .piece = damage->code,
                           .size = damage->size};
    error_report(&error);
}

static bool check(const brainmm_jit_heap *heap, const char *function) {
    struct jit_damage damage;
    unsigned found = 0;
    for (; found < REPORTS_MOST && jit_find_damage(heap, &damage); found++)
        report(&damage, function);
    return found != 0;
}

bool code_check(const char *function) { return check(NULL, function); }

static int result_of(int result, const char *function, const void *address) {
    if (result == BRAINMM_E_POINTER || result == BRAINMM_E_DOUBLE_FREE)
        detect(result == BRAINMM_E_POINTER ? BRAINMM_ERROR_POINTER : BRAINMM_ERROR_DOUBLE_FREE, function, address,
               NULL);
    return result;
}

int BRAINMM_CALL checked_jit_free(brainmm_jit_heap *heap, void *code) {
    struct jit_damage damage = {.address = NULL};
    int result = jit_free(heap, code, &damage);
    if (damage.address)
        report(&damage, "brainmm_jit_free");
    return result_of(result, "brainmm_jit_free", code);
}

int BRAINMM_CALL checked_jit_heap_clear(brainmm_jit_heap *heap) {
    check(heap, "brainmm_jit_heap_clear");
    return result_of(jit_heap_clear(heap), "brainmm_jit_heap_clear", heap);
}

int BRAINMM_CALL checked_jit_heap_destroy(brainmm_jit_heap *heap) {
    check(heap, "brainmm_jit_heap_destroy");
    return result_of(jit_heap_destroy(heap), "brainmm_jit_heap_destroy", heap);
}
