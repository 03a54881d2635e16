/* SPDX-License-Identifier: MIT */
/* fpcmemdll_test.c: calls every export of fpcmemdll.dll in Free Pascal's convention with what its run-time library may
 * pass. fpcmemdll_errors.c has the calls that end the program. */
#include "companion_support.h"

static void *(PASCAL_CALL *get_mem)(size_t size);
static size_t(PASCAL_CALL *free_mem)(void *piece);
static size_t(PASCAL_CALL *free_mem_size)(void *piece, size_t size);
static void *(PASCAL_CALL *alloc_mem)(size_t size);
static void *(PASCAL_CALL *realloc_mem)(void **piece, size_t size);
static size_t(PASCAL_CALL *mem_size)(void *piece);
static void *(PASCAL_CALL *get_heap_status)(void *status);
static void *(PASCAL_CALL *get_fpc_heap_status)(void *status);

static void load(void) {
    HMODULE companion = LoadLibraryA("fpcmemdll.dll");
    CHECK_MSG(companion != NULL, "error %lu", GetLastError());
    companion_export(companion, "SysGetmem", &get_mem);
    companion_export(companion, "SysFreemem", &free_mem);
    companion_export(companion, "SysFreememSize", &free_mem_size);
    companion_export(companion, "SysAllocMem", &alloc_mem);
    companion_export(companion, "SysReAllocMem", &realloc_mem);
    companion_export(companion, "SysMemSize", &mem_size);
    companion_export(companion, "SysGetHeapStatus", &get_heap_status);
    companion_export(companion, "SysGetFPCHeapStatus", &get_fpc_heap_status);
}

static const size_t sizes[] = {1, 15, 16, 100, 1000, 5000, 32768, 40000, 3 * MIB};
enum { SIZES = sizeof sizes / sizeof *sizes };

START_TEST(pieces_have_the_size_they_say_and_keep_all_of_it) {
    for (unsigned i = 0; i < SIZES; i++) {
        void *piece = get_mem(sizes[i]), *variable = piece;
        ck_assert(is_aligned(piece, 16));
        size_t size = mem_size(piece);
        ck_assert_uint_ge(size, sizes[i]);
        pattern_fill(piece, size, i); /* Pascal's strings use all of MemSize */
        void *result = realloc_mem(&variable, size * 2);
        ck_assert_ptr_nonnull(variable);
        ck_assert_ptr_eq(result, variable);
        ck_assert(pattern_holds(variable, size, i));
        result = realloc_mem(&variable, 10);
        ck_assert_ptr_eq(result, variable);
        ck_assert(pattern_holds(variable, sizes[i] < 8 ? sizes[i] : 8, i));
        size = mem_size(variable);
        ck_assert_uint_eq(free_mem_size(variable, 10), size);
        ck_assert_uint_eq(mem_size(variable), 0);
    }
}
END_TEST

START_TEST(alloc_mem_is_zero_to_its_usable_size) {
    for (unsigned i = 0; i < SIZES; i++) {
        void *dirty = get_mem(sizes[i]);
        memset(dirty, 0xEE, mem_size(dirty));
        free_mem(dirty);
        void *piece = alloc_mem(sizes[i]);
        ck_assert_uint_ge(mem_size(piece), sizes[i]);
        ck_assert(all_zero(piece, mem_size(piece)));
        ck_assert_uint_ge(free_mem(piece), sizes[i]);
    }
}
END_TEST

START_TEST(size_zero_is_a_piece_of_its_own) {
    void *first = get_mem(0), *second = alloc_mem(0);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_nonnull(second);
    ck_assert_ptr_ne(first, second);
    ck_assert_uint_eq(mem_size(first), 0);
    free_mem(first);
    ck_assert_ptr_nonnull(realloc_mem(&second, 1000));
    ck_assert_uint_ge(mem_size(second), 1000);
    free_mem(second);
}
END_TEST

START_TEST(realloc_mem_of_nil_allocates_and_to_0_frees) {
    void *variable = NULL;
    ck_assert_ptr_nonnull(realloc_mem(&variable, 100));
    ck_assert_ptr_nonnull(variable);
    void *piece = variable;
    ck_assert_ptr_null(realloc_mem(&variable, 0));
    ck_assert_ptr_null(variable);
    ck_assert_uint_eq(mem_size(piece), 0);
    ck_assert_ptr_null(realloc_mem(&variable, 0));
    ck_assert_ptr_null(variable);
}
END_TEST

START_TEST(freeing_nothing_does_nothing) {
    void *piece = get_mem(100);
    ck_assert_uint_eq(free_mem(NULL), 0);
    ck_assert_uint_eq(free_mem_size(NULL, 100), 0);
    ck_assert_uint_eq(free_mem_size(piece, 0), 0);
    ck_assert_uint_eq(free_mem_size((void *)(uintptr_t)0x1001, 0), 0);
    ck_assert_uint_ge(mem_size(piece), 100); /* it is still live */
    free_mem(piece);
}
END_TEST

START_TEST(mem_size_of_what_is_no_piece_is_0) {
    void *wrong[WRONG_POINTERS], *piece = get_mem(1000);
    wrong_pointers(piece, wrong);
    for (unsigned i = 0; i < WRONG_POINTERS; i++)
        ck_assert_uint_eq(mem_size(wrong[i]), 0);
    ck_assert_uint_eq(mem_size(NULL), 0);
    free_mem(piece);
}
END_TEST

START_TEST(it_is_the_one_heap) {
    const struct brainmm_manager *heap = the_heap();
    void *theirs = heap->alloc(100), *ours = get_mem(100);
    ck_assert_uint_eq(heap->usable_size(ours), mem_size(ours));
    ck_assert_int_eq(heap->free(ours), BRAINMM_OK);
    ck_assert_uint_ge(free_mem(theirs), 100);
#if defined(BRAINMM_STATIC)
    ck_assert_uint_eq(heap->heap_id, brainmm_get_manager()->heap_id);
    ck_assert_ptr_null(GetModuleHandleA("brainmm.dll"));
#endif
}
END_TEST

/* Checks that STATUS writes SIZE bytes of its record and nothing behind them. Copies these bytes to RECORD. */
static void status_fills(void *(PASCAL_CALL *status)(void *record), size_t size, void *record) {
    unsigned char first[40 + 16], second[sizeof first];
    memset(first, 0xEE, sizeof first);
    memset(second, 0x11, sizeof second);
    ck_assert_ptr_eq(status(first), first);
    ck_assert_ptr_eq(status(second), second);
    for (size_t i = 0; i < sizeof first; i++)
        ck_assert_msg((first[i] == second[i]) == (i < size), "byte %zu", i);
    memcpy(record, first, size);
}

START_TEST(statuses_have_the_sizes_of_their_records_and_true_figures) {
    enum { ADDRESS_SPACE, UNCOMMITTED, COMMITTED, ALLOCATED, FREE, FREE_SMALL, FREE_BIG, UNUSED, OVERHEAD, ERROR_CODE };
    uint32_t before[10], after[10];
    uintptr_t fpc_before[5], fpc_after[5]; /* maximum size, maximum used, size, used, free */
    status_fills(get_heap_status, 40, before);
    status_fills(get_fpc_heap_status, 5 * sizeof(void *), fpc_before);
    void *large = get_mem(3 * MIB), *small = get_mem(1000);
    size_t taken = mem_size(large) + mem_size(small);
    status_fills(get_heap_status, 40, after);
    status_fills(get_fpc_heap_status, 5 * sizeof(void *), fpc_after);
    ck_assert_uint_eq(after[ALLOCATED] - before[ALLOCATED], taken);
    ck_assert_uint_eq(after[COMMITTED], after[ALLOCATED] + after[FREE] + after[OVERHEAD]);
    ck_assert_uint_eq(after[FREE], after[FREE_SMALL] + after[FREE_BIG]);
    ck_assert_uint_eq(after[UNUSED] + after[ERROR_CODE], 0);
    ck_assert_uint_eq(fpc_after[3] - fpc_before[3], taken);
    ck_assert_uint_eq(fpc_after[3], after[ALLOCATED]);
    ck_assert_uint_eq(fpc_after[2], after[COMMITTED]);
    ck_assert_uint_eq(fpc_after[4], after[FREE]);
    ck_assert_uint_eq(free_mem(small) + free_mem(large), taken);
    status_fills(get_fpc_heap_status, 5 * sizeof(void *), fpc_after);
    ck_assert_uint_eq(fpc_after[3], fpc_before[3]);
    ck_assert_uint_eq(fpc_after[1], fpc_before[3] + taken);
    ck_assert_uint_ge(fpc_after[0], 3 * MIB);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        pieces_have_the_size_they_say_and_keep_all_of_it,
        alloc_mem_is_zero_to_its_usable_size,
        size_zero_is_a_piece_of_its_own,
        realloc_mem_of_nil_allocates_and_to_0_frees,
        freeing_nothing_does_nothing,
        mem_size_of_what_is_no_piece_is_0,
        it_is_the_one_heap,
        statuses_have_the_sizes_of_their_records_and_true_figures,
        NULL,
    };
    load();
    return run_suite("fpcmemdll", 60, NULL, NULL, tests);
}
