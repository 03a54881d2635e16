/* SPDX-License-Identifier: MIT */
/* os_unwind.c (Windows): return addresses by the tables for exceptions.
 *
 * On 64 bit every function that touches the stack pointer has a record of how: what its prologue pushes and takes off.
 * RtlVirtualUnwind reads that each time, and restores all registers: a microsecond a frame. But at a return address it
 * comes down to two numbers: how far above the stack pointer, or the frame pointer, the next return address lies, and
 * where the caller's frame pointer was saved. They are kept in a table, for each return address that was seen.
 * Unloading an image makes all of them void.
 */
#include "base/compiler.h"
#include "os.h"
#include "unloading.h"
#include <windows.h>

#ifdef __x86_64__

#define SLOTS 4096u
#define RBP 5u

/* What leads from one return address to the next. */
struct step {
    uint64_t size : 24;    /* words from the base to the next return address */
    uint64_t saved : 24;   /* words from the base to the caller's frame pointer, and 1; 0: it is unchanged */
    uint64_t offset : 4;   /* of the frame pointer from the base, in 16 bytes */
    uint64_t by_frame : 1; /* the base is the frame pointer less the offset; else the stack pointer */
    uint64_t unknown : 1;  /* there is no record, or one that this file does not read */
    uint64_t : 10;
};
_Static_assert(sizeof(struct step) == sizeof(uint64_t), "it fits into one word");

union step_word {
    struct step step;
    uint64_t word;
};

/* A slot whose key is read twice, before and after its step: it may be in change. */
struct slot {
    atomic_u64 key; /* the return address, and above it how often images were unloaded; 1: in change */
    atomic_u64 step;
};
static struct slot slots[SLOTS];

/* ---- The records ------------------------------------------------------------------------------------------------ */

struct unwind_record {
    uint8_t version : 3, flags : 5;
    uint8_t prologue;
    uint8_t count; /* of the codes */
    uint8_t frame_register : 4, frame_offset : 4;
    struct {
        uint8_t at; /* behind the instruction, from the start of the function */
        uint8_t operation : 4, info : 4;
    } codes[];
};
enum {
    PUSH = 0,
    TAKE_LARGE = 1,
    TAKE_SMALL = 2,
    SET_FRAME = 3,
    SAVE = 4,
    SAVE_FAR = 5,
    EPILOGUE = 6,
    SAVE_XMM = 8,
    SAVE_XMM_FAR = 9
};
#define CHAINED 4u

/* Adds what the codes of one record do, in the reverse order of the prologue. Only those count that were executed AT so
 * far into the function. False if one of them is of another kind. */
static bool apply(struct step *step, const struct unwind_record *record, uintptr_t at) {
    for (unsigned i = 0; i < record->count;) {
        unsigned operation = record->codes[i].operation, info = record->codes[i].info, slots_used = 1;
        const uint16_t *more = (const uint16_t *)(const void *)&record->codes[i + 1];
        uint32_t taken = 0, saved_at = 0;
        switch (operation) {
        case PUSH: taken = 1; break;
        case TAKE_LARGE:
            slots_used = info ? 3 : 2;
            taken = info ? (more[0] | (uint32_t)more[1] << 16) / 8 : more[0];
            break;
        case TAKE_SMALL: taken = info + 1; break;
        case SAVE:
            slots_used = 2;
            saved_at = more[0] + 1u;
            break;
        case SAVE_FAR:
            slots_used = 3;
            saved_at = (more[0] | (uint32_t)more[1] << 16) / 8 + 1;
            break;
        case SET_FRAME: break;
        case EPILOGUE:
            if (record->version < 2)
                return false;
            break;
        case SAVE_XMM: slots_used = 2; break;
        case SAVE_XMM_FAR: slots_used = 3; break;
        default: return false; /* a frame that the system has made */
        }
        if (record->codes[i].at <= at) {
            if (operation == PUSH && info == RBP)
                step->saved = (step->size + 1) & 0xFFFFFF;
            else if (saved_at != 0 && info == RBP)
                step->saved = saved_at & 0xFFFFFF;
            if (operation == SET_FRAME) {
                step->by_frame = 1;
                step->offset = record->frame_offset & 15;
                step->size = 0;
            }
            if (step->size + taken > 0xFFFFFF)
                return false;
            step->size = (step->size + taken) & 0xFFFFFF;
        }
        i += slots_used;
    }
    return true;
}

/* Reads the records of the function that ADDRESS lies in. A part of a function refers to the record of the whole. */
static COLD struct step step_from_records(uintptr_t address) {
    static const struct step unknown = {.unknown = 1};
    struct step step = {0};
    DWORD64 image;
    const RUNTIME_FUNCTION *function = RtlLookupFunctionEntry(address, &image, NULL);
    uintptr_t at = function ? address - image - function->BeginAddress : 0;
    for (unsigned parts = 0; function && parts < 32; parts++) {
        const struct unwind_record *record = (const struct unwind_record *)(image + function->UnwindData);
        if ((function->UnwindData & 1) || record->version < 1 || record->version > 2 ||
            (record->frame_register != 0 && record->frame_register != RBP) || !apply(&step, record, at))
            return unknown;
        if ((record->flags & CHAINED) == 0)
            return step;
        function = (const RUNTIME_FUNCTION *)(const void *)&record->codes[(record->count + 1u) & ~1u];
        at = UINTPTR_MAX;
    }
    return unknown;
}

static COLD struct step step_learn(struct slot *slot, uint64_t key, uintptr_t address) {
    union step_word learnt = {.step = step_from_records(address)};
    uint64_t before = load_relaxed(&slot->key);
    if (before != 1 && exchange_if_acquire(&slot->key, &before, 1)) {
        store_order();
        store_relaxed(&slot->step, learnt.word);
        store_release(&slot->key, key); /* with step_at() */
    }
    return learnt.step;
}

static inline struct step step_at(uintptr_t address) {
    struct slot *slot = &slots[(address ^ address >> 12) % SLOTS];
    uint64_t key = address | (uint64_t)unloadings_count() << 48;
    if (LIKELY(load_acquire(&slot->key) == key)) {
        union step_word found = {.word = load_acquire(&slot->step)};
        if (LIKELY(load_relaxed(&slot->key) == key))
            return found.step;
    }
    return step_learn(slot, key, address);
}

/* ---- Stacks ----------------------------------------------------------------------------------------------------- */

/* Nothing outside the thread's stack is read, whatever the records say. */
__attribute__((noinline)) unsigned os_unwind(const void **addresses, unsigned capacity) {
    uintptr_t code, stack, frame;
    unsigned count = 0;
    __asm__ volatile("lea 0(%%rip), %0\n\tmov %%rsp, %1\n\tmov %%rbp, %2" : "=r"(code), "=r"(stack), "=r"(frame));
    uintptr_t end = os_stack_end(stack);
    while (count < capacity) {
        struct step step = step_at(code);
        uintptr_t base = step.by_frame ? frame - step.offset * 16u : stack;
        uintptr_t next = base + step.size * sizeof(uintptr_t);
        uintptr_t saved = step.saved ? base + (step.saved - 1) * sizeof(uintptr_t) : base;
        if (step.unknown || base < stack || base % sizeof(uintptr_t) != 0 || next < base ||
            next >= end - sizeof(uintptr_t) || saved >= end - sizeof(uintptr_t))
            break;
        if (step.saved)
            frame = *(const uintptr_t *)saved;
        code = *(const uintptr_t *)next;
        stack = next + sizeof(uintptr_t);
        if (code == 0)
            break;
        addresses[count++] = (const void *)code;
    }
    return count;
}

#elif defined(__aarch64__)

/* Frame pointers lead there as well, because the ABI asks for them. Who wants it exact is told by the system, which
 * reads the records of this processor. */
unsigned os_unwind(const void **addresses, unsigned capacity) {
    return CaptureStackBackTrace(0, capacity, (void **)(uintptr_t)addresses, NULL);
}

#else

/* There are no such records. The system goes by frame pointers, too. */
unsigned os_unwind(const void **addresses, unsigned capacity) {
    (void)addresses;
    (void)capacity;
    return 0;
}

#endif
