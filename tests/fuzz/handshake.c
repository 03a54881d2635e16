/* SPDX-License-Identifier: MIT */
/* handshake.c: whatever lies at the places where owners publish, and whatever tables it names: a module that looks
 * there does not crash, and takes no table that is wrong. The library and the header brainmm_attach.h each have code
 * for that.
 *
 * The input changes good tables and a good record here and there, or brings all bytes of the record. Words of them
 * become addresses in code, data, stack and heap. Of what is accepted, this file checks each promise of docs/abi.md by
 * itself. If nothing was changed, all must be accepted.
 *
 * The other half is the adapter over a version-1 table (foreign.c). The functions of the table answer what the input
 * says. None of them may be called with what the original does not bear.
 */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "fuzz/input.h"
#include "heap_clock.h"

/* Of the memory that a wrong address names, AddressSanitizer knows variables. The header knows only the segment, in
 * which it may read. */
__attribute__((no_sanitize("address"))) static void *copy_unasked(void *to, const void *from, size_t size) {
    for (size_t i = 0; i < size; i++)
        ((volatile char *)to)[i] = ((const volatile char *)from)[i];
    return to;
}
#define memcpy copy_unasked
#include "brainmm_attach.h"
#undef memcpy

#include "os.h"
#include "os_inline.h"
#include "share/foreign.h"
#include "share/rendezvous.h"

void __wrap_os_sleep(void);
void __wrap_os_sleep(void) { heap_clock_add(100); }

/* ---- Good tables ------------------------------------------------------------------------------------------------ */

enum { FUNCTIONS = (sizeof(struct brainmm_manager) - offsetof(struct brainmm_manager, alloc)) / sizeof(void *) };

/* All in the program's data, so in one image. Behind the table is room for a longer one. */
static struct tables {
    union {
        struct brainmm_manager manager;
        uintptr_t words[sizeof(struct brainmm_manager) / sizeof(uintptr_t) + 8];
    } table;
    union {
        struct version1 table;
        void *words[VERSION1_SLOTS];
    } version1;
    struct version1_options options;
    uint8_t flag;
    struct brainmm_record record;
} tables = {.flag = 1};

static const struct brainmm_manager self; /* of the module that looks */
static uintptr_t image_start, code_start, code_end, data_end;

static void a_function(void) {}

static int find_image(struct dl_phdr_info *info, size_t size, void *unused) {
    (void)size, (void)unused;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type != PT_LOAD)
            continue;
        image_start = image_start ? image_start : from;
        if (segment->p_flags & PF_X) {
            code_start = from;
            code_end = from + segment->p_memsz;
        }
        data_end = from + segment->p_memsz;
    }
    return 1; /* the program is the first image */
}

static void make_good(void) {
    memset(&tables, 0, sizeof tables);
    struct brainmm_manager *manager = &tables.table.manager;
    memcpy(manager->magic, BRAINMM_MAGIC, sizeof manager->magic);
    manager->size = sizeof *manager;
    manager->abi_version = BRAINMM_ABI_VERSION;
    manager->self = manager;
    manager->version1 = tables.version1.words;
    manager->heap_id = 1;
    for (unsigned i = 0; i < FUNCTIONS; i++)
        tables.table.words[offsetof(struct brainmm_manager, alloc) / sizeof(uintptr_t) + i] = (uintptr_t)a_function;
    for (unsigned i = 1; i < 20; i++)
        tables.version1.words[i] = i == 8 || i == 9 ? NULL : (void *)a_function;
    tables.version1.words[0] = &tables.options;
    tables.options =
        (struct version1_options){.record_size = sizeof tables.options, .version = 1, .report_leaks = &tables.flag};
    tables.record = (struct brainmm_record){.version1 = (uintptr_t)&tables.version1 - image_start,
                                            .size = sizeof tables.record,
                                            .abi_version = BRAINMM_ABI_VERSION,
                                            .manager = (uintptr_t)manager - image_start,
                                            .image = BRAINMM_HASH_START}; /* of "", the loader's name of the program */
    memcpy(tables.record.magic, BRAINMM_RECORD_MAGIC, sizeof tables.record.magic);
}

/* An address of some kind, and a little more or less. */
static uintptr_t any_address(struct input *input) {
    unsigned kind = take_byte(input);
    uintptr_t more = (uintptr_t)(intptr_t)(int8_t)take_byte(input);
    char on_stack;
    switch (kind % 14) {
    case 0: return more;
    case 1: return (uintptr_t)a_function + more;
    case 2: return code_start + more;
    case 3: return code_end + more;
    case 4: return data_end + more;
    case 5: return (uintptr_t)&tables.table + more;
    case 6: return (uintptr_t)&tables.version1 + more;
    case 7: return (uintptr_t)&tables.options + more;
    case 8: return (uintptr_t)qsort + more;
    case 9: return (uintptr_t)&on_stack + more;
    case 10: return (uintptr_t)&self + more;
    case 11: return (uintptr_t)stdout + more;
    case 12: return image_start + more;
    default: return take_u64(input);
    }
}

/* The input changes words and bytes of all tables. True if nothing is as it was. */
static bool change(struct input *input) {
    struct tables before = tables;
    for (unsigned changes = take_byte(input) % 8; changes > 0; changes--) {
        unsigned where = take_u16(input) % sizeof tables;
        unsigned char *at = (unsigned char *)&tables + where, *end = (unsigned char *)(&tables + 1);
        unsigned how = take_byte(input);
        uintptr_t word;
        if (how % 4 == 0) {
            *at = take_byte(input);
            continue;
        }
        word = how % 4 == 3 ? any_address(input) - image_start : how % 4 == 2 ? take_u64(input) : any_address(input);
        if (how & 4)
            at = (unsigned char *)((uintptr_t)at & ~(sizeof word - 1));
        memcpy(at, &word, (size_t)(end - at) < sizeof word ? (size_t)(end - at) : sizeof word);
    }
    return memcmp(&before, &tables, sizeof tables) != 0;
}

/* ---- What was accepted ------------------------------------------------------------------------------------------ */

static bool in_code(const void *address) { return (uintptr_t)address - code_start < code_end - code_start; }
static bool in_image(const void *address, size_t size) {
    return (uintptr_t)address >= image_start && (uintptr_t)address <= data_end - size;
}

/* Wherever it lies. */
static void manager_is_right(const struct brainmm_manager *at, const struct brainmm_manager *copy) {
    CHECK((uintptr_t)at % sizeof(void *) == 0 && in_image(at, sizeof(uintptr_t) * 6) && at != &self);
    CHECK(memcmp(copy->magic, "BrainMM-table-v2", 16) == 0 && copy->abi_version == 2);
    CHECK(copy->self == at && copy->heap_id != 0);
    size_t size = copy->size;
    CHECK(size >= 24 + 10 * sizeof(void *) && size <= 65536 && size % sizeof(void *) == 0);
    CHECK(in_image(at, size < sizeof *copy ? size : sizeof *copy));
    for (size_t at_byte = 24 + 3 * sizeof(void *); at_byte < size && at_byte < sizeof *copy;
         at_byte += sizeof(void *)) {
        void *function;
        memcpy(&function, (const char *)copy + at_byte, sizeof function);
        CHECK_MSG(in_code(function), "the function at byte %zu, %p, is no code", at_byte, function);
    }
}

static void version1_is_right(const struct version1 *at, const struct version1 *copy) {
    CHECK((uintptr_t)at % sizeof(void *) == 0 && in_image(at, sizeof *at));
    CHECK(in_image(copy->options, sizeof *copy->options));
    struct version1_options options = *copy->options;
    CHECK(options.record_size >= (int32_t)sizeof options && options.version >= 1 && options.free_pascal <= 1 &&
          options.pure_pascal <= 1 && options.redirect <= 1);
    for (unsigned slot = 1; slot < 20; slot++) {
        void *function;
        memcpy(&function, (const char *)copy + slot * sizeof function, sizeof function);
        bool may_be_null = slot <= 2 || slot == 10 || slot == 11 || slot >= 18;
        if (slot != 8 && slot != 9)
            CHECK_MSG(in_code(function) || (!function && may_be_null), "slot %u is %p", slot, function);
    }
}

static void look(struct input *input) {
    static const uintptr_t places[BRAINMM_PLACE_COUNT] = BRAINMM_PLACES;
    struct rendezvous_owner owner;
    unsigned how = take_byte(input);
    void *page = (void *)places[how % BRAINMM_PLACE_COUNT];
    make_good();
    bool changed = false;
    if (how & 64) {
        take_bytes(input, &tables.record, sizeof tables.record);
        changed = true;
    }
    changed = change(input) || changed;
    CHECK(mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == page);
    memcpy(page, &tables.record, sizeof tables.record);
    bool found = rendezvous_find(&self, &owner);
    const struct brainmm_manager *attached = brainmm_attach_find();
    CHECK(found || changed);
    if (found && owner.manager) {
        manager_is_right(owner.manager, &owner.manager_copy);
        /* The header alone also wants an address of a version-1 table, which neither then uses. */
        CHECK(attached == owner.manager || tables.record.version1 + image_start == 0);
    } else if (found) {
        version1_is_right(owner.version1, &owner.version1_copy);
    }
    if (attached) {
        manager_is_right(attached, attached);
        CHECK(found && owner.manager == attached);
    }
    CHECK(strlen(rendezvous_refusals()) < 480);
    CHECK(munmap(page, 4096) == 0);
}

/* ---- The adapter ------------------------------------------------------------------------------------------------ */

static struct input *answers;

static void *answer(void) {
    static _Alignas(4096) char memory[4096];
    unsigned how = take_byte(answers);
    return how % 4 == 0 ? NULL : how % 4 == 1 ? VERSION1_PAGES_INVALID : memory;
}

static void piece_is_right(const void *piece) { CHECK(piece && (uintptr_t)piece % 16 == 0); }
static void size_is_right(uintptr_t size) { CHECK(size != 0 && size <= PTRDIFF_MAX); }
static void mode_is_right(uintptr_t mode) { CHECK(mode <= 2); }
static void pages_are_right(const void *pages) { CHECK(pages && (uintptr_t)pages % 4096 == 0); }
static void count_is_right(uintptr_t count) { CHECK(count != 0 && count <= PTRDIFF_MAX / 4096); }

static void *block_get(uintptr_t size, uintptr_t mode) {
    CHECK(size < 9);
    mode_is_right(mode);
    return answer();
}

static uintptr_t block_free(void *block, uintptr_t mode) {
    pages_are_right(block);
    mode_is_right(mode);
    return take_u64(answers);
}

static void *pages_get(uintptr_t count, uintptr_t mode) {
    count_is_right(count);
    mode_is_right(mode);
    return answer();
}

static uintptr_t pages_free(void *pages, uintptr_t mode) {
    pages_are_right(pages);
    mode_is_right(mode);
    return take_u64(answers);
}

static void *pages_resize(void *pages, uintptr_t count, uintptr_t flags) {
    pages_are_right(pages);
    count_is_right(count);
    CHECK(flags <= 3);
    return answer();
}

static uintptr_t get_options(const void *address, brainmm_options *options) {
    piece_is_right(address);
    take_bytes(answers, options, sizeof *options);
    return take_byte(answers) | 0xABC00u; /* only the lowest byte of a Delphi boolean is defined */
}

static uintptr_t minimize(void) { return take_u64(answers); }

static void *get_aligned(uintptr_t align, uintptr_t size) {
    CHECK(align < 8);
    size_is_right(size);
    return answer();
}

static void *resize_piece(void *piece, uintptr_t size) {
    piece_is_right(piece);
    size_is_right(size);
    return answer();
}

static void *get(uintptr_t size) {
    size_is_right(size);
    return answer();
}

static int32_t free_piece(void *piece) {
    piece_is_right(piece);
    return (int32_t)take_byte(answers) - 1;
}

static void adapter(struct input *input) {
    struct version1 table = {.get_memory_block = block_get,
                             .free_memory_block = block_free,
                             .get_memory_pages = pages_get,
                             .free_memory_pages = pages_free,
                             .resize_memory_pages = pages_resize,
                             .get_memory_options = get_options,
                             .thread_heap_minimize = minimize,
                             .get_mem_aligned = get_aligned,
                             .reget_mem = resize_piece,
                             .get_mem = get,
                             .free_mem = free_piece,
                             .realloc_mem = resize_piece,
                             .alloc_mem = get};
    struct brainmm_manager manager = {.size = 0};
    unsigned how = take_byte(input);
    if (how & 1)
        table.get_memory_options = NULL;
    if (how & 2)
        table.thread_heap_minimize = NULL;
    answers = input;
    foreign_attach(&table, how & 4, &manager);
    while (!input_ends(input)) {
        unsigned call = take_byte(input) % 16;
        void *pointer = (void *)(take_u64(input) & (call & 8 ? ~(uintptr_t)0 : ~(uintptr_t)0xFFF));
        size_t size = take_u64(input) >> take_byte(input) % 64;
        unsigned mode = take_byte(input) % 5;
        brainmm_options options;
        switch (call) {
        case 0: manager.alloc(size); break;
        case 1: manager.alloc_zeroed(size); break;
        case 2: manager.alloc_aligned(size, (size_t)(uintptr_t)pointer); break;
        case 3: (manager.free)(pointer); break;
        case 4: (manager.realloc)(pointer, size); break;
        case 5: manager.reget(pointer, size); break;
        case 6: manager.usable_size(pointer); break;
        case 7: manager.block_get(size, mode); break;
        case 8: manager.block_free(pointer, mode); break;
        case 9: CHECK(manager.pages_get(size, mode) == NULL || size != 0); break;
        case 10: CHECK(manager.pages_reget(pointer, size, mode) != VERSION1_PAGES_INVALID || !pointer); break;
        case 11: CHECK(manager.pages_realloc(pointer, size, mode) != VERSION1_PAGES_INVALID || !pointer); break;
        case 12: manager.pages_free(pointer, mode); break;
        case 13: manager.get_options(pointer, size & 1 ? &options : NULL); break;
        case 14: manager.thread_heap_minimize(); break;
        default: manager.thread_done(); break;
        }
    }
}

/* The program's own core has published its heap, which must not be found. */
static void start(void) {
    static const uintptr_t places[BRAINMM_PLACE_COUNT] = BRAINMM_PLACES;
    unsigned char resident;
    for (unsigned i = 0; i < BRAINMM_PLACE_COUNT; i++)
        if (syscall(SYS_mincore, places[i], (size_t)1, &resident) == 0)
            CHECK(munmap((void *)places[i], 4096) == 0);
    dl_iterate_phdr(find_image, NULL);
    CHECK(os_protect_tables(&foreign_owner, sizeof foreign_owner, true));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool started;
    struct input input = {data, data + size};
    if (!started)
        start();
    started = true;
    if (take_byte(&input) & 1)
        adapter(&input);
    else
        look(&input);
    return 0;
}
