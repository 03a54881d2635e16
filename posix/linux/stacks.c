/* SPDX-License-Identifier: MIT */
/* stacks.c (Linux): what a thread may read of its stack, return addresses by the tables for exceptions, and the images
 * that code lies in.
 *
 * The C library answers where an address lies without a lock since 2.35 (_dl_find_object). Before, its list of images
 * is locked meanwhile. A thread may take that lock again that has it already, because it loads a library and allocates;
 * and nobody who has it waits for anything of ours.
 */
#define _GNU_SOURCE /* dl_iterate_phdr, _dl_find_object */
#include "base/compiler.h"
#include "base/text.h"
#include "os.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

/* A static program has none of these. */
#pragma weak dlopen
#pragma weak dlsym

/* ---- Stacks ----------------------------------------------------------------------------------------------------- */

#define STACK_BYTES_MAX ((uintptr_t)64 << 20) /* farther from its end, a stack counts as unknown */

/* What is known of the thread's own stack: all of [low, high) can be read. And a part of another stack, as for a signal
 * handler, where that was found not to be so. A handler may come between any two stores: with each of them, what is
 * there is right. */
static _Thread_local struct {
    uintptr_t low, high;
    uintptr_t other_low, other_high;
} own_stack;

/* The own stack ends where the C library keeps what it knows of the thread. That of the first thread ends with what the
 * kernel has put there for the program. */
static uintptr_t end_above(uintptr_t frame) {
    uintptr_t first = (uintptr_t)getauxval(AT_RANDOM), other = (uintptr_t)pthread_self();
    if (other > frame && (first <= frame || other < first))
        return other;
    return first > frame ? first : frame;
}

/* All pages between are looked at, once: where one is missing, FRAME is on another stack that lies below. */
static COLD uintptr_t stack_explore(uintptr_t frame) {
    uintptr_t page = frame & ~(os_facts.page - 1), at = page, end = end_above(frame);
    uintptr_t until = own_stack.high == end ? own_stack.low : end;
    if (frame - own_stack.other_low < own_stack.other_high - own_stack.other_low || end - frame > STACK_BYTES_MAX)
        return frame;
    for (char byte; at < until && os_peek(&byte, (const void *)at, 1);)
        at += os_facts.page;
    if (at < until) {
        own_stack.other_high = own_stack.other_low;
        signal_order();
        own_stack.other_low = page;
        signal_order();
        own_stack.other_high = at;
        return frame;
    }
    own_stack.low = until;
    signal_order();
    own_stack.high = end;
    signal_order();
    own_stack.low = page;
    return end;
}

uintptr_t os_stack_end(uintptr_t frame) {
    uintptr_t low = own_stack.low, high = own_stack.high;
    return LIKELY(frame >= low && frame < high) ? high : stack_explore(frame);
}

/* ---- The tables for exceptions ---------------------------------------------------------------------------------- */

typedef _Unwind_Reason_Code backtrace(_Unwind_Trace_Fn visit, void *context);
typedef _Unwind_Ptr get_ip(struct _Unwind_Context *context);
static backtrace *unwind_backtrace;
static get_ip *unwind_get_ip;
static _Thread_local bool unwinding; /* the unwinder might allocate, which might be captured */

void os_unwind_start(void) {
    void *library = dlopen && dlsym ? dlopen("libgcc_s.so.1", RTLD_LAZY | RTLD_LOCAL) : NULL;
    if (!library)
        return;
    unwind_get_ip = (get_ip *)(uintptr_t)dlsym(library, "_Unwind_GetIP");
    if (unwind_get_ip)
        word_store_release(&unwind_backtrace, (backtrace *)(uintptr_t)dlsym(library, "_Unwind_Backtrace"));
}

struct unwound {
    const void **addresses;
    unsigned capacity, count;
};

/* The first is that of os_unwind() itself. */
static _Unwind_Reason_Code unwind_visit(struct _Unwind_Context *context, void *data) {
    struct unwound *unwound = data;
    if (unwound->count == unwound->capacity)
        return _URC_END_OF_STACK;
    const void *address = (const void *)unwind_get_ip(context);
    if (!address)
        return _URC_END_OF_STACK;
    unwound->addresses[unwound->count++] = address;
    return _URC_NO_REASON;
}

unsigned os_unwind(const void **addresses, unsigned capacity) {
    backtrace *function = word_load_acquire(&unwind_backtrace); /* with os_unwind_start() */
    struct unwound unwound = {addresses, capacity, 0};
    if (function && !unwinding) {
        unwinding = true;
        function(unwind_visit, &unwound);
        unwinding = false;
    }
    return unwound.count;
}

/* ---- Images ----------------------------------------------------------------------------------------------------- */

struct place {
    uintptr_t start, end;
    uintptr_t bias;
    const void *map;  /* the loader's record, or another address that no other image has at the time */
    const char *name; /* "": the program */
};

#if defined(DLFO_STRUCT_HAS_EH_DBASE)
typedef int find_object(void *address, struct dl_find_object *result);
static find_object *loader_find;

static void loader_find_start(void) {
    loader_find = dlsym ? (find_object *)(uintptr_t)dlsym(RTLD_DEFAULT, "_dl_find_object") : NULL;
}

/* The loader's record may go away at the same time, if nothing of the image is really on a stack. */
static bool find_without_lock(const void *address, struct place *place) {
    struct dl_find_object found;
    struct link_map map;
    if (loader_find((void *)(uintptr_t)address, &found) != 0 ||
        !os_peek(&map, found.dlfo_link_map, offsetof(struct link_map, l_next)))
        return false;
    *place = (struct place){(uintptr_t)found.dlfo_map_start, (uintptr_t)found.dlfo_map_end, map.l_addr,
                            found.dlfo_link_map, map.l_name};
    return true;
}
#else
static const void *const loader_find;
static void loader_find_start(void) {}
static bool find_without_lock(const void *address, struct place *place) {
    (void)address;
    (void)place;
    return false;
}
#endif

struct search {
    uintptr_t address;
    struct place place;
};

static int visit(struct dl_phdr_info *info, size_t size, void *data) {
    struct search *search = data;
    struct place *place = &search->place;
    (void)size;
    *place = (struct place){UINTPTR_MAX, 0, info->dlpi_addr, info->dlpi_phdr, info->dlpi_name};
    for (ElfW(Half) i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr, end = start + info->dlpi_phdr[i].p_memsz;
        if (info->dlpi_phdr[i].p_type != PT_LOAD)
            continue;
        place->start = start < place->start ? start & ~(os_facts.page - 1) : place->start;
        place->end = end > place->end ? end : place->end;
    }
    return search->address - place->start < place->end - place->start && place->start < place->end;
}

static bool find(const void *address, struct place *place) {
    if (loader_find)
        return find_without_lock(address, place);
    struct search search = {.address = (uintptr_t)address};
    bool found = dl_iterate_phdr(visit, &search) != 0;
    *place = search.place;
    return found;
}

static uintptr_t staying[4]; /* where the images start that are never unloaded */

/* The program, the loader, the C library, and the image that has the heap. */
void os_images_start(void) {
    const void *const addresses[] = {(const void *)getauxval(AT_PHDR), (const void *)getauxval(AT_BASE),
                                     (const void *)(uintptr_t)syscall, staying};
    struct place place;
    unsigned count = 0;
    loader_find_start();
    for (unsigned i = 0; i < sizeof addresses / sizeof *addresses; i++)
        if (addresses[i] && count < sizeof staying / sizeof *staying && find(addresses[i], &place))
            staying[count++] = place.start;
}

static bool stays(const struct place *place) {
    for (unsigned i = 0; i < sizeof staying / sizeof *staying; i++)
        if (place->start == staying[i])
            return true;
    return false;
}

#define HEADERS_MAX 24u

/* Whether the address lies in a segment that may be executed. An image whose first page tells nothing has only code. */
static bool is_code(const struct place *place, uintptr_t address) {
    ElfW(Ehdr) header;
    ElfW(Phdr) segments[HEADERS_MAX];
    if (!os_peek(&header, (const void *)place->start, sizeof header) ||
        __builtin_memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_phnum > HEADERS_MAX ||
        !os_peek(segments, (const void *)(place->start + header.e_phoff), header.e_phnum * sizeof *segments))
        return true;
    for (unsigned i = 0; i < header.e_phnum; i++)
        if (segments[i].p_type == PT_LOAD && (segments[i].p_flags & PF_X) &&
            address - place->bias - segments[i].p_vaddr < segments[i].p_memsz)
            return true;
    return false;
}

/* A text that may go away at the same time. */
static void peek_text(char *copy, size_t size, const char *from) {
    for (size_t i = 0; i + 1 < size;) {
        size_t part = 64 - (uintptr_t)(from + i) % 64, room = size - 1 - i;
        part = part < room ? part : room;
        if (!os_peek(copy + i, from + i, part))
            part = 0;
        copy[i + part] = 0;
        for (size_t k = i; k < i + part; k++)
            if (copy[k] == 0)
                return;
        if (part == 0)
            return;
        i += part;
    }
}

/* The loader has no name for the program. */
static void program_name(char *name, size_t size) {
    int error = errno;
    long length = syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", name, size - 1);
    errno = error;
    if (length > 0)
        name[length] = 0;
    else
        peek_text(name, size, (const char *)getauxval(AT_EXECFN));
}

bool os_is_code(const void *code) {
    struct place place;
    return find(code, &place) && is_code(&place, (uintptr_t)code);
}

bool os_image_of(const void *code, struct os_image *image, char *name, size_t size) {
    struct place place;
    if (!find(code, &place) || !is_code(&place, (uintptr_t)code))
        return false;
    *image = (struct os_image){.start = place.start,
                               .size = place.end - place.start,
                               .bias = place.bias,
                               .identity = (uintptr_t)place.map,
                               .stays = stays(&place)};
    name[0] = 0;
    peek_text(name, size, place.name);
    if (name[0] == 0)
        program_name(name, size);
    return true;
}

#if defined(DLFO_STRUCT_HAS_EH_DBASE)
/* The record is read in place: it is there as long as something of the image is on the caller's stack. */
static bool same_without_lock(const struct os_image *image, struct place *place) {
    struct dl_find_object found;
    if (loader_find((void *)image->start, &found) != 0 || (uintptr_t)found.dlfo_link_map != image->identity)
        return false;
    *place = (struct place){(uintptr_t)found.dlfo_map_start, (uintptr_t)found.dlfo_map_end, found.dlfo_link_map->l_addr,
                            found.dlfo_link_map, found.dlfo_link_map->l_name};
    return true;
}
#else
static bool same_without_lock(const struct os_image *image, struct place *place) {
    return find((const void *)image->start, place);
}
#endif

/* Of a name that was too long, the beginning is compared. */
bool os_image_is_same(struct os_image *image, const char *name) {
    struct place place;
    if (!(loader_find ? same_without_lock(image, &place) : find((const void *)image->start, &place)))
        return false;
    if (place.start != image->start || place.end - place.start != image->size ||
        (uintptr_t)place.map != image->identity || place.bias != image->bias)
        return false;
    while (*name && *name == *place.name)
        name++, place.name++;
    return *name == 0;
}
