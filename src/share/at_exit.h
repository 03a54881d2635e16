/* SPDX-License-Identifier: MIT */
/* at_exit.h: what the options ask for at the end of the process, or when the user gives a sign: reports of leaks,
 * statistics, dumps. docs/leaks.md. Only the module that owns the heap does any of it.
 */
#ifndef BRAINMM_AT_EXIT_H
#define BRAINMM_AT_EXIT_H

#include "brainmm.h"

/* The library begins, and the heap has started. Is called where a thread may be started. */
void at_exit_start(void);

/* The process ends. Other threads may still run, or be gone in the midst of anything. Nothing waits for them. If a
 * library holds the reports, they come when it releases them. */
void at_exit_reports(void);

unsigned BRAINMM_CALL heap_leak_wishes(void);
int BRAINMM_CALL heap_hold_reports(void);
int BRAINMM_CALL heap_release_reports(void);

#endif
