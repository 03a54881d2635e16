/* SPDX-License-Identifier: MIT */
/* started.h (Windows): what brainmm-malloc.dll does in a process that brainmm-run.exe has started. */
#ifndef BRAINMM_REDIRECT_STARTED_H
#define BRAINMM_REDIRECT_STARTED_H

enum { EXIT_REFUSED = 125 }; /* the exit code of a program that brainmm-run.exe does not run */

/* If the runner has started this process: puts the headers of the program's image back, and redirects everything. Ends
 * the process if the program cannot use the heap. Called while the loader starts this DLL, before it starts others. */
void started_by_runner(void);

/* Called at the end of the process. */
void started_end(void);

#endif
