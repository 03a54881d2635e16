/* rendezvous_short.c: on the heap of an older owner, whose version-2 table is shorter than ours, what it has works, and
 * what it does not have is refused and not called. */
#include "rendezvous_party.h"

int main(void) {
    const struct brainmm_manager *(BRAINMM_CALL * get_manager)(void);
    void *(BRAINMM_CALL * alloc)(size_t size);
    int(BRAINMM_CALL * release)(void *piece);
    size_t(BRAINMM_CALL * usable_size)(const void *piece);
    int(BRAINMM_CALL * get_options)(const void *address, brainmm_options *options);
    int(BRAINMM_CALL * minimize)(void);
    void(BRAINMM_CALL * thread_done)(void);
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
    CHECK(get_manager()->heap_id == heap && get_manager()->size < sizeof(struct brainmm_manager));

    void *piece = alloc(100);
    CHECK(piece != NULL && usable_size(piece) == 100);
    memset(&options, 0xEE, sizeof options);
    CHECK(get_options(piece, &options) == 0 && options.kind == 0xEE);
    CHECK(minimize() == 0);
    thread_done();
    CHECK(release(piece) == BRAINMM_OK);
    return TEST_PASSED;
}
