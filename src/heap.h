/* heap.h: the heap as the rest of the project sees it: the functions behind the manager table, and the few hooks that
 * the process and its threads need. Semantics of the functions: include/brainmm.h.
 *
 * All of them may be called before heap_start(): the first call makes the module find or found the process's heap
 * (manager.h), and serves the call from there if that is another module's.
 */
#ifndef BRAINMM_HEAP_H
#define BRAINMM_HEAP_H

#include "brainmm.h"
#include <stdbool.h>

void *BRAINMM_CALL heap_alloc(size_t size);
void *BRAINMM_CALL heap_alloc_zeroed(size_t size);
void *BRAINMM_CALL heap_alloc_aligned(size_t alignment, size_t size);
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
int BRAINMM_CALL heap_thread_heap_minimize(void);
void BRAINMM_CALL heap_thread_done(void);
int BRAINMM_CALL heap_pages_set_rights(void *pages, size_t count, unsigned rights);
int BRAINMM_CALL heap_pages_get_rights(const void *page, unsigned *rights);
int BRAINMM_CALL heap_jit_heap_create(unsigned kind, brainmm_jit_heap **heap);
int BRAINMM_CALL heap_jit_heap_clear(brainmm_jit_heap *heap);
int BRAINMM_CALL heap_jit_heap_destroy(brainmm_jit_heap *heap);
void *BRAINMM_CALL heap_jit_alloc(brainmm_jit_heap *heap, size_t size, void **writable);
int BRAINMM_CALL heap_jit_free(brainmm_jit_heap *heap, void *code);
void BRAINMM_CALL heap_jit_flush(const void *code, size_t size);
int BRAINMM_CALL heap_move_b16(void *to, const void *from, size_t count);
int BRAINMM_CALL heap_get_stats(brainmm_stats *stats, brainmm_class_stats *classes, size_t capacity);
int BRAINMM_CALL heap_walk(brainmm_visit visit, void *context);

/* Makes this module's own heap usable. Called once, by manager_start(), when this module is to own the process's heap.
 * False when the system gives no address space. */
bool heap_start(void);

/* The calling thread ends. Idempotent; the thread may still allocate and free afterwards. Waits for nothing. */
void heap_thread_exit(void);

/* Takes and gives back every lock of the library, in order: for fork(), in the parent and in the child, where the other
 * threads are gone; and for the test that nothing waits for them. */
void heap_lock_all(void);
void heap_unlock_all(void);
void heap_unlock_all_in_child(void);

#endif
