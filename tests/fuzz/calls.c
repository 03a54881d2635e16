/* SPDX-License-Identifier: MIT */
/* calls.c: any sequence of calls does what a model says. Each byte of the input chooses a call, and those behind it its
 * arguments: pieces, blocks and pages of all modes, access rights, code, arrays, wrong pointers, walks. A few threads
 * take turns. They free each other's memory, end, and others take their place. The clock stands still unless the
 * input moves it, and the input may let calls of the system fail.
 *
 * After each input all is released. After each few of them the walk must find nothing, and the heap's structures must
 * agree.
 *
 * BRAINMM_OPTIONS decides what heap is tested.
 */
#define DENSE_MOST 1024u /* of contents, less is filled than in other tests: more calls are worth more */
#define SPARSE_STEP 16384u
#include "failing_system.h"
#include "fuzz/input.h"
#include "heap_clock.h"
#include "heap_model.h"
#include "heap_whole.h"
#include <semaphore.h>

enum { SLOTS = 48, CODES = 12, CODE_HEAPS = 2, STALE = 16, THREADS = 4, CHECK_EACH = 4 };
static const size_t live_most = 48 * MIB;

static struct slot slots[SLOTS];
static bool rights_changed[SLOTS]; /* contents may be out of reach */
static struct code {
    void *code;
    size_t size;
} codes[CODES];
static brainmm_jit_heap *code_heaps[CODE_HEAPS]; /* the code with an even number is of the first */
static void *stale[STALE];                       /* what was freed last */
static unsigned stale_count;
static struct input input;

static unsigned first_rights(const struct slot *s) {
    return BRAINMM_READ | BRAINMM_WRITE | (s->kind != SLOT_PIECE && s->mode == BRAINMM_JIT ? BRAINMM_EXECUTE : 0u);
}

static bool may_fail(void) { return faults.plan != FAULT_NONE; }

static size_t live_bytes(void) {
    size_t live = 0;
    for (unsigned i = 0; i < SLOTS; i++)
        live += slots[i].kind != SLOT_EMPTY ? slots[i].size : 0;
    return live;
}

static bool is_live(const void *address) {
    for (unsigned i = 0; i < SLOTS; i++)
        if (slots[i].kind != SLOT_EMPTY && slots[i].memory == address)
            return true;
    for (unsigned i = 0; i < CODES; i++)
        if (codes[i].code && codes[i].code == address)
            return true;
    return false;
}

/* Up to 512 KiB, each power of two as likely as the others; sometimes up to 8 MiB. */
static size_t take_size(void) {
    uint16_t value = take_u16(&input);
    size_t size = ((size_t)(value & 0xFFF) << (value >> 12)) >> 8;
    return value >> 8 == 0xFF && live_bytes() < live_most / 2 ? size * 16 : size;
}

/* ---- Slots ------------------------------------------------------------------------------------------------------ */

static void note_stale(void *address) { stale[stale_count++ % STALE] = address; }

static void release(unsigned number) {
    struct slot *s = &slots[number];
    if (s->kind == SLOT_EMPTY)
        return;
    if (!rights_changed[number])
        contents_check(s, s->memory, s->size);
    int result = s->kind == SLOT_PIECE   ? brainmm_free(s->memory)
                 : s->kind == SLOT_BLOCK ? brainmm_block_free(s->memory, s->mode)
                                         : brainmm_pages_free(s->memory, s->mode);
    if (result == BRAINMM_E_REFUSED && may_fail() &&
        s->kind == SLOT_BLOCK) /* it, or one in the same unit, has others */
        return;
    CHECK_MSG(result == BRAINMM_OK, "release of %p, kind %d, %zu bytes: %d", (void *)s->memory, (int)s->kind, s->size,
              result);
    note_stale(s->memory);
    s->kind = SLOT_EMPTY;
    s->memory = NULL;
    s->size = 0;
    rights_changed[number] = false;
}

/* MEMORY is the answer to a request of the slot. What was there is freed if the slot has moved. */
static void take(unsigned number, enum slot_kind kind, unsigned mode, void *memory, size_t size, size_t alignment,
                 bool keep) {
    struct slot *s = &slots[number];
    void *before = s->kind != SLOT_EMPTY ? s->memory : NULL;
    CHECK_MSG(memory || may_fail(), "no memory for %zu bytes, kind %d", size, (int)kind);
    if (!memory && rights_changed[number] && may_fail()) /* the system may not have given them back */
        return;
    rights_changed[number] = false;
    if (slot_take(s, kind, mode, memory, size, alignment, keep) == STEP_DONE && before && before != memory)
        note_stale(before);
}

static void allocate(unsigned number, unsigned how) {
    size_t size = take_size(), alignment = 16, pages = size / BRAINMM_PAGE_SIZE + 1;
    unsigned mode = take_byte(&input) % 3;
    unsigned char *zeroed;
    if (live_bytes() > live_most)
        return;
    release(number);
    if (slots[number].kind != SLOT_EMPTY)
        return;
    slots[number].seed = number + 1;
    switch (how) {
    case 0: take(number, SLOT_PIECE, 0, brainmm_alloc(size), size, 16, false); break;
    case 1:
        zeroed = size % 3 == 0 ? brainmm_alloc_zeroed_array(size / 3, 3) : brainmm_alloc_zeroed(size);
        CHECK(!zeroed || all_zero(zeroed, brainmm_usable_size(zeroed)));
        take(number, SLOT_PIECE, 0, zeroed, size, 16, false);
        break;
    case 2:
        alignment = (size_t)1 << take_byte(&input) % 21;
        take(number, SLOT_PIECE, 0, brainmm_alloc_aligned(alignment, size), size, alignment, false);
        break;
    case 3: take(number, SLOT_PIECE, 0, brainmm_alloc_array(size / 8, 8), size / 8 * 8, 16, false); break;
    case 4:
        take(number, SLOT_PAGES, mode, brainmm_pages_get(pages, mode), pages * BRAINMM_PAGE_SIZE, BRAINMM_PAGE_SIZE,
             false);
        break;
    default:
        for (alignment = 4 * KIB; alignment < size / 4; alignment *= 4)
            ;
        take(number, SLOT_BLOCK, mode, brainmm_block_get(alignment, mode), alignment, alignment, false);
    }
}

static void resize(unsigned number, bool keep) {
    struct slot *s = &slots[number];
    size_t size = take_size(), pages = size / BRAINMM_PAGE_SIZE + 1;
    void *resized;
    if (live_bytes() > live_most)
        size = pages = 1;
    if (s->kind == SLOT_PIECE) {
        if (size == 0) {
            void *before = s->memory;
            CHECK((keep ? brainmm_realloc(before, 0) : brainmm_reget(before, 0)) == NULL);
            CHECK(brainmm_usable_size(before) == 0);
            note_stale(before);
            s->kind = SLOT_EMPTY;
            rights_changed[number] = false;
            return;
        }
        resized = !keep           ? brainmm_reget(s->memory, size)
                  : size % 4 == 0 ? brainmm_realloc_array(s->memory, size / 4, 4)
                                  : brainmm_realloc(s->memory, size);
        take(number, SLOT_PIECE, 0, resized, size, s->alignment, keep);
    } else if (s->kind == SLOT_PAGES) {
        resized =
            keep ? brainmm_pages_realloc(s->memory, pages, s->mode) : brainmm_pages_reget(s->memory, pages, s->mode);
        take(number, SLOT_PAGES, s->mode, resized, pages * BRAINMM_PAGE_SIZE, s->alignment, keep);
    }
}

/* Writes anew. */
static void fill(unsigned number) {
    struct slot *s = &slots[number];
    uint8_t seed = take_byte(&input);
    if (s->kind == SLOT_EMPTY || rights_changed[number])
        return;
    contents_check(s, s->memory, s->size);
    s->seed = seed;
    contents_fill(s->memory, s->size, s->seed);
}

/* ---- Rights ----------------------------------------------------------------------------------------------------- */

static bool is_checked(void) {
    const char *options = getenv("BRAINMM_OPTIONS");
    return options && strstr(options, "checked");
}

static bool has_pages(const struct slot *s) {
    return s->kind == SLOT_PAGES || s->kind == SLOT_BLOCK ||
           (s->kind == SLOT_PIECE && s->size > BRAINMM_LOCK_FREE_MAX && is_aligned(s->memory, BRAINMM_PAGE_SIZE));
}

static void change_rights(unsigned number) {
    struct slot *s = &slots[number];
    size_t place = take_byte(&input), count = take_byte(&input);
    unsigned rights = take_byte(&input), now;
    if (s->kind == SLOT_EMPTY)
        return;
    size_t all = (s->size + BRAINMM_PAGE_SIZE - 1) / BRAINMM_PAGE_SIZE; /* checked mode has sizes as asked for */
    if (!has_pages(s)) { /* in checked mode it may have pages of its own nevertheless */
        CHECK(is_checked() || brainmm_pages_set_rights(s->memory, 1, BRAINMM_READ) != BRAINMM_OK);
        return;
    }
    place = rights & 8 ? 0 : place % all;
    count = rights & 8 ? all : count % (all - place) + 1;
    unsigned wanted = rights & 16 ? first_rights(s) : rights & 7;
    int result = brainmm_pages_set_rights(s->memory + place * BRAINMM_PAGE_SIZE, count, wanted);
    CHECK_MSG(result == BRAINMM_OK || (result == BRAINMM_E_REFUSED && may_fail()), "rights: %d", result);
    bool restored = count == all && wanted == first_rights(s) && result == BRAINMM_OK;
    rights_changed[number] = rights_changed[number] ? !restored : wanted != first_rights(s) || result != BRAINMM_OK;
    CHECK(brainmm_pages_set_rights(s->memory, all + 1, wanted) != BRAINMM_OK);
    CHECK(brainmm_pages_set_rights(s->memory, 1, 8) == BRAINMM_E_ARGUMENT);
    if ((rights & 0xE0) == 0 && result == BRAINMM_OK) {
        CHECK(brainmm_pages_get_rights(s->memory + place * BRAINMM_PAGE_SIZE, &now) == BRAINMM_OK);
        CHECK_MSG((now & wanted) == wanted && (now & wanted & 2) == (now & 2), "rights %u, wanted %u", now, wanted);
    }
}

/* ---- Code ------------------------------------------------------------------------------------------------------- */

static void code_check(const struct code *c) { CHECK(pattern_holds(c->code, c->size, c->size)); }

static void code_forget(unsigned heap) {
    for (unsigned i = heap; i < CODES; i += CODE_HEAPS)
        codes[i].code = NULL;
}

static void code_step(unsigned number, unsigned how) {
    struct code *c = &codes[number % CODES];
    brainmm_jit_heap **heap = &code_heaps[number % CODES % CODE_HEAPS];
    void *writable;
    if (!*heap) {
        int created = brainmm_jit_heap_create(number % CODES % CODE_HEAPS, heap);
        CHECK(created == BRAINMM_OK || may_fail());
        if (created != BRAINMM_OK)
            return;
    }
    if (how < 5) {
        if (c->code) {
            code_check(c);
            if (c->size > 16)
                CHECK(brainmm_jit_free(*heap, (char *)c->code + 16) == BRAINMM_E_POINTER);
            CHECK(brainmm_jit_free(*heap, c->code) == BRAINMM_OK);
            note_stale(c->code);
            c->code = NULL;
        }
        c->size = take_size() % (256 * KIB) + 1;
        c->code = brainmm_jit_alloc(*heap, c->size, &writable);
        CHECK(c->code || may_fail());
        if (c->code)
            pattern_fill(writable, c->size, c->size);
    } else if (how == 5) {
        CHECK(brainmm_jit_heap_clear(*heap) == BRAINMM_OK);
        code_forget(number % CODES % CODE_HEAPS);
    } else if (how == 6) {
        CHECK(brainmm_jit_heap_destroy(*heap) == BRAINMM_OK);
        CHECK(brainmm_jit_heap_destroy(*heap) == BRAINMM_E_POINTER);
        code_forget(number % CODES % CODE_HEAPS);
        *heap = NULL;
    } else if (c->code) {
        code_check(c);
    }
}

/* ---- What must be refused --------------------------------------------------------------------------------------- */

/* Nothing live begins at ADDRESS. */
static void refused_everywhere(void *address) {
    brainmm_options options;
    if (!address || is_live(address))
        return;
    CHECK(brainmm_get_options(address, &options) == 0);
    CHECK(brainmm_usable_size(address) == 0);
    CHECK(brainmm_free(address) != BRAINMM_OK);
    CHECK(brainmm_realloc(address, 100) == NULL && brainmm_reget(address, 100) == NULL);
    CHECK(brainmm_block_free(address, BRAINMM_USER) != BRAINMM_OK);
    CHECK(brainmm_pages_free(address, BRAINMM_USER) != BRAINMM_OK);
    CHECK(brainmm_pages_realloc(address, 2, BRAINMM_USER) == NULL);
    for (unsigned i = 0; i < CODE_HEAPS; i++)
        CHECK(!code_heaps[i] || brainmm_jit_free(code_heaps[i], address) != BRAINMM_OK);
}

static void wrong_pointer(unsigned number) {
    static char foreign[64];
    char on_stack[64];
    unsigned how = take_byte(&input);
    int16_t distance = (int16_t)take_u16(&input);
    switch (how % 4) {
    case 0: refused_everywhere(stale[how / 4 % STALE]); break;
    case 1:
        if (slots[number].memory && slots[number].kind != SLOT_EMPTY)
            refused_everywhere((void *)((uintptr_t)slots[number].memory + (uintptr_t)(intptr_t)distance));
        break;
    case 2: refused_everywhere((void *)(uintptr_t)take_u64(&input)); break;
    default: refused_everywhere(how & 4 ? foreign : on_stack); break;
    }
}

/* The pointer is right, the function or the mode is not. */
static void wrong_kind(const struct slot *s) {
    if (s->kind == SLOT_EMPTY)
        return;
    unsigned other = (s->mode + 1) % 3;
    if (s->kind != SLOT_PIECE) {
        CHECK(brainmm_free(s->memory) != BRAINMM_OK && brainmm_usable_size(s->memory) == 0);
        CHECK(brainmm_realloc(s->memory, 50) == NULL && brainmm_reget(s->memory, 50) == NULL);
    }
    if (s->kind != SLOT_BLOCK)
        CHECK(brainmm_block_free(s->memory, s->mode) != BRAINMM_OK);
    if (s->kind != SLOT_PAGES) {
        CHECK(brainmm_pages_free(s->memory, s->mode) != BRAINMM_OK);
        CHECK(brainmm_pages_reget(s->memory, 2, s->mode) == NULL);
    }
    CHECK(brainmm_block_free(s->memory, other) != BRAINMM_OK && brainmm_pages_free(s->memory, other) != BRAINMM_OK);
    CHECK(brainmm_block_free(s->memory, 3) == BRAINMM_E_ARGUMENT);
    if (code_heaps[0])
        CHECK(brainmm_jit_free(code_heaps[0], s->memory) == BRAINMM_E_POINTER);
}

static void impossible(struct slot *s) {
    size_t much = (size_t)PTRDIFF_MAX + 1 + take_u16(&input), less = (size_t)PTRDIFF_MAX - take_u16(&input);
    CHECK(!brainmm_alloc(much) && !brainmm_alloc_zeroed(much) && !brainmm_alloc_aligned(64, much));
    CHECK(!brainmm_alloc(less) && !brainmm_pages_get(less / BRAINMM_PAGE_SIZE, BRAINMM_USER));
    CHECK(!brainmm_alloc_array(less, 3) && !brainmm_alloc_zeroed_array(3, less));
    CHECK(!brainmm_alloc_aligned(take_byte(&input) | 3u, 16) && !brainmm_alloc_aligned(0, 16));
    CHECK(!brainmm_pages_get(0, BRAINMM_USER) && !brainmm_pages_get(1, 3) && !brainmm_block_get(8 * KIB, 0));
    CHECK(!brainmm_block_get(4 * KIB, 3) && !brainmm_block_get(0, 0));
    if (s->kind == SLOT_PIECE) {
        CHECK(!brainmm_realloc(s->memory, much) && !brainmm_reget(s->memory, less));
        CHECK(!brainmm_realloc_array(s->memory, less, 2));
    } else if (s->kind == SLOT_PAGES) {
        CHECK(!brainmm_pages_realloc(s->memory, less, s->mode));
    }
}

/* ---- What the heap tells ---------------------------------------------------------------------------------------- */

static struct {
    size_t count;
    uint64_t bytes;
    const void *last;
} found;

static int BRAINMM_CALL visit(void *context, const brainmm_allocation *allocation) {
    (void)context;
    CHECK((uintptr_t)allocation->address > (uintptr_t)found.last);
    found.last = allocation->address;
    found.count++;
    found.bytes += allocation->size;
    for (unsigned i = 0; i < SLOTS; i++) {
        const struct slot *s = &slots[i];
        if (s->kind == SLOT_EMPTY || s->memory != allocation->address)
            continue;
        CHECK(allocation->size == s->size && allocation->mode == (s->kind == SLOT_PIECE ? 0 : s->mode));
        CHECK(s->kind != SLOT_PIECE || (allocation->kind <= BRAINMM_LARGE && allocation->alignment >= s->alignment));
        return 0;
    }
    for (unsigned i = 0; i < CODES; i++)
        if (codes[i].code == allocation->address) {
            CHECK(allocation->kind == BRAINMM_JIT_MEMORY && allocation->size >= codes[i].size);
            return 0;
        }
    CHECK_MSG(false, "the walk finds %p, %zu bytes, kind %u", allocation->address, allocation->size, allocation->kind);
    return 1;
}

static int BRAINMM_CALL dump_write(void *left, const char *text, size_t length) {
    (void)text;
    size_t *rest = left;
    *rest = length < *rest ? *rest - length : 0;
    return *rest == 0;
}

static void look(void) {
    size_t live = 0, dumped = take_u16(&input);
    brainmm_stats stats = {.struct_size = sizeof stats};
    for (unsigned i = 0; i < SLOTS; i++)
        live += slots[i].kind != SLOT_EMPTY;
    for (unsigned i = 0; i < CODES; i++)
        live += codes[i].code != NULL;
    memset(&found, 0, sizeof found);
    int walked = brainmm_walk(visit, NULL), counted = brainmm_get_stats(&stats, NULL, 0);
    CHECK((walked == BRAINMM_OK && counted == BRAINMM_OK) || may_fail());
    CHECK_MSG(walked != BRAINMM_OK || found.count == live, "the walk finds %zu, %zu are live", found.count, live);
    if (walked == BRAINMM_OK && counted == BRAINMM_OK)
        CHECK(stats.live_count == live && stats.live_bytes == found.bytes);
    if (dumped)
        brainmm_dump(dump_write, &dumped,
                     BRAINMM_DUMP_STATS | BRAINMM_DUMP_ALLOCATIONS | BRAINMM_DUMP_MAP | BRAINMM_DUMP_HOLDERS);
}

static void question(unsigned number) {
    struct slot *s = &slots[number];
    random_source random = {take_byte(&input)};
    brainmm_options options;
    if (s->kind == SLOT_EMPTY)
        return;
    slot_question(s, &random);
    CHECK(brainmm_get_options(s->memory, &options) == 1);
    CHECK(rights_changed[number] || options.rights == (s->size ? first_rights(s) : 0u));
    if (!rights_changed[number])
        contents_check(s, s->memory, s->size);
}

static void let_calls_fail(void) {
    unsigned how = take_byte(&input);
    if (how < 64)
        faults_begin(FAULT_ONCE, how + 1, 0);
    else if (how < 96)
        faults_begin(FAULT_FROM, how - 63, 0);
    else if (how < 128)
        faults_begin(FAULT_ONE_IN, how - 95, how);
    else
        faults_end();
}

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

/* Thread 0 is the fuzzer's own. One of them runs at a time. It goes on with the input until that names another. */
static struct worker {
    pthread_t handle;
    sem_t turn;
    bool runs, ends;
} workers[THREADS];
static sem_t done;
static unsigned current;

static void one_call(uint8_t call) {
    unsigned number = take_byte(&input), how = call / 12 % 8;
    struct slot *s = &slots[number % SLOTS];
    switch (call % 12) {
    case 0:
    case 1: allocate(number % SLOTS, how); break;
    case 2: release(number % SLOTS); break;
    case 3: resize(number % SLOTS, how < 6); break;
    case 4: code_step(number, how); break;
    case 5: change_rights(number % SLOTS); break;
    case 6: wrong_pointer(number % SLOTS); break;
    case 7: how < 4 ? wrong_kind(s) : impossible(s); break;
    case 8: how < 4 ? question(number % SLOTS) : fill(number % SLOTS); break;
    case 9: heap_clock_add(number * 4); break;
    case 10: how < 2 ? let_calls_fail() : how < 5 ? look() : (void)brainmm_thread_heap_minimize(); break;
    default: how < 1 ? brainmm_thread_done() : release(number % SLOTS); break;
    }
}

/* Goes on until the input ends or it is another thread's turn. */
static void take_turn(void) {
    unsigned self = current;
    while (!input_ends(&input) && current == self) {
        uint8_t call = take_byte(&input);
        if (call < 240) {
            one_call(call);
            continue;
        }
        current = call % THREADS;
        if (call >= 252 && current != self)
            workers[current].ends = true; /* before its turn, and another begins */
    }
}

static void *worker_runs(void *argument) {
    struct worker *worker = argument;
    for (;;) {
        sem_wait(&worker->turn);
        if (worker->ends)
            return NULL;
        take_turn();
        sem_post(&done);
    }
}

static void worker_end(struct worker *worker) {
    if (worker->runs) {
        worker->ends = true;
        sem_post(&worker->turn);
        CHECK(pthread_join(worker->handle, NULL) == 0);
    }
    worker->runs = worker->ends = false;
}

static void give_turn(struct worker *worker) {
    if (worker == workers) {
        worker->ends = false;
        take_turn();
        return;
    }
    if (worker->ends)
        worker_end(worker);
    if (!worker->runs) {
        CHECK(sem_init(&worker->turn, 0, 0) == 0 && pthread_create(&worker->handle, NULL, worker_runs, worker) == 0);
        worker->runs = true;
    }
    sem_post(&worker->turn);
    while (sem_wait(&done) != 0)
        ;
}

/* ---- One input -------------------------------------------------------------------------------------------------- */

static void release_all(void) {
    faults_end();
    for (unsigned i = 0; i < SLOTS; i++)
        release(i);
    for (unsigned i = 0; i < CODES; i++)
        if (codes[i].code)
            code_check(&codes[i]);
    for (unsigned i = 0; i < CODE_HEAPS; i++) {
        CHECK(brainmm_jit_heap_destroy(code_heaps[i]) == BRAINMM_OK);
        code_heaps[i] = NULL;
        code_forget(i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static unsigned inputs;
    if (inputs++ == 0)
        CHECK(sem_init(&done, 0, 0) == 0);
    input = (struct input){data, data + size};
    current = 0;
    while (!input_ends(&input))
        give_turn(&workers[current]);
    release_all();
    for (unsigned i = 1; i < THREADS; i++)
        worker_end(&workers[i]);
    memset(stale, 0, sizeof stale);
    stale_count = 0;
    if (inputs % CHECK_EACH == 0) {
        look();
        brainmm_thread_heap_minimize();
        heap_is_whole("an input");
    }
    return 0;
}
