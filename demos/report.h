/* report.h: what the demo prints. */
#ifndef DEMO_REPORT_H
#define DEMO_REPORT_H

#include "demo.h"

extern const char *const module_names[MODULES];

/* The number with commas between thousands. The last eight results stay valid. */
const char *grouped(size_t number);

/* Says what is wrong; report_problems counts how often that happened. */
void report_problem(const char *format, ...) __attribute__((format(__printf__, 1, 2)));
extern unsigned report_problems;

/* Whose code each module calls, and which heap that serves. */
void report_modules(const struct plugin plugins[MODULES]);

/* The most frequent words, in three columns. */
void report_top_words(const struct ranking *ranking);

/* Who made memory, and who resized and freed it. */
void report_memory(struct ledger ledgers[MODULES]);

/* What MAKER's pieces are at the moment: made and not freed, by whomever. */
struct left {
    size_t pieces, bytes;
};
struct left ledgers_left(struct ledger ledgers[MODULES], enum module maker);

#endif
