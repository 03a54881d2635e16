/* SPDX-License-Identifier: MIT */
/* hopeless_requests.c: a request that can only fail costs a few calls of the system, and changes nothing for others.
 * Overcommit decides about a large request: what the system refuses at once is not promised. A large piece that was
 * freed is not in the way of later requests.
 *
 * White box: linked with the static core and the linker's --wrap for functions of os.h (tests.mk).
 */
#include "heap_whole.h"

#include "brainmm.h"
#include "memory/region.h"
#include "os.h"
#if !defined(_WIN32)
#include <sys/sysinfo.h>
#endif

enum { CALLS_MOST = 16 };
#define GIB ((uint64_t)1 << 30)

/* ---- Calls of the system are counted ---------------------------------------------------------------------------- */

static unsigned calls;

enum os_reserved __real_os_reserve_at(void *address, size_t size);
void *__real_os_reserve(size_t size, size_t alignment);
bool __real_os_release(void *address, size_t size);
bool __real_os_commit(void *address, size_t size);
bool __real_os_decommit(void *address, size_t size);
bool __real_os_has_room(size_t size);
enum os_reserved __wrap_os_reserve_at(void *address, size_t size);
void *__wrap_os_reserve(size_t size, size_t alignment);
bool __wrap_os_release(void *address, size_t size);
bool __wrap_os_commit(void *address, size_t size);
bool __wrap_os_decommit(void *address, size_t size);
bool __wrap_os_has_room(size_t size);

enum os_reserved __wrap_os_reserve_at(void *address, size_t size) {
    calls++;
    return __real_os_reserve_at(address, size);
}

void *__wrap_os_reserve(size_t size, size_t alignment) {
    calls++;
    return __real_os_reserve(size, alignment);
}

bool __wrap_os_release(void *address, size_t size) {
    calls++;
    return __real_os_release(address, size);
}

bool __wrap_os_commit(void *address, size_t size) {
    calls++;
    return __real_os_commit(address, size);
}

bool __wrap_os_decommit(void *address, size_t size) {
    calls++;
    return __real_os_decommit(address, size);
}

bool __wrap_os_has_room(size_t size) {
    calls++;
    return __real_os_has_room(size);
}

/* ---- Requests --------------------------------------------------------------------------------------------------- */

static void fails_cheaply(uint64_t size, const char *when) {
    if (size > SIZE_MAX)
        return;
    for (unsigned round = 0; round < 3; round++) {
        calls = 0;
        void *piece = brainmm_alloc((size_t)size);
        CHECK_MSG(piece == NULL, "%s: %" PRIu64 " bytes at %p", when, size, piece);
        /* 32 bit: to give memory back could have helped the first time */
        bool may_reclaim = sizeof piece == 4 && round == 0 && size < SIZE_MAX / 2;
        CHECK_MSG(calls <= CALLS_MOST || may_reclaim, "%s: %" PRIu64 " bytes took %u calls of the system", when, size,
                  calls);
    }
}

/* On 32 bit the process may have room for one of the last kind, but not for two. */
static void all_fail_cheaply(const char *when) {
    static const uint64_t sizes[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 4 * 3, 1024 * GIB, 1000 * GIB};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        fails_cheaply(sizes[i], when);
    void *half = brainmm_alloc(SIZE_MAX / 2 - 100000);
    CHECK(half == NULL || sizeof half == 4);
    fails_cheaply(SIZE_MAX / 2 - 100000, when);
    CHECK(brainmm_free(half) == BRAINMM_OK);
}

/* What lies idle is still there after a request that no memory could have served. */
static void nothing_is_given_back(void) {
    void *piece = brainmm_alloc(3 * MIB);
    CHECK(piece != NULL && brainmm_free(piece) == BRAINMM_OK);
    size_t committed = bits_count(space.committed, 0, units_known());
    CHECK(committed >= 3 * MIB / UNIT_SIZE);
    CHECK(brainmm_alloc(SIZE_MAX / 2 - 10) == NULL && brainmm_alloc(SIZE_MAX / 4 * 3) == NULL);
    CHECK(sizeof piece == 4 || brainmm_alloc((size_t)(1000 * GIB)) == NULL);
    CHECK(bits_count(space.committed, 0, units_known()) >= committed);
}

#if !defined(_WIN32)
/* More than there is memory of every kind, unless the administrator wants all promised. */
static void overcommit_decides(void) {
    struct sysinfo machine;
    unsigned mode = 1;
    FILE *file = fopen("/proc/sys/vm/overcommit_memory", "r");
    CHECK(sysinfo(&machine) == 0 && file != NULL && fscanf(file, "%u", &mode) == 1);
    fclose(file);
    uint64_t beyond = (machine.totalram + machine.totalswap) * (uint64_t)machine.mem_unit + GIB;
    if (mode == 1 || beyond > 800 * GIB || sizeof(void *) == 4)
        return;
    fails_cheaply(beyond, "beyond what there is");
}

/* 64 bit: whoever looks for free units would have to pass a large free region. */
static void large_is_released(void) {
#if !WINDOW_IS_EVERYTHING
    size_t before = space.owned_units;
    void *piece = brainmm_alloc((size_t)(9 * GIB));
    if (!piece)
        return;
    CHECK(space.owned_units >= before + 9 * GIB / UNIT_SIZE - (GIB / UNIT_SIZE));
    CHECK(brainmm_free(piece) == BRAINMM_OK);
    CHECK_MSG(space.owned_units <= before + 4 * GIB / UNIT_SIZE, "%zu units, before %zu", space.owned_units, before);
    heap_is_whole("the release of a large region");
    for (unsigned i = 0; i < 1000; i++) { /* the addresses are used again */
        CHECK((piece = brainmm_alloc((size_t)(9 * GIB))) != NULL && brainmm_free(piece) == BRAINMM_OK);
        CHECK(units_known() < 64 * GIB / UNIT_SIZE);
    }
#endif
}

/* All mappings that the process may have are in use. */
static void mappings_are_used_up(void) {
    enum { MAPPINGS_MOST = 200000 };
    size_t page = os_facts.page, count = 0;
    void *kept = brainmm_alloc(100 * MIB); /* from 64 MiB on the heap looks for a limit */
    CHECK(kept != NULL);
    char *mapped = mmap(NULL, MAPPINGS_MOST * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(mapped != MAP_FAILED);
    while (count < MAPPINGS_MOST && mprotect(mapped + count * page, page, PROT_READ) == 0)
        count += 2;
    void *last = NULL;
    unsigned pieces = 0;
    for (void **piece; pieces < 2000 && (piece = brainmm_alloc(3 * MIB)) != NULL; pieces++) {
        *piece = last;
        last = piece;
    }
    if (count < MAPPINGS_MOST && pieces < 2000)
        fails_cheaply(3 * MIB, "without mappings");
    CHECK(!region_is_limited()); /* it is no limit of addresses */
    CHECK(munmap(mapped, MAPPINGS_MOST * page) == 0);
    CHECK(brainmm_free(kept) == BRAINMM_OK);
    while (last) {
        void *next = *(void **)last;
        CHECK(brainmm_free(last) == BRAINMM_OK);
        last = next;
    }
}
#endif

/* On 32 bit a region may be wanted that begins with the first address. The systems take that for "anywhere". */
static void nobody_gets_the_first_address(void) { CHECK(os_reserve_at(NULL, 64 * KIB) == OS_TAKEN); }

int main(void) {
    watchdog_start(60);
    nobody_gets_the_first_address();
    void *kept = brainmm_alloc(1000);
    CHECK(kept != NULL);
    all_fail_cheaply("at first");
    nothing_is_given_back();
#if !defined(_WIN32)
    overcommit_decides();
    large_is_released();
    mappings_are_used_up();
#endif
    all_fail_cheaply("at last");
    heap_is_whole("hopeless requests");
    CHECK(brainmm_free(kept) == BRAINMM_OK);
    return TEST_PASSED;
}
