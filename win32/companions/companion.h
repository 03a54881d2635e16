/* companion.h: what the companion DLLs share.
 *
 * A companion has the name and the exports of a DLL that existing programs load to share memory, and passes each call
 * to the process's heap. It finds the heap as any client does (brainmm_attach.h): the one that is published, else that
 * of the brainmm.dll in its own folder. So a program that contains the static core needs no brainmm.dll, and a plug-in's
 * folder may hold both DLLs where the program's folder holds none. Linked to an import library, neither would work.
 */
#ifndef BRAINMM_COMPANION_H
#define BRAINMM_COMPANION_H

#include "brainmm.h"
#include <stdbool.h>

/* Pascal's `register` convention, as in version1.h. */
#if defined(__i386__)
#define PASCAL_CALL __attribute__((regparm(3)))
#else
#define PASCAL_CALL
#endif

/* The process's heap. A companion does not load without one, so its functions need not ask. */
extern const struct brainmm_manager *companion_heap;

/* The companion's file name, for messages. Each companion defines it. */
extern const char companion_name[];

/* Pascal's sizes are signed, whatever a declaration says: a negative one is an error, not much. */
static inline bool companion_is_size(size_t size) { return (ptrdiff_t)size > 0; }

/* Writes the companion's name and a sentence about what went wrong to standard error and to a debugger. */
void companion_print(const char *sentence, const char *detail);

#endif
