/* SPDX-License-Identifier: MIT */
/* indexer.c: a plug-in that has its own copy of the library in its own folder and loads it by full path.
 *
 * A plug-in of another vendor might do that. Two copies of a library usually mean two heaps. Here the second copy finds
 * that the process already has a heap and passes every call on to it.
 *
 * Its job: each thread fills a hash table, in which every word has a node with the lines where it occurs. The memory of
 * the first occurrence of a word, which the splitter allocated, is resized and becomes the node. Later ones are freed.
 */
#include "brainmm.h"
#include "piece.h"
#include "system.h"

/* ---- The heap: functions looked up in the copy ------------------------------------------------------------------ */

static void *(BRAINMM_CALL *library_alloc)(size_t size);
static void *(BRAINMM_CALL *library_realloc)(void *piece, size_t size);
static int(BRAINMM_CALL *library_free)(void *piece);
static const struct brainmm_manager *(BRAINMM_CALL *library_get_manager)(void);

static void *heap_alloc(size_t size) { return library_alloc(size); }
static void *heap_realloc(void *piece, size_t size) { return library_realloc(piece, size); }
static bool heap_free(void *piece) { return library_free(piece) == BRAINMM_OK; }

static const char *library_load(void) {
    char path[SYSTEM_PATH_MAX];
    system_module library;
    if (!system_path_beside((const void *)(uintptr_t)library_load, SYSTEM_BRAINMM_FILE, path))
        return "its own folder is not known";
    library = system_load(path);
    if (!library)
        return "its own copy of the library could not be loaded";
    if (!system_symbol(library, "brainmm_alloc", &library_alloc) ||
        !system_symbol(library, "brainmm_realloc", &library_realloc) ||
        !system_symbol(library, "brainmm_free", &library_free) ||
        !system_symbol(library, "brainmm_get_manager", &library_get_manager))
        return "its own copy of the library lacks a function";
    return NULL;
}

/* ---- The job ---------------------------------------------------------------------------------------------------- */

static uint32_t hash_of(const char *text, uint32_t length) { /* FNV-1a */
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    return hash;
}

/* Resizes the table of buckets, or allocates it, and puts all nodes into their new buckets. */
static void buckets_resize(struct index *index, size_t bucket_count) {
    struct node *all = NULL;
    for (size_t i = 0; i < index->bucket_count; i++)
        while (index->buckets[i]) {
            struct node *node = index->buckets[i];
            index->buckets[i] = node->next;
            node->next = all;
            all = node;
        }
    size_t size = bucket_count * sizeof *index->buckets;
    index->buckets = index->buckets ? piece_resize(index->buckets, size) : piece_make(size);
    index->bucket_count = bucket_count;
    memset(index->buckets, 0, size);
    while (all) {
        struct node *node = all, **bucket = &index->buckets[node->hash & (bucket_count - 1)];
        all = node->next;
        node->next = *bucket;
        *bucket = node;
    }
}

static struct index *index_make(void) {
    struct index *index = piece_make(sizeof *index);
    *index = (struct index){0};
    buckets_resize(index, 256);
    return index;
}

static struct node *index_find(const struct index *index, const struct word *word, uint32_t hash) {
    struct node *node = index->buckets[hash & (index->bucket_count - 1)];
    while (node &&
           (node->hash != hash || node->length != word->length || memcmp(node->text, word->text, word->length) != 0))
        node = node->next;
    return node;
}

/* Resizes the splitter's word to a node. The text moves up to make room for the members before it. */
static struct node *node_from_word(struct word *word, uint32_t hash) {
    uint32_t length = word->length;
    struct node *node = piece_resize(word, sizeof *node + length);
    memmove(node->text, (char *)node + offsetof(struct word, text), length);
    node->length = length;
    node->hash = hash;
    node->count = 0;
    node->capacity = 2;
    node->lines = piece_make(node->capacity * sizeof *node->lines);
    return node;
}

static void node_add_line(struct node *node, uint32_t line) {
    if (node->count == node->capacity) {
        node->capacity *= 2;
        node->lines = piece_resize(node->lines, node->capacity * sizeof *node->lines);
    }
    node->lines[node->count++] = line;
}

static void index_add(struct index *index, struct word *word) {
    uint32_t hash = hash_of(word->text, word->length), line = word->line;
    struct node *node = index_find(index, word, hash);
    if (node) {
        piece_free(word);
    } else {
        struct node **bucket;
        if (index->count == index->bucket_count)
            buckets_resize(index, 2 * index->bucket_count);
        bucket = &index->buckets[hash & (index->bucket_count - 1)];
        node = node_from_word(word, hash);
        node->next = *bucket;
        *bucket = node;
        index->count++;
    }
    node_add_line(node, line);
}

static void indexer_index(struct index **index, struct batch *words) {
    if (!*index)
        *index = index_make();
    for (size_t i = 0; i < words->count; i++)
        index_add(*index, words->items[i]);
    words->count = 0;
}

void plugin_start(struct ledger *my_ledger, struct plugin *plugin) {
    ledger = my_ledger;
    plugin->failure = library_load();
    if (plugin->failure)
        return;
    plugin->joined_by = "its own copy";
    plugin->entry = (const void *)(uintptr_t)library_alloc;
    plugin->heap_id = library_get_manager()->heap_id;
    plugin->version1 = library_get_manager()->version1;
    plugin->index = indexer_index;
}
