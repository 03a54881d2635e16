/* SPDX-License-Identifier: MIT */
/* detect.h: tells of an error that checked mode has found: what, where, which thread, and what is known of the
 * allocation: its size, who allocated and who freed it, and from where. */
#ifndef BRAINMM_DETECT_H
#define BRAINMM_DETECT_H

#include "brainmm.h"
#include "checked/record.h"

/* FUNCTION has found it, at ADDRESS. PLACE: the allocation concerned, or NULL if none is. */
void detect(enum brainmm_error_kind kind, const char *function, const void *address, const struct place *place);

/* Prints what is known of the allocation that ADDRESS lies in or beside, if there is one. */
void detect_describe(const void *address);

#endif
