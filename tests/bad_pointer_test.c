/* SPDX-License-Identifier: MIT */
/* bad_pointer_test.c: a pointer that never was the start of an allocation is refused by every function. */
#include "witnesses.h"

/* ADDRESS was never the start of an allocation, so the result cannot be a double free either. */
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
        /* now a read of these addresses would end the program */
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
    refused_as_no_pointer((void *)0x0000800000000000u); /* the first address that is not canonical */
    refused_as_no_pointer((void *)0x8000000000000010u);
    refused_as_no_pointer((void *)0xDEADBEEFDEADBEE0u);
    refused_as_no_pointer((void *)0xFFFF800000000000u); /* an address of the kernel */
    refused_as_no_pointer((void *)0xFFFFFFFF81000000u);
#endif
    /* live addresses with a wrong bit: tagged, sign-extended or truncated */
    for (unsigned i = 0; i < (under_valgrind() ? 1 : 4) * SIZES; i++) {
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
    const size_t step = runs_slowly() ? 80 : 16;
    for (unsigned i = 0; i < 3; i++)
        for (size_t offset = 1; offset < 5 * BRAINMM_PAGE_SIZE; offset = offset < 16 ? offset * 2 : offset + step)
            refused_as_no_pointer(runs[i] + offset);
}
END_TEST

/* The test does not know where the heap keeps its records. It tries the addresses at and just before each power-of-two
 * boundary below a live piece. */
START_TEST(addresses_inside_the_heaps_own_records_are_refused) {
    for (unsigned i = 0; i < (runs_slowly() ? 1 : 2) * SIZES; i++)
        for (unsigned bit = 10; bit < sizeof(uintptr_t) * 8 - 1; bit += runs_slowly() ? 3 : 1) {
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
        for (unsigned k = 1; k <= 200; k += under_valgrind() ? 7 : 1) {
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

/* Also before the first object of a slab, and behind the last, where no object fits any more. */
START_TEST(no_place_around_a_piece_can_be_freed) {
    static const size_t wanted[] = {16, 80, 720, 976, 3000, 7000, 14000, 28000};
    const ptrdiff_t reach = runs_slowly() ? 3000 : 70000;
    for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        unsigned char *piece = brainmm_alloc(wanted[i]);
        pattern_fill(piece, wanted[i], i);
        for (ptrdiff_t offset = -reach / 16 * 16; offset < reach; offset += 16) {
            if (offset == 0 || brainmm_get_options(piece + offset, NULL))
                continue;
            int result = brainmm_free(piece + offset);
            ck_assert_msg(result == BRAINMM_E_POINTER || result == BRAINMM_E_DOUBLE_FREE, "free(%p) = %d, %td from %p",
                          (void *)(piece + offset), result, offset, (void *)piece);
        }
        ck_assert(pattern_holds(piece, wanted[i], i));
        ck_assert_int_eq(brainmm_free(piece), BRAINMM_OK);
    }
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        stack_and_static_addresses_are_refused,
        memory_of_others_is_refused_and_not_read,
        addresses_that_cannot_exist_are_refused,
        a_gibibyte_off_is_refused,
        misaligned_and_interior_pointers_are_refused,
        addresses_inside_the_heaps_own_records_are_refused,
        neighbours_that_were_never_allocated_are_refused,
        no_place_around_a_piece_can_be_freed,
        NULL,
    };
    return run_suite("bad pointers", 60, witnesses_up, witnesses_down, tests);
}
