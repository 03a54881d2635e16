/* SPDX-License-Identifier: MIT */
#include "redirect/process.h"
#include "base/align.h"
#include "base/text.h"
#include <string.h>

enum { GRANULE = 65536, DESCRIPTORS_MAX = 4096 };

/* The image of a suspended process. */
struct remote {
    HANDLE process;
    char *base;
    char *headers_at;
    IMAGE_NT_HEADERS headers;
};

static bool read(const struct remote *remote, const void *from, void *to, size_t size) {
    SIZE_T done;
    return ReadProcessMemory(remote->process, from, to, size, &done) && done == size;
}

static bool write(const struct remote *remote, void *to, const void *from, size_t size) {
    SIZE_T done;
    return WriteProcessMemory(remote->process, to, from, size, &done) && done == size;
}

/* ---- The image -------------------------------------------------------------------------------------------------- */

struct basic_information { /* no header tells more of it than that it exists */
    uintptr_t exit_status, peb, affinity, priority, process, parent;
};
typedef LONG(NTAPI *query_function)(HANDLE process, unsigned what, void *buffer, ULONG size, ULONG *needed);
enum { PEB_IMAGE_BASE = 2 }; /* the word of the process environment block that has the address of the image */

static bool remote_open(struct remote *remote, HANDLE process) {
    struct basic_information basic;
    IMAGE_DOS_HEADER dos;
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    query_function query =
        ntdll ? (query_function)(void (*)(void))GetProcAddress(ntdll, "NtQueryInformationProcess") : NULL;
    remote->process = process;
    if (!query || query(process, 0, &basic, sizeof basic, NULL) < 0 ||
        !read(remote, (const uintptr_t *)basic.peb + PEB_IMAGE_BASE, &remote->base, sizeof remote->base) ||
        !read(remote, remote->base, &dos, sizeof dos))
        return false;
    remote->headers_at = remote->base + dos.e_lfanew;
    return read(remote, remote->headers_at, &remote->headers, sizeof remote->headers) &&
           remote->headers.Signature == IMAGE_NT_SIGNATURE &&
           remote->headers.OptionalHeader.Magic == IMAGE_NT_OPTIONAL_HDR_MAGIC;
}

/* How many descriptors the table of imports has, without the one that ends it. */
static bool count_descriptors(const struct remote *remote, DWORD table, size_t *count) {
    IMAGE_IMPORT_DESCRIPTOR one;
    for (*count = 0; table != 0; ++*count)
        if (*count == DESCRIPTORS_MAX || !read(remote, remote->base + table + *count * sizeof one, &one, sizeof one))
            return false;
        else if (one.Name == 0 || one.FirstThunk == 0)
            return true;
    return true;
}

/* Early loaders look for the addresses of imports in the section that has the table of imports, if the headers do not
 * tell where they are. */
static void set_addresses(const struct remote *remote, DWORD first_slot, IMAGE_DATA_DIRECTORY *addresses) {
    const char *sections = remote->headers_at + offsetof(IMAGE_NT_HEADERS, OptionalHeader) +
                           remote->headers.FileHeader.SizeOfOptionalHeader;
    IMAGE_SECTION_HEADER section;
    for (unsigned i = 0; i < remote->headers.FileHeader.NumberOfSections; i++)
        if (read(remote, sections + i * sizeof section, &section, sizeof section) &&
            first_slot - section.VirtualAddress < section.Misc.VirtualSize) {
            addresses->VirtualAddress = section.VirtualAddress;
            addresses->Size = section.Misc.VirtualSize;
        }
}

/* ---- The block -------------------------------------------------------------------------------------------------- */

/* Offsets in an image have 32 bits, so the block lies behind it. */
static char *reserve_behind(const struct remote *remote, size_t size) {
    char *place = remote->base + remote->headers.OptionalHeader.SizeOfImage;
    while ((uintptr_t)place - (uintptr_t)remote->base < UINT32_MAX - size - GRANULE) {
        MEMORY_BASIC_INFORMATION free;
        place = (char *)align_up((uintptr_t)place, GRANULE);
        if (!VirtualQueryEx(remote->process, place, &free, sizeof free))
            return NULL;
        char *end = (char *)free.BaseAddress + free.RegionSize;
        if (free.State == MEM_FREE && (size_t)(end - place) >= size) {
            char *block = VirtualAllocEx(remote->process, place, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
            if (block)
                return block;
            end = place + GRANULE;
        }
        place = end;
    }
    return NULL;
}

static void note_fill(struct process_note *note, const struct remote *remote, const char *block, const char *dll,
                      uint32_t wishes, uint64_t started) {
    static const char function[] = "brainmm_redirect_imports";
    const IMAGE_DATA_DIRECTORY *directories = remote->headers.OptionalHeader.DataDirectory;
    _Static_assert(sizeof function <= sizeof note->function.name, "");
    memset(note, 0, sizeof *note);
    memcpy(note->magic, PROCESS_NOTE_MAGIC, sizeof note->magic);
    note->wishes = wishes;
    note->imports = directories[IMAGE_DIRECTORY_ENTRY_IMPORT];
    note->bound = directories[IMAGE_DIRECTORY_ENTRY_BOUND_IMPORT];
    note->addresses = directories[IMAGE_DIRECTORY_ENTRY_IAT];
    note->started = started;
    note->names[0] = note->slots[0] =
        (uintptr_t)block - (uintptr_t)remote->base + offsetof(struct process_note, function);
    memcpy(note->function.name, function, sizeof function);
    memcpy(note->dll, dll, text_length(dll) + 1);
}

/* Our descriptor, behind which the program's COUNT follow, and the empty one that ends the table. */
static bool write_table(const struct remote *remote, char *table, DWORD block, size_t count) {
    IMAGE_IMPORT_DESCRIPTOR one = {.Name = block + offsetof(struct process_note, dll),
                                   .FirstThunk = block + offsetof(struct process_note, slots)};
    const char *old =
        remote->base + remote->headers.OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress;
    one.OriginalFirstThunk = block + offsetof(struct process_note, names);
    if (!write(remote, table, &one, sizeof one))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!read(remote, old + i * sizeof one, &one, sizeof one) ||
            !write(remote, table + (i + 1) * sizeof one, &one, sizeof one))
            return false;
    return true; /* what follows is zero */
}

static bool write_headers(struct remote *remote, DWORD table, size_t count) {
    IMAGE_DATA_DIRECTORY *directories = remote->headers.OptionalHeader.DataDirectory;
    IMAGE_IMPORT_DESCRIPTOR first;
    DWORD old;
    if (directories[IMAGE_DIRECTORY_ENTRY_IAT].VirtualAddress == 0 && count > 0 &&
        read(remote, remote->base + directories[IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress, &first, sizeof first))
        set_addresses(remote, first.FirstThunk, &directories[IMAGE_DIRECTORY_ENTRY_IAT]);
    directories[IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress = table;
    directories[IMAGE_DIRECTORY_ENTRY_IMPORT].Size = (DWORD)((count + 2) * sizeof(IMAGE_IMPORT_DESCRIPTOR));
    directories[IMAGE_DIRECTORY_ENTRY_BOUND_IMPORT] = (IMAGE_DATA_DIRECTORY){0, 0};
    if (!VirtualProtectEx(remote->process, remote->headers_at, sizeof remote->headers, PAGE_READWRITE, &old))
        return false;
    bool written = write(remote, remote->headers_at, &remote->headers, sizeof remote->headers);
    VirtualProtectEx(remote->process, remote->headers_at, sizeof remote->headers, old, &old);
    return written;
}

const char *process_inject(HANDLE process, const char *dll, uint32_t wishes, uint64_t started) {
    struct remote remote;
    struct process_note note;
    size_t count;
    BOOL other_bits = FALSE, own_bits = FALSE;
    if (!IsWow64Process(process, &other_bits) || !IsWow64Process(GetCurrentProcess(), &own_bits) ||
        other_bits != own_bits)
        return "it has another number of bits";
    if (!remote_open(&remote, process) ||
        remote.headers.OptionalHeader.NumberOfRvaAndSizes <= IMAGE_DIRECTORY_ENTRY_IAT)
        return "its image cannot be read";
    const IMAGE_DATA_DIRECTORY *directories = remote.headers.OptionalHeader.DataDirectory;
    if (remote.headers.OptionalHeader.NumberOfRvaAndSizes > IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR &&
        directories[IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR].VirtualAddress != 0)
        return "it is a program for .NET, which another loader starts";
    if (!count_descriptors(&remote, directories[IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress, &count))
        return "its table of imports is damaged";
    size_t size = sizeof note + (count + 2) * sizeof(IMAGE_IMPORT_DESCRIPTOR);
    char *block = reserve_behind(&remote, size);
    if (!block)
        return "there is no memory behind its image";
    DWORD offset = (DWORD)((uintptr_t)block - (uintptr_t)remote.base);
    note_fill(&note, &remote, block, dll, wishes, started);
    if (write(&remote, block, &note, sizeof note) && write_table(&remote, block + sizeof note, offset, count) &&
        write_headers(&remote, offset + (DWORD)sizeof note, count))
        return NULL;
    VirtualFreeEx(process, block, 0, MEM_RELEASE);
    return "the system does not allow to write to its image";
}

/* ---- The path of the DLL ---------------------------------------------------------------------------------------- */

static bool is_ascii(const WCHAR *text) {
    while (*text && *text < 0x80)
        text++;
    return !*text;
}

bool process_path_beside(const void *address, const WCHAR *name, char path[PROCESS_PATH_MAX]) {
    WCHAR wide[PROCESS_PATH_MAX];
    HMODULE module;
    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                            address, &module))
        return false;
    DWORD length = GetModuleFileNameW(module, wide, PROCESS_PATH_MAX), i;
    while (length > 0 && wide[length - 1] != L'\\')
        length--;
    for (i = 0; name[i] && length + i + 1 < PROCESS_PATH_MAX; i++)
        wide[length + i] = name[i];
    wide[length + i] = 0;
    if (length == 0 || name[i])
        return false;
    if (!is_ascii(wide)) {
        length = GetShortPathNameW(wide, wide, PROCESS_PATH_MAX);
        if (length == 0 || length >= PROCESS_PATH_MAX || !is_ascii(wide))
            return false;
    }
    for (i = 0; (path[i] = (char)wide[i]) != 0; i++)
        continue;
    return true;
}
