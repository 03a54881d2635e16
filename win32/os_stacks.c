/* SPDX-License-Identifier: MIT */
/* os_stacks.c (Windows): what a thread may read of its stack, and the images that code lies in.
 *
 * GetModuleHandleEx and its kin take the loader's lock. So the memory manager of the system is asked, which knows where
 * an image begins and which file it is. Of unloading, the loader tells (LdrRegisterDllNotification).
 */
#include "os.h"
#include "teb.h"
#include "unloading.h"
#include <windows.h>
#include <winternl.h>

/* ---- Stacks ----------------------------------------------------------------------------------------------------- */

/* TEB.NtTib.StackBase and StackLimit. A fiber brings its own along. */
uintptr_t os_stack_end(uintptr_t frame) {
    uintptr_t base = teb_word(TEB_STACK_BASE), limit = teb_word(TEB_STACK_LIMIT);
    return frame >= limit && frame < base ? base : frame;
}

void os_unwind_start(void) {} /* nothing has to be loaded */

/* ---- Images ----------------------------------------------------------------------------------------------------- */

typedef LONG NTAPI query_memory(HANDLE process, const void *address, ULONG what, void *result, SIZE_T size,
                                SIZE_T *written);
typedef void CALLBACK loader_event(ULONG reason, const void *data, void *context);
typedef LONG NTAPI register_notification(ULONG flags, loader_event *function, void *context, void **cookie);

#define MAPPED_FILE_NAME 2u /* MemoryMappedFilenameInformation */
#define UNLOADED 2u         /* LDR_DLL_NOTIFICATION_REASON_UNLOADED */

static query_memory *query;
atomic_u32 unloadings = ATOMIC_INITIAL(1);
static bool told_of_unloading;
static uintptr_t staying[4]; /* where the images start that are never unloaded */

static void CALLBACK loader_tells(ULONG reason, const void *data, void *context) {
    (void)data;
    (void)context;
    if (reason == UNLOADED)
        add_acq_rel(&unloadings, 1);
}

static uintptr_t image_start(const void *address) {
    MEMORY_BASIC_INFORMATION part;
    bool is = VirtualQuery(address, &part, sizeof part) != 0 && part.State == MEM_COMMIT && part.Type == MEM_IMAGE;
    return is ? (uintptr_t)part.AllocationBase : 0;
}

/* The program, the system's own two, and the image that has the heap. */
void os_images_start(void) {
    static void *cookie;
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    register_notification *tell = NULL;
    DWORD error = GetLastError();
    if (ntdll) {
        query = (query_memory *)(void (*)(void))GetProcAddress(ntdll, "NtQueryVirtualMemory");
        tell = (register_notification *)(void (*)(void))GetProcAddress(ntdll, "LdrRegisterDllNotification");
    }
    if (tell && !told_of_unloading)
        told_of_unloading = tell(0, loader_tells, NULL, &cookie) >= 0;
    staying[0] = (uintptr_t)GetModuleHandleW(NULL);
    staying[1] = (uintptr_t)ntdll;
    staying[2] = (uintptr_t)GetModuleHandleW(L"kernel32.dll");
    staying[3] = image_start(&cookie);
    SetLastError(error);
}

static bool stays(uintptr_t start) {
    for (unsigned i = 0; i < sizeof staying / sizeof *staying; i++)
        if (start == staying[i])
            return true;
    return false;
}

/* What the header says of an image: its size, and what tells it from others: the time of its link and a checksum. */
static bool read_header(struct os_image *image) {
    IMAGE_DOS_HEADER dos;
    IMAGE_NT_HEADERS headers;
    if (!os_peek(&dos, (const void *)image->start, sizeof dos) || dos.e_magic != IMAGE_DOS_SIGNATURE ||
        !os_peek(&headers, (const void *)(image->start + (uintptr_t)dos.e_lfanew), sizeof headers) ||
        headers.Signature != IMAGE_NT_SIGNATURE)
        return false;
    image->size = headers.OptionalHeader.SizeOfImage;
    image->identity = (uint64_t)headers.FileHeader.TimeDateStamp << 32 ^
                      (uint64_t)headers.OptionalHeader.CheckSum * 0x9E3779B97F4A7C15u ^
                      headers.OptionalHeader.AddressOfEntryPoint;
    return true;
}

/* UTF-16 to UTF-8. */
static void to_utf8(char *to, size_t size, const WCHAR *from, size_t length) {
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        uint32_t code = from[i];
        if (code >= 0xD800 && code < 0xDC00 && i + 1 < length)
            code = 0x10000 + ((code - 0xD800) << 10) + ((uint32_t)from[++i] - 0xDC00);
        unsigned more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        static const unsigned char first[] = {0, 0xC0, 0xE0, 0xF0};
        if (used + more + 1 >= size)
            break;
        to[used++] = (char)(first[more] | code >> 6 * more);
        while (more > 0)
            to[used++] = (char)(0x80 | (code >> 6 * --more & 0x3F));
    }
    to[used] = 0;
}

/* The name as the system's kernel has it, which begins with a device in place of a drive's letter. */
static void image_name(uintptr_t start, char *name, size_t size) {
    struct {
        UNICODE_STRING name;
        WCHAR text[600];
    } found;
    name[0] = 0;
    if (query && query(GetCurrentProcess(), (const void *)start, MAPPED_FILE_NAME, &found, sizeof found, NULL) >= 0)
        to_utf8(name, size, found.name.Buffer, found.name.Length / sizeof(WCHAR));
}

bool os_is_code(const void *code) {
    MEMORY_BASIC_INFORMATION part;
    const DWORD executable = PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
    return VirtualQuery(code, &part, sizeof part) != 0 && part.State == MEM_COMMIT && part.Type == MEM_IMAGE &&
           (part.Protect & executable) != 0;
}

bool os_image_of(const void *code, struct os_image *image, char *name, size_t size) {
    DWORD error = GetLastError();
    uintptr_t start = os_is_code(code) ? image_start(code) : 0;
    *image = (struct os_image){.start = start, .bias = start, .stays = stays(start)};
    store_relaxed(&image->seen, unloadings_count()); /* with loader_tells(): before the look */
    bool found = start != 0 && read_header(image);
    if (found)
        image_name(start, name, size);
    SetLastError(error);
    return found;
}

bool os_image_is_same(struct os_image *image, const char *name) {
    uint32_t now = unloadings_count();
    struct os_image other = {.start = image->start};
    char other_name[1024];
    if (told_of_unloading && load_relaxed(&image->seen) == now)
        return true;
    DWORD error = GetLastError();
    bool same = image_start((const void *)image->start) == image->start && read_header(&other) &&
                other.size == image->size && other.identity == image->identity;
    if (same)
        image_name(image->start, other_name, sizeof other_name);
    SetLastError(error);
    for (size_t i = 0; same && name[i]; i++)
        same = name[i] == other_name[i];
    if (same)
        store_relaxed(&image->seen, now);
    return same;
}
