/* SPDX-License-Identifier: MIT */
/* places.c (macOS): the places of rendezvous.h.
 *
 * A place is one page at an agreed address. An owner fills in a page elsewhere, takes the right to write to it away for
 * good, and maps a copy of it at the place: in one step, and only if nothing is mapped there yet (vm_remap with
 * VM_FLAGS_FIXED and without VM_FLAGS_OVERWRITE). So the kernel decides who comes first, and others find the whole
 * record or nothing. The page is inherited by fork, and is gone after exec. It holds no address: posix/linux/places.c
 * says why.
 */
#include "base/text.h"
#include "darwin/images.h"
#include "os.h"
#include "share/rendezvous.h"
#include <mach/mach.h>
#include <string.h>

_Static_assert(sizeof(struct brainmm_record) == 48 && offsetof(struct brainmm_record, image) == 40, "docs/abi.md");

static const uintptr_t addresses[BRAINMM_PLACE_COUNT] = BRAINMM_PLACES;
const unsigned rendezvous_places = BRAINMM_PLACE_COUNT;

/* Delphi's RTL has hooks of another form here, which take NULL for "none". */
const bool rendezvous_has_thread_hooks = false;

const char *rendezvous_place_name(unsigned place) {
    static char name[32];
    struct text text = TEXT_IN(name);
    text_add(&text, "address 0x");
    text_add_hex(&text, addresses[place]);
    return name;
}

/* Puts addresses in the place of what the record says about them. False if its image is not loaded. */
static bool make_absolute(struct brainmm_record *record) {
    struct image image = {.name = record->image};
    if (!image_named(&image))
        return false;
    if (record->version1 != 0)
        record->version1 += image.start;
    if (record->manager != 0)
        record->manager += image.start;
    return true;
}

enum rendezvous_look rendezvous_look(unsigned place, struct brainmm_record *record, const char **reason) {
    vm_region_basic_info_data_64_t info;
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
    vm_address_t start = addresses[place];
    vm_size_t size = 0;
    mach_port_t object = MACH_PORT_NULL;
    if (vm_region_64(mach_task_self(), &start, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)&info, &count,
                     &object) != KERN_SUCCESS ||
        start > addresses[place])
        return PLACE_EMPTY;
    if (info.shared)
        *reason = "it is shared memory";
    else if (!os_peek(record, (const void *)addresses[place], sizeof *record))
        *reason = "it cannot be read";
    else if (!make_absolute(record))
        *reason = "it names no image loaded in this process";
    else
        return PLACE_FILLED;
    return PLACE_REFUSED;
}

/* The reverse of make_absolute(). The addresses lie in one image, the owner's. */
static bool make_relative(struct brainmm_record *record) {
    struct image image;
    if (!image_of((const void *)(uintptr_t)record->version1, &image))
        return false;
    record->version1 -= image.start;
    if (record->manager != 0)
        record->manager -= image.start;
    record->image = image.name;
    return true;
}

bool rendezvous_claim(unsigned place, const struct brainmm_record *record) {
    struct brainmm_record relative = *record;
    vm_address_t page = 0, wanted = addresses[place];
    vm_size_t size = os_facts.page;
    vm_prot_t rights, most;
    if (!make_relative(&relative) || vm_allocate(mach_task_self(), &page, size, VM_FLAGS_ANYWHERE) != KERN_SUCCESS)
        return false;
    memcpy((void *)page, &relative, sizeof relative);
    bool claimed = vm_protect(mach_task_self(), page, size, TRUE, VM_PROT_READ) == KERN_SUCCESS &&
                   vm_remap(mach_task_self(), &wanted, size, 0, VM_FLAGS_FIXED, mach_task_self(), page, TRUE, &rights,
                            &most, VM_INHERIT_COPY) == KERN_SUCCESS;
    vm_deallocate(mach_task_self(), page, size);
    return claimed;
}

/* ---- Images ----------------------------------------------------------------------------------------------------- */

bool rendezvous_read(void *copy, const void *from, size_t size, const void **image) {
    uintptr_t start;
    unsigned rights;
    *image = NULL;
    if (!images_find(from, size, &start, &rights) || (rights & VM_PROT_READ) == 0 || !os_peek(copy, from, size))
        return false;
    *image = (const void *)start;
    return true;
}

bool rendezvous_is_code(const void *function, const void *image) {
    uintptr_t start;
    unsigned rights;
    return images_find(function, 1, &start, &rights) && (rights & VM_PROT_EXECUTE) != 0 && start == (uintptr_t)image;
}

/* dlopen, which pins, may not be called from here, because it allocates. The constructor calls it: init.c. */
static const void *pinned;

bool rendezvous_pin(const void *address) {
    pinned = address;
    return true;
}

const void *images_pinned(void) { return pinned; }

/* FastMM's sharing is one of Windows. */
int BRAINMM_CALL heap_publish_fastmm(void) { return BRAINMM_E_UNSUPPORTED; }
