/* SPDX-License-Identifier: MIT */
/* move.c: brainmm_move_b16: moves units of 16 bytes, at any address. Source and target may overlap.
 *
 * There is one whole function for each way. The processor decides between them once:
 *   - AVX where processor and system support it.
 *   - `rep movsb` on a processor without AVX that does it by the cache line (ERMS). Where there is AVX it was measured
 *     to be no faster, and ten times slower if the target begins a little behind the source, modulo 4 KiB (Zen 3).
 *   - Otherwise vectors of 16 bytes, on every processor. On ARM64 there is no other way, so nothing is decided: such
 *     vectors are NEON's, and two of them are loaded or stored at once.
 * Short moves load everything and then store it. That needs neither a loop nor a look at the overlap. Moves that no
 * cache holds store past the caches, which saves reading the target first.
 */
#include "move/move.h"
#include "base/atomic.h"
#include "base/compiler.h"
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#include <emmintrin.h>
#define X86 1
#else
#define X86 0
#endif

/* Where the dynamic linker asks which function a name stands for, a call goes there without a look at a pointer.
 * Sanitizers cannot run so early, and clang does not tell of them. */
#if defined(__x86_64__) && defined(__ELF__) && defined(__GLIBC__) && !defined(__clang__) &&                            \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LINKER_CHOOSES 1
#else
#define LINKER_CHOOSES 0
#endif

#define MOVE_UNIT 16u
#define LINE 64u                   /* bytes of a cache line */
#define STRINGS_MIN 1024u          /* bytes from which on `rep movsb` is worth its start */
#define STRINGS_APART 64u          /* how far behind the source, modulo 4 KiB, the target must begin for it */
#define CACHE_UNKNOWN (32u << 20)  /* bytes of the last cache, where the processor does not tell */
#define STREAMING_LEAST (4u << 20) /* bounds of what is made of it */
#define STREAMING_MOST (64u << 20)

typedef uint8_t vector16 __attribute__((vector_size(16), may_alias, aligned(1)));

/* The Makefile aligns jump targets the same way. */
#define HOT __attribute__((aligned(64)))

static size_t streaming_min(void);

#if X86
static void move_line(char *to, const char *from) {
    vector16 *target = (vector16 *)(void *)to;
    const vector16 *source = (const vector16 *)(const void *)from;
    for (unsigned i = 0; i < LINE / MOVE_UNIT; i++)
        target[i] = source[i];
}

/* Source and target do not overlap; SIZE is some cache lines at least. */
static void move_streaming(char *to, const char *from, size_t size) {
    move_line(to, from);
    move_line(to + size - LINE, from + size - LINE);
    size_t skip = LINE - (uintptr_t)to % LINE;
    to += skip;
    from += skip;
    for (size_t left = size - skip; left >= LINE; left -= LINE, to += LINE, from += LINE) {
        const __m128i *source = (const __m128i *)(const void *)from;
        __m128i *target = (__m128i *)(void *)to;
        __builtin_prefetch(from + 8 * LINE, 0, 0);
        __m128i a = _mm_loadu_si128(source), b = _mm_loadu_si128(source + 1);
        __m128i c = _mm_loadu_si128(source + 2), d = _mm_loadu_si128(source + 3);
        _mm_stream_si128(target, a);
        _mm_stream_si128(target + 1, b);
        _mm_stream_si128(target + 2, c);
        _mm_stream_si128(target + 3, d);
    }
    _mm_sfence(); /* such stores are not ordered with others, on which other threads may wait */
}
#else
static void vectors_up(char *to, const char *from, size_t size);
static void move_streaming(char *to, const char *from, size_t size) { vectors_up(to, from, size); }
#endif

#define VECTOR vector16
#define MOVE(name) vectors_##name
#define MOVE_TARGET
#include "move/move_loops.h"
#undef VECTOR
#undef MOVE
#undef MOVE_TARGET

#if X86
typedef uint8_t vector32 __attribute__((vector_size(32), may_alias, aligned(1)));

#define VECTOR vector32
#define MOVE(name) avx_##name
#define MOVE_TARGET __attribute__((target("avx")))
#include "move/move_loops.h"

static int BRAINMM_CALL strings_all(void *to, const void *from, size_t count) {
    size_t size = count * MOVE_UNIT;
    uintptr_t behind = (uintptr_t)to - (uintptr_t)from;
    if (!to || !from || count < STRINGS_MIN / MOVE_UNIT || count >= STREAMING_LEAST / MOVE_UNIT || behind < size ||
        behind % 4096 < STRINGS_APART)
        return vectors_all(to, from, count);
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size)::"memory");
    return BRAINMM_OK;
}
#endif

/* ---- The choice ------------------------------------------------------------------------------------------------- */

#if X86
/* Bits of cpuid, in the order of Intel's manual: leaf 1 ECX, leaf 7 EBX. */
#define CPU_OSXSAVE (1u << 27)
#define CPU_AVX (1u << 28)
#define CPU_ERMS (1u << 9)

static bool cpu_has_avx(void) {
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (CPU_OSXSAVE | CPU_AVX)) != (CPU_OSXSAVE | CPU_AVX))
        return false;
    __asm__ volatile("xgetbv"
                     : "=a"(low), "=d"(high)
                     : "c"(0)); /* whether the system saves the registers' upper halves */
    return (low & 6) == 6;
}

static bool cpu_has_fast_strings(void) {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & CPU_ERMS);
}

/* The size of the last cache by a leaf that describes one cache a subleaf: 4 (Intel) or 0x8000001D (AMD); or 0. */
static size_t cache_by_leaf(unsigned leaf) {
    unsigned a, b, c, d;
    size_t size = 0;
    for (unsigned cache = 0; cache < 8 && __get_cpuid_count(leaf, cache, &a, &b, &c, &d) && (a & 31) != 0; cache++)
        size = (size_t)((b >> 22) + 1) * ((b >> 12 & 1023) + 1) * ((b & 4095) + 1) * ((size_t)c + 1);
    return size;
}

/* Half of the last cache: source and target together then fill it. */
static size_t streaming_min(void) {
    static ATOMIC(size_t) known; /* 0: not yet */
    size_t half = load_relaxed(&known);
    if (half == 0) {
        size_t cache = cache_by_leaf(4);
        if (cache == 0)
            cache = cache_by_leaf(0x8000001Du);
        half = (cache ? cache : CACHE_UNKNOWN) / 2;
        half = half < STREAMING_LEAST ? STREAMING_LEAST : half > STREAMING_MOST ? STREAMING_MOST : half;
        store_relaxed(&known, half);
    }
    return half;
}
#else
static size_t streaming_min(void) { return CACHE_UNKNOWN / 2; }
#endif

move_function *move_in_way(enum move_way way) {
#if X86
    if (way == MOVE_AVX)
        return cpu_has_avx() ? avx_all : NULL;
    if (way == MOVE_STRINGS)
        return cpu_has_fast_strings() ? strings_all : NULL;
#endif
    return way == MOVE_VECTORS ? vectors_all : NULL;
}

#if X86
static move_function *choose(void) {
    move_function *function = NULL;
    for (unsigned way = MOVE_WAYS; !function;)
        function = move_in_way(--way);
    return function;
}
#endif

/* ---- The function ----------------------------------------------------------------------------------------------- */

#if LINKER_CHOOSES
int BRAINMM_CALL brainmm_move_b16(void *to, const void *from, size_t count) __attribute__((ifunc("choose")));
#elif X86
static move_function move_first;
static ATOMIC(move_function *) move_chosen = ATOMIC_INITIAL(move_first); /* any of its values is good at any time */

static int BRAINMM_CALL move_first(void *to, const void *from, size_t count) {
    move_function *function = choose();
    store_relaxed(&move_chosen, function);
    return function(to, from, count);
}

HOT int BRAINMM_CALL brainmm_move_b16(void *to, const void *from, size_t count) {
    return load_relaxed(&move_chosen)(to, from, count);
}
#else
HOT int BRAINMM_CALL brainmm_move_b16(void *to, const void *from, size_t count) { return vectors_all(to, from, count); }
#endif

/* For the tables, whose functions must be this image's own. */
HIDDEN_ALIAS(move_b16, brainmm_move_b16);
