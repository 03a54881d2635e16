/* SPDX-License-Identifier: MIT */
/* error.h: what becomes of an error that the heap has found in a program: every report goes through here.
 *
 * A report is made where the heap is whole and the thread holds no lock, because the program's handler may use the
 * heap.
 */
#ifndef BRAINMM_ERROR_H
#define BRAINMM_ERROR_H

#include "base/text.h"
#include "brainmm.h"

/* What is done with an error. The program's handler is called in any case. */
enum error_action {
    ERROR_ACTION_RETURN,  /* nothing more */
    ERROR_ACTION_LOG,     /* it is printed, unless a handler was called */
    ERROR_ACTION_ABORT,   /* it is printed, and the process ends */
    ERROR_ACTION_DEBUGGER /* it is printed, unless a handler was called, and the process stops for a debugger */
};

/* Reports an error. The caller fills in what it knows, at least the kind. The rest is completed: struct_size,
 * thread_id, and the text if it is NULL. */
void error_report(brainmm_error *error);

/* The same, for a function whose result tells the program. Unless an action was set, nothing is printed. */
void error_report_told(brainmm_error *error);

/* Whether error_report_told() does anything. */
bool error_told_is_heard(void);

/* A caller that composes the text of *ERROR itself begins it with the function, what is wrong, and the address. And it
 * ends it with the calling thread. */
void error_text_begin(struct text *text, const brainmm_error *error);
void error_text_end(struct text *text);

/* Whether somebody has asked that errors be told by results alone. */
bool error_is_returned(void);

/* ACTION is done with all errors from now on: somebody has asked for that. */
void error_set_action(enum error_action action);

/* What error_report() does if nobody has asked: ACTION. At first it returns if the error is one of those that a result
 * tells, and logs all others. */
void error_set_default(enum error_action action);

/* The same, unless somebody has called that. */
void error_propose_default(enum error_action action);

/* See brainmm_set_error_handler. */
int BRAINMM_CALL error_set_handler(brainmm_error_handler handler, void *context);

#endif
