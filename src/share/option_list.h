/* SPDX-License-Identifier: MIT */
/* option_list.h: the one list of the options. docs/options.md has the same table, and tests/option_table.sh compares
 * the two.
 *
 * A row is one of
 *   FLAG(NAME, "name", "meaning")                    name, name=1 or name=0; off unless it is given
 *   NUMBER(NAME, "name", least, most, first, bare, "words", "meaning")
 *                    name=123, with K, M or G behind it for 2^10, 2^20 or 2^30. `first` holds unless the option is
 *                    given, `bare` if it is given without a value, or OPTION_NEEDS_VALUE. Words are values, too: they
 *                    count as the numbers after `most`
 *   CHOICE(NAME, "name", first, "words", "meaning")  name=word; the words count from 0 and have | between them
 *   TEXT(NAME, "name", "meaning")                    name=text; empty unless it is given
 */
#ifndef BRAINMM_OPTION_LIST_H
#define BRAINMM_OPTION_LIST_H

#define OPTION_LIST(FLAG, NUMBER, CHOICE, TEXT)                                                                        \
    FLAG(FASTMM, "fastmm", "publishes under FastMM's name as well (Windows)")                                          \
    FLAG(FIXED_ADDRESSES, "fixed_addresses", "the heap lies at the same addresses in each run, if they are free")      \
    FLAG(CHECKED, "checked", "checks every call and every allocation")                                                 \
    NUMBER(STACKS, "stacks", 0, 64, 0, 16, "", "frames of the call stacks that `checked` keeps; 0: none")              \
    FLAG(UNWIND, "unwind", "call stacks are exact for any program, and cost microseconds each (`checked`)")            \
    NUMBER(SCAN, "scan", 0, 256, 1, 16, "",                                                                            \
           "each call verifies so many of the youngest pieces, and from 2 on all quarantine (`checked`)")              \
    NUMBER(QUARANTINE, "quarantine", 0, 1u << 30, 64u << 10, OPTION_NEEDS_VALUE, "",                                   \
           "bytes of freed memory that each thread lets wait before they are used again (`checked`)")                  \
    CHOICE(GUARD, "guard", 0, "runs|all|none", "which allocations have guard pages on both sides (`checked`)")         \
    FLAG(GUARD_END, "guard_end", "a piece with guard pages ends where the guard begins (`checked`)")                   \
    FLAG(ZERO, "zero", "new and freed memory is filled with zero (`checked`)")                                         \
    CHOICE(TOOLS, "tools", 0, "auto|on|off", "memcheck, sanitizers and heaptrack are told of allocations")             \
    FLAG(RANDOM, "random", "pieces lie in random order")                                                               \
    FLAG(CHECK_LINKS, "check_links", "each allocation looks at the mark of the piece that it hands out")               \
    CHOICE(ON_ERROR, "on_error", 1, "return|log|abort|debugger", "what follows when an error is found")                \
    FLAG(LEAKS, "leaks", "reports what is still allocated when the process ends")                                      \
    TEXT(LEAKS_FILE, "leaks_file", "the file of the report; without it `<exe>_BrainMM.log`")                           \
    FLAG(MESSAGE_BOX, "message_box", "the host shows the report of leaks in a message box")                            \
    FLAG(STATS, "stats", "writes the statistics when the process ends")                                                \
    TEXT(DUMP, "dump", "writes all statistics and allocations to that file when the process ends")                     \
    NUMBER(DUMP_SIGNAL, "dump_signal", 0, 64, 0, OPTION_NEEDS_VALUE, "event",                                          \
           "writes that file also at each signal of that number (POSIX), or at each `event` (Windows)")

#endif
