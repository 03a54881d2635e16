/* SPDX-License-Identifier: MIT */
/* rendezvous_short.c: the owner of the heap is older, and its version-2 table is shorter than ours. The functions that
 * it has work. Those that it does not have are refused and not called. */
#include "rendezvous_party.h"

static int BRAINMM_CALL visit_nothing(void *context, const brainmm_allocation *allocation) {
    (void)context;
    (void)allocation;
    test_end(TEST_FAILED);
}

static int BRAINMM_CALL write_nothing(void *context, const char *text, size_t length) {
    (void)context;
    (void)text;
    (void)length;
    test_end(TEST_FAILED);
}

int main(void) {
    const struct brainmm_manager *(BRAINMM_CALL * get_manager)(void);
    void *(BRAINMM_CALL * alloc)(size_t size);
    int(BRAINMM_CALL * release)(void *piece);
    size_t(BRAINMM_CALL * usable_size)(const void *piece);
    int(BRAINMM_CALL * get_options)(const void *address, brainmm_options *options);
    int(BRAINMM_CALL * minimize)(void);
    void(BRAINMM_CALL * thread_done)(void);
    int(BRAINMM_CALL * get_stats)(brainmm_stats * stats, brainmm_class_stats * classes, size_t capacity);
    int(BRAINMM_CALL * walk)(brainmm_visit visit, void *context);
    int(BRAINMM_CALL * dump)(brainmm_write write, void *context, unsigned parts);
    int(BRAINMM_CALL * get_rights)(const void *page, unsigned *rights);
    unsigned rights = 77;
    party_get_function get;
    brainmm_options options;
    module owner = module_load(path_beside("rendezvous_short_owner-plain" MODULE_SUFFIX));
    module_symbol(owner, "party_get", &get);
    uintptr_t heap = get()->heap_id();

    module library = module_load(path_beside(LIBRARY_FILE));
    module_symbol(library, "brainmm_get_manager", &get_manager);
    module_symbol(library, "brainmm_alloc", &alloc);
    module_symbol(library, "brainmm_free", &release);
    module_symbol(library, "brainmm_usable_size", &usable_size);
    module_symbol(library, "brainmm_get_options", &get_options);
    module_symbol(library, "brainmm_thread_heap_minimize", &minimize);
    module_symbol(library, "brainmm_thread_done", &thread_done);
    module_symbol(library, "brainmm_get_stats", &get_stats);
    module_symbol(library, "brainmm_walk", &walk);
    module_symbol(library, "brainmm_dump", &dump);
    module_symbol(library, "brainmm_pages_get_rights", &get_rights);
    CHECK(get_manager()->heap_id == heap && get_manager()->size < sizeof(struct brainmm_manager));

    void *piece = alloc(100);
    CHECK(piece != NULL && usable_size(piece) == 100);
    memset(&options, 0xEE, sizeof options);
    CHECK(get_options(piece, &options) == 0 && options.kind == 0xEE);
    CHECK(minimize() == 0);
    CHECK(get_rights(piece, &rights) == BRAINMM_E_UNSUPPORTED && rights == 77);
    thread_done();
    brainmm_stats stats = {.struct_size = sizeof stats, .live_count = 77};
    CHECK(get_stats(&stats, NULL, 0) == BRAINMM_E_UNSUPPORTED && stats.live_count == 77);
    CHECK(walk(visit_nothing, NULL) == BRAINMM_E_UNSUPPORTED);
    CHECK(dump(write_nothing, NULL, BRAINMM_DUMP_STATS) == BRAINMM_E_UNSUPPORTED);
    CHECK(dump(write_nothing, NULL, BRAINMM_DUMP_ALLOCATIONS) == BRAINMM_E_UNSUPPORTED);
    CHECK(release(piece) == BRAINMM_OK);
    return TEST_PASSED;
}
