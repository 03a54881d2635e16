/* SPDX-License-Identifier: MIT */
/* text.c: see text.h. The invented text is like a real one: a few words are very frequent and most are rare. The word
 * of rank r is about 1/r as frequent as the first (Zipf's law). All arithmetic is in integers, so that every target
 * makes the same text. */
#include "text.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t random_next(uint64_t *state) { /* SplitMix64 */
    uint64_t x = *state += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static uint32_t random_below(uint64_t *state, uint32_t limit) { return (uint32_t)(random_next(state) % limit); }

/* ---- A vocabulary ----------------------------------------------------------------------------------------------- */

enum { VOCABULARY = 20000, WORD_MAX = 32 };

struct vocabulary {
    char words[VOCABULARY][WORD_MAX]; /* by rank */
    uint64_t weights[VOCABULARY];     /* the sum up to and including the word */
};

#define PICK(state, list) (list)[random_below(state, sizeof(list) / sizeof *(list))]

/* Makes a word of two to four syllables. */
static void word_invent(char *word, uint64_t *state) {
    static const char *const onsets[] = {"b", "br", "c",  "ch", "d", "f",  "g",  "gr", "h",  "l",  "m",
                                         "n", "p",  "pl", "r",  "s", "sh", "st", "t",  "th", "tr", "v"};
    static const char *const vowels[] = {"a", "e", "i", "o", "u", "ea", "ou"};
    static const char *const codas[] = {"", "", "", "l", "n", "r", "s", "nd", "st", "ck"};
    uint32_t syllables = 2 + random_below(state, 3);
    *word = 0;
    for (uint32_t i = 0; i < syllables; i++) {
        strcat(word, PICK(state, onsets));
        strcat(word, PICK(state, vowels));
        strcat(word, PICK(state, codas));
    }
}

static struct vocabulary *vocabulary_make(uint64_t *state) {
    static const char *const frequent[] = {"the", "of",  "and",  "to",   "a",   "in",   "that", "is",    "was", "he",
                                           "for", "it",  "with", "as",   "his", "on",   "be",   "at",    "by",  "had",
                                           "not", "are", "but",  "from", "or",  "have", "they", "which", "one", "you"};
    struct vocabulary *vocabulary = malloc(sizeof *vocabulary);
    uint64_t weight = 0;
    for (uint32_t rank = 0; vocabulary && rank < VOCABULARY; rank++) {
        if (rank < sizeof frequent / sizeof *frequent)
            strcpy(vocabulary->words[rank], frequent[rank]);
        else
            word_invent(vocabulary->words[rank], state);
        weight += 1000000000u / (rank + 3);
        vocabulary->weights[rank] = weight;
    }
    return vocabulary;
}

static const char *vocabulary_pick(const struct vocabulary *vocabulary, uint64_t *state) {
    uint64_t wanted = random_next(state) % vocabulary->weights[VOCABULARY - 1];
    uint32_t low = 0, high = VOCABULARY - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (wanted < vocabulary->weights[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return vocabulary->words[low];
}

/* ---- Prose ------------------------------------------------------------------------------------------------------ */

enum { LINE_WIDTH = 76, SENTENCE_MIN = 4, SENTENCE_SPREAD = 16 };

struct writer {
    struct text text;
    size_t column;
};

static void write_bytes(struct writer *writer, const char *bytes) {
    size_t length = strlen(bytes);
    memcpy(writer->text.bytes + writer->text.size, bytes, length);
    writer->text.size += length;
    writer->column += length;
}

static void write_line_end(struct writer *writer) {
    write_bytes(writer, "\n");
    writer->column = 0;
}

static void write_sentence(struct writer *writer, const struct vocabulary *vocabulary, uint64_t *state) {
    uint32_t words = SENTENCE_MIN + random_below(state, SENTENCE_SPREAD);
    for (uint32_t i = 0; i < words; i++) {
        const char *word = vocabulary_pick(vocabulary, state);
        if (writer->column + strlen(word) + 2 > LINE_WIDTH)
            write_line_end(writer);
        if (writer->column > 0)
            write_bytes(writer, " ");
        size_t start = writer->text.size;
        write_bytes(writer, word);
        if (i == 0)
            writer->text.bytes[start] = (char)toupper((unsigned char)writer->text.bytes[start]);
        if (i + 1 == words)
            write_bytes(writer, ".");
        else if (random_below(state, 9) == 0)
            write_bytes(writer, ",");
    }
}

struct text text_generate(uint64_t seed, size_t size) {
    enum { SENTENCE_MAX = (SENTENCE_MIN + SENTENCE_SPREAD) * (WORD_MAX + 3) + 2 }; /* a sentence may go beyond SIZE */
    struct writer writer = {0};
    struct vocabulary *vocabulary = vocabulary_make(&seed);
    if (vocabulary && size < SIZE_MAX - SENTENCE_MAX)
        writer.text.bytes = malloc(size + SENTENCE_MAX);
    while (writer.text.bytes && writer.text.size < size) {
        write_sentence(&writer, vocabulary, &seed);
        if (random_below(&seed, 7) == 0) {
            write_line_end(&writer);
            write_line_end(&writer);
        }
    }
    free(vocabulary);
    return writer.text;
}

struct text text_load(const char *path) {
    struct text text = {NULL, 0};
    FILE *file = fopen(path, "rb");
    size_t room = 0, read;
    while (file) {
        if (text.size == room) {
            char *larger = realloc(text.bytes, room = 2 * room + 65536);
            if (!larger)
                break;
            text.bytes = larger;
        }
        read = fread(text.bytes + text.size, 1, room - text.size, file);
        if (read == 0)
            break;
        text.size += read;
    }
    if (!file || ferror(file) || text.size == room) {
        free(text.bytes);
        text.bytes = NULL;
    }
    if (file)
        fclose(file);
    return text;
}

/* ---- The count -------------------------------------------------------------------------------------------------- */

static size_t bucket_of(const char *text, size_t length) {
    size_t hash = 5381;
    for (size_t i = 0; i < length; i++)
        hash = hash * 33 + (unsigned char)text[i];
    return (hash ^ hash >> 15) % (sizeof((struct count *)0)->buckets / sizeof(struct count_word *));
}

struct count_word *count_find(const struct count *count, const char *text, size_t length) {
    struct count_word *word = count->buckets[bucket_of(text, length)];
    while (word && (word->length != length || memcmp(word->text, text, length) != 0))
        word = word->next;
    return word;
}

static bool count_add(struct count *count, const char *text, size_t length, uint32_t line) {
    struct count_word *word = count_find(count, text, length);
    if (!word) {
        struct count_word **bucket = &count->buckets[bucket_of(text, length)];
        word = calloc(1, sizeof *word + length);
        if (!word)
            return false;
        memcpy(word->text, text, length);
        word->length = length;
        word->next = *bucket;
        *bucket = word;
        count->different++;
    }
    word->occurrences++;
    word->lines = lines_fold(word->lines, line);
    count->words++;
    return true;
}

/* Makes one pass over a copy in lower case. A word ends before the first byte that is neither a letter nor UTF-8. */
struct count *count_text(struct text text) {
    struct count *count = calloc(1, sizeof *count);
    unsigned char *lower = malloc(text.size + 1);
    size_t start = 0;
    bool enough = count && lower;
    for (size_t i = 0; enough && i < text.size; i++) {
        unsigned char c = (unsigned char)text.bytes[i];
        lower[i] = c < 128 ? (unsigned char)tolower(c) : c;
    }
    for (size_t i = 0; enough && i <= text.size; i++) {
        if (i < text.size && (lower[i] >= 128 || isalpha(lower[i])))
            continue;
        if (i > start)
            enough = count_add(count, (char *)lower + start, i - start, (uint32_t)count->lines + 1);
        if (i < text.size && lower[i] == '\n')
            count->lines++;
        start = i + 1;
    }
    free(lower);
    if (enough)
        return count;
    count_free(count);
    return NULL;
}

void count_free(struct count *count) {
    for (size_t i = 0; count && i < sizeof count->buckets / sizeof *count->buckets; i++)
        while (count->buckets[i]) {
            struct count_word *word = count->buckets[i];
            count->buckets[i] = word->next;
            free(word);
        }
    free(count);
}
