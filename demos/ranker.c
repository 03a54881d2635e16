/* SPDX-License-Identifier: MIT */
/* ranker.c: a plug-in that behaves like a module of the original BrainMM, written in Delphi.
 *
 * Such a module only knows where a pointer to a table of 24 pointers is published. It copies the table and calls the
 * functions in Delphi's register convention: on x86 the arguments are in EAX, EDX and ECX. It knows nothing of
 * brainmm.h and no id of the heap; the host recognises the table.
 *
 * Its job: it joins the indexer's hash tables to one list, the most frequent word first. For that it resizes the
 * indexer's memory and frees nodes that the splitter allocated.
 */
#include "piece.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include "brainmm_attach.h"
#endif

/* ---- The heap: 24 slots ----------------------------------------------------------------------------------------- */

#if defined(__i386__)
#define DELPHI __attribute__((regparm(3)))
#else
#define DELPHI
#endif

typedef void *get_mem_function(intptr_t size) DELPHI;
typedef int32_t free_mem_function(void *piece) DELPHI;
typedef void *realloc_mem_function(void *piece, intptr_t size) DELPHI;

enum { GET_MEM = 14, FREE_MEM = 15, REALLOC_MEM = 16, SLOTS = 24 };
static void *slots[SLOTS];

static void *heap_alloc(size_t size) { return ((get_mem_function *)slots[GET_MEM])((intptr_t)size); }

static void *heap_realloc(void *piece, size_t size) {
    return ((realloc_mem_function *)slots[REALLOC_MEM])(piece, (intptr_t)size);
}

static bool heap_free(void *piece) { return ((free_mem_function *)slots[FREE_MEM])(piece) == 0; }

/* The address of the table, or NULL. */
#if defined(_WIN32)
static void *const *published_table(void) {
    char name[64];
    void *const *table = NULL;
    snprintf(name, sizeof name, "Local\\BrainMM_PID_%08lX", GetCurrentProcessId());
    HANDLE mapping = OpenFileMappingA(FILE_MAP_READ, FALSE, name);
    void *const *const *view = mapping ? MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0) : NULL;
    if (view) {
        table = *view;
        UnmapViewOfFile(view);
    }
    if (mapping)
        CloseHandle(mapping);
    return table;
}
#else
/* The original does not run here. So the table is found in another way, and only used as the original would use it. */
static void *const *published_table(void) {
    const struct brainmm_manager *manager = brainmm_attach();
    return manager ? manager->version1 : NULL;
}
#endif

/* ---- The job ---------------------------------------------------------------------------------------------------- */

static int compare_text(const void *left, const void *right) {
    const struct node *a = *(struct node *const *)left, *b = *(struct node *const *)right;
    int order = memcmp(a->text, b->text, a->length < b->length ? a->length : b->length);
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

static int compare_frequency(const void *left, const void *right) {
    const struct node *a = *(struct node *const *)left, *b = *(struct node *const *)right;
    return a->count != b->count ? (a->count < b->count) - (a->count > b->count) : compare_text(left, right);
}

static int compare_line(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* Adds the lines of OTHER, another thread's node of the same word, and frees it. */
static void node_join(struct node *node, struct node *other) {
    node->capacity = node->count + other->count;
    node->lines = piece_resize(node->lines, node->capacity * sizeof *node->lines);
    memcpy(node->lines + node->count, other->lines, other->count * sizeof *node->lines);
    node->count = node->capacity;
    piece_free(other->lines);
    piece_free(other);
}

static void index_take_nodes(struct ranking *ranking, struct index *index) {
    for (size_t i = 0; i < index->bucket_count; i++)
        for (struct node *node = index->buckets[i]; node; node = node->next)
            ranking->nodes[ranking->count++] = node;
    piece_free(index->buckets);
    piece_free(index);
}

static struct ranking *ranker_rank(struct index **indexes, size_t count) {
    size_t nodes = 0, kept = 0;
    for (size_t i = 0; i < count; i++)
        nodes += indexes[i]->count;
    struct ranking *ranking = piece_make(sizeof *ranking + nodes * sizeof *ranking->nodes);
    ranking->count = 0;
    for (size_t i = 0; i < count; i++)
        index_take_nodes(ranking, indexes[i]);

    qsort(ranking->nodes, ranking->count, sizeof *ranking->nodes, compare_text);
    for (size_t i = 0; i < ranking->count; i++) {
        struct node **node = &ranking->nodes[i];
        if (kept > 0 && compare_text(&ranking->nodes[kept - 1], node) == 0)
            node_join(ranking->nodes[kept - 1], *node);
        else
            ranking->nodes[kept++] = *node;
    }
    ranking->count = kept;
    for (size_t i = 0; i < kept; i++)
        qsort(ranking->nodes[i]->lines, ranking->nodes[i]->count, sizeof(uint32_t), compare_line);
    qsort(ranking->nodes, kept, sizeof *ranking->nodes, compare_frequency);
    return piece_resize(ranking, sizeof *ranking + kept * sizeof *ranking->nodes);
}

void plugin_start(struct ledger *my_ledger, struct plugin *plugin) {
    void *const *table = published_table();
    ledger = my_ledger;
    if (!table) {
        plugin->failure = "nobody has published a table";
        return;
    }
    memcpy(slots, table, sizeof slots);
    plugin->joined_by = "the original's";
    plugin->entry = slots[GET_MEM];
    plugin->version1 = table;
    plugin->rank = ranker_rank;
}
