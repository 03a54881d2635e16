/* SPDX-License-Identifier: MIT */
/* fragmentation.c: pieces of 32 KiB to 16 MiB are replaced at random for a long time. Each power of two is equally
 * likely. The heap must keep little more than what is live: of addresses on 32 bit, where a process has 2 GiB of them,
 * and of memory on 64 bit. In the end it gives everything back.
 *
 * White box: reads the heap's own count of reserved bytes.
 */
#include "heap_support.h"

#include "brainmm.h"
#include "memory/units.h"

enum { SLOTS = 4000, STEPS = 20000, WARM_UP = STEPS / 4 };

static unsigned char *pieces[SLOTS];
static size_t sizes[SLOTS];
static size_t live;

static size_t random_size(random_source *random) {
    size_t low = (size_t)32768 << random_below(random, 9);
    return low + 1 + random_below(random, low - 1);
}

static void release(unsigned slot) {
    live -= sizes[slot];
    CHECK(pieces[slot] == NULL || *pieces[slot] == (unsigned char)slot);
    CHECK(brainmm_free(pieces[slot]) == BRAINMM_OK);
    pieces[slot] = NULL;
    sizes[slot] = 0;
}

static size_t kept(void) {
    if (sizeof(void *) > 4)
        return resident_bytes();
    struct units_figures figures;
    units_figures(&figures);
    return figures.reserved;
}

int main(void) {
    const size_t wanted = sizeof(void *) > 4 ? 1024 * MIB : 700 * MIB;
    const double bound = sizeof(void *) > 4 ? 1.1 : 1.25;
    random_source random = {77};
    double worst = 0, sum = 0;
    unsigned looks = 0;
    watchdog_start(250);
    size_t before = sizeof(void *) > 4 ? resident_bytes() : 0;
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned slot = (unsigned)random_below(&random, SLOTS);
        while (live > wanted) {
            release(slot);
            slot = (unsigned)random_below(&random, SLOTS);
        }
        release(slot);
        sizes[slot] = random_size(&random);
        pieces[slot] = brainmm_alloc(sizes[slot]);
        CHECK_MSG(pieces[slot] != NULL, "no %zu KiB beside %zu MiB", sizes[slot] / KIB, live / MIB);
        for (size_t at = 0; sizeof(void *) > 4 && at < sizes[slot]; at += 4096)
            pieces[slot][at] = (unsigned char)slot;
        *pieces[slot] = (unsigned char)slot;
        live += sizes[slot];
        if (step >= WARM_UP && step % 150 == 0) {
            double ratio = (double)(kept() - before) / (double)live;
            worst = ratio > worst ? ratio : worst;
            sum += ratio;
            looks++;
        }
    }
    printf("kept for each live byte: mean %.3f, worst %.3f\n", sum / looks, worst);
    CHECK_MSG(worst <= bound, "worst %.3f, allowed %.2f", worst, bound);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        release(slot);
    brainmm_thread_heap_minimize();
    size_t rest = kept() - before;
    CHECK_MSG(rest <= 48 * MIB, "%zu MiB are kept while nothing is live", rest / MIB);
    return TEST_PASSED;
}
