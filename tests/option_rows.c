/* SPDX-License-Identifier: MIT */
/* option_rows.c: prints the list of options as the rows of a table. tests/option_table.sh compares them with those of
 * docs/options.md.
 */
#include "share/options.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print_number(uint64_t number) {
    static const char letters[] = " KMG";
    unsigned power = 0;
    while (power < 3 && number >= 1024 && number % 1024 == 0) {
        number /= 1024;
        power++;
    }
    printf(power ? "%" PRIu64 "%c" : "%" PRIu64, number, letters[power]);
}

static void print_words(const char *words) {
    for (; *words; words++)
        if (*words == '|')
            printf("`, `");
        else
            putchar(*words);
}

static void print_nth(const char *words, unsigned number) {
    for (; number > 0; words++)
        number -= *words == '|';
    printf("`%.*s`", (int)strcspn(words, "|"), words);
}

static void flag(const char *name, const char *meaning) { printf("| `%s` | | off | %s |\n", name, meaning); }

static void number(const char *name, uint64_t least, uint64_t most, uint64_t first, uint64_t bare, const char *words,
                   const char *meaning) {
    printf("| `%s` | ", name);
    print_number(least);
    printf(" to ");
    print_number(most);
    if (*words) {
        printf(", `");
        print_words(words);
        printf("`");
    }
    printf(" | ");
    print_number(first);
    if (bare != OPTION_NEEDS_VALUE) {
        printf("; `%s` alone: ", name);
        print_number(bare);
    }
    printf(" | %s |\n", meaning);
}

static void choice(const char *name, unsigned first, const char *words, const char *meaning) {
    printf("| `%s` | `", name);
    print_words(words);
    printf("` | ");
    print_nth(words, first);
    printf(" | %s |\n", meaning);
}

static void text(const char *name, const char *meaning) { printf("| `%s` | text | none | %s |\n", name, meaning); }

#define FLAG(id, name, meaning) flag(name, meaning);
#define NUMBER(id, name, least, most, first, bare, words, meaning)                                                     \
    number(name, least, most, first, bare, words, meaning);
#define CHOICE(id, name, first, words, meaning) choice(name, first, words, meaning);
#define TEXT(id, name, meaning) text(name, meaning);

int main(void) {
    OPTION_LIST(FLAG, NUMBER, CHOICE, TEXT)
    return 0;
}
