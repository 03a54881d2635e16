/* SPDX-License-Identifier: MIT */
/* redirect.c: brainmm_redirect_imports() makes the malloc family of this program, and of a module, the heap's, and
 * brainmm_restore_imports() undoes that. Every function of the family works. Pieces cross in all directions: from the
 * run-time to the heap's functions, between modules, between run-times, between threads. GetProcAddress and modules
 * that are loaded later get the heap's functions, and give them up again. */
#include "redirect_support.h"
#include <direct.h>
#include <errno.h>

static struct redirect r;

static bool __attribute__((noinline)) ours(void *piece) { return r.contains(piece) != 0; }

static void result_is(int result, int expected) { CHECK_MSG(result == expected, "%d: %s", result, r.text(result)); }

/* ---- The family ------------------------------------------------------------------------------------------------- */

static void fill(void *piece, size_t size) { memset(piece, 0x5a, size); }

static bool is_filled(const char *piece, size_t size, char byte) {
    while (size > 0 && piece[size - 1] == byte)
        size--;
    return size == 0;
}

static void family_is_ours(void) {
    char *piece = malloc(100);
    CHECK(ours(piece) && r.usable_size(piece) == _msize(piece) && _msize(piece) >= 100);
    fill(piece, 100);
    piece = realloc(piece, 5000);
    CHECK(ours(piece) && is_filled(piece, 100, 0x5a));
    CHECK(_expand(piece, 4000) == piece);
    CHECK(realloc(piece, 0) == NULL);
    piece = calloc(300, 3);
    CHECK(ours(piece) && is_filled(piece, 900, 0));
    free(piece);
    free(NULL);
    piece = malloc(0);
    CHECK(piece && ours(piece));
    free(piece);
    errno = 0;
    volatile size_t much = SIZE_MAX / 2 + 2;
    CHECK(calloc(much, 2) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(malloc(SIZE_MAX - much) == NULL && errno == ENOMEM);
}

static void aligned_family_is_ours(void) {
    for (size_t alignment = 16; alignment <= 8192; alignment *= 2) {
        char *piece = _aligned_malloc(100, alignment);
        CHECK(ours(piece) && (uintptr_t)piece % alignment == 0);
        fill(piece, 100);
        piece = _aligned_realloc(piece, 10000, alignment);
        CHECK(ours(piece) && (uintptr_t)piece % alignment == 0 && is_filled(piece, 100, 0x5a));
        _aligned_free(piece);
        piece = _aligned_offset_malloc(100, alignment, 24);
        CHECK(ours(piece) && (uintptr_t)(piece + 24) % alignment == 0);
        fill(piece, 100);
        piece = _aligned_offset_realloc(piece, 3000, alignment, 24);
        CHECK(ours(piece) && (uintptr_t)(piece + 24) % alignment == 0 && is_filled(piece, 100, 0x5a));
        _aligned_free(piece);
    }
    _aligned_free(NULL);
}

/* The operators of C++, under Visual C++'s names. */
#if defined(_WIN64)
#define NEW_AND_DELETE "??2@YAPEAX_K@Z", "??3@YAXPEAX@Z", "??_U@YAPEAX_K@Z", "??_V@YAXPEAX@Z"
#else
#define NEW_AND_DELETE "??2@YAPAXI@Z", "??3@YAXPAX@Z", "??_U@YAPAXI@Z", "??_V@YAXPAX@Z"
#endif

static void operators_are_ours(const char *run_time) {
    static const char *const names[] = {NEW_AND_DELETE};
    HMODULE dll = LoadLibraryA(run_time);
    CHECK(dll != NULL);
    for (unsigned i = 0; i < 4; i += 2) {
        void *(*new)(size_t);
        void (*delete)(void *);
        module_symbol(dll, names[i], &new);
        module_symbol(dll, names[i + 1], &delete);
        void *piece = new (100);
        CHECK_MSG(ours(piece), "%s", run_time);
        delete (piece);
        delete (_strdup("a piece of the run-time"));
        delete (NULL);
    }
}

/* DLLs by old compilers have the run-time add to a table that they have allocated. */
typedef int(__cdecl *at_end)(void);
static int __cdecl end_one(void) { return 1; }
static int __cdecl end_two(void) { return 2; }

static void tables_for_the_end_grow(void) {
    at_end(__cdecl * add)(at_end function, at_end * *first, at_end * *behind);
    at_end *first = malloc(sizeof *first), *behind = first;
    module_symbol(GetModuleHandleA("msvcrt.dll"), "__dllonexit", &add);
    for (int i = 0; i < 500; i++)
        CHECK(add(i % 3 ? end_one : end_two, &first, &behind) == (i % 3 ? end_one : end_two) && ours(first));
    CHECK(behind == first + 500);
    for (int i = 0; i < 500; i++)
        CHECK(first[i] == (i % 3 ? end_one : end_two));
    free(first);
}

/* ---- One module ------------------------------------------------------------------------------------------------- */

/* What the run-time has made before or makes itself is freed, resized and measured like before. */
static void run_times_pieces_are_its_own(char *before) {
    char *copy = _strdup("copy");
    CHECK(!ours(copy) && _msize(copy) >= 5);
    copy = realloc(copy, 10000);
    CHECK(!ours(copy) && strcmp(copy, "copy") == 0);
    free(copy);
    wchar_t *folder = _wgetcwd(NULL, 0);
    CHECK(folder && !ours(folder));
    free(folder);
    CHECK(is_filled(before, 50, 0x5a));
    free(before);
}

static void one_module(void) {
    HMODULE program = GetModuleHandleA(NULL), msvcrt = GetModuleHandleA("msvcrt.dll");
    module other = module_load(path_beside("redirect_module-plain.dll"));
    const struct redirect_module *functions = redirect_module_of(other);
    void *(*by_name)(size_t size);
    char *before = malloc(50), *aligned = _aligned_malloc(100, 512);
    void *original = (void *)*import_slot(program, "msvcrt.dll", "malloc");
    CHECK(!ours(before) && !ours(aligned) && !ours(functions->at_start));
    fill(before, 50);

    result_is(r.redirect(program), BRAINMM_REDIRECTED);
    result_is(r.redirect(program), BRAINMM_REDIRECTED);
    family_is_ours();
    aligned_family_is_ours();
    run_times_pieces_are_its_own(before);
    _aligned_free(aligned);
    void *piece = functions->allocate(100); /* that module is not redirected */
    CHECK(!ours(piece));
    free(piece);
    module_symbol(msvcrt, "malloc", &by_name);
    CHECK((void *)by_name == original);

    result_is(r.redirect(other), BRAINMM_REDIRECTED);
    free(functions->allocate(100));
    piece = functions->resize(malloc(10), 20000);
    CHECK(ours(piece));
    functions->release(piece);
    functions->release(functions->duplicate("text"));
    functions->release(functions->at_start);

    piece = malloc(100);
    result_is(r.restore(program, BRAINMM_RESTORE_GIVING), BRAINMM_REDIRECTED);
    result_is(r.restore(program, BRAINMM_RESTORE_GIVING), BRAINMM_REDIRECT_NOTHING);
    void *run_times = malloc(100);
    CHECK(!ours(run_times) && ours(piece));
    piece = realloc(piece, 3000);
    CHECK(ours(piece));
    free(piece);
    free(run_times);
    result_is(r.restore(program, BRAINMM_RESTORE_ALL), BRAINMM_REDIRECTED);
    result_is(r.restore(program, BRAINMM_RESTORE_ALL), BRAINMM_REDIRECT_NOTHING);
    CHECK(*import_slot(program, "msvcrt.dll", "malloc") == original);
    result_is(r.restore(other, BRAINMM_RESTORE_ALL), BRAINMM_REDIRECTED);
    piece = functions->allocate(10);
    CHECK(!ours(piece));
    free(piece);
    module_unload(other);
}

/* ---- Everything ------------------------------------------------------------------------------------------------- */

/* MODULE is loaded, works and is unloaded while everything is redirected. */
static void later_module(void) {
    module other = module_load(path_beside("redirect_module-plain.dll"));
    const struct redirect_module *functions = redirect_module_of(other);
    CHECK(ours(functions->at_start)); /* already in its DllMain */
    void *piece = functions->by_name(10);
    CHECK(ours(piece));
    free(piece);
    functions->release(malloc(10));
    free(functions->allocate(10));
    functions->release(functions->duplicate("text"));
    free(functions->at_start);
    module_unload(other);
}

/* msvcrt.dll has no _recalloc. */
static void recalloc_is_ours(HMODULE run_time) {
    void *(*recalloc)(void *piece, size_t count, size_t size);
    char *(*duplicate)(const char *text);
    if (!GetProcAddress(run_time, "_recalloc"))
        return;
    module_symbol(run_time, "_recalloc", &recalloc);
    module_symbol(run_time, "_strdup", &duplicate);
    char *piece = recalloc(malloc(100), 3, 3000);
    CHECK(ours(piece) && is_filled(piece + 200, 8800, 0));
    free(piece);
    piece = recalloc(duplicate("text"), 1, 100);
    CHECK(!ours(piece) && strcmp(piece, "text") == 0);
    void (*release)(void *piece);
    module_symbol(run_time, "free", &release);
    release(piece);
}

/* A run-time that is loaded later. */
static void later_run_time(const char *name) {
    void *(*allocate)(size_t size);
    void (*release)(void *piece);
    int *(*error)(void);
    HMODULE run_time = LoadLibraryA(name);
    CHECK_MSG(run_time != NULL, "%s", name);
    module_symbol(run_time, "malloc", &allocate);
    module_symbol(run_time, "free", &release);
    module_symbol(run_time, "_errno", &error);
    void *piece = allocate(100);
    CHECK_MSG(ours(piece), "%s", name);
    free(piece);
    release(malloc(10));
    recalloc_is_ours(run_time);
    *error() = 0;
    CHECK(allocate(SIZE_MAX - 4096) == NULL && *error() == ENOMEM);
    if (strcmp(name, "msvcrt.dll") != 0)
        CHECK(FreeLibrary(run_time));
}

static void other_thread(void *argument) {
    void **piece = argument;
    free(*piece);
    for (int i = 0; i < 20000; i++) {
        char *one = malloc((size_t)i % 3000), *two = _strdup("two");
        one = realloc(one, (size_t)i % 5000 + 1);
        CHECK(one != NULL && two != NULL);
        free(two);
        free(one);
    }
    *piece = malloc(77);
}

static void threads(void) {
    void *pieces[4];
    struct thread all[4];
    for (unsigned i = 0; i < 4; i++) {
        pieces[i] = malloc(10);
        thread_start(&all[i], other_thread, &pieces[i]);
    }
    for (unsigned i = 0; i < 4; i++) {
        thread_join(&all[i]);
        CHECK(ours(pieces[i]));
        free(pieces[i]);
    }
}

/* Threads allocate, and load and unload a module, while everything is redirected and restored again and again. What
 * takes pieces stays redirected, so no piece is lost. */
static volatile LONG stop;

static void allocate_on(void *argument) {
    void *kept[50] = {NULL};
    for (unsigned i = 0; !stop; i++) {
        void **one = &kept[i % 50];
        *one = i % 3 ? realloc(*one, i % 2000 + 1) : (free(*one), malloc(i % 500));
        CHECK(*one != NULL);
    }
    for (unsigned i = 0; i < 50; i++)
        free(kept[i]);
    (void)argument;
}

/* Who enumerates modules keeps them loaded for a moment, so DllMain does not allocate anew each time. */
static void load_on(void *argument) {
    while (!stop) {
        module other = module_load(path_beside("redirect_module-plain.dll"));
        const struct redirect_module *functions = redirect_module_of(other);
        functions->release(functions->resize(functions->allocate(100), 1000));
        module_unload(other);
    }
    (void)argument;
}

static void while_threads_run(void) {
    struct thread all[3];
    result_is(r.redirect(NULL), BRAINMM_REDIRECTED);
    thread_start(&all[0], allocate_on, NULL);
    thread_start(&all[1], allocate_on, NULL);
    thread_start(&all[2], load_on, NULL);
    for (int round = 0; round < 100; round++) {
        result_is(r.redirect(NULL), BRAINMM_REDIRECTED);
        result_is(r.redirect(GetModuleHandleA(NULL)), BRAINMM_REDIRECTED);
        result_is(r.restore(NULL, BRAINMM_RESTORE_GIVING), BRAINMM_REDIRECTED);
    }
    stop = 1;
    for (unsigned i = 0; i < 3; i++)
        thread_join(&all[i]);
    result_is(r.restore(NULL, BRAINMM_RESTORE_ALL), BRAINMM_REDIRECTED);
}

static int __cdecl count_line(void *context, const char *text, size_t length) {
    unsigned *lines = context;
    CHECK(length == strlen(text) && text[length - 1] == '\n' && strstr(text, ": "));
    ++*lines;
    return *lines == 3;
}

static void everything(void) {
    static const char *const run_times[] = {"msvcrt.dll",  "ucrtbase.dll", "msvcr71.dll",  "msvcr80.dll",
                                            "msvcr90.dll", "msvcr100.dll", "msvcr110.dll", "msvcr120.dll"};
    void *(*original)(size_t), *(*now)(size_t);
    unsigned lines = 0;
    module_symbol(GetModuleHandleA("msvcrt.dll"), "malloc", &original);
    char *before = malloc(50);
    fill(before, 50);
    result_is(r.redirect(NULL), BRAINMM_REDIRECTED);
    result_is(r.redirect(NULL), BRAINMM_REDIRECTED);
    family_is_ours();
    aligned_family_is_ours();
    run_times_pieces_are_its_own(before);
    for (unsigned round = 0; round < 3; round++) {
        later_module();
        for (unsigned i = 0; i < sizeof run_times / sizeof *run_times; i++)
            later_run_time(run_times[i]);
    }
    operators_are_ours("msvcrt.dll");
    operators_are_ours("msvcr120.dll");
    tables_for_the_end_grow();
    threads();
    CHECK(r.report(count_line, &lines) == 1 && lines == 3);

    void *piece = malloc(100);
    result_is(r.restore(NULL, BRAINMM_RESTORE_GIVING), BRAINMM_REDIRECTED);
    module_symbol(GetModuleHandleA("msvcrt.dll"), "malloc", &now);
    CHECK(now == original);
    free(piece);
    result_is(r.restore(NULL, BRAINMM_RESTORE_ALL), BRAINMM_REDIRECTED);
    result_is(r.restore(NULL, BRAINMM_RESTORE_ALL), BRAINMM_REDIRECT_NOTHING);
    piece = malloc(10);
    CHECK(!ours(piece));
    free(piece);
    module other = module_load(path_beside("redirect_module-plain.dll"));
    CHECK(!ours(redirect_module_of(other)->at_start));
    module_unload(other);
}

int main(void) {
    r = redirect_load();
    void *piece = malloc(10); /* to load the DLL changes nothing */
    CHECK(!ours(piece));
    free(piece);
    one_module();
    everything();
    while_threads_run();
    return TEST_PASSED;
}
