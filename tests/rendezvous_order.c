/* SPDX-License-Identifier: MIT */
/* rendezvous_order.c: modules are loaded in the order of the arguments and share one heap. They are unloaded in any
 * order, and what they have allocated stays.
 *
 *   host      this program itself, where it is linked with the library or contains the static core: always first
 *   library   the library, loaded by full path from this folder
 *   second    another copy of it, from the folder second/
 *   linked    a module linked with the library         static    a module with the static core inside
 *   client    a module with brainmm_attach.h           original  a module that reads the version-1 table
 *   foreign   an owner with a version-1 table only     short     an owner with a shorter version-2 table
 *   later     an owner with a longer version-2 table and a longer record
 *
 * rendezvous_order_host.c is the same program with a host of its own.
 */
#include "rendezvous_foreign.h"
#include "rendezvous_party.h"

#define PARTIES 8
#define PIECES 64
#define PIECE_SIZE(i) ((size_t)24 + (size_t)(i)*37)

static struct participant {
    const char *token;
    char path[4096];
    module module;
    const struct party *party;
    void *pieces[PIECES];
} participants[PARTIES];
static int count;
static uintptr_t heap;

/* ---- Parties that are no module with a party_get() --------------------------------------------------------------- */

/* A copy of the library, called through its exports. */
struct library {
    struct party party;
    const struct brainmm_manager *(BRAINMM_CALL *get_manager)(void);
};
static struct library libraries[2];

static uintptr_t library_heap_id(void) { return libraries[0].get_manager()->heap_id; }
static uintptr_t second_heap_id(void) { return libraries[1].get_manager()->heap_id; }

static const struct party *library_get(module loaded, int which) {
    struct library *library = &libraries[which];
    module_symbol(loaded, "brainmm_alloc", &library->party.alloc);
    module_symbol(loaded, "brainmm_free", &library->party.free);
    module_symbol(loaded, "brainmm_realloc", &library->party.realloc);
    module_symbol(loaded, "brainmm_attach_status", &library->party.state);
    module_symbol(loaded, "brainmm_get_manager", &library->get_manager);
    library->party.heap_id = which ? second_heap_id : library_heap_id;
    return &library->party;
}

#if defined(ORDER_HOST)
static uintptr_t host_heap_id(void) { return brainmm_get_manager()->heap_id; }

static const struct party *host_get(void) {
    static struct party party;
    party = (struct party){brainmm_alloc, brainmm_free, brainmm_realloc, host_heap_id, brainmm_attach_status};
    return &party;
}
#endif

/* ---- Arrival ---------------------------------------------------------------------------------------------------- */

static const char *file_of(const char *token) {
    static const char *const files[][2] = {
        {"library", LIBRARY_FILE},
#if defined(_WIN32)
        {"second", "second\\" LIBRARY_FILE},
#else
        {"second", "second/" LIBRARY_FILE},
#endif
        {"linked", "rendezvous_module-shared" MODULE_SUFFIX},
        {"static", "rendezvous_module-core" MODULE_SUFFIX},
        {"client", "attach_module-plain" MODULE_SUFFIX},
        {"original", "rendezvous_original-plain" MODULE_SUFFIX},
        {"foreign", "rendezvous_foreign_owner-plain" MODULE_SUFFIX},
        {"short", "rendezvous_short_owner-plain" MODULE_SUFFIX},
        {"later", "rendezvous_later_owner-plain" MODULE_SUFFIX},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(files[i][0], token) == 0)
            return files[i][1];
    CHECK_MSG(false, "no such party: %s", token);
    return NULL;
}

static bool is(const struct participant *p, const char *token) { return strcmp(p->token, token) == 0; }

static void arrive(struct participant *p) {
    if (is(p, "host")) {
#if defined(ORDER_HOST)
        p->party = host_get();
#else
        CHECK_MSG(false, "this program has no heap of its own");
#endif
        return;
    }
    strcpy(p->path, path_beside(file_of(p->token)));
    p->module = module_load(p->path);
    if (is(p, "library") || is(p, "second")) {
        p->party = library_get(p->module, is(p, "second"));
    } else {
        party_get_function get;
        module_symbol(p->module, "party_get", &get);
        p->party = get();
    }
}

static bool has(const char *token) {
    for (int i = 0; i < count; i++)
        if (is(&participants[i], token))
            return true;
    return false;
}

/* Checks what P says of its state: the first module owns the heap, and the state depends on the kind of owner. */
static void check_state(struct participant *p, bool first) {
    const char *text = NULL;
    int state = p->party->state(&text);
    int wanted = first ? BRAINMM_OWNER : has("foreign") ? BRAINMM_ATTACHED_VERSION1 : BRAINMM_ATTACHED;
    if (state == -1)
        return;
    printf("%s: %d, %s\n", p->token, state, text);
    /* A copy of the library that the program or a module imports is the one that is loaded by path. */
    bool same_copy = state == BRAINMM_OWNER && ((is(p, "library") && (has("host") || has("linked") || has("client"))) ||
                                                (is(p, "linked") && (has("host") || has("library") || has("client"))));
    CHECK_MSG(state == wanted || same_copy, "%s is in state %d, not %d", p->token, state, wanted);
    CHECK_MSG(strstr(text, "Refused") == NULL, "%s", text);
}

static void check_one_heap(void) {
    for (int i = 0; i < count; i++) {
        uintptr_t id = participants[i].party->heap_id();
        if (heap == 0)
            heap = id;
        CHECK_MSG(id == 0 || id == heap, "%s is on heap %p, the others on %p", participants[i].token, (void *)id,
                  (void *)heap);
    }
    for (int a = 0; a < count; a++)
        for (int b = 0; b < count; b++) {
            const struct party *from = participants[a].party, *to = participants[b].party;
            void *piece = from->alloc(100);
            CHECK(piece != NULL);
            pattern_fill(piece, 100, (uint64_t)a);
            piece = to->realloc(piece, 5000);
            CHECK(piece != NULL && pattern_holds(piece, 96, (uint64_t)a));
            CHECK_MSG(from->free(piece) == BRAINMM_OK, "%s cannot free what %s resized", participants[a].token,
                      participants[b].token);
        }
}

/* ---- Departure -------------------------------------------------------------------------------------------------- */

static void check_pieces(void) {
    for (int i = 0; i < count; i++)
        for (int piece = 0; piece < PIECES; piece++)
            CHECK(pattern_holds(participants[i].pieces[piece], PIECE_SIZE(piece), (uint64_t)(i * PIECES + piece)));
}

/* musl's dlclose() unloads nothing. */
#if defined(__linux__) && !defined(__GLIBC__)
#define NOTHING_IS_UNLOADED 1
#else
#define NOTHING_IS_UNLOADED 0
#endif

/* Whether P stays loaded: the owner of the heap is pinned, and the library pins itself. */
static bool stays(const struct participant *p) {
    return is(p, "library") || is(p, "second") || is(p, "foreign") || is(p, "short") || p == &participants[0];
}

/* Unloads all in the given order while their memory stays live. Then a copy of the library frees that memory. */
static void depart(const int *order) {
    const struct brainmm_manager *manager;
    for (int i = 0; i < count; i++)
        for (int piece = 0; piece < PIECES; piece++) {
            void *memory = participants[i].pieces[piece] = participants[i].party->alloc(PIECE_SIZE(piece));
            CHECK(memory != NULL);
            pattern_fill(memory, PIECE_SIZE(piece), (uint64_t)(i * PIECES + piece));
        }
    for (int i = 0; i < count; i++) {
        struct participant *p = &participants[order[i]];
        if (!p->module)
            continue;
        module_unload(p->module);
        p->module = NULL;
        bool loaded = module_is_loaded(p->path);
        /* A linked module is not checked: if it came first, the library is the owner and not the module. */
        if (!is(p, "linked"))
            CHECK_MSG(loaded == (NOTHING_IS_UNLOADED || stays(p)) || (is(p, "client") && p == &participants[0]),
                      "%s is %s", p->token, loaded ? "still loaded" : "gone");
        check_pieces();
    }
    module again = module_load(path_beside(LIBRARY_FILE)); /* whoever owns the heap, this copy is on it */
    const struct brainmm_manager *(BRAINMM_CALL * get_manager)(void);
    module_symbol(again, "brainmm_get_manager", &get_manager);
    manager = get_manager();
    CHECK(manager->heap_id == heap);
    for (int i = 0; i < count; i++)
        for (int piece = 0; piece < PIECES; piece++) {
            void *memory = manager->realloc(participants[i].pieces[piece], PIECE_SIZE(piece) + 1000);
            CHECK(memory != NULL &&
                  pattern_holds(memory, PIECE_SIZE(piece) & ~(size_t)7, (uint64_t)(i * PIECES + piece)));
            CHECK(manager->free(memory) == BRAINMM_OK);
        }
    module_unload(again);
}

/* Makes ORDER the next permutation in lexicographic order. False after the last one. */
static bool next_order(int *order) {
    int i = count - 2, j = count - 1, swap;
    while (i >= 0 && order[i] > order[i + 1])
        i--;
    if (i < 0)
        return false;
    while (order[j] < order[i])
        j--;
    swap = order[i], order[i] = order[j], order[j] = swap;
    for (i++, j = count - 1; i < j; i++, j--)
        swap = order[i], order[i] = order[j], order[j] = swap;
    return true;
}

int main(int argc, char **argv) {
    int order[PARTIES], rounds = 0, stride = 1;
    CHECK(argc >= 2 && argc - 1 <= PARTIES);
    while (count < argc - 1) {
        struct participant *p = &participants[count];
        p->token = argv[++count];
        arrive(p);
        check_state(p, count == 1);
        check_one_heap();
    }
    if (has("library") && has("second"))
        CHECK(participants[0].module != participants[1].module);
    for (int i = 0; i < count; i++)
        order[i] = i;
    for (int i = 5; i <= count; i++)
        stride *= i; /* all 24 orders of up to 4 modules; of more modules as many, spread evenly */
    bool more;
    do {
        depart(order);
        rounds++;
        for (int i = 0; i < count; i++) /* loads them again: they join the heap that exists */
            arrive(&participants[i]);
        check_one_heap();
        for (int i = 0; (more = next_order(order)) && i < stride - 1; i++)
            continue;
    } while (more);
    if (has("foreign")) {
        foreign_report_function report;
        for (int i = 0; i < count; i++)
            if (is(&participants[i], "foreign")) {
                module_symbol(participants[i].module, "foreign_report", &report);
                CHECK_MSG(report()->live == 0, "%zu pieces leaked", report()->live);
            }
    }
    printf("one heap, %d orders of departure\n", rounds);
    return TEST_PASSED;
}
