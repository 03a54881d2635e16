/* SPDX-License-Identifier: MIT */
/* crt_malloc.c: each function of the malloc family does what Microsoft's documentation says, in a program that is
 * linked with libbrainmm-malloc.a. It works on pieces of the process's heap, and on those that the C run-time has made
 * itself. tests/crt_malloc.sh links this with both run-times.
 */
#include "heap_support.h"
#include "brainmm.h"
#include <direct.h>
#include <errno.h>
#include <wchar.h>

/* The headers of MinGW hide some of these for some run-times, and declare others as imports. */
#define NAMED2(prefix, name) #prefix name
#define NAMED1(prefix, name) NAMED2(prefix, name)
#define NAMED(name) __asm__(NAMED1(__USER_LABEL_PREFIX__, name))
void *expand(void *piece, size_t size) NAMED("_expand");
void *recalloc(void *piece, size_t count, size_t size) NAMED("_recalloc");
size_t msize(void *piece) NAMED("_msize");
void *a_malloc(size_t size, size_t alignment) NAMED("_aligned_malloc");
void *a_realloc(void *piece, size_t size, size_t alignment) NAMED("_aligned_realloc");
void *a_recalloc(void *piece, size_t count, size_t size, size_t alignment) NAMED("_aligned_recalloc");
void *a_offset_malloc(size_t size, size_t alignment, size_t offset) NAMED("_aligned_offset_malloc");
void *a_offset_realloc(void *piece, size_t size, size_t alignment, size_t offset) NAMED("_aligned_offset_realloc");
void *a_offset_recalloc(void *piece, size_t count, size_t size, size_t alignment, size_t offset)
    NAMED("_aligned_offset_recalloc");
size_t a_msize(void *piece, size_t alignment, size_t offset) NAMED("_aligned_msize");
void a_free(void *piece) NAMED("_aligned_free");

/* No compiler knows what they are, and none removes a call. */
static void *(*volatile get)(size_t) = malloc;
static void *(*volatile get_zeroed)(size_t, size_t) = calloc;
static void *(*volatile resize)(void *, size_t) = realloc;
static void (*volatile give)(void *) = free;

static const size_t too_much = (SIZE_MAX >> 1) + 1;

/* CALL is NULL, and sets errno to CODE. */
#define FAILS(call, code)                                                                                              \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        CHECK(!(call));                                                                                                \
        CHECK_MSG(errno == (code), "errno is %d", errno);                                                              \
    } while (0)

static bool is_ours(const void *piece) { return brainmm_get_options(piece, NULL) == 1; }
/* The addresses of a large piece may have gone back to the system. */
static bool is_free(const void *piece) { return !is_ours(piece); }

static void fill(void *piece, size_t size) {
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)piece)[i] = (unsigned char)(i * 7 + 1);
}

static bool is_filled(const void *piece, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (((const unsigned char *)piece)[i] != (unsigned char)(i * 7 + 1))
            return false;
    return true;
}

static bool is_zero(const char *from, const char *end) {
    while (from < end)
        if (*from++)
            return false;
    return true;
}

static const size_t sizes[] = {1, 15, 16, 17, 100, 1000, 4096, 32768, 32769, 100000, 3000000};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* ---- malloc, calloc, realloc, free ------------------------------------------------------------------------------- */

static void allocate(void) {
    for (unsigned i = 0; i < SIZES; i++) {
        char *piece = get(sizes[i]), *zeroed = get_zeroed(sizes[i], 1);
        CHECK(is_ours(piece) && is_ours(zeroed) && (uintptr_t)piece % 16 == 0 && (uintptr_t)zeroed % 16 == 0);
        CHECK(is_zero(zeroed, zeroed + sizes[i]));
        memset(piece, 0xEE, sizes[i]);
        memset(zeroed, 0xEE, sizes[i]);
        give(piece);
        give(zeroed);
    }
    void *one = get(0), *other = get(0);
    CHECK(one && other && one != other && is_ours(one) && is_ours(other));
    give(one);
    give(other);
    one = get_zeroed(0, 10);
    CHECK(one && is_ours(one));
    give(one);
    give(NULL);
    FAILS(get(too_much), ENOMEM);
    FAILS(get_zeroed(1, too_much), ENOMEM);
    FAILS(get_zeroed(SIZE_MAX / 2, 3), ENOMEM);
    FAILS(get_zeroed(((size_t)1 << (sizeof(size_t) * 4)) + 1, (size_t)1 << (sizeof(size_t) * 4)), ENOMEM);
}

static void resize_pieces(void) {
    for (unsigned from = 0; from < SIZES; from++)
        for (unsigned to = 0; to < SIZES; to++) {
            char *piece = get(sizes[from]);
            fill(piece, sizes[from]);
            piece = resize(piece, sizes[to]);
            CHECK(is_ours(piece) && is_filled(piece, sizes[from] < sizes[to] ? sizes[from] : sizes[to]));
            give(piece);
        }
    char *piece = resize(NULL, 100);
    CHECK(is_ours(piece));
    fill(piece, 100);
    FAILS(resize(piece, too_much), ENOMEM);
    CHECK(is_ours(piece) && is_filled(piece, 100));
    errno = 0;
    CHECK(!resize(piece, 0) && is_free(piece) && errno == 0);
    piece = resize(NULL, 0);
    CHECK(is_ours(piece));
    give(piece);
}

/* A program may ask for the error of a call that came before. */
static void errors_survive(void) {
    void *foreign = _strdup("a");
    errno = EEXIST;
    SetLastError(4711);
    for (unsigned i = 0; i < SIZES; i++)
        give(resize(get(sizes[i]), 2 * sizes[i]));
    give(foreign);
    CHECK(errno == EEXIST && GetLastError() == 4711);
}

/* ---- _msize, _expand, _recalloc ---------------------------------------------------------------------------------- */

static void sizes_and_expansion(void) {
    for (unsigned i = 0; i < SIZES; i++) {
        char *piece = get(sizes[i]);
        size_t usable = msize(piece);
        CHECK(usable >= sizes[i] && usable == brainmm_usable_size(piece));
        fill(piece, sizes[i]);
        CHECK(expand(piece, 1) == piece && expand(piece, 0) == piece && expand(piece, usable) == piece);
        FAILS(expand(piece, usable + 1), ENOMEM);
        FAILS(expand(piece, too_much), ENOMEM);
        CHECK(is_ours(piece) && is_filled(piece, sizes[i]));
        give(piece);
    }
    errno = 0;
    CHECK(msize(NULL) == SIZE_MAX && errno == EINVAL);
    FAILS(expand(NULL, 10), EINVAL);
    void *empty = get(0);
    CHECK(msize(empty) == 0 && expand(empty, 0) == empty);
    give(empty);
}

/* Bytes are dirty before they are zero: pieces that were full of something else were freed. */
static void dirty(size_t size) {
    void *pieces[20];
    for (unsigned i = 0; i < 20; i++)
        memset(pieces[i] = get(size), 0xDD, size);
    for (unsigned i = 0; i < 20; i++)
        give(pieces[i]);
}

static void grow_with_zeros(void) {
    for (unsigned i = 0; i + 1 < SIZES; i++) {
        dirty(sizes[i]);
        dirty(sizes[i + 1]);
        char *piece = recalloc(NULL, sizes[i], 1);
        CHECK(is_ours(piece) && is_zero(piece, piece + sizes[i]));
        fill(piece, sizes[i]);
        piece = recalloc(piece, 1, sizes[i + 1]);
        CHECK(is_filled(piece, sizes[i]) && is_zero(piece + sizes[i], piece + sizes[i + 1]));
        fill(piece, sizes[i + 1]);
        piece = recalloc(piece, sizes[i] / 2 + 1, 1);
        CHECK(is_filled(piece, sizes[i] / 2 + 1));
        piece = recalloc(piece, sizes[i + 1], 1);
        CHECK(is_filled(piece, sizes[i] / 2 + 1) && is_zero(piece + sizes[i] / 2 + 1, piece + sizes[i + 1]));
        FAILS(recalloc(piece, SIZE_MAX / 2, 3), ENOMEM);
        FAILS(recalloc(piece, 1, too_much), ENOMEM);
        CHECK(is_ours(piece) && is_filled(piece, sizes[i] / 2 + 1));
        CHECK(!recalloc(piece, 0, 5) && is_free(piece));
    }
}

/* ---- Aligned ----------------------------------------------------------------------------------------------------- */

static unsigned invalid_parameters;

static void count_invalid(const wchar_t *a, const wchar_t *b, const wchar_t *c, unsigned d, uintptr_t e) {
    (void)a, (void)b, (void)c, (void)d, (void)e;
    invalid_parameters++;
}

static void aligned_plain(void) {
    for (size_t alignment = 1; alignment <= 65536; alignment *= 2) {
        char *piece = a_malloc(1000, alignment);
        CHECK(is_ours(piece) && (uintptr_t)piece % alignment == 0 && a_msize(piece, alignment, 0) >= 1000);
        fill(piece, 1000);
        piece = a_realloc(piece, 50000, alignment);
        CHECK(is_ours(piece) && (uintptr_t)piece % alignment == 0 && is_filled(piece, 1000));
        piece = a_recalloc(piece, 300, 3, alignment);
        CHECK(is_filled(piece, 900));
        piece = a_recalloc(piece, 40000, 2, alignment);
        CHECK((uintptr_t)piece % alignment == 0 && is_filled(piece, 900) && is_zero(piece + 900, piece + 80000));
        FAILS(a_realloc(piece, too_much, alignment), ENOMEM);
        FAILS(a_recalloc(piece, SIZE_MAX / 2, 3, alignment), ENOMEM);
        CHECK(is_ours(piece) && is_filled(piece, 900));
        a_free(piece);
        CHECK(is_free(piece));
    }
    FAILS(a_malloc(too_much, 64), ENOMEM);
    FAILS(a_malloc(SIZE_MAX - 20, 64), ENOMEM);
    a_free(NULL);
    void *piece = a_malloc(0, 64);
    CHECK(is_ours(piece) && !a_realloc(piece, 0, 64) && is_free(piece));
    piece = a_realloc(NULL, 100, 128);
    CHECK(is_ours(piece) && (uintptr_t)piece % 128 == 0);
    a_free(piece);
}

/* Several, because one may lie well by chance. */
static void aligned_more_than_before(void) {
    char *pieces[20];
    for (unsigned i = 0; i < 20; i++) {
        pieces[i] = i % 2 == 0 ? a_malloc(100, 128) : get(100);
        fill(pieces[i], 100);
    }
    for (unsigned i = 0; i < 20; i++) {
        pieces[i] = a_realloc(pieces[i], i % 3 == 0 ? 100 : 200, 8192);
        CHECK(is_ours(pieces[i]) && (uintptr_t)pieces[i] % 8192 == 0 && is_filled(pieces[i], 100));
    }
    for (unsigned i = 0; i < 20; i++)
        a_free(pieces[i]);
}

static void aligned_with_offset(size_t alignment, size_t offset) {
    char *piece = a_offset_malloc(offset + 100, alignment, offset);
    CHECK(piece && ((uintptr_t)piece + offset) % alignment == 0 && brainmm_contains(piece));
    CHECK(a_msize(piece, alignment, offset) >= offset + 100);
    fill(piece, offset + 100);
    piece = a_offset_realloc(piece, offset + 20000, alignment, offset);
    CHECK(((uintptr_t)piece + offset) % alignment == 0 && is_filled(piece, offset + 100));
    piece = a_offset_realloc(piece, offset + 18000, alignment, offset);
    CHECK(((uintptr_t)piece + offset) % alignment == 0 && is_filled(piece, offset + 100));
    piece = a_offset_recalloc(piece, offset + 50, 1, alignment, offset);
    CHECK(((uintptr_t)piece + offset) % alignment == 0 && is_filled(piece, offset + 50));
    piece = a_offset_recalloc(piece, offset + 40000, 1, alignment, offset);
    CHECK(((uintptr_t)piece + offset) % alignment == 0 && is_filled(piece, offset + 50));
    CHECK(is_zero(piece + offset + 50, piece + offset + 40000));
    FAILS(a_offset_realloc(piece, too_much, alignment, offset), ENOMEM);
    CHECK(is_filled(piece, offset + 50));
    a_free(piece);
    piece = a_offset_recalloc(NULL, offset + 10, 2, alignment, offset);
    CHECK(((uintptr_t)piece + offset) % alignment == 0 && is_zero(piece, piece + 2 * offset + 20));
    CHECK(!a_offset_realloc(piece, 0, alignment, offset));
}

static void aligned_invalid(bool handler_is_called) {
    void *piece = a_malloc(100, 64);
    unsigned expected = 0;
    _set_invalid_parameter_handler(count_invalid);
    FAILS(a_malloc(100, 0), EINVAL);
    FAILS(a_malloc(100, 48), EINVAL);
    FAILS(a_offset_malloc(100, 16, 100), EINVAL);
    FAILS(a_realloc(piece, 100, 24), EINVAL);
    FAILS(a_offset_realloc(piece, 100, 64, 200), EINVAL);
    FAILS(a_recalloc(NULL, 10, 10, 3), EINVAL);
    errno = 0;
    CHECK(a_msize(NULL, 64, 0) == SIZE_MAX && errno == EINVAL);
    CHECK(msize(NULL) == SIZE_MAX && !expand(NULL, 5));
    expected = handler_is_called ? 9 : 0;
    CHECK_MSG(invalid_parameters == expected, "%u", invalid_parameters);
    CHECK(is_ours(piece));
    a_free(piece);
}

/* ---- Pieces that the run-time has made --------------------------------------------------------------------------- */

static HMODULE run_time(void) {
    HMODULE module = GetModuleHandleA(RUN_TIME);
    CHECK(module);
    return module;
}

#define ORIGINAL(type, name) ((type)(void (*)(void))GetProcAddress(run_time(), name))

static void foreign_text(char *text) {
    CHECK(text && !brainmm_contains(text));
    size_t length = strlen(text);
    char *copy = get(length + 1);
    memcpy(copy, text, length + 1);
    CHECK(msize(text) >= length + 1);
    text = resize(text, length + 10000);
    CHECK(text && strcmp(text, copy) == 0 && !brainmm_contains(text));
    text = recalloc(text, length + 20000, 1);
    CHECK(text && strcmp(text, copy) == 0 && is_zero(text + length + 10000, text + length + 20000));
    CHECK(expand(text, length + 1) == text || errno == ENOMEM);
    give(text);
    give(copy);
}

static void made_by_the_run_time(void) {
    foreign_text(_strdup("made by the run-time"));
    foreign_text(_getcwd(NULL, 0));
    foreign_text(_fullpath(NULL, "file", 0));
    foreign_text(_tempnam(NULL, "crt"));
    wchar_t *wide = _wcsdup(L"wide"), *folder = _wgetcwd(NULL, 0);
    CHECK(wide && folder && !brainmm_contains(wide) && !brainmm_contains(folder));
    give(wide);
    give(folder);
    errno_t (*dupenv)(char **, size_t *, const char *) =
        ORIGINAL(errno_t(*)(char **, size_t *, const char *), "_dupenv_s");
    char *value = NULL;
    if (dupenv && dupenv(&value, NULL, "PATH") == 0)
        foreign_text(value);
    CHECK(msize(wide = _wcsdup(L"abc")) == 4 * sizeof(wchar_t));
    CHECK(!resize(wide, 0));
}

/* Nothing of what was given back stays: there is no memory for all of it. */
static void freed_by_the_run_time(void) {
    void *(*original)(size_t) = ORIGINAL(void *(*)(size_t), "malloc");
    CHECK(original && original != get);
    for (unsigned i = 0; i < 5000; i++) {
        char *piece = original(1 << 20);
        CHECK(piece && !brainmm_contains(piece));
        piece[0] = 1;
        give(i % 2 == 0 ? piece : resize(piece, 1 << 18));
    }
}

static void aligned_by_the_run_time(void) {
    void *(*original)(size_t, size_t) = ORIGINAL(void *(*)(size_t, size_t), "_aligned_malloc");
    CHECK(original);
    for (unsigned i = 0; i < 2000; i++) {
        char *piece = original(1 << 20, 256);
        CHECK(piece && !brainmm_contains(piece));
        fill(piece, 100);
        if (i % 2 == 1)
            piece = a_realloc(piece, 1 << 21, 256);
        CHECK(piece && (uintptr_t)piece % 256 == 0 && is_filled(piece, 100));
        a_free(piece);
    }
}

/* ---- The new handler of the C run-time --------------------------------------------------------------------------- */

static unsigned handled;

static int new_handler(size_t size) {
    CHECK(size == too_much - 100000);
    return ++handled < 3;
}

/* Only msvcrt.dll exports what sets the handler. */
static void new_mode(void) {
    typedef int (*handler)(size_t);
    handler (*set_handler)(handler) =
        ORIGINAL(handler(*)(handler), sizeof(void *) == 8 ? "?_set_new_handler@@YAP6AH_K@ZP6AH0@Z@Z"
                                                          : "?_set_new_handler@@YAP6AHI@ZP6AHI@Z@Z");
    int (*set_mode)(int) = ORIGINAL(int (*)(int), "?_set_new_mode@@YAHH@Z");
    if (!set_handler || !set_mode)
        return;
    set_handler(new_handler);
    FAILS(get(too_much - 100000), ENOMEM);
    CHECK(handled == 0);
    set_mode(1);
    FAILS(get(too_much - 100000), ENOMEM);
    CHECK(handled == 3);
    void *piece = get(10);
    FAILS(resize(piece, too_much - 100000), ENOMEM);
    CHECK(handled == 4 && is_ours(piece));
    FAILS(get_zeroed(too_much - 100000, 1), ENOMEM);
    CHECK(handled == 5);
    set_mode(0);
    set_handler(NULL);
    give(piece);
}

/* ---- Other callers ----------------------------------------------------------------------------------------------- */

extern void *(*const imported_malloc)(size_t) __asm__("__imp_" NAMED1(__USER_LABEL_PREFIX__, "malloc"));
extern void (*const imported_free)(void *) __asm__("__imp_" NAMED1(__USER_LABEL_PREFIX__, "free"));

/* Code that was compiled for an import. */
static void as_an_import(void) {
    void *piece = imported_malloc(100);
    CHECK(is_ours(piece));
    imported_free(piece);
    CHECK(is_free(piece));
}

int main(int count, char **arguments) {
    allocate();
    resize_pieces();
    errors_survive();
    sizes_and_expansion();
    grow_with_zeros();
    aligned_plain();
    aligned_more_than_before();
    for (size_t alignment = 1; alignment <= 8192; alignment *= 4)
        for (size_t offset = 0; offset <= 200; offset += offset < 70 ? 1 : 33)
            aligned_with_offset(alignment, offset);
    aligned_invalid(count > 1 && strcmp(arguments[1], "invalid_is_told") == 0);
    made_by_the_run_time();
    freed_by_the_run_time();
    aligned_by_the_run_time();
    new_mode();
    as_an_import();
    return 0;
}
