/* SPDX-License-Identifier: MIT */
/* report.c: see report.h. */
#include "report.h"
#include "system.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const module_names[MODULES] = {"host", "reader", "splitter", "cutter", "indexer", "ranker"};
unsigned report_problems;

const char *grouped(size_t number) {
    static char results[8][32];
    static unsigned next;
    char digits[24], *to = results[next++ % 8], *const result = to;
    int length = snprintf(digits, sizeof digits, "%zu", number);
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = 0;
    return result;
}

void report_problem(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    printf("PROBLEM: ");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    report_problems++;
}

/* PATH relative to the program's folder. */
static const char *path_shown(const char *path) {
    char folder[SYSTEM_PATH_MAX];
    if (system_path_beside((const void *)(uintptr_t)path_shown, "", folder) &&
        strncmp(path, folder, strlen(folder)) == 0)
        return path + strlen(folder);
    return path;
}

void report_modules(const struct plugin plugins[MODULES]) {
    printf("Modules   came to the heap  and now call         at             heap\n");
    for (int i = 0; i < MODULES; i++) {
        char path[SYSTEM_PATH_MAX] = "?";
        const void *base = system_module_at(plugins[i].entry, path);
        char at[32], heap[32];
        snprintf(at, sizeof at, "%#zx", (size_t)base);
        snprintf(heap, sizeof heap, "%#zx", (size_t)plugins[i].heap_id);
        printf("  %-9s %-17s %-20s %-14s %s\n", module_names[i], plugins[i].joined_by, path_shown(path), at, heap);
    }
}

void report_top_words(const struct ranking *ranking) {
    enum { COLUMNS = 3, ROWS = 5 };
    printf("\nTop words\n");
    for (size_t row = 0; row < ROWS; row++) {
        for (size_t i = row; i < COLUMNS * ROWS && i < ranking->count; i += ROWS) {
            const struct node *node = ranking->nodes[i];
            printf("  %2zu. %-11.*s%8s", i + 1, (int)(node->length < 11 ? node->length : 11), node->text,
                   grouped(node->count));
        }
        printf("\n");
    }
}

struct left ledgers_left(struct ledger ledgers[MODULES], enum module maker) {
    struct left left = {ledgers[maker].made.pieces, ledgers[maker].made.bytes};
    for (int by = 0; by < MODULES; by++) {
        left.bytes += ledgers[by].resized[maker].bytes;
        left.pieces -= ledgers[by].freed[maker].pieces;
        left.bytes -= ledgers[by].freed[maker].bytes;
    }
    return left;
}

/* Prints a row of the table: a number for each maker and their sum. Zeros are printed as dots. */
static void row(const char *what, const size_t numbers[MODULES]) {
    size_t sum = 0;
    printf("  %-19s", what);
    for (int maker = 0; maker < MODULES; maker++) {
        printf(" %9s", numbers[maker] ? grouped(numbers[maker]) : ".");
        sum += numbers[maker];
    }
    printf(" %9s\n", grouped(sum));
}

void report_memory(struct ledger ledgers[MODULES]) {
    size_t numbers[MODULES], kilobytes[MODULES], bytes[MODULES];
    char what[64];
    printf("\nMemory made by ...  ");
    for (int maker = 0; maker < MODULES; maker++)
        printf(" %9s", module_names[maker]);
    printf(" %9s\n", "all");
    for (int maker = 0; maker < MODULES; maker++) {
        numbers[maker] = ledgers[maker].made.pieces;
        kilobytes[maker] = (ledgers[maker].made.bytes + 500) / 1000;
    }
    row("pieces", numbers);
    row("kilobytes", kilobytes);
    for (int by = 0; by < MODULES; by++) {
        size_t sum = 0;
        for (int maker = 0; maker < MODULES; maker++)
            sum += numbers[maker] = ledgers[by].resized[maker].pieces;
        snprintf(what, sizeof what, "resized by %s", module_names[by]);
        if (sum > 0)
            row(what, numbers);
    }
    for (int by = 0; by < MODULES; by++) {
        for (int maker = 0; maker < MODULES; maker++)
            numbers[maker] = ledgers[by].freed[maker].pieces;
        snprintf(what, sizeof what, "freed by %s", module_names[by]);
        row(what, numbers);
    }
    for (int maker = 0; maker < MODULES; maker++) {
        struct left left = ledgers_left(ledgers, (enum module)maker);
        numbers[maker] = left.pieces;
        bytes[maker] = left.bytes;
    }
    row("left: pieces", numbers);
    row("left: bytes", bytes);
}
