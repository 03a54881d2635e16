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

/* SIZE is more than SHORT_MAX units. */
MOVE_TARGET HOT static int MOVE(any)(char *to, const char *from, size_t size) {
    if (sizeof(VECTOR) > UNIT && size <= BLOCK) {
        VECTOR a = FROM(from, 0), b = FROM(from, 1);
        VECTOR y = FROM(from + size - BLOCK / 2, 0), z = FROM(from + size - BLOCK / 2, 1);
        AT(to, 0) = a;
        AT(to, 1) = b;
        AT(to + size - BLOCK / 2, 0) = y;
        AT(to + size - BLOCK / 2, 1) = z;
        return BRAINMM_OK;
    }
    if (size <= 2 * BLOCK) {
        LOAD_BLOCK(a, b, c, d, from);
        LOAD_BLOCK(w, x, y, z, from + size - BLOCK);
        STORE_BLOCK(to, a, b, c, d);
        STORE_BLOCK(to + size - BLOCK, w, x, y, z);
        return BRAINMM_OK;
    }
    if ((uintptr_t)to - (uintptr_t)from < size)
        MOVE(down)(to, from, size);
    else if (size >= STREAMING_LEAST && size >= streaming_min && (uintptr_t)from - (uintptr_t)to >= size)
        move_streaming(to, from, size);
    else
        MOVE(up)(to, from, size);
    return BRAINMM_OK;
}

#undef BLOCK
#undef AT
#undef FROM
#undef LOAD_BLOCK
#undef STORE_BLOCK
