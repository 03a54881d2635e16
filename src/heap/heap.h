/* SPDX-License-Identifier: MIT */
/* heap.h: the process's heap, as the floors above see it: the functions behind the manager table, and the few hooks
 * that the process needs. What the functions do: include/brainmm.h. None of them may be called before heap_start().
 */
#ifndef BRAINMM_HEAP_H
#define BRAINMM_HEAP_H

#include "brainmm.h"
#include <stdbool.h>

void *BRAINMM_CALL heap_alloc(size_t size);
void *BRAINMM_CALL heap_alloc_zeroed(size_t size);
void *BRAINMM_CALL heap_alloc_aligned(size_t alignment, size_t size);
void *heap_alloc_aligned_as(size_t alignment, size_t size, const char *function); /* which is named in reports */
int BRAINMM_CALL heap_free(void *piece);
void *BRAINMM_CALL heap_realloc(void *piece, size_t size);
void *BRAINMM_CALL heap_reget(void *piece, size_t size);
size_t BRAINMM_CALL heap_usable_size(const void *piece);
void *BRAINMM_CALL heap_block_get(size_t size, unsigned mode);
int BRAINMM_CALL heap_block_free(void *block, unsigned mode);
void *BRAINMM_CALL heap_pages_get(size_t count, unsigned mode);
void *BRAINMM_CALL heap_pages_reget(void *pages, size_t count, unsigned mode);
void *BRAINMM_CALL heap_pages_realloc(void *pages, size_t count, unsigned mode);
int BRAINMM_CALL heap_pages_free(void *pages, unsigned mode);
int BRAINMM_CALL heap_get_options(const void *address, brainmm_options *options);
int BRAINMM_CALL heap_contains(const void *address);
int BRAINMM_CALL heap_thread_heap_minimize(void);
void BRAINMM_CALL heap_thread_done(void);
int BRAINMM_CALL heap_pages_set_rights(void *pages, size_t count, unsigned rights);
int BRAINMM_CALL heap_pages_get_rights(const void *page, unsigned *rights);
int BRAINMM_CALL heap_jit_heap_create(unsigned kind, brainmm_jit_heap **heap);
int BRAINMM_CALL heap_jit_heap_clear(brainmm_jit_heap *heap);
int BRAINMM_CALL heap_jit_heap_destroy(brainmm_jit_heap *heap);
void *BRAINMM_CALL heap_jit_alloc(brainmm_jit_heap *heap, size_t size, void **writable);
int BRAINMM_CALL heap_jit_free(brainmm_jit_heap *heap, void *code);
int BRAINMM_CALL heap_check(void);
int BRAINMM_CALL heap_set_error_handler(brainmm_error_handler handler, void *context);

/* Why PIECE, which piece_free_slow() refused with RESULT, cannot be freed: BRAINMM_E_KIND if it is a block, pages or
 * code, else RESULT. */
int heap_refusal(const void *piece, int result);

/* Makes the heap usable. Is called once, when this module is to own the process's heap. With FIXED_ADDRESSES it lies
 * where it lay in other runs. NULL, or the sentence, without its full stop, that tells why there is no heap. */
const char *heap_start(bool fixed_addresses);

/* The calling thread ends. Idempotent; the thread may still allocate and free afterwards. Waits for nothing. */
void heap_thread_exit(void);

/* For os_watch_fork(). */
void heap_forked(uintptr_t before, uintptr_t now, bool first);

#endif
