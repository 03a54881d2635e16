/* SPDX-License-Identifier: MIT */
/* large_addresses.c: in a 32-bit program for Windows that is linked for large addresses, all kinds of allocations lie
 * above 2 GiB when there is no room below, and work there. A comparison or difference with a sign would show. */
#include "brainmm.h"
#include "heap_support.h"

#include <windows.h>

enum { KEPT_MOST = 200000, GRANULE = 1 << 16 };

#define HALF ((uintptr_t)1 << 31)

static void *kept[KEPT_MOST];
static brainmm_jit_heap *jit;

/* Reserves all addresses below 2 GiB that nobody has. */
static void fill_low(void) {
    MEMORY_BASIC_INFORMATION range;
    for (uintptr_t address = GRANULE; address < HALF; address += range.RegionSize) {
        CHECK(VirtualQuery((void *)address, &range, sizeof range) != 0);
        uintptr_t start = (uintptr_t)range.BaseAddress;
        uintptr_t first = (start + GRANULE - 1) & ~(uintptr_t)(GRANULE - 1), end = start + range.RegionSize;
        range.RegionSize = end - address;
        end = end < HALF ? end & ~(uintptr_t)(GRANULE - 1) : HALF;
        if (range.State == MEM_FREE && first < end)
            CHECK(VirtualAlloc((void *)first, end - first, MEM_RESERVE, PAGE_NOACCESS) == (void *)first);
    }
}

static void *get_code(size_t size) { return brainmm_jit_alloc(jit, size, NULL); }
static int free_code(void *code) { return brainmm_jit_free(jit, code); }
static void *get_pages(size_t size) { return brainmm_pages_get(size / BRAINMM_PAGE_SIZE, BRAINMM_USER); }
static int free_pages(void *pages) { return brainmm_pages_free(pages, BRAINMM_USER); }
static void *resize_pages(void *pages, size_t size) {
    return brainmm_pages_realloc(pages, size / BRAINMM_PAGE_SIZE, BRAINMM_USER);
}
static void *get_block(size_t size) { return brainmm_block_get(size, BRAINMM_USER); }
static int free_block(void *block) { return brainmm_block_free(block, BRAINMM_USER); }

static const struct kind {
    const char *name;
    size_t size;
    void *(*get)(size_t size);
    void *(*resize)(void *memory, size_t size);
    int (*give)(void *memory);
} kinds[] = {
    {"a small piece", 40, brainmm_alloc, brainmm_realloc, brainmm_free},
    {"a medium piece", 20000, brainmm_alloc, brainmm_realloc, brainmm_free},
    {"a big piece", 100000, brainmm_alloc, brainmm_realloc, brainmm_free},
    {"a large piece", 3 << 20, brainmm_alloc, brainmm_realloc, brainmm_free},
    {"pages", 40960, get_pages, resize_pages, free_pages},
    {"a block", 1 << 18, get_block, NULL, free_block},
    {"code", 100, get_code, NULL, free_code},
};

struct search {
    const void *wanted, *last;
    bool found;
};

static int visit(void *context, const brainmm_allocation *allocation) {
    struct search *search = context;
    CHECK((uintptr_t)allocation->address > (uintptr_t)search->last); /* in ascending order */
    search->last = allocation->address;
    search->found |= allocation->address == search->wanted;
    return 0;
}

static void use(const struct kind *kind, unsigned char *memory) {
    struct search search = {memory, NULL, false};
    memset(memory, 0x5A, kind->size);
    CHECK(brainmm_walk(visit, &search) == BRAINMM_OK && search.found);
    CHECK(brainmm_contains(memory) && brainmm_get_options(memory, NULL));
    CHECK(!brainmm_get_options(memory + 16, NULL) && kind->give(memory + 16) != BRAINMM_OK);
    if (kind->resize) {
        memory = kind->resize(memory, 2 * kind->size);
        CHECK(memory != NULL);
    }
    for (size_t i = 0; i < kind->size; i++)
        CHECK(memory[i] == 0x5A);
    CHECK(kind->give(memory) == BRAINMM_OK && kind->give(memory) != BRAINMM_OK);
}

int main(void) {
    SYSTEM_INFO system;
    const char *image = (const char *)GetModuleHandleW(NULL);
    const IMAGE_NT_HEADERS *headers = (const void *)(image + ((const IMAGE_DOS_HEADER *)image)->e_lfanew);
    CHECK(headers->FileHeader.Characteristics & IMAGE_FILE_LARGE_ADDRESS_AWARE);
    GetSystemInfo(&system);
    if ((uintptr_t)system.lpMaximumApplicationAddress <= HALF)
        test_skip("this system gives a 32-bit program no more than 2 GiB of addresses");
    CHECK(brainmm_jit_heap_create(BRAINMM_JIT_WRITABLE, &jit) == BRAINMM_OK);
    fill_low();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct kind *kind = &kinds[i];
        unsigned count = 0;
        unsigned char *memory = kind->get(kind->size);
        while (memory && (uintptr_t)memory < HALF && count < KEPT_MOST) {
            kept[count++] = memory;
            memory = kind->get(kind->size);
        }
        CHECK_MSG((uintptr_t)memory >= HALF, "%s: %p, after %u", kind->name, (void *)memory, count);
        use(kind, memory);
        printf("%s at %p, after %u below 2 GiB\n", kind->name, (void *)memory, count);
        while (count > 0)
            CHECK(kind->give(kept[--count]) == BRAINMM_OK);
    }
    CHECK(brainmm_jit_heap_destroy(jit) == BRAINMM_OK);
    return TEST_PASSED;
}
