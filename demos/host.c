/* SPDX-License-Identifier: MIT */
/* host.c: the demo's program. Six modules that were built apart index a text together, on one heap.
 *
 *   host [--seed=N] [--size=MB] [FILE]     indexes FILE, or a text of MB megabytes (8) that is made from seed N (1)
 *
 * It loads five plug-ins, each of which joins the heap in another way, and sends the text through them in seven
 * threads. Then it unloads them in an order that the seed shuffles. Only after that it reads and frees the index that
 * they made, and compares it with a simple count of its own. The exit code is 0 only if the two agree, all modules were
 * on one heap, and all memory was freed.
 */
#include "brainmm.h"
#include "piece.h"
#include "queue.h"
#include "report.h"
#include "system.h"
#include "text.h"
#include <time.h>

enum { SPLITTERS = 2, INDEXERS = 2 }; /* threads */
enum { CHUNK_SIZE = 8192 };           /* bytes of text in one call of the reader */

/* The host contains the static core. Its source would be the same if it were linked with the shared library. */
static void *heap_alloc(size_t size) { return brainmm_alloc(size); }
static void *heap_realloc(void *piece, size_t size) { return brainmm_realloc(piece, size); }
static bool heap_free(void *piece) { return brainmm_free(piece) == BRAINMM_OK; }

static struct ledger ledgers[MODULES];
static struct plugin plugins[MODULES]; /* with the host's own entry, for the table of modules */
static system_module modules[MODULES];
static char paths[MODULES][SYSTEM_PATH_MAX];

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- Loading and unloading -------------------------------------------------------------------------------------- */

/* Loads a plug-in. Reports a problem and returns false if the file is missing or the plug-in could not join the
 * heap. */
static bool plugin_load(enum module module, const char *file) {
    plugin_start_function start;
    if (!system_path_beside((const void *)(uintptr_t)plugin_load, file, paths[module])) {
        report_problem("the path of %s is not known", file);
        return false;
    }
    modules[module] = system_load(paths[module]);
    if (!modules[module] || !system_symbol(modules[module], "plugin_start", &start)) {
        report_problem("%s cannot be loaded", paths[module]);
        return false;
    }
    start(&ledgers[module], &plugins[module]);
    if (plugins[module].failure)
        report_problem("%s: %s", module_names[module], plugins[module].failure);
    return !plugins[module].failure;
}

/* Loads the linked plug-in before the one with a copy of its own: once a system has loaded a library, it uses that one
 * for every module that asks for its name. */
static bool plugins_load(void) {
    const struct brainmm_manager *manager = brainmm_get_manager();
    for (int i = 0; i < MODULES; i++) {
        ledgers[i].module = (enum module)i;
        ledgers[i].name = module_names[i];
    }
    ledger = &ledgers[HOST];
    plugins[HOST].joined_by = "contains it";
    plugins[HOST].entry = (const void *)(uintptr_t)brainmm_alloc;
    plugins[HOST].heap_id = manager->heap_id;
    plugins[HOST].version1 = manager->version1;
    return plugin_load(READER, "reader" SYSTEM_SUFFIX) && plugin_load(SPLITTER, "splitter" SYSTEM_SUFFIX) &&
           plugin_load(CUTTER, "cutter" SYSTEM_SUFFIX) && plugin_load(INDEXER, "vendor/indexer" SYSTEM_SUFFIX) &&
           plugin_load(RANKER, "ranker" SYSTEM_SUFFIX);
}

/* Checks that all modules are on one heap, although the process has two copies of the library besides the host's. */
static bool plugins_check(void) {
    char path[SYSTEM_PATH_MAX];
    for (int i = 0; i < MODULES; i++) {
        /* If this heap can free the memory, the plug-in is on this heap. */
        if (plugins[i].proof && brainmm_free(plugins[i].proof) == BRAINMM_OK) {
            plugins[i].heap_id = plugins[HOST].heap_id;
            plugins[i].version1 = plugins[HOST].version1;
        }
        /* A module of the original cannot know the heap's id, so its table is compared. */
        if (plugins[i].heap_id == 0 && plugins[i].version1 == plugins[HOST].version1)
            plugins[i].heap_id = plugins[HOST].heap_id;
        if (plugins[i].heap_id != plugins[HOST].heap_id)
            report_problem("%s is on another heap than the host", module_names[i]);
        if (plugins[i].version1 != plugins[HOST].version1)
            report_problem("%s has another table than the host", module_names[i]);
    }
    const void *host = system_module_at(plugins[HOST].entry, path);
    const void *first = system_module_at(plugins[READER].entry, path);
    const void *second = system_module_at(plugins[INDEXER].entry, path);
    if (!host || !first || !second || host == first || first == second || second == host)
        report_problem("the reader, the indexer and the host do not have a copy of the library each");
    return report_problems == 0;
}

/* Unloads the plug-ins in shuffled order. The memory that they allocated stays. */
static void plugins_unload(uint64_t seed) {
    enum module order[] = {READER, SPLITTER, CUTTER, INDEXER, RANKER};
    size_t in_use = 0;
    for (uint32_t i = RANKER; i > 1; i--) {
        uint32_t other = (uint32_t)(random_next(&seed) % i);
        enum module swapped = order[i - 1];
        order[i - 1] = order[other];
        order[other] = swapped;
    }
    for (int i = READER; i <= RANKER; i++)
        in_use += ledgers_left(ledgers, (enum module)i).pieces;
    printf("\nUnloaded  ");
    for (int i = 0; i < RANKER; i++) {
        system_unload(modules[order[i]]);
        printf("%s%s", i > 0 ? ", " : "", module_names[order[i]]);
    }
    printf("; in use: %s pieces that they made\n", grouped(in_use));
    for (int i = READER; i <= RANKER; i++)
        if (system_is_loaded(paths[i]))
            report_problem("%s is still loaded", paths[i]);
}

/* ---- The work --------------------------------------------------------------------------------------------------- */

static struct queue chunks, lines, words;
static struct queue empty_batches; /* for the reader and the splitters to fill again */

static struct batch *batch_reuse(void) { return queue_get(&empty_batches, false); }

static void batch_retire(struct batch *batch) {
    if (!queue_put(&empty_batches, batch, false))
        piece_free(batch);
}

static void *reader_thread(void *unused) {
    struct chunk *rest = NULL, *chunk;
    uint32_t line = 0;
    (void)unused;
    do {
        struct batch *batch = batch_reuse();
        chunk = queue_get(&chunks, true);
        plugins[READER].read(&rest, &line, chunk, &batch);
        if (batch)
            queue_put(&lines, batch, true);
    } while (chunk);
    queue_close(&lines);
    return NULL;
}

static void *splitter_thread(void *plugin) {
    struct batch *from;
    while ((from = queue_get(&lines, true)) != NULL) {
        struct batch *to = batch_reuse();
        ((const struct plugin *)plugin)->split(from, &to);
        batch_retire(from);
        if (to)
            queue_put(&words, to, true);
    }
    queue_close(&words);
    return NULL;
}

static void *indexer_thread(void *index) {
    struct batch *batch;
    while ((batch = queue_get(&words, true)) != NULL) {
        plugins[INDEXER].index(index, batch);
        batch_retire(batch);
    }
    return NULL;
}

struct ranking_job {
    struct index *indexes[INDEXERS];
    size_t count;
    struct ranking *ranking;
};

static void *ranker_thread(void *data) {
    struct ranking_job *job = data;
    job->ranking = plugins[RANKER].rank(job->indexes, job->count);
    return NULL;
}

static void thread_start(pthread_t *thread, void *(*run)(void *), void *argument) {
    if (pthread_create(thread, NULL, run, argument) != 0)
        piece_fatal("a thread cannot be started");
}

static struct ranking *text_index(struct text text) {
    pthread_t reader, splitters[SPLITTERS], indexers[INDEXERS], ranker;
    struct index *indexes[INDEXERS] = {NULL};
    struct ranking_job job = {.count = 0};
    queue_open(&chunks, 1);
    queue_open(&lines, 1);
    queue_open(&words, SPLITTERS);
    queue_open(&empty_batches, 1);
    thread_start(&reader, reader_thread, NULL);
    for (int i = 0; i < SPLITTERS; i++)
        thread_start(&splitters[i], splitter_thread, &plugins[i % 2 == 0 ? SPLITTER : CUTTER]);
    for (int i = 0; i < INDEXERS; i++)
        thread_start(&indexers[i], indexer_thread, &indexes[i]);

    for (size_t at = 0; at < text.size; at += CHUNK_SIZE) {
        size_t length = text.size - at < CHUNK_SIZE ? text.size - at : CHUNK_SIZE;
        struct chunk *chunk = piece_make(sizeof *chunk + length);
        chunk->length = length;
        memcpy(chunk->text, text.bytes + at, length);
        queue_put(&chunks, chunk, true);
    }
    queue_close(&chunks);

    pthread_join(reader, NULL);
    for (int i = 0; i < SPLITTERS; i++)
        pthread_join(splitters[i], NULL);
    for (int i = 0; i < INDEXERS; i++) {
        pthread_join(indexers[i], NULL);
        if (indexes[i])
            job.indexes[job.count++] = indexes[i];
    }
    thread_start(&ranker, ranker_thread, &job);
    pthread_join(ranker, NULL);
    return job.ranking;
}

/* ---- The result ------------------------------------------------------------------------------------------------- */

/* Compares every word, its number of occurrences and their lines. Returns a checksum of the whole index. */
static uint32_t ranking_check(const struct ranking *ranking, const struct count *count) {
    uint32_t sum = 0;
    size_t occurrences = 0, wrong = 0;
    for (size_t i = 0; i < ranking->count; i++) {
        const struct node *node = ranking->nodes[i];
        const struct count_word *expected = count_find(count, node->text, node->length);
        uint32_t lines_sum = 0;
        for (uint32_t j = 0; j < node->count; j++)
            lines_sum = lines_fold(lines_sum, node->lines[j]);
        if (!expected || expected->occurrences != node->count || expected->lines != lines_sum ||
            (i > 0 && ranking->nodes[i - 1]->count < node->count))
            wrong++;
        occurrences += node->count;
        for (uint32_t j = 0; j < node->length; j++)
            sum = lines_fold(sum, (unsigned char)node->text[j]);
        sum = lines_fold(sum, lines_sum);
    }
    if (wrong > 0)
        report_problem("%s of %s words have a wrong count, wrong lines or a wrong place", grouped(wrong),
                       grouped(ranking->count));
    if (ranking->count != count->different || occurrences != count->words)
        report_problem("the index has %s different words and %s in all; the text has %s and %s",
                       grouped(ranking->count), grouped(occurrences), grouped(count->different), grouped(count->words));
    return sum;
}

/* Frees all that the plug-ins have left. They are unloaded, but their memory is still valid. */
static void ranking_free(struct ranking *ranking) {
    struct batch *batch;
    for (size_t i = 0; i < ranking->count; i++) {
        piece_free(ranking->nodes[i]->lines);
        piece_free(ranking->nodes[i]);
    }
    piece_free(ranking);
    while ((batch = queue_get(&empty_batches, false)) != NULL)
        piece_free(batch);
}

static void memory_check(size_t before, size_t during, size_t after) {
    for (int i = 0; i < MODULES; i++) {
        struct left left = ledgers_left(ledgers, (enum module)i);
        if (left.pieces != 0 || left.bytes != 0)
            report_problem("%s pieces, %s bytes made by %s were not freed", grouped(left.pieces), grouped(left.bytes),
                           module_names[i]);
        if (ledgers[i].refused != 0)
            report_problem("the heap refused %s pieces that %s wanted to free", grouped(ledgers[i].refused),
                           module_names[i]);
    }
    printf("\nProcess   %.1f MB before the work, %.1f MB with the index, %.1f MB after freeing it\n",
           (double)before / 1e6, (double)during / 1e6, (double)after / 1e6);
    /* The bound is loose: stacks of threads and the memory of the C library's qsort() stay, too. */
    if (after > before + 1024 * 1024 + (during - before) / 8)
        report_problem("the process did not give its memory back");
}

/* ---- The program ------------------------------------------------------------------------------------------------ */

struct settings {
    uint64_t seed;
    size_t megabytes;
    const char *file;
};

static bool settings_read(struct settings *settings, int count, char **arguments) {
    *settings = (struct settings){1, 8, NULL};
    for (int i = 1; i < count; i++) {
        char *end = "";
        if (strncmp(arguments[i], "--seed=", 7) == 0)
            settings->seed = strtoull(arguments[i] + 7, &end, 10);
        else if (strncmp(arguments[i], "--size=", 7) == 0)
            settings->megabytes = strtoul(arguments[i] + 7, &end, 10);
        else if (arguments[i][0] == '-' || settings->file)
            return false;
        else
            settings->file = arguments[i];
        if (*end || settings->megabytes < 1 || settings->megabytes > 256)
            return false;
    }
    return true;
}

static uint32_t demo_run(struct text text, const struct count *count, uint64_t seed, double *seconds) {
    double start = seconds_now();
    size_t before, during;
    if (!plugins_load())
        return 0;
    bool one_heap = plugins_check();
    report_modules(plugins);
    if (!one_heap)
        return 0;
    system_resident_bytes(); /* the first call uses memory itself */
    before = system_resident_bytes();
    struct ranking *ranking = text_index(text);
    during = system_resident_bytes();
    report_top_words(ranking);
    plugins_unload(seed);
    uint32_t sum = ranking_check(ranking, count);
    ranking_free(ranking);
    brainmm_thread_heap_minimize();
    report_memory(ledgers);
    memory_check(before, during, system_resident_bytes());
    *seconds = seconds_now() - start;
    return sum;
}

int main(int argument_count, char **arguments) {
    struct settings settings;
    double seconds = 0;
    if (!settings_read(&settings, argument_count, arguments)) {
        fprintf(stderr, "usage: host [--seed=N] [--size=MB, 1 to 256] [FILE]\n");
        return 2;
    }
    struct text text =
        settings.file ? text_load(settings.file) : text_generate(settings.seed, settings.megabytes * 1000000);
    struct count *count = text.bytes ? count_text(text) : NULL;
    if (!count) {
        fprintf(stderr, "%s cannot be read, or memory has run out\n", settings.file ? settings.file : "the text");
        return 2;
    }
    printf("BrainMM on %s: six modules, built apart, index a text on one heap\n\n", DEMO_TARGET);
    if (settings.file)
        printf("Text      %s\n        ", settings.file);
    else
        printf("Text      seed %llu:", (unsigned long long)settings.seed);
    printf(" %s bytes, %s lines, %s words, %s distinct\n", grouped(text.size), grouped(count->lines),
           grouped(count->words), grouped(count->different));
    printf("\n  host > chunks > reader > lines > splitter, cutter > words > indexer > nodes > ranker\n\n");
    uint32_t sum = demo_run(text, count, settings.seed, &seconds);
    size_t pieces = 0;
    for (int i = 0; i < MODULES; i++)
        pieces += ledgers[i].made.pieces;
    count_free(count);
    free(text.bytes);
    if (report_problems > 0)
        printf("\n%-13s FAILED  %u problem(s)\n", DEMO_TARGET, report_problems);
    else
        printf("\n%-13s passed %5.2f s  %s pieces on one heap, none left; index %08x\n", DEMO_TARGET, seconds,
               grouped(pieces), sum);
    return report_problems > 0;
}
