/* SPDX-License-Identifier: MIT */
/* expected.h: the list of the leaks that the program means to have (brainmm_register_expected_leak). */
#ifndef BRAINMM_EXPECTED_H
#define BRAINMM_EXPECTED_H

#include "brainmm.h"
#include <stdbool.h>

int BRAINMM_CALL heap_register_expected_leak(const brainmm_expected_leak *leak);
int BRAINMM_CALL heap_unregister_expected_leak(const brainmm_expected_leak *leak);

/* A report begins to ask. LOCK_LEAKS is held from here to its last question. */
void expected_begin(void);

/* Whether that allocation is expected. Each counts once: of what is registered by name or size, as many are expected as
 * were registered. NAME may be NULL. REQUESTED is 0 where the size that was asked for is not known. */
bool expected_is(const void *address, const char *name, size_t usable, size_t requested);

#endif
