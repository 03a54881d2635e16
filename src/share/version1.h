/* SPDX-License-Identifier: MIT */
/* version1.h: the original's table of 24 pointers, for modules that know nothing newer.
 *
 * Its functions use Delphi's `register` convention. On x86 the arguments are in EAX, EDX, ECX, which the compilers call
 * regparm(3). Elsewhere it is the system's C convention. A byte argument leaves the rest of its register undefined, and
 * so does a boolean result: hence the masks in version1.c and foreign.c. docs/abi.md has the contracts.
 */
#ifndef BRAINMM_VERSION1_H
#define BRAINMM_VERSION1_H

#include "brainmm.h"
#include <stdbool.h>

#if defined(__i386__)
#define VERSION1_CALL __attribute__((regparm(3)))
#else
#define VERSION1_CALL
#endif

#define VERSION1_SLOTS 24
#define VERSION1_PAGES_INVALID ((void *)1) /* slot 7's result for what is not a run of pages */

#pragma pack(push, 1)
/* Slot 0 points to one. */
struct version1_options {
    int32_t record_size;   /* of this record: 15 on 32 bit, 19 on 64 bit */
    int32_t version;       /* 1 */
    uint8_t free_pascal;   /* 1: FreeMem has Free Pascal's result, 0 for an invalid pointer */
    uint8_t pure_pascal;   /* 1: the functions must not be entered past their first instructions (Redirect) */
    uint8_t redirect;      /* whether the owner itself was built that way */
    uint8_t *report_leaks; /* a flag an attached module may set: report leaks when the process ends */
};
#pragma pack(pop)

/* What Delphi's BeginThread hands to the new thread, which frees it with its module's FreeMem. */
struct version1_thread {
    void *function;
    void *parameter;
};

struct version1 {
    const struct version1_options *options;                                                      /* 0 */
    void *(VERSION1_CALL *thread_func_event)(void *function, void *parameter);                   /* 1 */
    void(VERSION1_CALL *end_thread_event)(intptr_t exit_code);                                   /* 2 */
    void *(VERSION1_CALL *get_memory_block)(uintptr_t block_size, uintptr_t mode);               /* 3 */
    uintptr_t(VERSION1_CALL *free_memory_block)(void *block, uintptr_t mode);                    /* 4 */
    void *(VERSION1_CALL *get_memory_pages)(uintptr_t count, uintptr_t mode);                    /* 5 */
    uintptr_t(VERSION1_CALL *free_memory_pages)(void *pages, uintptr_t mode);                    /* 6 */
    void *(VERSION1_CALL *resize_memory_pages)(void *pages, uintptr_t count, uintptr_t flags);   /* 7 */
    void *reserved_8_9[2];                                                                       /* 8 */
    uintptr_t(VERSION1_CALL *get_memory_options)(const void *address, brainmm_options *options); /* 10 */
    uintptr_t(VERSION1_CALL *thread_heap_minimize)(void);                                        /* 11 */
    void *(VERSION1_CALL *get_mem_aligned)(uintptr_t align, uintptr_t size);                     /* 12 */
    void *(VERSION1_CALL *reget_mem)(void *piece, uintptr_t size);                               /* 13 */
    void *(VERSION1_CALL *get_mem)(uintptr_t size);                                              /* 14 */
    int32_t(VERSION1_CALL *free_mem)(void *piece);                                               /* 15 */
    void *(VERSION1_CALL *realloc_mem)(void *piece, uintptr_t size);                             /* 16 */
    void *(VERSION1_CALL *alloc_mem)(uintptr_t size);                                            /* 17 */
    uintptr_t(VERSION1_CALL *register_expected_leak)(void *piece);                               /* 18 */
    uintptr_t(VERSION1_CALL *unregister_expected_leak)(void *piece);                             /* 19 */
    void *reserved_20_23[4];                                                                     /* 20 */
};

_Static_assert(sizeof(struct version1_options) == 11 + sizeof(void *), "15 or 19 bytes");
_Static_assert(offsetof(struct version1_options, free_pascal) == 8, "byte offsets of the original");
_Static_assert(offsetof(struct version1_options, report_leaks) == 11, "byte offsets of the original");
_Static_assert(sizeof(struct version1) == VERSION1_SLOTS * sizeof(void *), "96 or 192 bytes");
_Static_assert(offsetof(struct version1, resize_memory_pages) == 7 * sizeof(void *), "slot 7");
_Static_assert(offsetof(struct version1, get_memory_options) == 10 * sizeof(void *), "slot 10");
_Static_assert(offsetof(struct version1, get_mem) == 14 * sizeof(void *), "slot 14, Delphi's TMemoryManagerEx");
_Static_assert(offsetof(struct version1, unregister_expected_leak) == 19 * sizeof(void *), "slot 19");
_Static_assert(sizeof(brainmm_options) == 4 + 2 * sizeof(void *), "TMemoryOptions: 12 or 20 bytes");
_Static_assert(offsetof(brainmm_options, thread_id) == 4, "TMemoryOptions");

/* Where a size in bytes is an index: 4 KiB << 2 i for blocks, 16 << i for alignments. */
#define VERSION1_BLOCK_SIZES 9
#define VERSION1_BLOCK_LEAST ((size_t)4096)
#define VERSION1_ALIGNMENTS 8

/* The table over this module's own heap, and its options. It passes other modules' checks only once it is complete.
 * Both are written during the start only (OS_TABLE), but the flag that the options point to at any time. */
extern struct version1 version1_table;
extern struct version1_options version1_options;

/* Completes the table when this module becomes the owner; takes it back when another was quicker. */
void version1_complete(bool thread_hooks);
void version1_withdraw(void);

/* Whether a module has set the flag for a report of leaks. */
bool version1_wants_report(void);

#endif
