/* SPDX-License-Identifier: MIT */
/* calls.h (POSIX): small calls of the system that differ between systems. The system's folder has them inline:
 *
 *   call_open, call_read, call_write, call_close    as open() and its kin, but no cancellation points. They may change
 *                                                   errno
 *   call_process_id      getpid(), right in a child that a bare system call has made, too
 *   call_thread_end      another way than a key to have a function called at the thread's end; false if there is none
 *   call_program_options the text that the program itself defines, or NULL
 *   signs_start, signs_give, signs_await    a semaphore that a signal handler can give a sign by
 */
#ifndef BRAINMM_CALLS_H
#define BRAINMM_CALLS_H

#if defined(__APPLE__)
#include "darwin/calls.h"
#else
#include "linux/calls.h"
#endif

#endif
