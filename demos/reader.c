/* SPDX-License-Identifier: MIT */
/* reader.c: a plug-in that is linked with the library: with brainmm.dll's import library, or with libbrainmm.so.
 *
 * Its job: it cuts the host's chunks of text into lines. If a line goes on in the next chunk, it resizes the host's
 * memory. It frees each chunk that it has read.
 */
#include "brainmm.h"
#include "piece.h"

/* ---- The heap: just call it ------------------------------------------------------------------------------------- */

static void *heap_alloc(size_t size) { return brainmm_alloc(size); }
static void *heap_realloc(void *piece, size_t size) { return brainmm_realloc(piece, size); }
static bool heap_free(void *piece) { return brainmm_free(piece) == BRAINMM_OK; }

/* ---- The job ---------------------------------------------------------------------------------------------------- */

static struct line *line_make(const char *text, size_t length, uint32_t number) {
    struct line *line = piece_make(sizeof *line + length);
    line->number = number;
    line->length = (uint32_t)length;
    memcpy(line->text, text, length);
    return line;
}

/* Appends CHUNK to REST, the end of the last chunk. */
static struct chunk *chunk_join(struct chunk *rest, struct chunk *chunk) {
    if (!rest || !chunk)
        return rest ? rest : chunk;
    rest = piece_resize(rest, sizeof *rest + rest->length + chunk->length);
    memcpy(rest->text + rest->length, chunk->text, chunk->length);
    rest->length += chunk->length;
    piece_free(chunk);
    return rest;
}

static void reader_read(struct chunk **rest, uint32_t *line, struct chunk *chunk, struct batch **lines) {
    struct chunk *text = chunk_join(*rest, chunk);
    bool last = chunk == NULL;
    size_t start = 0;
    *rest = NULL;
    if (!text)
        return;
    for (size_t i = 0; i < text->length; i++)
        if (text->text[i] == '\n') {
            batch_add(lines, line_make(text->text + start, i - start, ++*line));
            start = i + 1;
        }
    if (start < text->length && last) {
        batch_add(lines, line_make(text->text + start, text->length - start, ++*line));
        start = text->length;
    }
    if (start == text->length) {
        piece_free(text);
        return;
    }
    memmove(text->text, text->text + start, text->length - start);
    text->length -= start;
    *rest = piece_resize(text, sizeof *text + text->length);
}

void plugin_start(struct ledger *my_ledger, struct plugin *plugin) {
    const struct brainmm_manager *manager = brainmm_get_manager();
    ledger = my_ledger;
    plugin->joined_by = "linked with it";
    plugin->entry = (const void *)(uintptr_t)brainmm_alloc;
    plugin->heap_id = manager->heap_id;
    plugin->version1 = manager->version1;
    plugin->read = reader_read;
}
