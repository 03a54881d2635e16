/* bad_input_test.c: every kind of wrong argument is refused with a documented result; nothing crashes, nothing is
 * lost, and the heap goes on. Around each test lives a set of pieces, blocks and pages whose contents and number are
 * checked at the end.
 *
 * The one case brainmm.h excepts is left out: a second free of a piece that was written to after the first.
 */
#include "heap_support.h"

#include "brainmm.h"
#include <check.h>

static const size_t sizes[] = {8, 100, 128, 144, 1000, 4096, 20000, 32768, 40000, 256 * KIB, 900000, 3 * MIB};
enum { SIZES = sizeof sizes / sizeof *sizes, SMALL_SIZES = 8 /* those up to 32 KiB */ };

/* ---- Witnesses: live memory that no refused call may touch ------------------------------------------------------ */

enum { WITNESSES = 10 * SIZES };
static unsigned char *witnesses[WITNESSES], *witness_block, *witness_pages, *witness_jit;

static void witnesses_up(void) {
    for (unsigned i = 0; i < WITNESSES; i++) {
        witnesses[i] = brainmm_alloc(sizes[i % SIZES]);
        ck_assert_ptr_nonnull(witnesses[i]);
        pattern_fill(witnesses[i], sizes[i % SIZES], i);
    }
    witness_block = brainmm_block_get(64 * KIB, BRAINMM_USER);
    witness_pages = brainmm_pages_get(5, BRAINMM_SYSTEM);
    witness_jit = brainmm_pages_get(5, BRAINMM_JIT);
    pattern_fill(witness_block, 64 * KIB, 1);
    pattern_fill(witness_pages, 5 * BRAINMM_PAGE_SIZE, 2);
    pattern_fill(witness_jit, 5 * BRAINMM_PAGE_SIZE, 3);
}

/* The classes give out unique pieces still: a corrupted free list would hand one out twice. */
static void classes_are_sound(void) {
    enum { COUNT = 300 };
    static unsigned char *pieces[COUNT];
    for (unsigned k = 0; k < SIZES; k++) {
        unsigned count = sizes[k] > MIB ? 4 : sizes[k] > BRAINMM_LOCK_FREE_MAX ? 20 : COUNT;
        if (under_valgrind())
            count = count / 10 + 2;
        for (unsigned i = 0; i < count; i++) {
            pieces[i] = brainmm_alloc(sizes[k]);
            ck_assert_ptr_nonnull(pieces[i]);
            pattern_fill(pieces[i], sizes[k], i);
        }
        for (unsigned i = 0; i < count; i++) {
            ck_assert(pattern_holds(pieces[i], sizes[k], i));
            ck_assert_int_eq(brainmm_free(pieces[i]), BRAINMM_OK);
        }
    }
}

static void witnesses_down(void) {
    classes_are_sound();
    for (unsigned i = 0; i < WITNESSES; i++) {
        ck_assert(pattern_holds(witnesses[i], sizes[i % SIZES], i));
        ck_assert_int_eq(brainmm_free(witnesses[i]), BRAINMM_OK);
    }
    ck_assert(pattern_holds(witness_block, 64 * KIB, 1));
    ck_assert(pattern_holds(witness_pages, 5 * BRAINMM_PAGE_SIZE, 2));
    ck_assert(pattern_holds(witness_jit, 5 * BRAINMM_PAGE_SIZE, 3));
    ck_assert_int_eq(brainmm_block_free(witness_block, BRAINMM_USER), BRAINMM_OK);
    ck_assert_int_eq(brainmm_pages_free(witness_pages, BRAINMM_SYSTEM), BRAINMM_OK);
    ck_assert_int_eq(brainmm_pages_free(witness_jit, BRAINMM_JIT), BRAINMM_OK);
}

static bool is_witness(const void *address) {
    for (unsigned i = 0; i < WITNESSES; i++)
        if (witnesses[i] == address)
            return true;
    return address == witness_block || address == witness_pages || address == witness_jit;
}

/* ---- Pointers --------------------------------------------------------------------------------------------------- */

/* ADDRESS is no live allocation, freed or never one: every function must say so. */
static void refused_by_all(void *address) {
    int result = brainmm_free(address);
    ck_assert_msg(result == BRAINMM_E_POINTER || result == BRAINMM_E_DOUBLE_FREE, "free(%p) = %d", address, result);
    ck_assert_uint_eq(brainmm_usable_size(address), 0);
    brainmm_options options, before;
    memset(&options, 0x5A, sizeof options);
    before = options;
    ck_assert_int_eq(brainmm_get_options(address, &options), 0);
    ck_assert_mem_eq(&options, &before, sizeof options);
    static const size_t to[] = {0, 1, 100, 5000, 100000, 2 * MIB};
    for (unsigned i = 0; i < sizeof to / sizeof *to; i++) {
        ck_assert_ptr_null(brainmm_realloc(address, to[i]));
        ck_assert_ptr_null(brainmm_reget(address, to[i]));
    }
    for (unsigned mode = BRAINMM_USER; mode <= BRAINMM_JIT; mode++) {
        ck_assert_int_ne(brainmm_block_free(address, mode), BRAINMM_OK);
        ck_assert_int_ne(brainmm_pages_free(address, mode), BRAINMM_OK);
        for (unsigned count = 0; count < 40; count += 13) {
            ck_assert_ptr_null(brainmm_pages_realloc(address, count, mode));
            ck_assert_ptr_null(brainmm_pages_reget(address, count, mode));
        }
    }
    result = brainmm_free(address); /* and the questions above have not changed that */
    ck_assert(result == BRAINMM_E_POINTER || result == BRAINMM_E_DOUBLE_FREE);
}

/* Never an allocation's start, so never a "double" free either. */
static void refused_as_no_pointer(void *address) {
    int result = brainmm_free(address);
    ck_assert_msg(result == BRAINMM_E_POINTER, "free(%p) = %d", address, result);
    refused_by_all(address);
}

START_TEST(stack_and_static_addresses_are_refused) {
    static _Alignas(4096) unsigned char in_data[8192] = {1};
    static _Alignas(4096) unsigned char in_bss[8192];
    static const _Alignas(4096) unsigned char in_rodata[8192] = {1};
    _Alignas(64) unsigned char on_stack[256];
    for (unsigned offset = 0; offset < 64; offset += 8) {
        refused_as_no_pointer(on_stack + offset);
        refused_as_no_pointer(in_data + offset);
        refused_as_no_pointer(in_bss + offset);
        refused_as_no_pointer((void *)(uintptr_t)(in_rodata + offset));
    }
    refused_as_no_pointer(in_data + 4096);
    refused_as_no_pointer(in_bss + 4096);
    int(BRAINMM_CALL * code)(void *) = brainmm_free;
    void *in_code;
    memcpy(&in_code, &code, sizeof in_code);
    refused_as_no_pointer((void *)((uintptr_t)in_code & ~(uintptr_t)15));
}
END_TEST

START_TEST(memory_of_others_is_refused_and_not_read) {
    static const size_t foreign_sizes[] = {24, 1000, 40000, 3 * MIB};
    for (unsigned i = 0; i < 4; i++) {
        unsigned char *foreign = malloc(foreign_sizes[i]);
        refused_as_no_pointer(foreign);
        refused_as_no_pointer(foreign + 16);
        free(foreign);
    }
    unsigned char *pages = system_pages(4 * MIB);
    for (size_t offset = 0; offset < 4 * MIB; offset = offset ? offset * 2 : 16)
        refused_as_no_pointer(pages + offset);
        /* addresses whose reading would end the program */
#if defined(_WIN32)
    DWORD old;
    ck_assert(VirtualProtect(pages, 4 * MIB, PAGE_NOACCESS, &old));
#else
    ck_assert_int_eq(mprotect(pages, 4 * MIB, PROT_NONE), 0);
#endif
    for (size_t offset = 0; offset < 4 * MIB; offset = offset ? offset * 2 : 16)
        refused_as_no_pointer(pages + offset);
    system_pages_free(pages, 4 * MIB);
    for (size_t offset = 0; offset < 4 * MIB; offset = offset ? offset * 2 : 16)
        refused_as_no_pointer(pages + offset);
}
END_TEST

START_TEST(addresses_that_cannot_exist_are_refused) {
    refused_as_no_pointer((void *)(uintptr_t)1);
    for (unsigned bit = 3; bit < sizeof(uintptr_t) * 8; bit++) {
        uintptr_t power = (uintptr_t)1 << bit;
        const uintptr_t around[] = {power, power - 8, power + 8, power - 16, power + 16, 0 - power, 0 - power - 8};
        for (unsigned i = 0; i < sizeof around / sizeof *around; i++)
            if (around[i] && !is_witness((void *)around[i]))
                refused_by_all((void *)around[i]);
    }
    refused_as_no_pointer((void *)UINTPTR_MAX);
#if UINTPTR_MAX > UINT32_MAX
    refused_as_no_pointer((void *)0x0000800000000000u); /* the first that is not canonical */
    refused_as_no_pointer((void *)0x8000000000000010u);
    refused_as_no_pointer((void *)0xDEADBEEFDEADBEE0u);
    refused_as_no_pointer((void *)0xFFFF800000000000u); /* the kernel's */
    refused_as_no_pointer((void *)0xFFFFFFFF81000000u);
#endif
    for (unsigned i = 0; i < 4 * SIZES; i++) { /* a live address with a stray bit: tagged, sign-extended, truncated */
        for (unsigned bit = 30; bit < sizeof(uintptr_t) * 8; bit++) {
            void *stray = (void *)((uintptr_t)witnesses[i] ^ ((uintptr_t)1 << bit));
            if (stray && !is_witness(stray))
                refused_by_all(stray);
        }
    }
}
END_TEST

START_TEST(a_gibibyte_off_is_refused) {
    for (unsigned i = 0; i < WITNESSES; i++) {
        unsigned char *above = (unsigned char *)((uintptr_t)witnesses[i] + 1024 * MIB);
        unsigned char *below = (unsigned char *)((uintptr_t)witnesses[i] - 1024 * MIB);
        if (!is_witness(above)) /* on 32 bit, two of them may be that far apart */
            refused_by_all(above);
        if (!is_witness(below))
            refused_by_all(below);
    }
}
END_TEST

START_TEST(misaligned_and_interior_pointers_are_refused) {
    for (unsigned i = 0; i < WITNESSES; i++) {
        size_t size = brainmm_usable_size(witnesses[i]);
        const size_t offsets[] = {1,    2,     4,       8,         15,       16,       17,
                                  24,   32,    48,      64,        1024,     size / 2, size / 2 / 16 * 16,
                                  4096, 65536, 1 * MIB, size - 16, size - 8, size - 1};
        for (unsigned k = 0; k < sizeof offsets / sizeof *offsets; k++)
            if (offsets[k] > 0 && offsets[k] < size)
                refused_as_no_pointer(witnesses[i] + offsets[k]);
    }
    unsigned char *const runs[] = {witness_block, witness_pages, witness_jit};
    for (unsigned i = 0; i < 3; i++)
        for (size_t offset = 1; offset < 5 * BRAINMM_PAGE_SIZE; offset = offset < 16 ? offset * 2 : offset + 16)
            refused_as_no_pointer(runs[i] + offset);
}
END_TEST

/* Where the heap keeps its own records, wherever that is: the starts of all larger surroundings of live pieces, and
 * what lies just before them. */
START_TEST(addresses_inside_the_heaps_own_records_are_refused) {
    for (unsigned i = 0; i < (under_valgrind() ? 1 : 2) * SIZES; i++)
        for (unsigned bit = 10; bit < sizeof(uintptr_t) * 8 - 1; bit++) {
            unsigned char *start = (unsigned char *)((uintptr_t)witnesses[i] & ~(((uintptr_t)1 << bit) - 1));
            if (start == NULL)
                break;
            for (unsigned k = 0; k < 4; k++) {
                const uintptr_t around[] = {(uintptr_t)start + 64 * k, (uintptr_t)start - 64 * k};
                for (unsigned side = 0; side < 2; side++)
                    if (around[side] && !is_witness((void *)around[side]))
                        refused_by_all((void *)around[side]);
            }
        }
}
END_TEST

START_TEST(neighbours_that_were_never_allocated_are_refused) {
    static const size_t rare[] = {16, 80, 720, 976, 3000, 7000, 14000, 28000};
    for (unsigned i = 0; i < sizeof rare / sizeof *rare; i++) {
        unsigned char *piece = brainmm_alloc(rare[i]);
        size_t size = brainmm_usable_size(piece);
        pattern_fill(piece, size, i);
        for (unsigned k = 1; k <= 200; k++) {
            if (!is_witness(piece + k * size))
                refused_by_all(piece + k * size);
            if (!is_witness(piece - k * size))
                refused_by_all(piece - k * size);
        }
        ck_assert(pattern_holds(piece, size, i));
        unsigned char *others[300];
        for (unsigned k = 0; k < 300; k++) {
            others[k] = brainmm_alloc(rare[i]);
            ck_assert_ptr_nonnull(others[k]);
            pattern_fill(others[k], rare[i], 1000 + k);
        }
        ck_assert(pattern_holds(piece, size, i));
        for (unsigned k = 0; k < 300; k++) {
            ck_assert(pattern_holds(others[k], rare[i], 1000 + k));
            ck_assert_int_eq(brainmm_free(others[k]), BRAINMM_OK);
        }
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
    }
}
END_TEST

/* ---- Freed pointers --------------------------------------------------------------------------------------------- */

/* The result that names the mistake. Large memory may have left the process, then nothing tells that it was ours. */
static void refused_as_double_free(void *address, size_t size) {
    int result = brainmm_free(address);
    if (size <= BRAINMM_LOCK_FREE_MAX)
        ck_assert_msg(result == BRAINMM_E_DOUBLE_FREE, "second free(%p) of %zu bytes = %d", address, size, result);
    refused_by_all(address);
}

START_TEST(an_immediately_repeated_free_is_refused) {
    for (unsigned k = 0; k < SIZES; k++) {
        void *piece = brainmm_alloc(sizes[k]);
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
        refused_as_double_free(piece, sizes[k]);
    }
}
END_TEST

START_TEST(a_repeated_free_after_other_frees_is_refused) {
    for (unsigned k = 0; k < SIZES; k++) {
        void *first = brainmm_alloc(sizes[k]), *second = brainmm_alloc(sizes[k]);
        ck_assert_int_eq(brainmm_free(first), BRAINMM_OK);
        ck_assert_int_eq(brainmm_free(second), BRAINMM_OK);
        refused_as_double_free(first, sizes[k]);
        refused_as_double_free(second, sizes[k]);
    }
}
END_TEST

START_TEST(a_free_repeated_much_later_is_refused) {
    for (unsigned k = 0; k < SIZES; k++) {
        void *piece = brainmm_alloc(sizes[k]);
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
        for (unsigned i = 0; i < 1024; i++)
            ck_assert_int_eq(brainmm_free(brainmm_alloc(sizes[k])), BRAINMM_OK);
        refused_by_all(piece);
    }
}
END_TEST

START_TEST(freeing_many_pieces_twice_is_refused_for_each) {
    enum { COUNT = 400 };
    static void *pieces[COUNT];
    random_source random = {5};
    for (unsigned k = 0; k < SIZES; k++) {
        unsigned count = k < SMALL_SIZES ? COUNT : 10;
        for (unsigned i = 0; i < count; i++)
            pieces[i] = brainmm_alloc(sizes[k]);
        for (unsigned i = count - 1; i > 0; i--) {
            size_t other = random_below(&random, i + 1);
            void *swapped = pieces[i];
            pieces[i] = pieces[other];
            pieces[other] = swapped;
        }
        for (unsigned i = 0; i < count; i++)
            ck_assert_int_eq(brainmm_free(pieces[i]), BRAINMM_OK);
        for (unsigned i = 0; i < count; i++)
            refused_by_all(pieces[i]);
    }
}
END_TEST

/* A freed piece comes back, is freed through the old pointer and then through the new one: one of the three frees is
 * too many, and it is noticed. */
START_TEST(one_of_three_frees_of_two_allocations_is_refused) {
    for (unsigned k = 0; k < SIZES; k++) {
        void *first = brainmm_alloc(sizes[k]);
        ck_assert_int_eq(brainmm_free(first), BRAINMM_OK);
        void *second = brainmm_alloc(sizes[k]);
        int succeeded = (brainmm_free(first) == BRAINMM_OK) + (brainmm_free(second) == BRAINMM_OK);
        ck_assert_int_eq(succeeded, 1);
        refused_by_all(first);
        refused_by_all(second);
    }
}
END_TEST

START_TEST(freed_pieces_are_refused_after_their_memory_went_back) {
    enum { COUNT = 200 };
    static void *pieces[SIZES][COUNT];
    for (unsigned k = 0; k < SIZES; k++)
        for (unsigned i = 0; i < (k < SMALL_SIZES ? COUNT : 3); i++)
            pieces[k][i] = brainmm_alloc(sizes[k]);
    for (unsigned k = 0; k < SIZES; k++)
        for (unsigned i = 0; i < (k < SMALL_SIZES ? COUNT : 3); i++)
            ck_assert_int_eq(brainmm_free(pieces[k][i]), BRAINMM_OK);
    brainmm_thread_heap_minimize();
    for (unsigned k = 0; k < SIZES; k++)
        for (unsigned i = 0; i < (k < SMALL_SIZES ? COUNT : 3); i++)
            refused_by_all(pieces[k][i]);
}
END_TEST

static void free_in_thread(void *piece) { CHECK(brainmm_free(piece) == BRAINMM_OK); }

static void free_again_in_thread(void *piece) {
    CHECK(brainmm_free(piece) != BRAINMM_OK);
    CHECK(brainmm_usable_size(piece) == 0);
    CHECK(brainmm_realloc(piece, 50) == NULL);
    CHECK(brainmm_free(piece) != BRAINMM_OK);
}

static void in_thread(void (*run)(void *), void *argument) {
    thread t;
    thread_start(&t, run, argument);
    thread_join(&t);
}

START_TEST(double_frees_between_threads_are_refused) {
    for (unsigned k = 0; k < SIZES; k++) {
        void *by_owner = brainmm_alloc(sizes[k]), *by_other = brainmm_alloc(sizes[k]), *twice = brainmm_alloc(sizes[k]);
        ck_assert_int_eq(brainmm_free(by_owner), BRAINMM_OK);
        in_thread(free_again_in_thread, by_owner);
        in_thread(free_in_thread, by_other); /* this thread has not taken it back when it frees it again */
        refused_by_all(by_other);
        in_thread(free_in_thread, twice);
        in_thread(free_again_in_thread, twice);
        refused_by_all(twice);
    }
}
END_TEST

static void *left_behind[SIZES];

static void leave_behind(void *unused) {
    (void)unused;
    for (unsigned k = 0; k < SIZES; k++)
        left_behind[k] = brainmm_alloc(sizes[k]);
}

START_TEST(double_frees_of_what_an_ended_thread_left_are_refused) {
    in_thread(leave_behind, NULL);
    for (unsigned k = 0; k < SIZES; k++) {
        ck_assert_int_eq(brainmm_free(left_behind[k]), BRAINMM_OK);
        refused_by_all(left_behind[k]);
        in_thread(free_again_in_thread, left_behind[k]);
    }
}
END_TEST

START_TEST(freed_blocks_and_pages_are_refused) {
    for (unsigned mode = BRAINMM_USER; mode <= BRAINMM_JIT; mode++) {
        for (unsigned k = 0; k < 9; k++) {
            void *block = brainmm_block_get((size_t)4096 << (2 * k), mode);
            ck_assert_int_eq(brainmm_block_free(block, mode), BRAINMM_OK);
            refused_by_all(block);
        }
        for (size_t count = 1; count < 3000; count *= 3) {
            void *run = brainmm_pages_get(count, mode);
            ck_assert_int_eq(brainmm_pages_free(run, mode), BRAINMM_OK);
            refused_by_all(run);
        }
    }
}
END_TEST

/* ---- The wrong kind and mode ------------------------------------------------------------------------------------ */

START_TEST(blocks_and_pages_given_to_the_functions_for_pieces_are_refused) {
    for (unsigned mode = BRAINMM_USER; mode <= BRAINMM_JIT; mode++)
        for (unsigned k = 0; k < 7; k++) {
            unsigned char *block = brainmm_block_get((size_t)4096 << (2 * k), mode);
            unsigned char *run = brainmm_pages_get((size_t)1 << (2 * k), mode);
            unsigned char *const both[] = {block, run};
            for (unsigned i = 0; i < 2; i++) {
                pattern_fill(both[i], 4096, k);
                ck_assert_int_eq(brainmm_free(both[i]), BRAINMM_E_KIND);
                ck_assert_ptr_null(brainmm_realloc(both[i], 100));
                ck_assert_ptr_null(brainmm_realloc(both[i], 0));
                ck_assert_ptr_null(brainmm_reget(both[i], 100));
                ck_assert_ptr_null(brainmm_reget(both[i], 0));
                ck_assert_uint_eq(brainmm_usable_size(both[i]), 0);
                ck_assert(pattern_holds(both[i], 4096, k));
            }
            ck_assert_int_eq(brainmm_pages_free(block, mode), BRAINMM_E_KIND);
            ck_assert_ptr_null(brainmm_pages_realloc(block, 2, mode));
            ck_assert_ptr_null(brainmm_pages_reget(block, 2, mode));
            ck_assert_ptr_null(brainmm_pages_realloc(block, 0, mode));
            ck_assert_int_eq(brainmm_block_free(run, mode), BRAINMM_E_KIND);
            ck_assert_int_eq(brainmm_block_free(block, mode), BRAINMM_OK);
            ck_assert_int_eq(brainmm_pages_free(run, mode), BRAINMM_OK);
        }
}
END_TEST

START_TEST(pieces_given_to_the_functions_for_blocks_and_pages_are_refused) {
    for (unsigned k = 0; k < SIZES; k++) {
        void *pieces[2] = {brainmm_alloc(sizes[k]), brainmm_alloc_aligned(2048, sizes[k])};
        for (unsigned i = 0; i < 2; i++) {
            for (unsigned mode = BRAINMM_USER; mode <= BRAINMM_JIT; mode++) {
                ck_assert_int_ne(brainmm_block_free(pieces[i], mode), BRAINMM_OK);
                ck_assert_int_ne(brainmm_pages_free(pieces[i], mode), BRAINMM_OK);
                ck_assert_ptr_null(brainmm_pages_realloc(pieces[i], 3, mode));
                ck_assert_ptr_null(brainmm_pages_realloc(pieces[i], 0, mode));
                ck_assert_ptr_null(brainmm_pages_reget(pieces[i], 3, mode));
            }
            ck_assert_int_eq(brainmm_block_free(pieces[i], BRAINMM_USER), BRAINMM_E_KIND);
            ck_assert_int_eq(brainmm_pages_free(pieces[i], BRAINMM_USER), BRAINMM_E_KIND);
            ck_assert_uint_ge(brainmm_usable_size(pieces[i]), sizes[k]);
            ck_assert_int_eq(brainmm_free(pieces[i]), BRAINMM_OK);
        }
    }
}
END_TEST

START_TEST(the_wrong_mode_is_refused) {
    for (unsigned mode = BRAINMM_USER; mode <= BRAINMM_JIT; mode++) {
        unsigned char *block = brainmm_block_get(64 * KIB, mode), *run = brainmm_pages_get(10, mode);
        pattern_fill(run, 10 * BRAINMM_PAGE_SIZE, mode);
        for (unsigned wrong = 0; wrong < 6; wrong++) {
            if (wrong == mode)
                continue;
            int result = brainmm_block_free(block, wrong);
            ck_assert(result == BRAINMM_E_KIND || result == BRAINMM_E_ARGUMENT);
            result = brainmm_pages_free(run, wrong);
            ck_assert(result == BRAINMM_E_KIND || result == BRAINMM_E_ARGUMENT);
            ck_assert_ptr_null(brainmm_pages_realloc(run, 20, wrong));
            ck_assert_ptr_null(brainmm_pages_realloc(run, 0, wrong));
            ck_assert_ptr_null(brainmm_pages_reget(run, 20, wrong));
        }
        ck_assert(pattern_holds(run, 10 * BRAINMM_PAGE_SIZE, mode));
        ck_assert_int_eq(brainmm_block_free(block, mode), BRAINMM_OK);
        ck_assert_int_eq(brainmm_pages_free(run, mode), BRAINMM_OK);
    }
    static const unsigned unknown[] = {3, 4, 255, 0x80000000u, 0xFFFFFFFFu};
    for (unsigned i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        ck_assert_ptr_null(brainmm_block_get(64 * KIB, unknown[i]));
        ck_assert_ptr_null(brainmm_pages_get(1, unknown[i]));
        ck_assert_ptr_null(brainmm_pages_realloc(NULL, 1, unknown[i]));
        ck_assert_ptr_null(brainmm_pages_reget(NULL, 1, unknown[i]));
        ck_assert_int_eq(brainmm_block_free(witness_block, unknown[i]), BRAINMM_E_ARGUMENT);
        ck_assert_int_eq(brainmm_pages_free(witness_pages, unknown[i]), BRAINMM_E_ARGUMENT);
    }
}
END_TEST

/* ---- Sizes, alignments, counts ---------------------------------------------------------------------------------- */

START_TEST(sizes_that_cannot_be_are_refused_and_the_old_piece_stays) {
    for (unsigned k = 0; k < 24; k++) {
        /* just above PTRDIFF_MAX, just below SIZE_MAX, and between: with each, some rounding up would wrap */
        const size_t impossible[] = {(size_t)PTRDIFF_MAX + 1 + (((size_t)1 << k) - 1),
                                     SIZE_MAX - (((size_t)1 << k) - 1), SIZE_MAX / 3 * 2 + k, SIZE_MAX - k};
        for (unsigned i = 0; i < 4; i++) {
            ck_assert_ptr_null(brainmm_alloc(impossible[i]));
            ck_assert_ptr_null(brainmm_alloc_zeroed(impossible[i]));
            ck_assert_ptr_null(brainmm_realloc(NULL, impossible[i]));
            ck_assert_ptr_null(brainmm_reget(NULL, impossible[i]));
            ck_assert_ptr_null(brainmm_block_get(impossible[i], BRAINMM_USER));
            ck_assert_ptr_null(brainmm_pages_get(impossible[i], BRAINMM_USER));
            for (size_t alignment = 1; alignment <= BRAINMM_ALIGNMENT_MAX; alignment *= 2)
                ck_assert_ptr_null(brainmm_alloc_aligned(alignment, impossible[i]));
            for (unsigned w = 0; w < SIZES; w++) {
                ck_assert_ptr_null(brainmm_realloc(witnesses[w], impossible[i]));
                ck_assert_ptr_null(brainmm_reget(witnesses[w], impossible[i]));
                ck_assert(pattern_holds(witnesses[w], sizes[w] < 64 ? sizes[w] : 64, w));
            }
        }
    }
}
END_TEST

START_TEST(the_largest_sizes_allowed_are_refused_by_the_system_or_work) {
    for (unsigned k = 0; k < 24; k++) {
        size_t size = (size_t)PTRDIFF_MAX - (((size_t)1 << k) - 1);
        void *piece = brainmm_alloc(size), *aligned = brainmm_alloc_aligned(2048, size);
        ck_assert(piece == NULL || brainmm_usable_size(piece) >= size);
        ck_assert(aligned == NULL || brainmm_usable_size(aligned) >= size);
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
        ck_assert_int_eq(brainmm_free(aligned), BRAINMM_OK);
        if (sizeof(size_t) > 4) { /* no system maps 2^62 bytes */
            ck_assert_ptr_null(piece);
            ck_assert_ptr_null(aligned);
        }
    }
}
END_TEST

START_TEST(alignments_out_of_range_are_refused) {
    static const size_t wrong[] = {0,    3,    5,    12,   17,   24,    48,       96,
                                   1000, 2047, 2049, 3072, 4097, 65535, SIZE_MAX, SIZE_MAX / 2 + 1};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        for (unsigned k = 0; k < SIZES; k++)
            ck_assert_ptr_null(brainmm_alloc_aligned(wrong[i], sizes[k]));
}
END_TEST

START_TEST(block_sizes_that_are_none_are_refused) {
    for (unsigned bit = 0; bit < sizeof(size_t) * 8; bit++) {
        size_t power = (size_t)1 << bit;
        bool is_block_size = bit >= 12 && bit <= 28 && bit % 2 == 0;
        const size_t around[] = {power - 1, power + 1, power + power / 2, is_block_size ? 0 : power};
        for (unsigned i = 0; i < 4; i++)
            for (unsigned mode = BRAINMM_USER; mode <= BRAINMM_JIT; mode++)
                ck_assert_ptr_null(brainmm_block_get(around[i], mode));
    }
}
END_TEST

#if !defined(_WIN32)
START_TEST(there_is_no_com_here) {
    struct IMalloc *object = NULL;
    ck_assert_int_eq(brainmm_create_malloc(&object), BRAINMM_E_UNSUPPORTED);
    ck_assert_int_eq(brainmm_create_malloc(NULL), BRAINMM_E_ARGUMENT);
    ck_assert_ptr_null(object);
}
END_TEST
#endif

int main(void) {
    Suite *suite = suite_create("bad input");
    TCase *tests = tcase_create("bad input");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, witnesses_up, witnesses_down);
    tcase_add_test(tests, stack_and_static_addresses_are_refused);
    tcase_add_test(tests, memory_of_others_is_refused_and_not_read);
    tcase_add_test(tests, addresses_that_cannot_exist_are_refused);
    tcase_add_test(tests, a_gibibyte_off_is_refused);
    tcase_add_test(tests, misaligned_and_interior_pointers_are_refused);
    tcase_add_test(tests, addresses_inside_the_heaps_own_records_are_refused);
    tcase_add_test(tests, neighbours_that_were_never_allocated_are_refused);
    tcase_add_test(tests, an_immediately_repeated_free_is_refused);
    tcase_add_test(tests, a_repeated_free_after_other_frees_is_refused);
    tcase_add_test(tests, a_free_repeated_much_later_is_refused);
    tcase_add_test(tests, freeing_many_pieces_twice_is_refused_for_each);
    tcase_add_test(tests, one_of_three_frees_of_two_allocations_is_refused);
    tcase_add_test(tests, freed_pieces_are_refused_after_their_memory_went_back);
    tcase_add_test(tests, double_frees_between_threads_are_refused);
    tcase_add_test(tests, double_frees_of_what_an_ended_thread_left_are_refused);
    tcase_add_test(tests, freed_blocks_and_pages_are_refused);
    tcase_add_test(tests, blocks_and_pages_given_to_the_functions_for_pieces_are_refused);
    tcase_add_test(tests, pieces_given_to_the_functions_for_blocks_and_pages_are_refused);
    tcase_add_test(tests, the_wrong_mode_is_refused);
    tcase_add_test(tests, sizes_that_cannot_be_are_refused_and_the_old_piece_stays);
    tcase_add_test(tests, the_largest_sizes_allowed_are_refused_by_the_system_or_work);
    tcase_add_test(tests, alignments_out_of_range_are_refused);
    tcase_add_test(tests, block_sizes_that_are_none_are_refused);
#if !defined(_WIN32)
    tcase_add_test(tests, there_is_no_com_here);
#endif
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? TEST_FAILED : TEST_PASSED;
}
