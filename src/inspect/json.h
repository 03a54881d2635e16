/* SPDX-License-Identifier: MIT */
/* json.h: JSON on its way to the caller. */
#ifndef BRAINMM_JSON_H
#define BRAINMM_JSON_H

#include "inspect/writer.h"

struct json {
    struct writer writer;
    bool first; /* no comma before the next element */
};

/* Each begins with the comma, if there must be one. NAME is that of a member, or NULL for an element. */
void json_begin(struct json *json, const char *name);
void json_open(struct json *json, const char *name, const char *bracket);
void json_close(struct json *json, const char *bracket);
void json_number(struct json *json, const char *name, uint64_t number);
void json_address(struct json *json, const char *name, uintptr_t address); /* "0x..." */

/* A text in UTF-8, in ASCII. A byte that is no part of a character becomes U+DC80 to U+DCFF, as in Python's
 * surrogateescape. */
void json_text(struct json *json, const char *name, const char *text);

#endif
