/* SPDX-License-Identifier: MIT */
/* jit_heap.c: memory for machine code, in both kinds of JIT heap. Code that was written there runs in several threads
 * while other threads write. Small pieces share pages. Wrong pointers are refused. Memory that was executable is no
 * longer executable when the ordinary heap hands it out. */
#include "brainmm.h"
#include "machine_code.h"

enum { PAGE = 4096, PIECES = 400, RIGHTS_DATA = BRAINMM_READ | BRAINMM_WRITE };

static brainmm_jit_heap *heap_make(unsigned kind) {
    brainmm_jit_heap *heap = NULL;
    CHECK(brainmm_jit_heap_create(kind, &heap) == BRAINMM_OK && heap != NULL);
    return heap;
}

static void *code_make(brainmm_jit_heap *heap, size_t size, uint32_t number) {
    void *writable = NULL, *code = brainmm_jit_alloc(heap, size, &writable);
    CHECK(code != NULL && writable != NULL && is_aligned(code, 16) && is_aligned(writable, 16));
    memset(writable, 0xCC, size);
    code_write((char *)writable + (size - CODE_SIZE) / 16 * 16, number);
    brainmm_jit_flush(code, size);
    return code;
}

static uint32_t code_call(const void *code, size_t size) {
    return code_run((const char *)code + (size - CODE_SIZE) / 16 * 16);
}

/* Pieces of all sizes are allocated and freed. The function in each must always return its own number. */
static void check_code(unsigned kind) {
    static struct {
        void *code;
        size_t size;
        uint32_t number;
    } pieces[PIECES];
    brainmm_jit_heap *heap = heap_make(kind);
    random_source random = {kind + 1};
    for (uint32_t i = 0; i < 6000; i++) {
        size_t at = random_below(&random, PIECES);
        if (pieces[at].code) {
            CHECK(code_call(pieces[at].code, pieces[at].size) == pieces[at].number);
            CHECK(brainmm_jit_free(heap, pieces[at].code) == BRAINMM_OK);
        }
        size_t most = random_below(&random, 50) == 0 ? 300 * KIB : random_below(&random, 5) == 0 ? 20 * KIB : 1024;
        pieces[at].size = CODE_SIZE + random_below(&random, most);
        pieces[at].number = (uint32_t)random_next(&random);
        pieces[at].code = code_make(heap, pieces[at].size, pieces[at].number);
    }
    for (size_t i = 0; i < PIECES; i++)
        if (pieces[i].code)
            CHECK(code_call(pieces[i].code, pieces[i].size) == pieces[i].number);
    memset(pieces, 0, sizeof pieces);
    CHECK(brainmm_jit_heap_destroy(heap) == BRAINMM_OK);
}

static void check_rights(unsigned kind) {
    brainmm_jit_heap *heap = heap_make(kind);
    void *writable, *code = brainmm_jit_alloc(heap, 3 * PAGE, &writable);
    unsigned at_code = 0, at_data = 0;
    void *code_page = (void *)((uintptr_t)code & ~(uintptr_t)(PAGE - 1));
    void *data_page = (void *)((uintptr_t)writable & ~(uintptr_t)(PAGE - 1));
    CHECK(brainmm_pages_get_rights(code_page, &at_code) == BRAINMM_OK);
    CHECK(brainmm_pages_get_rights(data_page, &at_data) == BRAINMM_OK);
    if (kind == BRAINMM_JIT_TWO_VIEWS) {
        CHECK(code != writable && at_code == (BRAINMM_READ | BRAINMM_EXECUTE) && at_data == RIGHTS_DATA);
    } else {
        CHECK(code == writable && at_code == (RIGHTS_DATA | BRAINMM_EXECUTE));
    }
    CHECK(brainmm_jit_alloc(heap, 16, NULL) != NULL);
    CHECK(brainmm_jit_heap_destroy(heap) == BRAINMM_OK);
}

/* A size that no code can have is refused before the system is asked: no memory is used up, and the system's
 * killer of large processes has nothing to look for. */
static void check_absurd_sizes(unsigned kind) {
    static const uint64_t sizes[] = {UINT64_C(16) << 30, UINT64_C(2) << 40, PTRDIFF_MAX / 2, PTRDIFF_MAX - 4 * MIB};
    brainmm_jit_heap *heap = heap_make(kind);
    char nothing, *writable = &nothing;
    size_t before = resident_bytes();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i] <= PTRDIFF_MAX && sizes[i] > (UINT64_C(1) << 31))
            for (unsigned k = 0; k < 1000; k++)
                CHECK(brainmm_jit_alloc(heap, (size_t)sizes[i], (void **)&writable) == NULL && writable == &nothing);
    CHECK_MSG(UNDER_SANITIZER || resident_growth(before) < 4 * MIB, "%zu KiB more", resident_growth(before) / KIB);
    code_make(heap, 100, 1);
    CHECK(brainmm_jit_heap_destroy(heap) == BRAINMM_OK);
}

/* A piece costs its size rounded up to 16, and nothing more; in checked mode 16 bytes more. */
static void check_density(unsigned kind) {
    brainmm_jit_heap *heap = heap_make(kind);
    size_t more = brainmm_check() == BRAINMM_E_UNSUPPORTED ? 0 : 16;
    for (size_t size = 16; size <= 1024; size += 48) {
        uintptr_t least = UINTPTR_MAX, most = 0;
        for (size_t i = 0; i < 60 * KIB / (size + more); i++) {
            uintptr_t code = (uintptr_t)brainmm_jit_alloc(heap, size - i % 16, NULL);
            CHECK(code != 0);
            least = code < least ? code : least;
            most = code > most ? code : most;
        }
        CHECK_MSG(most + size - least <= 64 * KIB, "pieces of %zu bytes take %zu", size, (size_t)(most - least));
        CHECK(brainmm_jit_heap_clear(heap) == BRAINMM_OK);
    }
    CHECK(brainmm_jit_heap_destroy(heap) == BRAINMM_OK);
}

static void thread_frees_heap(void *heap) { CHECK(brainmm_free(heap) != BRAINMM_OK); }

static void check_refusals(unsigned kind) {
    int freed_twice = brainmm_check() == BRAINMM_E_UNSUPPORTED ? BRAINMM_E_POINTER : BRAINMM_E_DOUBLE_FREE;
    thread t;
    brainmm_jit_heap *heap = heap_make(kind), *other = heap_make(kind), *unset = NULL;
    char on_stack[256] = {0};
    void *piece = brainmm_alloc(1000), *writable = on_stack;
    char *code = code_make(heap, 100, 1), *neighbour = code_make(heap, 100, 2);
    memset(piece, 0, 1000);
    CHECK(brainmm_jit_heap_create(7, &unset) == BRAINMM_E_ARGUMENT && unset == NULL);
    CHECK(brainmm_jit_heap_create(kind, NULL) == BRAINMM_E_ARGUMENT);
    CHECK(brainmm_jit_alloc(heap, 0, &writable) == NULL && brainmm_jit_alloc(heap, SIZE_MAX, &writable) == NULL);
    CHECK(brainmm_jit_alloc(heap, PTRDIFF_MAX, &writable) == NULL && writable == on_stack);
    CHECK(brainmm_jit_free(heap, NULL) == BRAINMM_OK);
    CHECK(brainmm_jit_free(heap, code + 16) == BRAINMM_E_POINTER &&
          brainmm_jit_free(heap, code + 1) == BRAINMM_E_POINTER);
    CHECK(brainmm_jit_free(heap, piece) == BRAINMM_E_POINTER && brainmm_jit_free(heap, on_stack) == BRAINMM_E_POINTER);
    CHECK(brainmm_jit_free(other, code) == BRAINMM_E_POINTER && brainmm_free(code) != BRAINMM_OK);
    CHECK(brainmm_jit_free(heap, code) == BRAINMM_OK && brainmm_jit_free(heap, code) == freed_twice);
    CHECK(brainmm_free(heap) != BRAINMM_OK && brainmm_realloc(heap, 5000) == NULL && brainmm_usable_size(heap) == 0);
    CHECK(brainmm_get_options(heap, NULL) == 0);
    thread_start(&t, thread_frees_heap, heap);
    thread_join(&t);
    CHECK(code_call(neighbour, 100) == 2);

    brainmm_jit_heap *const no_heaps[] = {NULL,         (void *)on_stack,   piece, (void *)(uintptr_t)64,
                                          (void *)code, (void *)UINTPTR_MAX};
    for (size_t i = 0; i < sizeof no_heaps / sizeof *no_heaps; i++) {
        CHECK(brainmm_jit_alloc(no_heaps[i], 16, NULL) == NULL);
        CHECK(brainmm_jit_free(no_heaps[i], neighbour) == BRAINMM_E_POINTER);
        CHECK(brainmm_jit_heap_clear(no_heaps[i]) == BRAINMM_E_POINTER);
        CHECK(brainmm_jit_heap_destroy(no_heaps[i]) == (i == 0 ? BRAINMM_OK : BRAINMM_E_POINTER));
    }
    CHECK(brainmm_jit_heap_clear(heap) == BRAINMM_OK && brainmm_jit_free(heap, neighbour) == BRAINMM_E_POINTER);
    CHECK(code_call(code_make(heap, 50, 3), 50) == 3); /* the heap can be used after a clear */
    CHECK(brainmm_jit_heap_destroy(heap) == BRAINMM_OK && brainmm_jit_heap_destroy(heap) == BRAINMM_E_POINTER);
    CHECK(brainmm_jit_heap_destroy(other) == BRAINMM_OK && brainmm_free(piece) == BRAINMM_OK);
}

/* Memory that was executable must not be executable when the heap hands it out as a piece. */
static void check_reuse(unsigned kind) {
    for (unsigned round = 0; round < 3; round++) {
        brainmm_jit_heap *heap = heap_make(kind);
        void *codes[40];
        for (unsigned i = 0; i < 40; i++)
            codes[i] = code_make(heap, 60 * KIB, i);
        for (unsigned i = 0; i < 40; i++) {
            CHECK(code_call(codes[i], 60 * KIB) == i);
            if (round == 0)
                CHECK(brainmm_jit_free(heap, codes[i]) == BRAINMM_OK);
        }
        CHECK((round == 1 ? brainmm_jit_heap_clear(heap) : brainmm_jit_heap_destroy(heap)) == BRAINMM_OK);
        char *ordinary = brainmm_alloc(6 * MIB);
        for (size_t at = 0; at < 6 * MIB; at += 64 * KIB)
            CHECK(!is_executable(ordinary + at));
        memset(ordinary, 1, 6 * MIB);
        CHECK(brainmm_free(ordinary) == BRAINMM_OK);
        if (round == 1)
            CHECK(brainmm_jit_heap_destroy(heap) == BRAINMM_OK);
    }
}

/* Threads write functions, put them on a shared shelf, and run and free those of other threads. */
enum { THREADS = 4, SHELF = 64 };
static struct {
    brainmm_jit_heap *heap;
    void *_Atomic shelf[SHELF]; /* code; its number is the last four bytes of its address */
} shared;

static void write_and_run(void *seed) {
    random_source random = {(uint64_t)(uintptr_t)seed};
    for (unsigned i = 0; i < 4000; i++) {
        size_t size = CODE_SIZE + random_below(&random, 200);
        void *writable, *code = brainmm_jit_alloc(shared.heap, size, &writable);
        CHECK(code != NULL);
        code_write(writable, (uint32_t)(uintptr_t)code);
        brainmm_jit_flush(code, size);
        void *old = __atomic_exchange_n((void **)&shared.shelf[random_below(&random, SHELF)], code, __ATOMIC_ACQ_REL);
        if (old) {
            CHECK(code_run(old) == (uint32_t)(uintptr_t)old);
            CHECK(brainmm_jit_free(shared.heap, old) == BRAINMM_OK);
        }
    }
}

static void check_threads(unsigned kind) {
    thread threads[THREADS];
    shared.heap = heap_make(kind);
    for (uintptr_t i = 0; i < THREADS; i++)
        thread_start(&threads[i], write_and_run, (void *)(i + 1));
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    for (unsigned i = 0; i < SHELF; i++) {
        if (shared.shelf[i])
            CHECK(code_run(shared.shelf[i]) == (uint32_t)(uintptr_t)shared.shelf[i]);
        shared.shelf[i] = NULL;
    }
    CHECK(brainmm_jit_heap_destroy(shared.heap) == BRAINMM_OK);
}

int main(void) {
    for (unsigned kind = BRAINMM_JIT_WRITABLE; kind <= BRAINMM_JIT_TWO_VIEWS; kind++) {
        check_rights(kind);
        check_code(kind);
        check_absurd_sizes(kind);
        check_density(kind);
        check_refusals(kind);
        check_reuse(kind);
        check_threads(kind);
    }
    return TEST_PASSED;
}
