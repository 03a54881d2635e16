/* SPDX-License-Identifier: MIT */
/* images.h (macOS): the images of this process, for the other files of the port. Nothing here waits for the loader. */
#ifndef BRAINMM_DARWIN_IMAGES_H
#define BRAINMM_DARWIN_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An image, as a record names it: docs/abi.md. */
struct image {
    uint64_t name;   /* the hash of the name under which the loader knows it */
    uintptr_t start; /* the address of its header */
};

/* Finds the image that ADDRESS lies in. False if there is none. */
bool image_of(const void *address, struct image *image);

/* Finds the start of the image with image->name. False if there is none. */
bool image_named(struct image *image);

/* Finds the image whose segments contain SIZE bytes at ADDRESS: where its header lies, and the rights of the segment as
 * VM_PROT_READ and its kin. False if there is none. */
bool images_find(const void *address, size_t size, uintptr_t *start, unsigned *rights);

/* The address that rendezvous_pin() was called with, whose image is to stay loaded; NULL: there is none. */
const void *images_pinned(void);

#endif
