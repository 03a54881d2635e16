/* SPDX-License-Identifier: MIT */
/* dump_map.c: the map in brainmm_dump: the heap's regions, and what their units are used for. */
#include "inspect/dump_parts.h"
#include "inspect/scan.h"
#include "memory/map.h"
#include "slab/lifetime.h"
#include "slab/size_class.h"

/* How many ranges are noted at a time, under the lock. */
#define RANGES 512u

static const char *use_name(const struct map_range *range) {
    static const char *const uses[] = {"other", "kept", "idle", "free", "held"};
    static const char *const kinds[] = {[UNIT_SLAB] = "slab",   [UNIT_RUN] = "run", [UNIT_PAGES] = "pages",
                                        [UNIT_BLOCK] = "block", [UNIT_JIT] = "jit", [UNIT_BLOCKS] = "blocks"};
    if (range->use != MAP_USED)
        return uses[range->use];
    return range->kind < sizeof kinds / sizeof *kinds && kinds[range->kind] ? kinds[range->kind] : "other";
}

/* The slab may have ended, and its unit be used otherwise: then only the name is left of it. */
static void write_slab(struct json *json, const struct unit *slab) {
    uint32_t generation = slab_generation(slab);
    size_t bin = slab_bin(slab);
    unsigned carved = load_acquire(&slab->slab.carved); /* with slab_set_carved() */
    uintptr_t thread = slab_thread_id(slab);
    if (unit_kind(slab) != UNIT_SLAB || !slab_same_generation(slab, generation) || bin >= HEAP_BINS)
        return;
    json_number(json, "size", bin_geometry[bin].object_size);
    json_number(json, "alignment", bin_geometry[bin].alignment);
    json_number(json, "places", bin_geometry[bin].capacity);
    json_number(json, "touched", carved);
    json_number(json, "thread", thread);
}

static void write_range(struct json *json, const struct map_range *range) {
    json_open(json, NULL, "\n{");
    json_address(json, "address", (uintptr_t)unit_address(range->first));
    json_number(json, "units", range->units);
    json_text(json, "use", use_name(range));
    if (range->starts_region)
        json_number(json, "region", 1);
    if (range->use == MAP_USED && range->kind == UNIT_SLAB)
        write_slab(json, range->first);
    else if (range->use == MAP_USED)
        json_number(json, "size", range->size);
    json_close(json, "}");
}

int dump_map(struct json *json) {
    struct map_range *ranges = scan_memory_take(RANGES * sizeof *ranges);
    if (!ranges)
        return BRAINMM_E_MEMORY;
    size_t at = 0;
    json_number(json, "unit_bytes", UNIT_SIZE);
    json_open(json, "map", "[");
    for (unsigned count; !json->writer.stopped && (count = units_map(&at, ranges, RANGES)) != 0;)
        for (unsigned i = 0; i < count; i++)
            write_range(json, &ranges[i]);
    json_close(json, "]");
    scan_memory_give(ranges, RANGES * sizeof *ranges);
    return BRAINMM_OK;
}
