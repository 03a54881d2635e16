/* SPDX-License-Identifier: MIT */
/* tools.c (POSIX): tools that watch a program's memory: valgrind, the sanitizers, heaptrack.
 *
 * None of them is needed to build this. What valgrind is asked by is a sequence of instructions without effect, which
 * its manual documents; outside of valgrind the answer stays what it was. The others have functions, which are there
 * if the tool is in the process: the loader leaves a weak symbol NULL otherwise.
 */
#include "map.h"
#include "os.h"

void (*map_committed)(const void *start, size_t size);
void (*map_decommitted)(const void *start, size_t size);

/* ---- valgrind --------------------------------------------------------------------------------------------------- */

/* What is asked, by number. tests/tools_see.sh proves that valgrind understands them. */
enum {
    REQUEST_VALGRIND = 0x1001,
    REQUEST_BEGIN = 0x1301,
    REQUEST_END = 0x1302,
    REQUEST_FORBID = 0x4d430000, /* memcheck's own */
    REQUEST_ALLOW = 0x4d430002,
    REQUEST_WRITTEN_BITS = 0x4d430008,
};

/* Always inlined, so that the tool's stacks begin with the function that asks. */
static inline __attribute__((always_inline)) uintptr_t request(uintptr_t number, uintptr_t first, uintptr_t second,
                                                               uintptr_t third, uintptr_t fourth) {
    uintptr_t answer = 0;
#if defined(__x86_64__)
    uintptr_t words[] = {number, first, second, third, fourth, 0};
    __asm__ volatile("rolq $3, %%rdi; rolq $13, %%rdi; rolq $61, %%rdi; rolq $51, %%rdi; xchgq %%rbx, %%rbx"
                     : "+d"(answer)
                     : "a"(words)
                     : "cc", "memory");
#elif defined(__i386__)
    uintptr_t words[] = {number, first, second, third, fourth, 0};
    __asm__ volatile("roll $3, %%edi; roll $13, %%edi; roll $29, %%edi; roll $19, %%edi; xchgl %%ebx, %%ebx"
                     : "+d"(answer)
                     : "a"(words)
                     : "cc", "memory");
#else
    (void)number, (void)first, (void)second, (void)third, (void)fourth;
#endif
    return answer;
}

static void valgrind_begin(const void *piece, size_t size, bool zeroed) {
    request(REQUEST_BEGIN, (uintptr_t)piece, size, 0, zeroed);
}

static void valgrind_end(const void *piece, size_t size) {
    (void)size;
    request(REQUEST_END, (uintptr_t)piece, 0, 0, 0);
}

/* The same request makes the tool look for an allocation there, and say that there is none. */
static void valgrind_refuse(const void *address) { request(REQUEST_END, (uintptr_t)address, 0, 0, 0); }

static void valgrind_forbid(const void *start, size_t size) { request(REQUEST_FORBID, (uintptr_t)start, size, 0, 0); }

static void valgrind_allow(const void *start, size_t size) { request(REQUEST_ALLOW, (uintptr_t)start, size, 0, 0); }

static const struct os_tool memcheck = {
    .knows_allocations = true,
    .wants_quarantine = true,
    .forbid = valgrind_forbid,
    .allow = valgrind_allow,
    .begin = valgrind_begin,
    .end = valgrind_end,
    .refuse = valgrind_refuse,
};

/* massif counts allocations, and DRD begins anew with each. Others do nothing. */
static const struct os_tool other_of_valgrind = {
    .knows_allocations = true,
    .begin = valgrind_begin,
    .end = valgrind_end,
};

/* Only memcheck knows which bits of a word were written. */
static bool is_memcheck(void) {
    uintptr_t word = 0, bits = 0;
    return request(REQUEST_WRITTEN_BITS, (uintptr_t)&word, (uintptr_t)&bits, sizeof word, 0) == 1;
}

/* ---- AddressSanitizer and LeakSanitizer ------------------------------------------------------------------------- */

#pragma weak __asan_poison_memory_region
#pragma weak __asan_unpoison_memory_region
#pragma weak __asan_report_error
#pragma weak __asan_set_error_report_callback
#pragma weak __asan_get_report_address
#pragma weak __lsan_register_root_region
#pragma weak __lsan_unregister_root_region
void __asan_poison_memory_region(const volatile void *start, size_t size);
void __asan_unpoison_memory_region(const volatile void *start, size_t size);
void __asan_report_error(void *code, void *frame, void *stack, void *address, int writes, size_t size, unsigned zero);
void __asan_set_error_report_callback(void (*callback)(const char *report));
void *__asan_get_report_address(void);
void __lsan_register_root_region(const void *start, size_t size);
void __lsan_unregister_root_region(const void *start, size_t size);

static void (*describe_address)(const void *address);
static _Thread_local bool refuses; /* the heap itself has told of it */

static void asan_has_reported(const char *report) {
    (void)report;
    if (!refuses && __asan_get_report_address)
        describe_address(__asan_get_report_address());
}

/* A callback that the program sets later takes the place of this one. */
static void asan_start(void (*describe)(const void *address)) {
    describe_address = describe;
    if (__asan_set_error_report_callback)
        __asan_set_error_report_callback(asan_has_reported);
}

static void asan_forbid(const void *start, size_t size) { __asan_poison_memory_region(start, size); }

static void asan_allow(const void *start, size_t size) { __asan_unpoison_memory_region(start, size); }

static void asan_begin(const void *piece, size_t size, bool zeroed) {
    (void)zeroed;
    __asan_unpoison_memory_region(piece, size);
}

static void asan_refuse(const void *address) {
    if (!__asan_report_error)
        return;
    refuses = true;
    __asan_report_error(__builtin_return_address(0), __builtin_frame_address(0), __builtin_frame_address(0),
                        (void *)(uintptr_t)address, 1, 1, 0);
    refuses = false;
}

static void lsan_roots(const void *start, size_t size) {
    if (__lsan_register_root_region)
        __lsan_register_root_region(start, size);
}

static void lsan_no_roots(const void *start, size_t size) {
    if (__lsan_unregister_root_region)
        __lsan_unregister_root_region(start, size);
}

static const struct os_tool asan = {
    .wants_quarantine = true,
    .start = asan_start,
    .forbid = asan_forbid,
    .allow = asan_allow,
    .begin = asan_begin,
    .end = asan_forbid,
    .refuse = asan_refuse,
    .roots = lsan_roots,
    .no_roots = lsan_no_roots,
};

/* LeakSanitizer alone. */
static const struct os_tool lsan = {.roots = lsan_roots, .no_roots = lsan_no_roots};

/* ---- ThreadSanitizer -------------------------------------------------------------------------------------------- */

#pragma weak __tsan_acquire
#pragma weak __tsan_release
void __tsan_acquire(void *address);
void __tsan_release(void *address);

/* It does not see how the heap hands memory from one thread to another. What happened to an allocation comes before the
 * next one at that address. To decommit memory counts as a write to all of it, which comes before any allocation in the
 * same 64 KiB. */
#define PART_BYTES ((uintptr_t)65536)

static void each_part(const void *start, size_t size, void (*what)(void *address)) {
    uintptr_t end = (uintptr_t)start + size;
    for (uintptr_t part = (uintptr_t)start & ~(PART_BYTES - 1); part < end; part += PART_BYTES)
        what((void *)part);
}

static void tsan_begin(const void *piece, size_t size, bool zeroed) {
    (void)zeroed;
    __tsan_acquire((void *)(uintptr_t)piece);
    each_part(piece, size, __tsan_acquire);
}

static void tsan_end(const void *piece, size_t size) {
    (void)size;
    __tsan_release((void *)(uintptr_t)piece);
}

static void tsan_decommitted(const void *start, size_t size) { each_part(start, size, __tsan_release); }

static const struct os_tool tsan = {.begin = tsan_begin, .end = tsan_end};

/* ---- heaptrack -------------------------------------------------------------------------------------------------- */

#pragma weak heaptrack_malloc
#pragma weak heaptrack_free
void heaptrack_malloc(void *piece, size_t size);
void heaptrack_free(void *piece);

static void heaptrack_begin(const void *piece, size_t size, bool zeroed) {
    (void)zeroed;
    heaptrack_malloc((void *)(uintptr_t)piece, size);
}

static void heaptrack_end(const void *piece, size_t size) {
    (void)size;
    heaptrack_free((void *)(uintptr_t)piece);
}

static const struct os_tool heaptrack = {.begin = heaptrack_begin, .end = heaptrack_end};

/* ---- Which one -------------------------------------------------------------------------------------------------- */

static const struct os_tool *find(bool all) {
    if (request(REQUEST_VALGRIND, 0, 0, 0, 0) != 0)
        return is_memcheck() ? &memcheck : all ? &other_of_valgrind : NULL;
    if (__asan_poison_memory_region && __asan_unpoison_memory_region)
        return &asan;
    if (__tsan_acquire && __tsan_release)
        return &tsan;
    if (heaptrack_malloc && heaptrack_free && !&malloc_is_ours) /* it sees the C library's functions itself */
        return &heaptrack;
    return __lsan_register_root_region ? &lsan : NULL;
}

const struct os_tool *os_tool_find(bool all) {
    const struct os_tool *tool = find(all);
    map_committed = tool ? tool->allow : NULL;
    map_decommitted = tool == &tsan ? tsan_decommitted : NULL;
    return tool;
}
