/* SPDX-License-Identifier: MIT */
/* replace.c (Windows): libbrainmm-malloc.a: the malloc family of a program or DLL that is linked with it, over the
 * process's heap. The library contains the static core. docs/windows-malloc.md tells how to link with it.
 *
 * The linker takes these functions in the place of those that the C run-time's import library offers. Code that was
 * compiled for an import calls through __imp_NAME; so those are here, too. The run-time's own calls stay its own.
 *
 * The fast paths are the heap's. They cannot succeed before the module has its heap, nor if it uses another module's.
 * What they do not do is in crt_malloc.h.
 */
#include "base/compiler.h"
#include "checked/checked.h"
#include "heap/heap.h"
#include "heap/piece.h"
#include "heap/report.h"
#include "malloc/crt_malloc.h"
#include "os_inline.h"
#include "share/decision.h"
#include "share/manager.h"
#include "sync/error.h"
#include <string.h>

#define SLOW __attribute__((noinline))

/* ---- The run-time whose functions these replace ------------------------------------------------------------------ */

#define SYMBOL_TEXT(text) #text
#define SYMBOL_JOIN(prefix, name) SYMBOL_TEXT(prefix) name
#define SYMBOL_OF(prefix, name) SYMBOL_JOIN(prefix, name)
#define IMPORTED(name) "__imp_" SYMBOL_OF(__USER_LABEL_PREFIX__, name)

/* Every run-time has it, and it is not replaced: so its import tells which one the program is linked with. */
extern const void *const imported_errno __asm__(IMPORTED("_errno"));

OS_TABLE(struct crt_original, crt_original) = {0};

/* The heap of another module tells that module's handler. This module prints, and ends the program. */
static COLD void refuse(const char *function, void *piece, int result) {
    struct piece found = {.slab = NULL};
    if (manager_start()) {
        if (result == BRAINMM_OK)
            result = !piece_describe(piece, &found) && found.slab ? BRAINMM_E_DOUBLE_FREE : BRAINMM_E_POINTER;
        report_refusal_untold(function, piece, heap_refusal(piece, result));
        return;
    }
    if (result == BRAINMM_OK)
        result = crt_ask_heap(crt_original.heap, piece);
    brainmm_error error = {.kind = BRAINMM_ERROR_POINTER, .function = function, .address = piece};
    if (result == BRAINMM_E_DOUBLE_FREE || result == BRAINMM_E_KIND)
        error.kind = result == BRAINMM_E_KIND ? BRAINMM_ERROR_KIND : BRAINMM_ERROR_DOUBLE_FREE;
    error_report(&error);
}

static COLD void end(const char *sentence, const char *more) {
    char buffer[1024];
    struct text text = TEXT_IN(buffer);
    text_add(&text, "BrainMM: ");
    text_add(&text, sentence);
    text_add(&text, more);
    text_add(&text, "\n");
    os_abort(buffer);
}

static crt_function export_of(const void *run_time, const char *name) {
    return (crt_function)GetProcAddress((HMODULE)(uintptr_t)run_time, name);
}

static void original_start(const struct brainmm_manager *heap) {
    HMODULE run_time;
    const char *lacking = "_errno";
    if (!os_protect_tables(&crt_original, sizeof crt_original, true))
        end("The system refused to make this module's tables writable", "");
    crt_original.heap = heap;
    crt_original.refuse = refuse;
    if (GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                           imported_errno, &run_time))
        lacking = crt_original_find(&crt_original, export_of, run_time);
    os_protect_tables(&crt_original, sizeof crt_original, false);
    if (lacking)
        end("The C run-time that this program is linked with does not export ", lacking);
}

/* ---- The start --------------------------------------------------------------------------------------------------- */

/* After the callback of static.c, which starts the heap, and before any code of the module. Without a heap no program
 * gets far: it ends here, with the reason. */
static void NTAPI image_event(void *image, DWORD reason, void *reserved) {
    const char *reasons;
    (void)image;
    (void)reserved;
    if (reason != DLL_PROCESS_ATTACH)
        return;
    error_set_default(ERROR_ACTION_ABORT);
    const struct brainmm_manager *heap = brainmm_get_manager();
    original_start(heap);
    if (heap->heap_id == 0) {
        decision_status(&reasons);
        end("no heap. ", reasons);
    }
    if (!crt_heap_tells_pieces(heap))
        end("The process's heap belongs to a module that cannot tell its pieces from others", "");
}

__attribute__((section(".CRT$XLC"), used)) static const PIMAGE_TLS_CALLBACK callback = image_event;

/* ---- The fast paths, and what they leave over -------------------------------------------------------------------- */

static SLOW void *malloc_slow(size_t size) {
    CHECKED_ENTRY();
    void *piece;
    do {
        bool owns = manager_start();
        piece = checked_serves ? checked_alloc_as(size, FAMILY_PIECE, "malloc")
                : owns         ? piece_alloc_slow(size, "malloc")
                               : brainmm_alloc(size);
        if (LIKELY(piece != NULL))
            return piece;
    } while (crt_new_handler_helps(&crt_original, size));
    return crt_no_memory(&crt_original);
}

static void free_or_refuse(void *piece) {
    int result = piece_free_slow(piece);
    if (result == BRAINMM_E_POINTER && !heap_contains(piece))
        crt_original.free(piece);
    else if (UNLIKELY(result != BRAINMM_OK))
        refuse("free", piece, result);
}

/* Returns BRAINMM_OK. */
static SLOW int free_slow(void *piece) {
    CHECKED_ENTRY();
    size_t usable;
    bool owns = manager_start();
    if (checked_serves && crt_owner_of(crt_original.heap, piece, &usable) != CRT_OTHERS)
        checked_free_as(piece, FAMILY_PIECE, "free");
    else if (checked_serves || !owns)
        crt_free(&crt_original, piece);
    else
        free_or_refuse(piece);
    return BRAINMM_OK;
}

static SLOW void *realloc_checked(void *piece, size_t size) {
    CHECKED_ENTRY();
    size_t usable;
    if (crt_owner_of(crt_original.heap, piece, &usable) == CRT_OTHERS)
        return crt_original.realloc(piece, size);
    for (;;) {
        void *resized = checked_resize_as(piece, size, true, "realloc");
        if (resized || size == 0)
            return resized;
        if (!crt_new_handler_helps(&crt_original, size))
            return crt_no_memory(&crt_original);
    }
}

static inline void *replace_malloc(size_t size) {
    void *piece = fast_alloc(os_thread_pointer(), size);
    return LIKELY(piece != NULL) ? piece : malloc_slow(size);
}

static inline void *replace_calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return crt_no_memory(&crt_original);
    void *piece = fast_alloc(os_thread_pointer(), bytes);
    return LIKELY(piece != NULL) ? memset(piece, 0, bin_geometry[size_class_of(bytes)].object_size)
                                 : crt_calloc(&crt_original, count, size);
}

static inline void replace_free(void *piece) { fast_free(os_thread_pointer(), piece, free_slow); }

static inline void *replace_realloc(void *piece, size_t size) {
    if (!piece)
        return replace_malloc(size);
    return UNLIKELY(checked_serves) ? realloc_checked(piece, size) : crt_realloc(&crt_original, piece, size);
}

/* ---- The names that the linker finds ----------------------------------------------------------------------------- */

#define replace__msize(...) crt__msize(&crt_original, __VA_ARGS__)
#define replace__expand(...) crt__expand(&crt_original, __VA_ARGS__)
#define replace__recalloc(...) crt__recalloc(&crt_original, __VA_ARGS__)
#define replace__aligned_malloc(...) crt__aligned_malloc(&crt_original, __VA_ARGS__)
#define replace__aligned_realloc(...) crt__aligned_realloc(&crt_original, __VA_ARGS__)
#define replace__aligned_recalloc(...) crt__aligned_recalloc(&crt_original, __VA_ARGS__)
#define replace__aligned_offset_malloc(...) crt__aligned_offset_malloc(&crt_original, __VA_ARGS__)
#define replace__aligned_offset_realloc(...) crt__aligned_offset_realloc(&crt_original, __VA_ARGS__)
#define replace__aligned_offset_recalloc(...) crt__aligned_offset_recalloc(&crt_original, __VA_ARGS__)
#define replace__aligned_msize(...) crt__aligned_msize(&crt_original, __VA_ARGS__)
#define replace__aligned_free(...) crt__aligned_free(&crt_original, __VA_ARGS__)

/* replaced_NAME: the C name is another one, because the compiler has opinions about malloc. */
#define REPLACE(result, name, parameters, arguments)                                                                   \
    result __cdecl replaced_##name parameters __asm__(SYMBOL_OF(__USER_LABEL_PREFIX__, #name));                        \
    extern result(__cdecl *const imported_##name) parameters __asm__(IMPORTED(#name));                                 \
    result __cdecl replaced_##name parameters { return replace_##name arguments; }                                     \
    result(__cdecl *const imported_##name) parameters = replaced_##name;
CRT_FUNCTIONS(REPLACE)
