/* SPDX-License-Identifier: MIT */
/* share_c.c: the plug-in in C of the Pascal sharing tests. It knows how Free Pascal 3.2 lays out managed values, and
 * makes, grows and frees them with the process's heap. pascal/tests/support/shareparty.pas has the same functions in
 * Pascal and says what each must do. */
#include "brainmm_attach.h"
#include "heap_support.h"

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#define METHOD __stdcall /* QueryInterface, AddRef and Release */
#else
#define EXPORT __attribute__((visibility("default")))
#define METHOD
#endif

static const struct brainmm_manager *heap;

/* ---- Strings: a header, the characters, a terminating zero; the value is the address of the characters ----------- */

struct string_header {
    uint16_t code_page, element_size;
#if defined(__LP64__) || defined(_WIN64)
    uint32_t unused;
#endif
    intptr_t references, length;
};

#define CODE_PAGE_UTF8 65001
#define CODE_PAGE_UTF16 1200

static struct string_header *header_of(void *string) { return (struct string_header *)string - 1; }

static void write_characters(struct string_header *header, intptr_t from) {
    for (intptr_t i = from; i <= header->length; i++) {
        uint16_t character = i < header->length ? (uint16_t)('a' + i % 26) : 0;
        if (header->element_size == 1)
            ((char *)(header + 1))[i] = (char)character;
        else
            ((uint16_t *)(header + 1))[i] = character;
    }
}

static size_t string_bytes(intptr_t length, unsigned element_size) {
    return sizeof(struct string_header) + ((size_t)length + 1) * element_size;
}

static void *string_make(intptr_t length, uint16_t code_page, uint16_t element_size) {
    struct string_header *header = heap->alloc(string_bytes(length, element_size));
    CHECK(header != NULL);
    header->code_page = code_page;
    header->element_size = element_size;
    header->references = 1;
    header->length = length;
    write_characters(header, 0);
    return header + 1;
}

static void *string_grow(void *string, intptr_t length) {
    struct string_header *header = header_of(string);
    intptr_t old = header->length;
    CHECK(header->references == 1);
    header = heap->realloc(header, string_bytes(length, header->element_size));
    CHECK(header != NULL);
    header->length = length;
    write_characters(header, old);
    return header + 1;
}

static void string_free(void *string) {
    CHECK(header_of(string)->references == 1);
    CHECK(heap->free(header_of(string)) == BRAINMM_OK);
}

static void *make_string(intptr_t length) { return string_make(length, CODE_PAGE_UTF8, 1); }
static void *make_unicode(intptr_t length) { return string_make(length, CODE_PAGE_UTF16, 2); }

/* ---- Dynamic arrays ---------------------------------------------------------------------------------------------- */

struct array_header {
    intptr_t references, high;
};

static void *array_grow(void *array, intptr_t count) {
    struct array_header *header = array ? (struct array_header *)array - 1 : NULL;
    intptr_t old = header ? header->high + 1 : 0;
    header = heap->realloc(header, sizeof *header + (size_t)count * sizeof(intptr_t));
    CHECK(header != NULL);
    header->references = 1;
    header->high = count - 1;
    for (intptr_t i = old; i < count; i++)
        ((intptr_t *)(header + 1))[i] = 3 * i;
    return header + 1;
}

static void *array_make(intptr_t count) { return array_grow(NULL, count); }

static void array_free(void *array) {
    struct array_header *header = (struct array_header *)array - 1;
    CHECK(header->references == 1);
    CHECK(heap->free(header) == BRAINMM_OK);
}

/* ---- Objects: the class, then the fields ------------------------------------------------------------------------- */

static void *object_make(void *class, intptr_t size, intptr_t number) {
    void **object = heap->alloc_zeroed((size_t)size);
    CHECK(object != NULL);
    object[0] = class;
    object[1] = (void *)number;
    return object;
}

static void object_free(void *object) { CHECK(heap->free(object) == BRAINMM_OK); }

/* ---- Interfaces -------------------------------------------------------------------------------------------------- */

struct part {
    const struct part_methods *methods;
    intptr_t references, number;
};

struct part_methods {
    int32_t(METHOD *query)(struct part *part, const void *id, void **result);
    int32_t(METHOD *add_reference)(struct part *part);
    int32_t(METHOD *release)(struct part *part);
    intptr_t (*number)(struct part *part);
};

static int32_t METHOD part_query(struct part *part, const void *id, void **result) {
    (void)part;
    (void)id;
    *result = NULL;
    return -1;
}

static int32_t METHOD part_add_reference(struct part *part) {
    return (int32_t)__atomic_add_fetch(&part->references, 1, __ATOMIC_RELAXED);
}

static int32_t METHOD part_release(struct part *part) {
    int32_t left = (int32_t)__atomic_sub_fetch(&part->references, 1, __ATOMIC_ACQ_REL);
    if (left == 0)
        CHECK(heap->free(part) == BRAINMM_OK);
    return left;
}

static intptr_t part_number(struct part *part) { return part->number; }

static void *interface_make(intptr_t number) {
    static const struct part_methods methods = {part_query, part_add_reference, part_release, part_number};
    struct part *part = heap->alloc(sizeof *part);
    CHECK(part != NULL);
    *part = (struct part){&methods, 1, number};
    return part;
}

static void interface_free(void *part) { ((struct part *)part)->methods->release(part); }

/* ---- Variants ---------------------------------------------------------------------------------------------------- */

struct variant {
    uint16_t type, reserved[3];
    void *value;
};

#define VARIANT_STRING 0x100

static void variant_make(struct variant *variant, intptr_t length) {
    variant->type = VARIANT_STRING;
    variant->value = make_string(length);
}

static void variant_free(struct variant *variant) {
    CHECK(variant->type == VARIANT_STRING);
    string_free(variant->value);
    variant->type = 0;
}

/* ---- Blocks, threads --------------------------------------------------------------------------------------------- */

static void *block_make(intptr_t size) { return heap->alloc((size_t)size); }
static void *block_grow(void *block, intptr_t size) { return heap->realloc(block, (size_t)size); }
static void block_free(void *block) { CHECK(heap->free(block) == BRAINMM_OK); }

struct worker {
    void (*work)(void *context);
    void *context;
};

static void worker_run(void *argument) {
    struct worker *worker = argument;
    worker->work(worker->context);
}

static void run_threads(intptr_t count, void (*work)(void *context), void *context) {
    struct worker worker = {work, context};
    thread threads[16];
    CHECK(count <= 16);
    for (intptr_t i = 0; i < count; i++)
        thread_start(&threads[i], worker_run, &worker);
    for (intptr_t i = 0; i < count; i++)
        thread_join(&threads[i]);
}

static void *fail(intptr_t length) {
    (void)length;
    return NULL;
}

/* In the order of TParty */
EXPORT const void *share_party(void);
EXPORT const void *share_party(void) {
    static const struct {
        void *(*make_string)(intptr_t);
        void *(*grow_string)(void *, intptr_t);
        void (*free_string)(void *);
        void *(*make_unicode)(intptr_t);
        void *(*grow_unicode)(void *, intptr_t);
        void (*free_unicode)(void *);
        void *(*make_array)(intptr_t);
        void *(*grow_array)(void *, intptr_t);
        void (*free_array)(void *);
        void *(*make_object)(void *, intptr_t, intptr_t);
        void (*free_object)(void *);
        void *(*make_interface)(intptr_t);
        void (*free_interface)(void *);
        void (*make_variant)(struct variant *, intptr_t);
        void (*free_variant)(struct variant *);
        void *(*make_block)(intptr_t);
        void *(*grow_block)(void *, intptr_t);
        void (*free_block)(void *);
        void (*run_threads)(intptr_t, void (*)(void *), void *);
        void *(*fail)(intptr_t);
    } party = {make_string, string_grow,    string_free,    make_unicode, string_grow,
               string_free, array_make,     array_grow,     array_free,   object_make,
               object_free, interface_make, interface_free, variant_make, variant_free,
               block_make,  block_grow,     block_free,     run_threads,  fail};
    heap = brainmm_attach();
    CHECK_MSG(heap != NULL, "%s", brainmm_attach_failure());
    return &party;
}
