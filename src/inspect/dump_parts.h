/* SPDX-License-Identifier: MIT */
/* dump_parts.h: parts of brainmm_dump that have files of their own. Each writes members of an object: BRAINMM_OK, or
 * BRAINMM_E_MEMORY. They do not look whether the writer was stopped until they have no lock any more. */
#ifndef BRAINMM_DUMP_PARTS_H
#define BRAINMM_DUMP_PARTS_H

#include "inspect/json.h"

int dump_map(struct json *json);
int dump_holders(struct json *json);

#endif
