/* SPDX-License-Identifier: MIT */
/* at_exit.c: see at_exit.h. */
#include "share/at_exit.h"
#include "base/atomic.h"
#include "checked/damage.h"
#include "checked/settings.h"
#include "base/text.h"
#include "inspect/inspect.h"
#include "inspect/leaks.h"
#include "inspect/writer.h"
#include "os.h"
#include "share/options.h"
#include "share/version1.h"
#include <string.h>

/* ---- Files ------------------------------------------------------------------------------------------------------ */

/* Puts the process's id in the place of %p, and % in that of %%. */
static void path_expand(struct text *path, const char *pattern) {
    for (; *pattern; pattern++) {
        char character[2] = {*pattern, 0};
        if (pattern[0] == '%' && (pattern[1] == 'p' || pattern[1] == '%')) {
            pattern++;
            if (*pattern == 'p') {
                text_add_decimal(path, os_process_id());
                continue;
            }
        }
        text_add(path, character);
    }
}

/* The file that an option names, or the program's own name with ENDING. */
static void path_make(struct text *path, enum option option, const char *ending) {
    if (option_is_set(option)) {
        path_expand(path, option_text(option));
        return;
    }
    path->length = os_program_path(path->start, path->size);
    text_add(path, ending);
}

/* In one piece: other threads may print at the same time. */
static void complain(const char *sentence, const char *detail) {
    char line[OS_PATH_MAX + 80];
    struct text text = TEXT_IN(line);
    text_add(&text, "BrainMM: ");
    text_add(&text, sentence);
    text_add(&text, detail);
    text_add(&text, "\n");
    os_print(line);
}

/* Where a text goes. The file is opened with the first piece. */
struct sink {
    bool prints;      /* to where a process's diagnostics go */
    const char *path; /* NULL: there is no file */
    bool appends;
    bool opened;
    intptr_t file; /* -1: it could not be opened */
};

static void sink_open(struct sink *sink) {
    char line[OS_PATH_MAX + 64], *program = line + sizeof "---- " - 1;
    struct text text = TEXT_IN(line);
    sink->opened = true;
    sink->file = os_file_open(sink->path, sink->appends);
    if (sink->file == -1)
        complain("this file cannot be written: ", sink->path);
    if (sink->file == -1 || !sink->appends)
        return;
    text_add(&text, "---- ");
    text.length += os_program_path(program, OS_PATH_MAX);
    text_add(&text, ", process ");
    text_add_decimal(&text, os_process_id());
    text_add(&text, "\n");
    os_file_write(sink->file, line, text.length);
}

static int BRAINMM_CALL sink_write(void *context, const char *piece, size_t length) {
    struct sink *sink = context;
    char line[WRITER_BYTES + 1];
    if (sink->path && !sink->opened)
        sink_open(sink);
    if (sink->path && sink->file != -1)
        os_file_write(sink->file, piece, length);
    if (sink->prints) {
        memcpy(line, piece, length);
        line[length] = 0;
        os_print(line);
    }
    return 0;
}

static void sink_close(struct sink *sink) {
    if (sink->opened && sink->file != -1)
        os_file_close(sink->file);
}

static void complain_of(const char *what, int result) {
    if (result != BRAINMM_OK)
        complain(what, result == BRAINMM_E_MEMORY ? "there is no memory for it" : "it failed");
}

/* ---- What is written -------------------------------------------------------------------------------------------- */

static char path_bytes[OS_PATH_MAX]; /* a thread's stack may be small */

/* A file named - is none. */
static void write_leaks(void) {
    struct text path = TEXT_IN(path_bytes);
    path_make(&path, OPTION_LEAKS_FILE, "_BrainMM.log");
    struct sink sink = {.prints = true, .path = text_equal(path_bytes, "-") ? NULL : path_bytes, .appends = true};
    complain_of("no report of leaks: ", heap_report_leaks(sink_write, &sink));
    sink_close(&sink);
}

static void write_stats(void) {
    struct sink sink = {.prints = true};
    complain_of("no statistics: ", stats_as_text(sink_write, &sink));
}

static void write_dump(void) {
    struct text path = TEXT_IN(path_bytes);
    path_make(&path, OPTION_DUMP, "_BrainMM.json");
    struct sink sink = {.path = path_bytes};
    complain_of("no dump: ",
                heap_dump(sink_write, &sink,
                          BRAINMM_DUMP_STATS | BRAINMM_DUMP_ALLOCATIONS | BRAINMM_DUMP_MAP | BRAINMM_DUMP_HOLDERS));
    sink_close(&sink);
}

/* ---- When ------------------------------------------------------------------------------------------------------- */

unsigned BRAINMM_CALL heap_leak_wishes(void) {
    bool leaks = option_is_set(OPTION_LEAKS) || version1_wants_report();
    return (leaks ? (unsigned)BRAINMM_WISH_LEAKS : 0) |
           (option_is_set(OPTION_MESSAGE_BOX) ? (unsigned)BRAINMM_WISH_MESSAGE_BOX : 0);
}

static void write_all(void) {
    if (checked_serves)
        checked_check(); /* what nobody has freed was not looked at yet */
    if (option_is_set(OPTION_STATS))
        write_stats();
    if (option_is_set(OPTION_DUMP))
        write_dump();
    if (heap_leak_wishes() & BRAINMM_WISH_LEAKS)
        write_leaks();
}

/* How many hold the reports, times HOLD, and whether the owner has ENDED. Whoever makes it ENDED writes them, and sees
 * what the others have done before. */
enum { ENDED = 1, HOLD = 2 };
static atomic_u32 holds;

int BRAINMM_CALL heap_hold_reports(void) {
    uint32_t now = load_relaxed(&holds);
    do {
        if (now == ENDED)
            return BRAINMM_E_REFUSED;
    } while (!exchange_weak_acq_rel(&holds, &now, now + HOLD));
    return BRAINMM_OK;
}

int BRAINMM_CALL heap_release_reports(void) {
    uint32_t now = load_relaxed(&holds);
    do {
        if (now < HOLD)
            return BRAINMM_E_ARGUMENT;
    } while (!exchange_weak_acq_rel(&holds, &now, now - HOLD));
    if (now - HOLD == ENDED)
        write_all();
    return BRAINMM_OK;
}

void at_exit_reports(void) {
    if (add_acq_rel(&holds, (uint32_t)ENDED) == 0)
        write_all();
}

void at_exit_start(void) {
    uint64_t signal = option_number(OPTION_DUMP_SIGNAL);
    const char *lacking =
        signal ? os_watch_dump(signal == OPTION_DUMP_SIGNAL_EVENT ? 0 : (unsigned)signal, write_dump) : NULL;
    if (lacking)
        complain("the option dump_signal has no effect: ", lacking);
}
