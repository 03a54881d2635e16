/* SPDX-License-Identifier: MIT */
/* frames.c: see frames.h.
 *
 * A function that keeps a frame pointer begins with `push frame pointer; frame pointer = stack pointer`. So the frame
 * pointer leads to a list: the caller's frame pointer, and above it the return address. In other functions the register
 * has any value, and what lies there is no frame. So each step is looked at:
 *   - Frames are aligned, and lie one above the other.
 *   - Up to os_stack_end() memory is certainly there. Beyond, the system copies it (os_peek), which cannot fault.
 *   - A return address lies in the code of an image, behind a call. That is looked up once for each address and then
 *     remembered, so it costs one comparison. An image may be unloaded, and what is remembered be wrong: then a word
 *     that is none may pass for a return address.
 * Code that lies in no image, as a JIT compiler makes it, ends the list.
 */
#include "checked/frames.h"
#include "base/compiler.h"
#include "os.h"

#define SLOTS 8192u
#define REFUSED_SLOTS 1024u
#define NEAR_BYTES 1024u /* copied at a time */
#define PATTERN_MAX 7u   /* bytes of the longest call that is recognised */

struct known {
    atomic_word addresses[SLOTS];       /* return addresses */
    atomic_word refused[REFUSED_SLOTS]; /* words that are none */
};
static ATOMIC(struct known *) known; /* NULL: not started */
static bool unwinds;

bool frames_start(bool exact) {
    struct known *memory = load_relaxed(&known);
    unwinds = exact || !os_facts.frame_pointers;
    if (!memory) {
        size_t size = (sizeof *memory + os_facts.granule - 1) & ~(os_facts.granule - 1);
        memory = os_reserve(size, os_facts.granule);
        if (!memory || !os_commit(memory, size))
            return false;
        store_relaxed(&memory->addresses[0], 1); /* or 0 would be a return address */
        store_release(&known, memory);           /* with frames_collect() */
    }
    return true;
}

/* ---- Return addresses ------------------------------------------------------------------------------------------- */

/* Whether the bytes before a return address are a call of x86: to an offset, or through a register or memory. */
static bool ends_with_call(const unsigned char *end) {
    static const unsigned char lengths[] = {2, 3, 4, 6, 7};
    if (end[-5] == 0xE8)
        return true;
    for (unsigned i = 0; i < sizeof lengths; i++)
        if (end[-(int)lengths[i]] == 0xFF && (end[1 - (int)lengths[i]] >> 3 & 7) == 2)
            return true;
    return false;
}

static COLD bool look_up(struct known *table, uintptr_t address) {
    unsigned char code[PATTERN_MAX];
    atomic_word *refused = &table->refused[address % REFUSED_SLOTS];
    if (load_relaxed(refused) == address)
        return false;
    bool is = address > PATTERN_MAX && os_is_code((const void *)(address - 1)) &&
              os_peek(code, (const void *)(address - PATTERN_MAX), sizeof code) && ends_with_call(code + sizeof code);
    store_relaxed(is ? &table->addresses[address % SLOTS] : refused, address);
    return is;
}

static inline bool is_return_address(struct known *table, uintptr_t address) {
    return LIKELY(load_relaxed(&table->addresses[address % SLOTS]) == address) || look_up(table, address);
}

/* ---- Frames ----------------------------------------------------------------------------------------------------- */

struct frame {
    uintptr_t above; /* the caller's frame */
    uintptr_t from;  /* the return address */
};

/* The stack, as far as it is read without a fault. */
struct view {
    uintptr_t end; /* up to here, in place */
    uintptr_t copied, copied_end;
    unsigned char copy[NEAR_BYTES];
};

/* Beyond the end: copies what lies there, up to the end of the page. */
static COLD bool view_copy(struct view *view, uintptr_t at, struct frame *frame) {
    if (at < view->copied || at + sizeof *frame > view->copied_end) {
        uintptr_t page_end = (at | (os_facts.page - 1)) + 1;
        size_t size = page_end - at < sizeof view->copy ? page_end - at : sizeof view->copy;
        if (size < sizeof *frame)
            size = sizeof *frame;
        view->copied = view->copied_end = 0;
        if (!os_peek(view->copy, (const void *)at, size))
            return false;
        view->copied = at;
        view->copied_end = at + size;
    }
    __builtin_memcpy(frame, view->copy + (at - view->copied), sizeof *frame);
    return true;
}

/* A sanitizer may know that a word is none of the program's. */
#if defined(__clang__)
__attribute__((no_sanitize("address", "thread")))
#endif
static inline struct frame
frame_in_place(uintptr_t at) {
    const struct frame *frame = (const struct frame *)at;
    return (struct frame){word_load_relaxed(&frame->above), word_load_relaxed(&frame->from)};
}

static COLD bool view_frame(struct view *view, uintptr_t at, struct frame *frame) {
    if (at > UINTPTR_MAX - NEAR_BYTES)
        return false;
    if (at + sizeof *frame > view->end)
        return view_copy(view, at, frame);
    *frame = frame_in_place(at);
    return true;
}

/* The rest of a walk, where a frame seems to lie beyond the end of the stack. */
static COLD unsigned walk_beyond(struct known *table, uintptr_t at, uintptr_t above, uintptr_t end,
                                 const void **addresses, unsigned count, unsigned capacity) {
    struct view view = {.end = end};
    struct frame frame = {.above = above};
    while (count < capacity && frame.above > at && frame.above % sizeof(uintptr_t) == 0) {
        at = frame.above;
        if (!view_frame(&view, at, &frame) || !is_return_address(table, frame.from))
            break;
        addresses[count++] = (const void *)frame.from;
    }
    return count;
}

static inline unsigned walk(struct known *table, struct stack_origin origin, const void **addresses,
                            unsigned capacity) {
    struct frame frame = {.above = origin.frame};
    uintptr_t at = (uintptr_t)&frame; /* below all frames of the program */
    uintptr_t end = os_stack_end(at), last = end > at + sizeof frame ? end - sizeof frame : at;
    unsigned count = 0;
    addresses[count++] = origin.caller;
    while (count < capacity) {
        uintptr_t above = frame.above;
        if (UNLIKELY(above - at - 1 >= last - at))
            return above > at ? walk_beyond(table, at, above, end, addresses, count, capacity) : count;
        if (above % sizeof(uintptr_t) != 0)
            break;
        frame = frame_in_place(above);
        if (!is_return_address(table, frame.from))
            break;
        at = above;
        addresses[count++] = (const void *)frame.from;
    }
    return count;
}

/* ---- The tables for exceptions ---------------------------------------------------------------------------------- */

#define OWN_FRAMES_MAX 8u /* between the origin and the port */

/* The frames of this library come first, up to the origin. If the tables do not lead there, they are of no use. */
static COLD unsigned unwind(struct stack_origin origin, const void **addresses, unsigned capacity) {
    const void *all[64 + OWN_FRAMES_MAX];
    unsigned wanted = capacity + OWN_FRAMES_MAX;
    unsigned found = os_unwind(all, wanted < sizeof all / sizeof *all ? wanted : sizeof all / sizeof *all);
    unsigned skip = 0, count = 0;
    while (skip < found && skip < OWN_FRAMES_MAX && all[skip] != origin.caller)
        skip++;
    if (skip == found || skip == OWN_FRAMES_MAX)
        return 0;
    while (skip < found && count < capacity && all[skip])
        addresses[count++] = all[skip++];
    return count;
}

unsigned frames_collect(struct stack_origin origin, const void **addresses, unsigned capacity) {
    struct known *table = load_acquire(&known); /* with frames_start() */
    if (unwinds) {
        unsigned count = unwind(origin, addresses, capacity);
        if (count > 0)
            return count;
    }
    if (table && os_facts.frame_pointers)
        return walk(table, origin, addresses, capacity);
    addresses[0] = origin.caller;
    return 1;
}
