/* SPDX-License-Identifier: MIT */
/* splitter.c: a plug-in that links nothing of BrainMM and only includes brainmm_attach.h.
 *
 * Its job: it cuts lines into words. The reader allocates the lines; they are freed here.
 */
#include "brainmm_attach.h"
#include "piece.h"

/* ---- The heap: its table of functions, found once, in plugin_start() --------------------------------------------- */

static const struct brainmm_manager *manager;

static void *heap_alloc(size_t size) { return manager->alloc(size); }
static void *heap_realloc(void *piece, size_t size) { return manager->realloc(piece, size); }
static bool heap_free(void *piece) { return manager->free(piece) == BRAINMM_OK; }

/* ---- The job ---------------------------------------------------------------------------------------------------- */

/* The letter in lower case, or 0 if C is no letter. Bytes of UTF-8 count as letters. */
static char letter(char c) {
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return (c >= 'a' && c <= 'z') || (c & 0x80) ? c : 0;
}

static void line_split(const struct line *line, struct batch **words) {
    uint32_t i = 0;
    while (i < line->length) {
        uint32_t start = i;
        while (i < line->length && letter(line->text[i]))
            i++;
        if (i == start) {
            i++;
            continue;
        }
        struct word *word = piece_make(sizeof *word + i - start);
        word->line = line->number;
        word->length = i - start;
        for (uint32_t j = 0; j < word->length; j++)
            word->text[j] = letter(line->text[start + j]);
        batch_add(words, word);
    }
}

static void splitter_split(struct batch *lines, struct batch **words) {
    for (size_t i = 0; i < lines->count; i++) {
        line_split(lines->items[i], words);
        piece_free(lines->items[i]);
    }
    lines->count = 0;
}

void plugin_start(struct ledger *my_ledger, struct plugin *plugin) {
    ledger = my_ledger;
    manager = brainmm_attach();
    if (!manager) {
        plugin->failure = brainmm_attach_failure();
        return;
    }
    plugin->joined_by = "header only";
    plugin->entry = (const void *)(uintptr_t)manager->alloc;
    plugin->heap_id = manager->heap_id;
    plugin->version1 = manager->version1;
    plugin->split = splitter_split;
}
