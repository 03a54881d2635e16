/* SPDX-License-Identifier: MIT */
/* demo.h: the interface between the host and its plug-ins: what they pass to each other, and what a plug-in can do.
 *
 *     host --chunks--> reader --lines--> splitter --words--> indexer --nodes--> ranker --ranking--> host
 *                                    --> cutter   -->
 *
 * Each arrow is memory that one module allocates and another one resizes or frees, mostly in another thread. No module
 * copies the memory or calls back into the module that allocated it, because all use one heap. demoparts.pas is the
 * same in Pascal.
 */
#ifndef DEMO_H
#define DEMO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum module { HOST, READER, SPLITTER, CUTTER, INDEXER, RANKER, MODULES };

/* ---- What is passed on ------------------------------------------------------------------------------------------ */

/* A part of the text; it may begin and end inside a word. */
struct chunk {
    size_t length;
    char text[];
};

struct line {
    uint32_t number; /* from 1 */
    uint32_t length;
    char text[]; /* without the line feed */
};

/* One occurrence of a word, in lower case. */
struct word {
    uint32_t line; /* the line that it is in */
    uint32_t length;
    char text[];
};

/* Lines and words are passed in batches. An emptied batch is filled again by the module that needs one. */
struct batch {
    size_t count, capacity;
    void *items[];
};

/* All occurrences of a word. The indexer turns a word into a node by resizing the splitter's memory. */
struct node {
    struct node *next; /* in the same bucket */
    uint32_t *lines;   /* the line of each occurrence */
    uint32_t count, capacity;
    uint32_t hash;
    uint32_t length;
    char text[];
};

/* A hash table of nodes; each thread of the indexer fills one of its own. */
struct index {
    size_t count;        /* of nodes */
    size_t bucket_count; /* a power of two */
    struct node **buckets;
};

/* All nodes, the most frequent word first. */
struct ranking {
    size_t count;
    struct node *nodes[];
};

/* ---- The books -------------------------------------------------------------------------------------------------- */

struct entry {
    atomic_size_t pieces, bytes;
};

/* What a module did with memory. The ledgers belong to the host and outlive the plug-ins. piece.h writes them. */
struct ledger {
    enum module module;
    const char *name;
    struct entry made;
    struct entry resized[MODULES]; /* by the module that made the piece; bytes: the difference */
    struct entry freed[MODULES];
    atomic_size_t refused; /* calls for which the heap returned an error */
};

/* ---- A plug-in -------------------------------------------------------------------------------------------------- */

struct plugin {
    const char *failure; /* why it could not start, or NULL */

    /* How it joined the heap. */
    const char *joined_by;
    const void *entry;    /* its function for allocating: the address tells in which module that is */
    uintptr_t heap_id;    /* the id of its heap; 0 if it cannot know it */
    const void *version1; /* the heap's table of 24 pointers; NULL if it does not use it */
    void *proof;          /* memory that it allocated, if it knows neither: the host frees it as a proof */

    /* Its job: one of these is set. *REST and *LINE are the reader's state. In the last call CHUNK is NULL. The plug-in
     * allocates what a pointer needs that is still NULL. A batch comes in full and goes out empty. */
    void (*read)(struct chunk **rest, uint32_t *line, struct chunk *chunk, struct batch **lines);
    void (*split)(struct batch *lines, struct batch **words);
    void (*index)(struct index **index, struct batch *words);
    struct ranking *(*rank)(struct index **indexes, size_t count);
};

/* Every plug-in exports this function. It joins the heap, stores LEDGER and fills *PLUGIN. */
typedef void (*plugin_start_function)(struct ledger *ledger, struct plugin *plugin);

#if defined(_WIN32)
#define PLUGIN_EXPORT __declspec(dllexport)
#else
#define PLUGIN_EXPORT __attribute__((visibility("default")))
#endif
PLUGIN_EXPORT void plugin_start(struct ledger *ledger, struct plugin *plugin);

#endif
