/* SPDX-License-Identifier: MIT */
/* options.h: the environment variable BRAINMM_OPTIONS: words, separated by commas or blanks. The module that founds the
 * process's heap reads it, once. What it does not understand it reports where a process's diagnostics go, and ignores:
 * a wrong option never keeps a program from starting.
 */
#ifndef BRAINMM_OPTIONS_H
#define BRAINMM_OPTIONS_H

#include <stdbool.h>

enum option {
    OPTION_FASTMM,          /* "fastmm": publish under FastMM's name as well (Windows) */
    OPTION_FIXED_ADDRESSES, /* "fixed_addresses": the heap lies at the same addresses in each run, if they are free */
    OPTION_COUNT
};

/* Needs no heap. A second call does nothing. */
void options_read(void);
bool option_is_set(enum option option);

#endif
