/* SPDX-License-Identifier: MIT */
/* broken.c: see broken.h. */
#include "slab/broken.h"
#include "slab/slab.h"
#include "sync/error.h"

#define TEXT_MOST 256u

atomic_word broken_object;

/* Any thread may report what another has noted. Its slab may have ended meanwhile. */
COLD void broken_report(const char *function) {
    char buffer[TEXT_MOST];
    struct text text = TEXT_IN(buffer);
    const void *object = (const void *)exchange_relaxed(&broken_object, 0);
    const struct unit *slab = object ? slab_of(object) : NULL;
    brainmm_error error = {.kind = BRAINMM_ERROR_CORRUPTED, .function = function, .address = object};
    if (!object)
        return;
    error_text_begin(&text, &error);
    if (slab) {
        error.piece = object;
        error.size = slab_object_size(slab);
        text_add(&text, ", a free piece of ");
        text_add_decimal(&text, error.size);
        text_add(&text, " bytes was written to; what it linked is not used again");
    }
    error_text_end(&text);
    error.text = buffer;
    error_report(&error);
}
