/* SPDX-License-Identifier: MIT */
/* create_malloc.c (Windows): brainmm_create_malloc. */
#include "malloc_object.h"

/* Nobody asks how many there are: brainmm.dll stays loaded. */
static malloc_counter objects_alive;

int BRAINMM_CALL brainmm_create_malloc(struct IMalloc **result) {
    if (!result)
        return BRAINMM_E_ARGUMENT;
    struct IMalloc *object = malloc_object_create(brainmm_get_manager(), &objects_alive);
    if (!object)
        return BRAINMM_E_MEMORY;
    *result = object;
    return BRAINMM_OK;
}
