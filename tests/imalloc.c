/* SPDX-License-Identifier: MIT */
/* imalloc.c: brainmm_create_malloc follows the rules of COM. It is called through the system's declaration of
 * IMalloc. */
#define COBJMACROS
#include "heap_support.h"
#include "brainmm.h"
#include <objidl.h>

static const IID iid_unknown = {0x00000000, 0, 0, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};
static const IID iid_malloc = {0x00000002, 0, 0, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};
static const IID iid_stream = {0x0000000C, 0, 0, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};

static IMalloc *make(void) {
    IMalloc *object = NULL;
    CHECK(brainmm_create_malloc(&object) == BRAINMM_OK && object != NULL);
    return object;
}

static void check_identity(void) {
    IMalloc *object = make();
    void *same = NULL, *stream = &stream;
    CHECK(IMalloc_AddRef(object) == 2 && IMalloc_Release(object) == 1);
    CHECK(IMalloc_QueryInterface(object, &iid_unknown, &same) == S_OK && same == object);
    CHECK(IMalloc_QueryInterface(object, &iid_malloc, &same) == S_OK && same == object);
    CHECK(IMalloc_QueryInterface(object, &iid_stream, &stream) == E_NOINTERFACE && stream == NULL);
    CHECK(IMalloc_QueryInterface(object, &iid_malloc, NULL) == E_POINTER);
    CHECK(IMalloc_Release(object) == 2 && IMalloc_Release(object) == 1);
    CHECK(brainmm_usable_size(object) != 0 && IMalloc_Release(object) == 0 && brainmm_usable_size(object) == 0);
    CHECK(brainmm_create_malloc(NULL) == BRAINMM_E_ARGUMENT);
}

static void check_memory(void) {
    IMalloc *object = make();
    char on_stack[64], *piece = IMalloc_Alloc(object, 1000), *empty = IMalloc_Alloc(object, 0);
    CHECK(piece != NULL && empty != NULL && piece != empty);
    CHECK(IMalloc_GetSize(object, piece) >= 1000 && IMalloc_GetSize(object, piece) == brainmm_usable_size(piece));
    CHECK(IMalloc_DidAlloc(object, piece) == 1 && IMalloc_DidAlloc(object, empty) == 1);
    CHECK(IMalloc_GetSize(object, empty) == 0);
    CHECK(IMalloc_DidAlloc(object, NULL) == -1 && IMalloc_DidAlloc(object, on_stack) == 0);
    CHECK(IMalloc_DidAlloc(object, piece + 16) == 0);
    CHECK(IMalloc_GetSize(object, NULL) == (SIZE_T)-1 && IMalloc_GetSize(object, on_stack) == (SIZE_T)-1);
    pattern_fill(piece, 1000, 1);
    CHECK((piece = IMalloc_Realloc(object, piece, 200000)) != NULL && pattern_holds(piece, 1000, 1));
    CHECK(IMalloc_Realloc(object, piece, (SIZE_T)-1) == NULL &&
          pattern_holds(piece, 1000, 1)); /* and the piece stays */
    CHECK(IMalloc_Alloc(object, (SIZE_T)-1) == NULL && IMalloc_Alloc(object, (SIZE_T)PTRDIFF_MAX) == NULL);
    CHECK(IMalloc_Realloc(object, piece, 0) == NULL && IMalloc_DidAlloc(object, piece) == 0);
    CHECK((piece = IMalloc_Realloc(object, NULL, 300)) != NULL && IMalloc_DidAlloc(object, piece) == 1);
    IMalloc_Free(object, NULL);
    IMalloc_Free(object, on_stack);
    IMalloc_Free(object, empty);
    CHECK(IMalloc_DidAlloc(object, empty) == 0);
    CHECK(brainmm_free(piece) == BRAINMM_OK); /* it is the one heap */
    IMalloc_HeapMinimize(object);
#if defined(_WIN64)
    char *huge = IMalloc_Alloc(object, (SIZE_T)3 << 30); /* negative if it is taken for a signed number of 32 bits */
    CHECK(huge != NULL && IMalloc_GetSize(object, huge) >= (SIZE_T)3 << 30);
    huge[((SIZE_T)3 << 30) - 1] = 1;
    IMalloc_Free(object, huge);
#endif
    CHECK(IMalloc_Release(object) == 0);
}

/* All threads take and drop references, and free memory that another thread has allocated. */
static IMalloc *shared;
static void *shelf[64];

static void use(void *seed) {
    random_source random = {(uint64_t)(uintptr_t)seed};
    for (unsigned i = 0; i < 20000; i++) {
        void *found;
        CHECK(IMalloc_QueryInterface(shared, &iid_malloc, &found) == S_OK);
        IMalloc *same = found;
        size_t size = random_below(&random, 3000);
        void *piece = IMalloc_Alloc(same, size);
        CHECK(piece != NULL && IMalloc_GetSize(shared, piece) >= size);
        piece = __atomic_exchange_n(&shelf[random_below(&random, 64)], piece, __ATOMIC_ACQ_REL);
        CHECK(!piece || IMalloc_DidAlloc(shared, piece) == 1);
        IMalloc_Free(same, piece);
        CHECK(IMalloc_Release(same) >= 1);
    }
}

static void check_threads(void) {
    thread threads[4];
    shared = make();
    for (uintptr_t i = 0; i < 4; i++)
        thread_start(&threads[i], use, (void *)(i + 1));
    for (unsigned i = 0; i < 4; i++)
        thread_join(&threads[i]);
    for (unsigned i = 0; i < 64; i++)
        IMalloc_Free(shared, shelf[i]);
    CHECK(IMalloc_Release(shared) == 0);
}

int main(void) {
    check_identity();
    check_memory();
    check_threads();
    return TEST_PASSED;
}
