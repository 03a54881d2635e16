/* SPDX-License-Identifier: MIT */
/* images.c (macOS): the images that the loader has loaded into this process.
 *
 * The loader's functions may wait for its lock. So what it keeps for debuggers is read: a list of headers, whose place
 * the kernel tells (TASK_DYLD_INFO). The list may change at any time, and an image may go away. So all of it is copied
 * (os_peek), and what does not fit together counts as not found.
 *
 * An image begins with its header. So an address belongs to the image whose header is the nearest one below, or to
 * none: its segments tell.
 */
#include "darwin/images.h"
#include "os.h"
#define BRAINMM_ATTACH_NO_CLIENT
#include "brainmm_attach.h"
#include <mach-o/loader.h>
#include <mach/mach.h>
#include <string.h>

/* ---- The list --------------------------------------------------------------------------------------------------- */

/* The start of struct dyld_all_image_infos, of Apple's mach-o/dyld_images.h, and of an entry of its list. */
struct all_images {
    uint32_t version, count;
    uintptr_t list; /* 0: it is being changed */
    uintptr_t notification;
    bool detached, system_is_there;
    uintptr_t loader; /* the loader's own header */
};
struct listed {
    uintptr_t header;
    uintptr_t path;
    uintptr_t modified;
};

#define LIST_PART 64u   /* entries that are read at once */
#define LIST_TRIES 100u /* while it is being changed */

static bool list_find(struct all_images *all) {
    struct task_dyld_info info;
    mach_msg_type_number_t count = TASK_DYLD_INFO_COUNT;
    if (task_info(mach_task_self(), TASK_DYLD_INFO, (task_info_t)&info, &count) != KERN_SUCCESS)
        return false;
    for (unsigned tries = 0; tries < LIST_TRIES; tries++) {
        if (!os_peek(all, (const void *)(uintptr_t)info.all_image_info_addr, sizeof *all))
            return false;
        if (all->list != 0)
            return true;
        swtch_pri(0);
    }
    return false;
}

/* Calls VISIT for each image until it returns true. */
typedef bool list_visit(const struct listed *entry, void *data);

static bool list_each(list_visit *visit, void *data) {
    struct all_images all;
    struct listed entries[LIST_PART];
    if (!list_find(&all))
        return false;
    struct listed loader = {.header = all.loader};
    if (visit(&loader, data))
        return true;
    for (uint32_t at = 0; at < all.count; at += LIST_PART) {
        uint32_t part = all.count - at < LIST_PART ? all.count - at : LIST_PART;
        if (!os_peek(entries, (const void *)(all.list + at * sizeof *entries), part * sizeof *entries))
            return false;
        for (uint32_t i = 0; i < part; i++)
            if (visit(&entries[i], data))
                return true;
    }
    return false;
}

/* A text that may go away at the same time. The loader itself has no entry. */
static void path_copy(const struct listed *entry, char *path, size_t size) {
    const char *from = entry->path ? (const char *)entry->path : "/usr/lib/dyld";
    path[0] = 0;
    for (size_t i = 0; i + 1 < size;) {
        size_t part = 64 - (uintptr_t)(from + i) % 64, room = size - 1 - i;
        part = part < room ? part : room;
        if (!os_peek(path + i, from + i, part))
            part = 0;
        path[i + part] = 0;
        if (part == 0 || memchr(path + i, 0, part))
            return;
        i += part;
    }
}

/* ---- One image -------------------------------------------------------------------------------------------------- */

struct found {
    struct listed entry;
    struct mach_header_64 header;
    uintptr_t slide;   /* what is added to the addresses in its file */
    uintptr_t end;     /* of its segments, or of its code if it shares the others with images of the system */
    vm_prot_t rights;  /* of the segment that the bytes lie in; 0: of none */
    uint64_t identity; /* of the number that its linker gave it */
    uintptr_t from;    /* which bytes */
    size_t size;
};

#define IN_SYSTEMS_CACHE 0x80000000u /* a flag of headers: MH_DYLIB_IN_CACHE */
#define COMMANDS_MOST 512u

static void segment_take(struct found *found, const struct segment_command_64 *segment) {
    uintptr_t start = (uintptr_t)segment->vmaddr + found->slide, end = start + (uintptr_t)segment->vmsize;
    bool is_first = segment->fileoff == 0 && segment->filesize != 0;
    if (is_first) {
        found->slide = found->entry.header - (uintptr_t)segment->vmaddr;
        start = found->entry.header;
        end = start + (uintptr_t)segment->vmsize;
    }
    if (segment->initprot == 0)
        return;
    if (end > found->end && (is_first || (found->header.flags & IN_SYSTEMS_CACHE) == 0))
        found->end = end;
    if (found->from >= start && found->from < end && found->size <= end - found->from)
        found->rights = segment->initprot;
}

/* Reads what the header says. */
static bool image_read(struct found *found) {
    uintptr_t at = found->entry.header + sizeof found->header;
    union {
        struct load_command command;
        struct segment_command_64 segment;
        struct uuid_command number;
    } next;
    if (!os_peek(&found->header, (const void *)found->entry.header, sizeof found->header) ||
        found->header.magic != MH_MAGIC_64 || found->header.ncmds > COMMANDS_MOST)
        return false;
    for (uint32_t i = 0; i < found->header.ncmds; i++, at += next.command.cmdsize) {
        if (!os_peek(&next, (const void *)at, sizeof next))
            return false;
        if (next.command.cmd == LC_SEGMENT_64)
            segment_take(found, &next.segment);
        if (next.command.cmd == LC_UUID)
            memcpy(&found->identity, next.number.uuid, sizeof found->identity);
    }
    return true;
}

static bool nearest_visit(const struct listed *entry, void *data) {
    struct found *found = data;
    if (entry->header <= found->from && entry->header > found->entry.header)
        found->entry = *entry;
    return false;
}

/* Finds the image whose segments contain SIZE bytes at ADDRESS. */
static bool find(const void *address, size_t size, struct found *found) {
    *found = (struct found){.from = (uintptr_t)address, .size = size};
    list_each(nearest_visit, found);
    return found->entry.header != 0 && image_read(found) && found->rights != 0;
}

/* ---- Images by name and by address ------------------------------------------------------------------------------ */

static uint64_t hash(const struct listed *entry) {
    char path[OS_PATH_MAX];
    uint64_t value = BRAINMM_HASH_START;
    path_copy(entry, path, sizeof path);
    for (const char *at = path; *at; at++)
        value = (value ^ (unsigned char)*at) * BRAINMM_HASH_FACTOR;
    return value;
}

static bool named_visit(const struct listed *entry, void *data) {
    struct image *image = data;
    if (hash(entry) != image->name)
        return false;
    image->start = entry->header;
    return true;
}

bool image_named(struct image *image) { return list_each(named_visit, image); }

bool image_of(const void *address, struct image *image) {
    struct found found;
    if (!find(address, 1, &found))
        return false;
    *image = (struct image){hash(&found.entry), found.entry.header};
    return true;
}

bool images_find(const void *address, size_t size, uintptr_t *start, unsigned *rights) {
    struct found found;
    bool there = find(address, size, &found);
    *start = found.entry.header;
    *rights = (unsigned)found.rights;
    return there;
}

/* ---- For call stacks -------------------------------------------------------------------------------------------- */

static uintptr_t own_start; /* of the image that has the heap */

void os_images_start(void) {
    struct found found;
    if (find(&own_start, 1, &found))
        own_start = found.entry.header;
}

/* Of the images that are neither the program's nor the system's, ours alone is never unloaded. */
static bool stays(const struct found *found) {
    return (found->header.filetype != MH_DYLIB && found->header.filetype != MH_BUNDLE) ||
           (found->header.flags & IN_SYSTEMS_CACHE) != 0 || found->entry.header == own_start;
}

bool os_is_code(const void *code) {
    struct found found;
    return find(code, 1, &found) && (found.rights & VM_PROT_EXECUTE) != 0;
}

bool os_image_of(const void *code, struct os_image *image, char *name, size_t size) {
    struct found found;
    if (!find(code, 1, &found) || (found.rights & VM_PROT_EXECUTE) == 0)
        return false;
    *image = (struct os_image){.start = found.entry.header,
                               .size = found.end - found.entry.header,
                               .bias = found.slide,
                               .identity = found.identity,
                               .stays = stays(&found)};
    path_copy(&found.entry, name, size);
    return true;
}

bool os_image_is_same(struct os_image *image, const char *name) {
    char now[OS_PATH_MAX];
    struct found found;
    if (!find((const void *)image->start, 1, &found) || found.entry.header != image->start ||
        found.end - image->start != image->size || found.identity != image->identity || found.slide != image->bias)
        return false;
    path_copy(&found.entry, now, sizeof now);
    return strncmp(now, name, strlen(name)) == 0; /* of a name that was too long, the beginning is compared */
}
