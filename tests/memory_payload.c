/* SPDX-License-Identifier: MIT */
/* memory_payload.c: how much memory a payload costs. Pieces of one size are allocated and filled. The growth of the
 * resident set divided by the payload (each piece rounded up to 16 bytes) must stay within bounds:
 *   100 MiB in pieces of 16, 32, ... 128 bytes: at most 1.02 each;
 *   64 odd sizes from 129 to 32767 in geometric steps: mean at most 1.06, worst at most 1.13.
 * Where the system has huge pages, slabs use them from 16 or 32 MiB on, and the unused rest of one huge page is allowed
 * in addition. The pieces form a list through their first words, so that no array changes the figures. Where the system
 * has fork(), each size is measured in a process of its own. Elsewhere the heap returns its memory between two sizes.
 */
#include "piece_list.h"

#include "brainmm.h"

#define SMALL_PAYLOAD (100 * MIB)
#define MEDIUM_PAYLOAD (32 * MIB)
#define SMALL_LIMIT 1020 /* thousandths */
#define MEDIUM_MEAN_LIMIT 1060
#define MEDIUM_WORST_LIMIT 1130
#define MEDIUM_SIZES 64

/* Bytes that may be resident beside the payload: the rest of the last huge page. */
#if defined(__x86_64__) && !defined(_WIN32)
static size_t rest_of_huge_page(void) {
    char text[64] = "";
    FILE *setting = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
    bool any = setting && fgets(text, sizeof text, setting) && !strstr(text, "[never]"); /* "always [madvise] never" */
    if (setting)
        fclose(setting);
    return any ? 2 * MIB : 0;
}
#else
static size_t rest_of_huge_page(void) { return 0; }
#endif

/* The growth of the resident set divided by the payload, in thousandths. */
static unsigned measure(size_t size, size_t payload) {
    size_t rounded = (size + 15) / 16 * 16, count = payload / rounded;
    void *list = NULL;
    brainmm_free(brainmm_alloc(size)); /* the first allocation brings in code and tables, which are not the payload's */
    brainmm_thread_heap_minimize();
    size_t before = resident_bytes();
    for (size_t i = 0; i < count; i++) {
        void *piece = brainmm_alloc(size);
        CHECK(piece != NULL);
        memset(piece, (int)i, size);
        piece_list_add(&list, piece);
    }
    size_t growth = resident_growth(before), rest = rest_of_huge_page();
    growth = growth > rest ? growth - rest : 0;
    piece_list_free(list);
    brainmm_thread_heap_minimize();
    return (unsigned)((uint64_t)growth * 1000 / (count * rounded));
}

#if defined(_WIN32)
static unsigned measure_apart(size_t size, size_t payload) { return measure(size, payload); }
#else
static unsigned measure_apart(size_t size, size_t payload) {
    int results[2];
    unsigned result = 0;
    CHECK(pipe(results) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        result = measure(size, payload);
        CHECK(write(results[1], &result, sizeof result) == (ssize_t)sizeof result);
        _exit(TEST_PASSED);
    }
    close(results[1]);
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == TEST_PASSED);
    CHECK(read(results[0], &result, sizeof result) == (ssize_t)sizeof result);
    close(results[0]);
    return result;
}
#endif

/* The Kth of 64 sizes from 129 to 32767 in equal ratios, made odd. */
static size_t medium_size(unsigned k) {
    double size = 129, ratio = 1.09188; /* (32767 / 129) ^ (1 / 63) */
    for (unsigned i = 0; i < k; i++)
        size *= ratio;
    return k == MEDIUM_SIZES - 1 ? 32767 : (size_t)size | 1;
}

int main(void) {
    bool held = true;
    for (size_t size = 16; size <= 128; size += 16) {
        unsigned ratio = measure_apart(size, SMALL_PAYLOAD);
        printf("%5zu bytes: %u.%03u%s\n", size, ratio / 1000, ratio % 1000,
               ratio > SMALL_LIMIT ? "  over the bound" : "");
        held = held && ratio <= SMALL_LIMIT;
    }
    unsigned sum = 0, worst = 0;
    for (unsigned k = 0; k < MEDIUM_SIZES; k++) {
        size_t size = medium_size(k);
        unsigned ratio = measure_apart(size, MEDIUM_PAYLOAD);
        printf("%5zu bytes: %u.%03u%s\n", size, ratio / 1000, ratio % 1000,
               ratio > MEDIUM_WORST_LIMIT ? "  over the bound" : "");
        sum += ratio;
        if (ratio > worst)
            worst = ratio;
    }
    unsigned mean = sum / MEDIUM_SIZES;
    printf("129 to 32767 bytes: mean %u.%03u, worst %u.%03u\n", mean / 1000, mean % 1000, worst / 1000, worst % 1000);
    held = held && mean <= MEDIUM_MEAN_LIMIT && worst <= MEDIUM_WORST_LIMIT;
    return held ? TEST_PASSED : TEST_FAILED;
}
