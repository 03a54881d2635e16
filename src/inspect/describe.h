/* SPDX-License-Identifier: MIT */
/* describe.h: functions of the program that tell what lies in an allocation (brainmm_add_describer). */
#ifndef BRAINMM_DESCRIBE_H
#define BRAINMM_DESCRIBE_H

#include "brainmm.h"

int BRAINMM_CALL heap_add_describer(brainmm_describe describe, void *context);
int BRAINMM_CALL heap_remove_describer(brainmm_describe describe, void *context);

/* A report begins to ask. LOCK_LEAKS is held from here to its last question, so no function is removed while it is
 * called. */
void describe_begin(void);

/* What one of them says about an allocation; NULL if none knows. */
const char *description_of(const void *address, size_t size);

#endif
