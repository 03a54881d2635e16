/* SPDX-License-Identifier: MIT */
/* crt_aligned.c (Windows): _aligned_malloc and its relatives; see crt_malloc.h.
 *
 * Where the offset is a multiple of the alignment, the program gets an aligned piece of the heap. Otherwise it gets an
 * address inside a piece, and a note in front of that tells where the piece begins. The note is cleared when the piece
 * is freed.
 *
 * The program may give these functions any piece of the heap, also one of malloc.
 */
#include "base/align.h"
#include "malloc/crt_malloc.h"
#define BRAINMM_ATTACH_NO_CLIENT
#include "brainmm_attach.h"
#include <string.h>

struct note {
    char *piece;
    uintptr_t check;
};

/* What an address stands for. */
struct place {
    enum crt_owner owner;
    char *piece; /* the start of the piece; NULL if it is not CRT_OURS */
    size_t size; /* usable bytes from the address on */
};

static uintptr_t check_of(const char *address, const char *piece) {
    return ~((uintptr_t)address ^ ((uintptr_t)piece << 1));
}

/* The address need not be aligned to anything. */
static void note_write(char *address, char *piece) {
    struct note note = {piece, check_of(address, piece)};
    memcpy(address - sizeof note, &note, sizeof note);
}

/* The piece that the note in front of ADDRESS names, and its size; NULL if there is no note. The memory may not be
 * readable, and the system tells that without a fault. */
static char *note_read(const struct brainmm_manager *heap, const char *address, size_t *size) {
    struct note note;
    SIZE_T done;
    size_t inside;
    if (!ReadProcessMemory(GetCurrentProcess(), address - sizeof note, &note, sizeof note, &done) ||
        done != sizeof note || note.check != check_of(address, note.piece))
        return NULL;
    inside = (size_t)(address - note.piece);
    return crt_owner_of(heap, note.piece, size) == CRT_OURS && inside < *size ? note.piece : NULL;
}

static struct place place_of(const struct brainmm_manager *heap, void *address) {
    struct place place = {.owner = crt_owner_of(heap, address, &place.size), .piece = address};
    size_t size;
    if (place.owner == CRT_OURS)
        return place;
    place.piece = note_read(heap, address, &size);
    if (!place.piece)
        return place;
    place.owner = CRT_OURS;
    place.size = size - (size_t)((char *)address - place.piece);
    return place;
}

static void release(const struct crt_original *original, const char *function, char *address,
                    const struct place *place) {
    if (place->piece != address)
        memset(address - sizeof(struct note), 0, sizeof(struct note));
    int result = original->heap->free(place->piece);
    if (result != BRAINMM_OK)
        original->refuse(function, place->piece, result);
}

/* ---- Allocate ---------------------------------------------------------------------------------------------------- */

static bool is_valid(const struct crt_original *original, size_t size, size_t alignment, size_t offset) {
    if (is_power_of_two(alignment) && (offset == 0 || offset < size))
        return true;
    crt_invalid(original);
    return false;
}

/* How far into a piece the address lies. Its OFFSET is at a multiple of ALIGNMENT, which is at least 16. */
static size_t distance_of(size_t alignment, size_t offset) {
    size_t distance = (0 - offset) & (alignment - 1);
    while (distance != 0 && distance < sizeof(struct note))
        distance += alignment;
    return distance;
}

static void *alloc(const struct crt_original *original, size_t size, size_t alignment, size_t offset) {
    if (alignment < BRAINMM_ALIGNMENT)
        alignment = BRAINMM_ALIGNMENT;
    size_t distance = distance_of(alignment, offset), total = size + distance;
    char *piece = NULL;
    do {
        if (total >= size)
            piece = original->heap->alloc_aligned(alignment, total);
    } while (!piece && crt_new_handler_helps(original, total < size ? SIZE_MAX : total));
    if (!piece)
        return crt_no_memory(original);
    if (distance != 0)
        note_write(piece + distance, piece);
    return piece + distance;
}

void *crt__aligned_offset_malloc(const struct crt_original *original, size_t size, size_t alignment, size_t offset) {
    return is_valid(original, size, alignment, offset) ? alloc(original, size, alignment, offset) : NULL;
}

void *crt__aligned_malloc(const struct crt_original *original, size_t size, size_t alignment) {
    return crt__aligned_offset_malloc(original, size, alignment, 0);
}

void crt__aligned_free(const struct crt_original *original, void *address) {
    if (!address)
        return;
    struct place place = place_of(original->heap, address);
    if (place.owner == CRT_OURS)
        release(original, "_aligned_free", address, &place);
    else if (place.owner == CRT_OTHERS && original->_aligned_free)
        original->_aligned_free(address);
    else
        original->refuse("_aligned_free", address, BRAINMM_OK);
}

/* ---- Resize ------------------------------------------------------------------------------------------------------ */

/* Whether a resize of the piece by the heap keeps ALIGNMENT. The heap tells no more than 2048. */
static bool keeps(const struct brainmm_manager *heap, const void *piece, size_t alignment) {
    brainmm_options options;
    return alignment <= BRAINMM_ALIGNMENT ||
           (alignment <= BRAINMM_ALIGNMENT_MAX && BRAINMM_HAS(heap, get_options) &&
            heap->get_options(piece, &options) != 0 && (size_t)BRAINMM_ALIGNMENT << options.align >= alignment);
}

/* SIZE is not 0. On failure everything is as before. */
static void *resize(const struct crt_original *original, char *address, const struct place *place, size_t size,
                    size_t alignment, size_t offset) {
    size_t least = alignment < BRAINMM_ALIGNMENT ? BRAINMM_ALIGNMENT : alignment;
    if (address == place->piece && distance_of(least, offset) == 0 && keeps(original->heap, address, least))
        return crt_realloc(original, address, size);
    if (is_aligned_to((uintptr_t)address + offset, alignment) && size <= place->size && size >= place->size / 2)
        return address;
    char *moved = alloc(original, size, alignment, offset);
    if (!moved)
        return NULL;
    memcpy(moved, address, size < place->size ? size : place->size);
    release(original, "_aligned_realloc", address, place);
    return moved;
}

static size_t usable_from(const struct brainmm_manager *heap, void *address) { return place_of(heap, address).size; }

/* With ZERO, what is new is set to zero. */
static void *resize_ours(const struct crt_original *original, char *address, const struct place *place, size_t size,
                         size_t alignment, size_t offset, bool zero) {
    if (size == 0) {
        release(original, "_aligned_realloc", address, place);
        return NULL;
    }
    if (!is_valid(original, size, alignment, offset))
        return NULL;
    size_t kept = size < place->size ? size : place->size;
    char *resized = resize(original, address, place, size, alignment, offset);
    if (resized && zero)
        memset(resized + kept, 0, usable_from(original->heap, resized) - kept);
    return resized;
}

static void *alloc_zeroed(const struct crt_original *original, size_t size, size_t alignment, size_t offset) {
    void *address = crt__aligned_offset_malloc(original, size, alignment, offset);
    if (address)
        memset(address, 0, usable_from(original->heap, address));
    return address;
}

static void *refused(const struct crt_original *original, const char *function, void *address) {
    original->refuse(function, address, BRAINMM_OK);
    return NULL;
}

void *crt__aligned_offset_realloc(const struct crt_original *original, void *address, size_t size, size_t alignment,
                                  size_t offset) {
    if (!address)
        return crt__aligned_offset_malloc(original, size, alignment, offset);
    struct place place = place_of(original->heap, address);
    if (place.owner == CRT_OTHERS && original->_aligned_offset_realloc)
        return original->_aligned_offset_realloc(address, size, alignment, offset);
    if (place.owner != CRT_OURS)
        return refused(original, "_aligned_realloc", address);
    return resize_ours(original, address, &place, size, alignment, offset, false);
}

void *crt__aligned_realloc(const struct crt_original *original, void *address, size_t size, size_t alignment) {
    return crt__aligned_offset_realloc(original, address, size, alignment, 0);
}

void *crt__aligned_offset_recalloc(const struct crt_original *original, void *address, size_t count, size_t size,
                                   size_t alignment, size_t offset) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return crt_no_memory(original);
    if (!address)
        return alloc_zeroed(original, bytes, alignment, offset);
    struct place place = place_of(original->heap, address);
    if (place.owner == CRT_OTHERS && original->_aligned_offset_recalloc)
        return original->_aligned_offset_recalloc(address, count, size, alignment, offset);
    if (place.owner != CRT_OURS)
        return refused(original, "_aligned_recalloc", address);
    return resize_ours(original, address, &place, bytes, alignment, offset, true);
}

void *crt__aligned_recalloc(const struct crt_original *original, void *address, size_t count, size_t size,
                            size_t alignment) {
    return crt__aligned_offset_recalloc(original, address, count, size, alignment, 0);
}

/* ---- Ask --------------------------------------------------------------------------------------------------------- */

size_t crt__aligned_msize(const struct crt_original *original, void *address, size_t alignment, size_t offset) {
    if (!address) {
        crt_invalid(original);
        return SIZE_MAX;
    }
    struct place place = place_of(original->heap, address);
    if (place.owner == CRT_OURS)
        return place.size;
    if (place.owner == CRT_OTHERS && original->_aligned_msize)
        return original->_aligned_msize(address, alignment, offset);
    original->refuse("_aligned_msize", address, BRAINMM_OK);
    return SIZE_MAX;
}
