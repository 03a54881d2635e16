/* SPDX-License-Identifier: MIT */
/* maps.h (Linux): one question to /proc/self/maps. */
#ifndef BRAINMM_MAPS_H
#define BRAINMM_MAPS_H

#include <stdbool.h>
#include <stdint.h>

/* The rights of the mapping that ADDRESS lies in, as "rwxp" has them: 'p' is private, 's' shared, '-' not allowed.
 * False if there is no such mapping, or no /proc. Leaves errno as it was. */
bool maps_rights(uintptr_t address, char rights[4]);

#endif
