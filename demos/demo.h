/* demo.h: what the host and its plug-ins agree on: the things they pass to each other, and what a plug-in can do.
 *
 *     host --chunks--> reader --lines--> splitter --words--> indexer --nodes--> ranker --ranking--> host
 *                                    --> cutter   -->
 *
 * Each arrow is memory that one module makes and another one resizes or frees, mostly in another thread. Nobody
 * copies anything to hand it over, and nobody calls back into the module that made it: all of them use one heap.
 * demoparts.pas says the same in Pascal.
 */
#ifndef DEMO_H
#define DEMO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum module { HOST, READER, SPLITTER, CUTTER, INDEXER, RANKER, MODULES };

/* ---- What is passed on ------------------------------------------------------------------------------------------ */

/* A part of the text, cut anywhere. */
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
    uint32_t line; /* where it is */
    uint32_t length;
    char text[];
};

/* Lines or words travel in batches. Emptied ones are filled again, by whoever needs one. */
struct batch {
    size_t count, capacity;
    void *items[];
};

/* All occurrences of a word. The indexer makes a node of a word: it resizes the splitter's memory. */
struct node {
    struct node *next; /* in the same bucket */
    uint32_t *lines;   /* where it is: a line for each occurrence */
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

/* What a module did with memory. The ledgers are the host's and survive the plug-ins; piece.h writes them. */
struct ledger {
    enum module module;
    const char *name;
    struct entry made;
    struct entry resized[MODULES]; /* by the module that had made the piece; bytes: the difference */
    struct entry freed[MODULES];
    atomic_size_t refused; /* calls that the heap answered with an error */
};

/* ---- A plug-in -------------------------------------------------------------------------------------------------- */

struct plugin {
    const char *failure; /* why it could not start, or NULL */

    /* How it came to the heap. */
    const char *joined_by;
    const void *entry;    /* the function it allocates with, which tells whose code that is */
    uintptr_t heap_id;    /* identity of its heap; 0 if it cannot know */
    const void *version1; /* the heap's table of 24 pointers; NULL if it has not looked */
    void *proof;          /* memory it made, if it knows neither: the host tries to free it */

    /* Its job: one of these is set. *REST and *LINE are the reader's state; the last call has no CHUNK. What is in the
     * pointers that start with NULL is made when needed. A batch that comes full goes out empty. */
    void (*read)(struct chunk **rest, uint32_t *line, struct chunk *chunk, struct batch **lines);
    void (*split)(struct batch *lines, struct batch **words);
    void (*index)(struct index **index, struct batch *words);
    struct ranking *(*rank)(struct index **indexes, size_t count);
};

/* What every plug-in exports: joins the heap, keeps LEDGER and fills in *PLUGIN. */
typedef void (*plugin_start_function)(struct ledger *ledger, struct plugin *plugin);

#if defined(_WIN32)
#define PLUGIN_EXPORT __declspec(dllexport)
#else
#define PLUGIN_EXPORT __attribute__((visibility("default")))
#endif
PLUGIN_EXPORT void plugin_start(struct ledger *ledger, struct plugin *plugin);

#endif
