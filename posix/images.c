/* SPDX-License-Identifier: MIT */
/* images.c (POSIX): the images that the dynamic linker of an ELF system has loaded into this process. */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "images.h"
#include "share/rendezvous.h"
#include <link.h>

struct image_search {
    uintptr_t from; /* which bytes */
    size_t size;
    ElfW(Word) rights; /* PF_R or PF_X: what their segment must allow */
    void *copy;        /* where to, or NULL */
    const void *image; /* which image they are in: the address of its table of segments */
};

/* The copy is made while the list of images is locked, so that the image cannot go away. It is made byte by byte,
 * because a sanitizer knows where the variables of the image begin and end, and may not agree that a table
 * lies there. */
#if defined(__clang__)
__attribute__((no_sanitize("address", "thread")))
#endif
static int
image_visit(struct dl_phdr_info *info, size_t info_size, void *data) {
    struct image_search *search = data;
    (void)info_size;
    for (ElfW(Half) i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t skip = search->from - (uintptr_t)(info->dlpi_addr + segment->p_vaddr);
        if (segment->p_type != PT_LOAD || (segment->p_flags & search->rights) != search->rights ||
            skip >= segment->p_memsz || search->size > segment->p_memsz - skip)
            continue;
        const volatile char *from = (const volatile char *)search->from;
        for (size_t byte = 0; search->copy && byte < search->size; byte++)
            ((char *)search->copy)[byte] = from[byte];
        search->image = info->dlpi_phdr;
        return 1;
    }
    return 0;
}

bool rendezvous_read(void *copy, const void *from, size_t size, const void **image) {
    struct image_search search = {.from = (uintptr_t)from, .size = size, .rights = PF_R, .copy = copy};
    dl_iterate_phdr(image_visit, &search);
    *image = search.image;
    return search.image != NULL;
}

/* ---- Images by name --------------------------------------------------------------------------------------------- */

static uint64_t hash(const char *text) {
    uint64_t value = BRAINMM_HASH_START;
    for (; *text; text++)
        value = (value ^ (unsigned char)*text) * BRAINMM_HASH_FACTOR;
    return value;
}

/* The segments of an image are in ascending order. */
static uintptr_t start_of(const struct dl_phdr_info *info) {
    for (ElfW(Half) i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD)
            return (uintptr_t)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    return 0;
}

static int name_visit(struct dl_phdr_info *info, size_t size, void *data) {
    struct image *image = data;
    (void)size;
    if (hash(info->dlpi_name) != image->name)
        return 0;
    image->start = start_of(info);
    return image->start != 0;
}

bool image_named(struct image *image) { return dl_iterate_phdr(name_visit, image) != 0; }

struct address_search {
    const void *image; /* its table of segments */
    struct image found;
};

static int address_visit(struct dl_phdr_info *info, size_t size, void *data) {
    struct address_search *search = data;
    (void)size;
    if (info->dlpi_phdr != search->image)
        return 0;
    search->found = (struct image){.name = hash(info->dlpi_name), .start = start_of(info)};
    return 1;
}

bool image_of(const void *address, struct image *image) {
    struct image_search search = {.from = (uintptr_t)address, .size = 1};
    dl_iterate_phdr(image_visit, &search);
    struct address_search named = {.image = search.image};
    if (!search.image || dl_iterate_phdr(address_visit, &named) == 0)
        return false;
    *image = named.found;
    return true;
}

/* ---- Code, and images that stay --------------------------------------------------------------------------------- */

bool rendezvous_is_code(const void *function, const void *image) {
    struct image_search search = {.from = (uintptr_t)function, .size = 1, .rights = PF_X};
    dl_iterate_phdr(image_visit, &search);
    return search.image != NULL && search.image == image;
}

/* dlopen, which pins, may not be called from here, because it allocates. The constructor calls it: init.c. */
static const void *pinned;

bool rendezvous_pin(const void *address) {
    pinned = address;
    return true;
}

const void *images_pinned(void) { return pinned; }
