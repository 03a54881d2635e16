/* SPDX-License-Identifier: MIT */
/* options.h: what a program, its user or the file beside it asks of the heap, as words: docs/options.md.
 *
 * The module that founds the process's heap reads them, once. There are four sources, and for each option the last that
 * gives it decides: the program's own text (brainmm_program_options), the file beside the program, the environment
 * variable BRAINMM_OPTIONS, brainmm_set_options(). What it does not understand it reports where a process's diagnostics
 * go, and ignores: a wrong option never keeps a program from starting.
 */
#ifndef BRAINMM_OPTIONS_H
#define BRAINMM_OPTIONS_H

#include "share/option_list.h"
#include <stdbool.h>
#include <stdint.h>

#define OPTION_SOURCE_MAX 4096u         /* bytes of a source that are read; a longer one is refused */
#define OPTION_TEXT_MAX 1023u           /* bytes of a value that is text */
#define OPTION_NEEDS_VALUE (UINT64_MAX) /* as `bare` */

#define OPTION_NAME(name, ...) OPTION_##name,
enum option { OPTION_LIST(OPTION_NAME, OPTION_NAME, OPTION_NAME, OPTION_NAME) OPTION_COUNT };

/* The words of the choices, by number. */
enum option_guard { OPTION_GUARD_RUNS, OPTION_GUARD_ALL, OPTION_GUARD_NONE };
enum option_on_error { OPTION_ON_ERROR_RETURN, OPTION_ON_ERROR_LOG, OPTION_ON_ERROR_ABORT, OPTION_ON_ERROR_DEBUGGER };
enum option_tools { OPTION_TOOLS_AUTO, OPTION_TOOLS_ON, OPTION_TOOLS_OFF };
#define OPTION_DUMP_SIGNAL_EVENT 65u

/* Reads the sources. Needs no heap. A second call does nothing. */
void options_read(void);

/* Reads TEXT as the last source. Before options_read(). False if a word of it is wrong. */
bool options_set(const char *text);

/* Whether a source has given the option, with whatever value. */
bool option_is_given(enum option option);

/* Of a text: whether it is not empty; of anything else: whether the number is not 0. */
bool option_is_set(enum option option);
uint64_t option_number(enum option option);

/* The value of a text. It stays valid. */
const char *option_text(enum option option);
bool option_is_text(enum option option);

#endif
