/* SPDX-License-Identifier: MIT */
/* kept.c: see kept.h. */
#include "slab/kept.h"
#include "slab/lifetime.h"

#define UNITS_AT_FIRST 4u   /* that a heap may keep */
#define UNITS_MORE 124u     /* besides, at most */
#define UNITS_MORE_ALL 512u /* all heaps together */
#define REGRETS_MOST 16u    /* before a heap may keep a unit more */
#define SLAB_PART 2u        /* of what a heap may keep, one slab has this part at most */
#define VAIN_MOST 7u        /* one supply of 128 is looked after */

static atomic_u32 units_more; /* of all heaps */

/* Whether all of a current slab is free. If not, the countdown is armed for when it may be. */
static bool look(const struct thread_heap *heap, struct bin *bin, struct unit *slab) {
    unsigned carved = slab_carved(slab), local = slab_local_length(slab), missing = carved - local;
    if (bin->cached_below > missing) {
        unsigned cached = 0;
        for (const struct object *object = heap->cached[slab_bin(slab)];
             cached <= missing && slab_holds_free(slab, object); object = object->next)
            cached++;
        if (cached == missing && load_relaxed(&slab->slab.remote) == 0)
            return true;
        bin->cached_below = (cached + 1) & CACHED_UNKNOWN;
    }
    if (bin->cached_below <= missing) {
        slab_arm(slab, local, carved - bin->cached_below + 1);
    } else { /* the list is broken */
        bin->looks = LOOKS_MOST;
        slab_arm_for_all(slab, local);
    }
    return false;
}

static void end_current(struct thread_heap *heap, struct bin *bin, struct unit *slab) {
    heap->cached[slab_bin(slab)] = NULL;
    bin->current = 0;
    bin->was_kept = true;
    slab_arm_for_all(slab, slab_carved(slab));
    slab_retire(slab);
}

/* ---- The slabs that are kept ------------------------------------------------------------------------------------ */

void kept_forget(struct thread_heap *heap, struct bin *bin) {
    struct kept *kept = &heap->kept;
    if (!bin->place)
        return;
    unsigned at = bin->place - 1u;
    kept->units -= kept->slabs[at].units;
    kept->slabs[at] = kept->slabs[--kept->count];
    heap->bins[kept->slabs[at].bin].place = (uint8_t)(at + 1);
    bin->place = 0;
}

void kept_forget_all(struct thread_heap *heap) {
    struct kept *kept = &heap->kept;
    for (unsigned i = 0; i < kept->count; i++)
        heap->bins[kept->slabs[i].bin].place = 0;
    if (kept->more)
        subtract_relaxed(&units_more, kept->more);
    kept->count = kept->units = kept->more = kept->regrets = 0;
}

static unsigned units_allowed(const struct kept *kept) { return UNITS_AT_FIRST + kept->more; }

/* A bin that had a slab all free and lost it has one again. */
static void regret(struct kept *kept) {
    if (++kept->regrets < REGRETS_MOST)
        return;
    kept->regrets = 0;
    if (kept->more == UNITS_MORE)
        return;
    if (add_relaxed(&units_more, 1) < UNITS_MORE_ALL)
        kept->more++;
    else
        subtract_relaxed(&units_more, 1);
}

/* Each allocation changes the list of cached objects, or makes it anew out of `local`. */
static uint32_t what_is_seen(const struct thread_heap *heap, const struct unit *slab) {
    return (uint32_t)(uintptr_t)heap->cached[slab_bin(slab)] + slab_local_length(slab);
}

/* Makes room for UNITS. False if it meets a slab that was used since it was last met. So slabs that are used in turn
 * and are too many do not all lose their places. */
static bool make_room(struct thread_heap *heap, unsigned units) {
    struct kept *kept = &heap->kept;
    while (kept->units + units > units_allowed(kept) || kept->count == KEPT_MOST) {
        if (kept->next >= kept->count)
            kept->next = 0;
        struct bin *bin = &heap->bins[kept->slabs[kept->next].bin];
        struct unit *slab = unit_from_number(bin->current);
        uint32_t seen = what_is_seen(heap, slab);
        if (kept->slabs[kept->next].seen != seen) {
            kept->slabs[kept->next++].seen = seen;
            return false;
        }
        kept_forget(heap, bin);
        bin->was_kept = true;
        bin->looks = 0; /* the look may arm the countdown for the next one */
        if (look(heap, bin, slab))
            end_current(heap, bin, slab);
    }
    return true;
}

/* All of a current slab is free. */
static void keep(struct thread_heap *heap, struct bin *bin, struct unit *slab) {
    struct kept *kept = &heap->kept;
    unsigned units = slab_units(slab);
    if (bin->was_kept)
        regret(kept);
    bin->was_kept = false;
    if (units > units_allowed(kept) / SLAB_PART || !make_room(heap, units)) {
        end_current(heap, bin, slab);
        return;
    }
    kept_arm_for_nothing(slab, slab_local_length(slab));
    bin->cached_below = CACHED_UNKNOWN;
    kept->slabs[kept->count].bin = (uint16_t)slab_bin(slab);
    kept->slabs[kept->count].units = (uint16_t)units;
    kept->slabs[kept->count].seen = what_is_seen(heap, slab);
    kept->units += units;
    bin->place = (uint8_t)++kept->count;
}

/* ---- The countdown ---------------------------------------------------------------------------------------------- */

void kept_event(struct thread_heap *heap, struct unit *slab) {
    struct bin *bin = &heap->bins[slab_bin(slab)];
    if (bin->looks == LOOKS_MOST) {
        if (slab_all_free(slab))
            keep(heap, bin, slab);
        return;
    }
    if (look(heap, bin, slab)) {
        bin->vain = 0;
        keep(heap, bin, slab);
        return;
    }
    if (bin->vain < VAIN_MOST)
        bin->vain++;
    if (bin->looks < LOOKS_MOST && ++bin->looks == LOOKS_MOST)
        slab_arm_for_all(slab, slab_local_length(slab));
}
