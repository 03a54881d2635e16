/* SPDX-License-Identifier: MIT */
/* recover.h: the bitmaps and figures of all units, after a thread has ended in the midst of changing them. */
#ifndef BRAINMM_RECOVER_H
#define BRAINMM_RECOVER_H

/* Under the lock of units.h, which was taken from a dead thread. May itself be cut, and is then done once more. */
void space_recover(void);

#endif
