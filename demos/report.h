/* SPDX-License-Identifier: MIT */
/* report.h: what the demo prints. */
#ifndef DEMO_REPORT_H
#define DEMO_REPORT_H

#include "demo.h"

extern const char *const module_names[MODULES];

/* The number with commas between thousands. The last eight results stay valid. */
const char *grouped(size_t number);

/* Prints a problem and counts it in report_problems. */
void report_problem(const char *format, ...) __attribute__((format(__printf__, 1, 2)));
extern unsigned report_problems;

/* Prints which copy of the library each module calls, and on which heap it is. */
void report_modules(const struct plugin plugins[MODULES]);

/* Prints the most frequent words in three columns. */
void report_top_words(const struct ranking *ranking);

/* Prints which module made memory, and which modules resized and freed it. */
void report_memory(struct ledger ledgers[MODULES]);

/* The pieces that MAKER has made and no module has freed. */
struct left {
    size_t pieces, bytes;
};
struct left ledgers_left(struct ledger ledgers[MODULES], enum module maker);

#endif
