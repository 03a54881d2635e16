/* SPDX-License-Identifier: MIT */
/* crt.c (Windows): memcpy, memset and kin, which the compiler calls and the DLL cannot take from a C runtime: it
 * imports the system's own libraries only. Private to the library.
 *
 * Short runs are moved in registers that overlap, long ones on x86 by the string instructions, which every processor of
 * the last decade turns into whole cache lines.
 */
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) || defined(__i386__)
#define STRING_MIN 512u /* from here on `rep movsb` is worth its start */
#endif

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *left, const void *right, size_t size);

typedef char vector __attribute__((vector_size(16), may_alias, aligned(1)));

static vector load(const char *from) { return *(const vector *)(const void *)from; }
static void store(char *to, vector value) { *(vector *)(void *)to = value; }

static void move_short(char *to, const char *from, size_t size) {
    for (size_t i = 0; i < size; i++) {
        to[i] = from[i];
        __asm__ volatile("" ::: "memory"); /* or the compiler makes this a call of memcpy */
    }
}

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    char *target = to;
    const char *source = from;
    if (size < 16) {
        move_short(target, source, size);
        return to;
    }
#if defined(STRING_MIN)
    if (size >= STRING_MIN) {
        __asm__ volatile("rep movsb" : "+D"(target), "+S"(source), "+c"(size)::"memory");
        return to;
    }
#endif
    vector last = load(source + size - 16);
    for (size_t i = 0; i + 16 < size; i += 16)
        store(target + i, load(source + i));
    store(target + size - 16, last);
    return to;
}

void *memmove(void *to, const void *from, size_t size) {
    char *target = to;
    const char *source = from;
    if ((uintptr_t)target - (uintptr_t)source >= size)
        return memcpy(to, from, size);
    for (; size >= 16; size -= 16)
        store(target + size - 16, load(source + size - 16));
    while (size--) {
        target[size] = source[size];
        __asm__ volatile("" ::: "memory");
    }
    return to;
}

void *memset(void *to, int value, size_t size) {
    char *target = to;
#if defined(STRING_MIN)
    if (size >= STRING_MIN) {
        __asm__ volatile("rep stosb" : "+D"(target), "+c"(size) : "a"(value) : "memory");
        return to;
    }
#endif
    if (size < 16) {
        for (size_t i = 0; i < size; i++) {
            target[i] = (char)value;
            __asm__ volatile("" ::: "memory");
        }
        return to;
    }
    vector filler = (vector){0} + (char)value;
    for (size_t i = 0; i + 16 < size; i += 16)
        store(target + i, filler);
    store(target + size - 16, filler);
    return to;
}

#if defined(__aarch64__)
/* What the compiler calls before a frame of some pages: it touches each page, so that the system makes the stack grow
 * by its guard page. x15 has the frame's size, in 16 bytes. All registers but x16 and x17 keep their values. */
__asm__(".globl __chkstk\n"
        "__chkstk:\n"
        "    sub x16, sp, x15, uxtx #4\n" /* where the frame will end */
        "    mov x17, sp\n"
        "1:  sub x17, x17, #4096\n"
        "    cmp x17, x16\n"
        "    b.lo 2f\n"
        "    ldrb wzr, [x17]\n"
        "    b 1b\n"
        "2:  ldrb wzr, [x16]\n"
        "    ret\n");
#endif

int memcmp(const void *left, const void *right, size_t size) {
    const unsigned char *a = left, *b = right;
    for (size_t i = 0; i < size; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}
