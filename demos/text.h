/* SPDX-License-Identifier: MIT */
/* text.h: the text that the demo indexes, and the expected result. All of it is in memory of the C library. */
#ifndef DEMO_TEXT_H
#define DEMO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *bytes;
    size_t size;
};

/* The next random number of *STATE, the same on every target. */
uint64_t random_next(uint64_t *state);

/* About SIZE bytes of invented text. The same seed gives the same text on every target. Bytes are NULL if memory ran
 * out. */
struct text text_generate(uint64_t seed, size_t size);

/* The contents of a file. Bytes are NULL if it cannot be read. */
struct text text_load(const char *path);

/* The result of a simple count in one thread. It shares no code with the plug-ins. */
struct count_word {
    struct count_word *next;
    uint32_t occurrences;
    uint32_t lines; /* lines_fold() over its lines */
    size_t length;
    char text[];
};

struct count {
    size_t lines, words, different;
    struct count_word *buckets[1 << 14];
};

/* Adds LINE to a checksum that depends on the order of lines. */
static inline uint32_t lines_fold(uint32_t sum, uint32_t line) { return (sum ^ line) * 2654435761u; }

/* NULL if memory ran out. */
struct count *count_text(struct text text);
struct count_word *count_find(const struct count *count, const char *text, size_t length);
void count_free(struct count *count);

#endif
