/* SPDX-License-Identifier: MIT */
/* threads.h (macOS): the start of what each thread has. */
#ifndef BRAINMM_DARWIN_THREADS_H
#define BRAINMM_DARWIN_THREADS_H

/* Makes the slots that hold what each thread has. NULL, or the sentence, without its full stop, that tells why it
 * cannot. */
const char *threads_start(void);

#endif
