/* SPDX-License-Identifier: MIT */
/* move_loops.h: the loops of move.c, for vectors of one size. Included once for each, with
 *   VECTOR       the type of a vector, which may lie at any address
 *   MOVE(name)   what the functions are called
 *   MOVE_TARGET  the attribute that lets the compiler use such vectors
 *
 * Everything is loaded before what it may overlap is stored: the last block before a loop that goes up, the first one
 * before a loop that goes down, and each block of a loop before that block is stored.
 */
#define BLOCK (4 * sizeof(VECTOR))
#define AT(address, i) (((VECTOR *)(void *)(address))[i])
#define FROM(address, i) (((const VECTOR *)(const void *)(address))[i])
#define LOAD_BLOCK(a, b, c, d, address)                                                                                \
    VECTOR a = FROM(address, 0), b = FROM(address, 1), c = FROM(address, 2), d = FROM(address, 3)
#define STORE_BLOCK(address, a, b, c, d)                                                                               \
    do {                                                                                                               \
        AT(address, 0) = a;                                                                                            \
        AT(address, 1) = b;                                                                                            \
        AT(address, 2) = c;                                                                                            \
        AT(address, 3) = d;                                                                                            \
    } while (0)

/* SIZE is more than two blocks. Stores go to multiples of a vector, but for those at both ends. */
MOVE_TARGET static void MOVE(up)(char *to, const char *from, size_t size) {
    char *last = to + size - BLOCK;
    VECTOR first = FROM(from, 0);
    LOAD_BLOCK(w, x, y, z, from + size - BLOCK);
    size_t skip = sizeof(VECTOR) - ((uintptr_t)to & (sizeof(VECTOR) - 1));
    char *at = to + skip;
    from += skip;
    LOAD_BLOCK(a, b, c, d, from);
    AT(to, 0) = first;
    for (;;) {
        STORE_BLOCK(at, a, b, c, d);
        at += BLOCK;
        from += BLOCK;
        if (at >= last)
            break;
        a = FROM(from, 0), b = FROM(from, 1), c = FROM(from, 2), d = FROM(from, 3);
    }
    STORE_BLOCK(last, w, x, y, z);
}

MOVE_TARGET static void MOVE(down)(char *to, const char *from, size_t size) {
    VECTOR last = FROM(from + size - sizeof(VECTOR), 0);
    LOAD_BLOCK(w, x, y, z, from);
    size_t left =
        size - 1 - (((uintptr_t)to + size - 1) & (sizeof(VECTOR) - 1)); /* to + left: a multiple of a vector */
    const char *source = from + left - BLOCK;
    char *at = to + left - BLOCK;
    LOAD_BLOCK(a, b, c, d, source);
    AT(to + size - sizeof(VECTOR), 0) = last;
    for (;;) {
        STORE_BLOCK(at, a, b, c, d);
        if (at <= to + BLOCK)
            break;
        at -= BLOCK;
        source -= BLOCK;
        a = FROM(source, 0), b = FROM(source, 1), c = FROM(source, 2), d = FROM(source, 3);
    }
    STORE_BLOCK(to, w, x, y, z);
}

/* More than two blocks. A function of its own, so that the one for few has no registers to save. */
MOVE_TARGET __attribute__((noinline)) static int MOVE(long)(char *to, const char *from, size_t count) {
    size_t size = count * MOVE_UNIT;
    if (UNLIKELY(count > PTRDIFF_MAX / MOVE_UNIT))
        return BRAINMM_E_ARGUMENT;
    if ((uintptr_t)to - (uintptr_t)from < size)
        MOVE(down)(to, from, size);
    else if (size >= STREAMING_LEAST && size >= streaming_min() && (uintptr_t)from - (uintptr_t)to >= size)
        move_streaming(to, from, size);
    else
        MOVE(up)(to, from, size);
    return BRAINMM_OK;
}

/* brainmm_move_b16, with such vectors. Lengths are compared in units, as bytes may be more than there are. */
MOVE_TARGET HOT static int BRAINMM_CALL MOVE(all)(void *to, const void *from, size_t count) {
    size_t size = count * MOVE_UNIT;
    if (UNLIKELY(((uintptr_t)to & (uintptr_t)from) == 0) && (!to || !from)) /* one test where both are addresses */
        return count ? BRAINMM_E_ARGUMENT : BRAINMM_OK;
    if (LIKELY(count <= BLOCK / MOVE_UNIT)) {
        if (LIKELY(count <= 2 * sizeof(VECTOR) / MOVE_UNIT)) {
            if (sizeof(VECTOR) > MOVE_UNIT && LIKELY(count >= sizeof(VECTOR) / MOVE_UNIT)) {
                VECTOR a = FROM(from, 0), z = FROM((const char *)from + size - sizeof(VECTOR), 0);
                AT(to, 0) = a;
                AT((char *)to + size - sizeof(VECTOR), 0) = z;
            } else if (LIKELY(count > 0)) {
                vector16 a = *(const vector16 *)from, z = *(const vector16 *)((const char *)from + size - MOVE_UNIT);
                *(vector16 *)to = a;
                *(vector16 *)((char *)to + size - MOVE_UNIT) = z;
            }
            return BRAINMM_OK;
        }
        const char *half = (const char *)from + size - BLOCK / 2;
        VECTOR a = FROM(from, 0), b = FROM(from, 1), y = FROM(half, 0), z = FROM(half, 1);
        AT(to, 0) = a;
        AT(to, 1) = b;
        AT((char *)to + size - BLOCK / 2, 0) = y;
        AT((char *)to + size - BLOCK / 2, 1) = z;
        return BRAINMM_OK;
    }
    if (LIKELY(count <= 2 * BLOCK / MOVE_UNIT)) {
        LOAD_BLOCK(a, b, c, d, from);
        LOAD_BLOCK(w, x, y, z, (const char *)from + size - BLOCK);
        STORE_BLOCK(to, a, b, c, d);
        STORE_BLOCK((char *)to + size - BLOCK, w, x, y, z);
        return BRAINMM_OK;
    }
    return MOVE(long)(to, from, count);
}

#undef BLOCK
#undef AT
#undef FROM
#undef LOAD_BLOCK
#undef STORE_BLOCK
