/* SPDX-License-Identifier: MIT */
/* writer.h: a text that goes to a function of the caller (brainmm_write), in pieces that are not too small. */
#ifndef BRAINMM_WRITER_H
#define BRAINMM_WRITER_H

#include "brainmm.h"
#include <stdbool.h>

#define WRITER_BYTES 512u

struct writer {
    brainmm_write write;
    void *context;
    bool stopped; /* the function wants no more */
    size_t used;
    char text[WRITER_BYTES];
};

void writer_put(struct writer *writer, const char *text);
void writer_put_decimal(struct writer *writer, uint64_t number);
void writer_put_hex(struct writer *writer, uint64_t number); /* with 0x in front */

/* Hands over what is left. Once, at the end. */
void writer_flush(struct writer *writer);

#endif
