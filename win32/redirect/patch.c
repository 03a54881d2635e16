/* SPDX-License-Identifier: MIT */
#include "redirect/patch.h"
#include "base/align.h"
#include <string.h>

_Static_assert(sizeof(void *) == 4 || PATCH_STUBS * 16 <= 4096, "they fit into a page");
enum { STUB_SIZE = 16, STUBS_SIZE = 4096, GRANULE = 65536 };

/* ---- Words of an image ------------------------------------------------------------------------------------------ */

static const DWORD writable = PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
static const DWORD executable = PAGE_EXECUTE | PAGE_EXECUTE_READ;

/* Some linkers put tables beside code. Other threads may be executing that, so the page stays executable. */
static bool patch_begin(void *address, size_t size, DWORD *old) {
    MEMORY_BASIC_INFORMATION page;
    if (!VirtualQuery(address, &page, sizeof page) || page.State != MEM_COMMIT)
        return false;
    *old = page.Protect;
    return (page.Protect & writable) != 0 ||
           VirtualProtect(address, size, (page.Protect & executable) ? PAGE_EXECUTE_READWRITE : PAGE_READWRITE, old);
}

static void patch_end(void *address, size_t size, DWORD old) {
    DWORD ours;
    if ((old & writable) == 0)
        VirtualProtect(address, size, old, &ours); /* if it fails, the page stays writable */
}

bool patch_slot(volatile pe_slot *slot, uintptr_t value) {
    void *address = (void *)(uintptr_t)slot;
    DWORD old;
    if (!patch_begin(address, sizeof *slot, &old))
        return false;
    *slot = value;
    patch_end(address, sizeof *slot, old);
    return true;
}

bool patch_offset(DWORD *offset, DWORD value) {
    DWORD old;
    if (!patch_begin(offset, sizeof *offset, &old))
        return false;
    __atomic_store_n(offset, value, __ATOMIC_RELEASE);
    patch_end(offset, sizeof *offset, old);
    return true;
}

/* ---- Code near an image ----------------------------------------------------------------------------------------- */

bool patch_reaches(const struct pe_image *image, const void *address, DWORD *offset) {
    uintptr_t distance =
        (uintptr_t)address - (uintptr_t)image->base; /* on 32 bit, it wraps round as the loader's does */
    *offset = (DWORD)distance;
    return distance == *offset;
}

/* The first free place behind the image that a page fits into. */
static char *reserve_behind(const struct pe_image *image) {
    DWORD offset;
    char *place = image->base + image->size;
    while (patch_reaches(image, place + STUBS_SIZE, &offset)) {
        MEMORY_BASIC_INFORMATION free;
        place = (char *)align_up((uintptr_t)place, GRANULE);
        if (!VirtualQuery(place, &free, sizeof free))
            return NULL;
        char *end = (char *)free.BaseAddress + free.RegionSize;
        if (free.State == MEM_FREE && (size_t)(end - place) >= STUBS_SIZE) {
            char *page = VirtualAlloc(place, STUBS_SIZE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
            if (page) /* or somebody was faster */
                return page;
            end = place + GRANULE;
        }
        place = end;
    }
    return NULL;
}

char *patch_stub(char *stubs, size_t index) { return stubs + index * STUB_SIZE; }

/* Code that jumps to the address behind it. On 32 bit no stub is needed: every address is reached. */
#if defined(__aarch64__)
static const unsigned char jump[] = {0x50, 0, 0, 0x58, 0, 0x02, 0x1f, 0xd6}; /* ldr x16, [pc + 8]; br x16 */
#else
static const unsigned char jump[] = {0xff, 0x25, 2,    0,
                                     0,    0,    0x0f, 0x0b}; /* jmp *(rip + 2); two bytes nobody executes */
#endif

char *patch_stubs(const struct pe_image *image, const void *const *targets, size_t count) {
    DWORD old;
    char *stubs = reserve_behind(image);
    if (!stubs)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        memcpy(patch_stub(stubs, i), jump, sizeof jump);
        memcpy(patch_stub(stubs, i) + sizeof jump, &targets[i], sizeof targets[i]);
    }
    if (!VirtualProtect(stubs, STUBS_SIZE, PAGE_EXECUTE_READ, &old)) {
        VirtualFree(stubs, 0, MEM_RELEASE);
        return NULL;
    }
    FlushInstructionCache(GetCurrentProcess(), stubs, STUBS_SIZE);
    return stubs;
}
