/* SPDX-License-Identifier: MIT */
/* borlndmm_test.c: calls every export of borlndmm.dll with good and with bad input. It finds the DLL and its exports as
 * C++Builder's run-time library does, by GetModuleHandle, LoadLibrary and GetProcAddress. If this program contains the
 * static core, the DLL finds that heap. If not, the DLL loads brainmm.dll from its own folder. */
#include "companion_support.h"

/* Sizes are signed words, as in Pascal, so they can be negative. */
static void *(PASCAL_CALL *sys_get_mem)(intptr_t size);
static int32_t(PASCAL_CALL *sys_free_mem)(void *piece);
static void *(PASCAL_CALL *sys_realloc_mem)(void *piece, intptr_t size);
static void *(PASCAL_CALL *sys_alloc_mem)(intptr_t size);
static uint8_t(PASCAL_CALL *sys_register_leak)(void *piece);
static uint8_t(PASCAL_CALL *sys_unregister_leak)(void *piece);
static int32_t(PASCAL_CALL *heap_add_ref)(void);
static int32_t(PASCAL_CALL *heap_release)(void);
static void *(PASCAL_CALL *get_heap_status)(void *status);
static int32_t(PASCAL_CALL *get_alloc_mem_count)(void);
static int32_t(PASCAL_CALL *get_alloc_mem_size)(void);
static void(PASCAL_CALL *dump_blocks)(void);
static void *(__cdecl *get_memory)(intptr_t size);
static int32_t(__cdecl *free_memory)(void *piece);
static void *(__cdecl *realloc_memory)(void *piece, intptr_t size);

static HMODULE companion;

static void load(void) {
    companion = GetModuleHandleA("borlndmm");
    if (!companion)
        companion = LoadLibraryA("borlndmm.dll");
    CHECK_MSG(companion != NULL, "error %lu", GetLastError());
    companion_export(companion, "@Borlndmm@SysGetMem$qqri", &sys_get_mem);
    companion_export(companion, "@Borlndmm@SysFreeMem$qqrpv", &sys_free_mem);
    companion_export(companion, "@Borlndmm@SysReallocMem$qqrpvi", &sys_realloc_mem);
    companion_export(companion, "@Borlndmm@SysAllocMem$qqri", &sys_alloc_mem);
    companion_export(companion, "@Borlndmm@SysRegisterExpectedMemoryLeak$qqrpi", &sys_register_leak);
    companion_export(companion, "@Borlndmm@SysUnregisterExpectedMemoryLeak$qqrpi", &sys_unregister_leak);
    companion_export(companion, "@Borlndmm@HeapAddRef$qqrv", &heap_add_ref);
    companion_export(companion, "@Borlndmm@HeapRelease$qqrv", &heap_release);
    companion_export(companion, "GetHeapStatus", &get_heap_status);
    companion_export(companion, "GetAllocMemCount", &get_alloc_mem_count);
    companion_export(companion, "GetAllocMemSize", &get_alloc_mem_size);
    companion_export(companion, "DumpBlocks", &dump_blocks);
    companion_export(companion, "GetMemory", &get_memory);
    companion_export(companion, "FreeMemory", &free_memory);
    companion_export(companion, "ReallocMemory", &realloc_memory);
}

static const intptr_t sizes[] = {1, 15, 16, 100, 1000, 5000, 32768, 40000, 3 * (intptr_t)MIB};
static const intptr_t no_sizes[] = {0, -1, -15, -4096, INTPTR_MIN, INTPTR_MIN + 1};
#define EACH(i, array)                                                                                                 \
    unsigned i = 0;                                                                                                    \
    i < sizeof(array) / sizeof *(array);                                                                               \
    i++

/* ---- Pieces ----------------------------------------------------------------------------------------------------- */

START_TEST(pieces_of_any_size_are_resized_and_freed) {
    for (EACH(i, sizes)) {
        char *piece = sys_get_mem(sizes[i]);
        ck_assert_ptr_nonnull(piece);
        ck_assert(is_aligned(piece, 16));
        pattern_fill(piece, (size_t)sizes[i], i);
        piece = sys_realloc_mem(piece, sizes[i] * 3);
        ck_assert_ptr_nonnull(piece);
        ck_assert(pattern_holds(piece, (size_t)sizes[i], i));
        piece = sys_realloc_mem(piece, sizes[i]);
        ck_assert(pattern_holds(piece, (size_t)sizes[i], i));
        ck_assert_int_eq(sys_free_mem(piece), 0);

        piece = sys_alloc_mem(sizes[i]);
        ck_assert_ptr_nonnull(piece);
        ck_assert(all_zero(piece, (size_t)sizes[i]));
        ck_assert_ptr_null(sys_realloc_mem(piece, 0)); /* frees */
        ck_assert_uint_eq(the_heap()->usable_size(piece), 0);
    }
}
END_TEST

START_TEST(the_c_form_does_the_same) {
    for (EACH(i, sizes)) {
        char *piece = get_memory(sizes[i]);
        ck_assert_ptr_nonnull(piece);
        pattern_fill(piece, (size_t)sizes[i], i);
        piece = realloc_memory(piece, sizes[i] * 2);
        ck_assert(pattern_holds(piece, (size_t)sizes[i], i));
        ck_assert_int_eq(free_memory(piece), 0);
    }
    ck_assert_int_eq(free_memory(realloc_memory(NULL, 10)), 0);
}
END_TEST

START_TEST(it_is_the_one_heap) {
    const struct brainmm_manager *heap = the_heap();
    void *theirs = heap->alloc(100), *ours = sys_get_mem(100);
    ck_assert_uint_ge(heap->usable_size(ours), 100);
    ck_assert_int_eq(heap->free(ours), BRAINMM_OK);
    theirs = sys_realloc_mem(theirs, 50000);
    ck_assert_ptr_nonnull(theirs);
    ck_assert_int_eq(free_memory(theirs), 0);
#if defined(BRAINMM_STATIC)
    ck_assert_uint_eq(heap->heap_id, brainmm_get_manager()->heap_id);
    ck_assert_ptr_null(GetModuleHandleA("brainmm.dll")); /* this program owns the heap: nobody loads it */
#else
    ck_assert_ptr_nonnull(GetModuleHandleA("brainmm.dll"));
#endif
}
END_TEST

/* ---- Bad input -------------------------------------------------------------------------------------------------- */

START_TEST(sizes_that_are_none_give_null) {
    for (EACH(i, no_sizes)) {
        ck_assert_ptr_null(sys_get_mem(no_sizes[i]));
        ck_assert_ptr_null(sys_alloc_mem(no_sizes[i]));
        ck_assert_ptr_null(get_memory(no_sizes[i]));
        ck_assert_ptr_null(sys_realloc_mem(NULL, no_sizes[i]));
        ck_assert_ptr_null(realloc_memory(NULL, no_sizes[i]));
    }
    ck_assert_ptr_null(sys_get_mem(INTPTR_MAX));
    ck_assert_ptr_null(sys_alloc_mem(INTPTR_MAX - 15));
}
END_TEST

START_TEST(a_piece_survives_a_resize_that_is_refused) {
    char *piece = sys_get_mem(1000);
    pattern_fill(piece, 1000, 5);
    for (EACH(i, no_sizes))
        if (no_sizes[i] != 0) {
            ck_assert_ptr_null(sys_realloc_mem(piece, no_sizes[i]));
            ck_assert_ptr_null(realloc_memory(piece, no_sizes[i]));
        }
    ck_assert_ptr_null(sys_realloc_mem(piece, INTPTR_MAX));
    ck_assert(pattern_holds(piece, 1000, 5));
    ck_assert_int_eq(sys_free_mem(piece), 0);
}
END_TEST

START_TEST(wrong_pointers_are_refused_and_change_nothing) {
    void *wrong[WRONG_POINTERS];
    char *piece = sys_get_mem(1000);
    pattern_fill(piece, 1000, 6);
    wrong_pointers(piece, wrong);
    for (EACH(i, wrong)) {
        ck_assert_int_eq(sys_free_mem(wrong[i]), -1);
        ck_assert_int_eq(free_memory(wrong[i]), -1);
        ck_assert_ptr_null(sys_realloc_mem(wrong[i], 10));
        ck_assert_ptr_null(sys_realloc_mem(wrong[i], 0));
        ck_assert_ptr_null(realloc_memory(wrong[i], 100000));
    }
    ck_assert_int_eq(sys_free_mem(NULL), 0);
    ck_assert_int_eq(free_memory(NULL), 0);
    ck_assert(pattern_holds(piece, 1000, 6));
    ck_assert_int_eq(sys_free_mem(piece), 0);
    ck_assert_int_eq(sys_free_mem(piece), -1); /* a double free */
    ck_assert_int_eq(free_memory(piece), -1);
    ck_assert_ptr_null(sys_realloc_mem(piece, 2000));
}
END_TEST

/* ---- The rest --------------------------------------------------------------------------------------------------- */

/* The words of THeapStatus. A 32-bit error code follows them. */
enum { ADDRESS_SPACE, UNCOMMITTED, COMMITTED, ALLOCATED, FREE, FREE_SMALL, FREE_BIG, UNUSED, OVERHEAD, FIGURES };

START_TEST(a_status_has_the_size_of_its_record_and_true_figures) {
    unsigned char record[80 + 16];
    uintptr_t before[FIGURES], after[FIGURES];
    size_t size = sizeof(void *) == 8 ? 80 : 40;
    uint32_t error_code;
    memset(record, 0xEE, sizeof record);
    ck_assert_ptr_eq(get_heap_status(record), record);
    memcpy(before, record, sizeof before);
    memcpy(&error_code, record + sizeof before, sizeof error_code);
    ck_assert_uint_eq(error_code, 0);
    ck_assert(record[size - 1] == 0);
    for (size_t i = size; i < sizeof record; i++)
        ck_assert_msg(record[i] == 0xEE, "byte %zu", i);

    int32_t count = get_alloc_mem_count(), bytes = get_alloc_mem_size();
    void *large = sys_get_mem(3 * (intptr_t)MIB), *small = sys_get_mem(1000);
    ck_assert_ptr_eq(get_heap_status(record), record);
    memcpy(after, record, sizeof after);
    size_t taken = the_heap()->usable_size(large) + the_heap()->usable_size(small);
    ck_assert_uint_eq(after[ALLOCATED] - before[ALLOCATED], taken);
    ck_assert_int_eq(get_alloc_mem_count() - count, 2);
    ck_assert_uint_eq((size_t)(get_alloc_mem_size() - bytes), taken);
    ck_assert_uint_eq(after[COMMITTED], after[ALLOCATED] + after[FREE] + after[OVERHEAD]);
    ck_assert_uint_eq(after[FREE], after[FREE_SMALL] + after[FREE_BIG]);
    ck_assert_uint_eq(after[ADDRESS_SPACE], after[COMMITTED] + after[UNCOMMITTED]);
    sys_free_mem(large);
    sys_free_mem(small);
    ck_assert_int_eq(get_alloc_mem_count(), count);
    dump_blocks();
}
END_TEST

START_TEST(references_are_never_used_up) {
    ck_assert_int_gt(heap_add_ref(), 0);
    for (int i = 0; i < 10; i++)
        ck_assert_int_gt(heap_release(), 0);
    void *piece = sys_get_mem(10);
    ck_assert_int_eq(sys_free_mem(piece), 0);
}
END_TEST

START_TEST(leaks_can_be_announced) {
    void *piece = sys_get_mem(10);
    ck_assert_uint_eq(sys_unregister_leak(piece), 0);
    ck_assert_uint_eq(sys_register_leak(piece), 1);
    ck_assert_uint_eq(sys_unregister_leak(piece), 1);
    ck_assert_uint_eq(sys_unregister_leak(piece), 0);
    ck_assert_uint_eq(sys_register_leak(NULL), 0);
    ck_assert_int_eq(sys_free_mem(piece), 0);
}
END_TEST

enum { THREADS = 4, PIECES = 20000 };
static void *passed[THREADS][PIECES];

static void fill_row(void *row) {
    for (int i = 0; i < PIECES; i++) {
        void **place = &((void **)row)[i];
        *place = i % 2 ? sys_get_mem(1 + i % 700) : get_memory(1 + i % 700);
        CHECK(*place != NULL);
        if (i % 3 == 0)
            *place = sys_realloc_mem(*place, 900);
    }
}

static void free_row(void *row) {
    for (unsigned i = 0; i < PIECES; i++)
        CHECK(sys_free_mem(((void **)row)[i]) == 0);
}

START_TEST(threads_free_what_others_allocated) {
    thread threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        thread_start(&threads[i], fill_row, passed[i]);
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    for (unsigned i = 0; i < THREADS; i++)
        thread_start(&threads[i], free_row, passed[(i + 1) % THREADS]);
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
}
END_TEST

START_TEST(it_stays_loaded_to_the_end) {
    void *piece = sys_get_mem(100);
    for (int i = 0; i < 5; i++)
        FreeLibrary(companion);
    ck_assert_ptr_nonnull(GetModuleHandleA("borlndmm.dll"));
    ck_assert_int_eq(sys_free_mem(piece), 0);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        pieces_of_any_size_are_resized_and_freed,
        the_c_form_does_the_same,
        it_is_the_one_heap,
        sizes_that_are_none_give_null,
        a_piece_survives_a_resize_that_is_refused,
        wrong_pointers_are_refused_and_change_nothing,
        a_status_has_the_size_of_its_record_and_true_figures,
        references_are_never_used_up,
        leaks_can_be_announced,
        threads_free_what_others_allocated,
        it_stays_loaded_to_the_end,
        NULL,
    };
    load();
    return run_suite("borlndmm", 60, NULL, NULL, tests);
}
