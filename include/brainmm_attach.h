/* SPDX-License-Identifier: MIT */
/* brainmm_attach.h: use the process's heap without linking to a library.
 *
 *     #include "brainmm_attach.h"
 *
 *     const struct brainmm_manager *mm = brainmm_attach();
 *     if (mm) {
 *         char *line = (char *)mm->alloc(80);
 *         mm->free(line);
 *     }
 *
 * This is for a plug-in that must start without the library. brainmm_attach() finds the heap that a module of the
 * process has published. If there is none, it loads the library (brainmm.dll, libbrainmm.so.2) from the folder of the
 * module that this code is compiled into. It does so by full path, so the current folder and the search path do not
 * matter. If the library is not there, Linux's loader searches for it as for a library that this module is linked with,
 * so an installed one is found. On Linux the library may also have the name libbrainmm.so; the name with the number
 * comes first. If there is none, the result is NULL, and brainmm_attach_failure() says why.
 *
 *   - Languages: C89 to C23 and C++98 to C++23, with gcc, clang and Visual C++. Needs brainmm.h beside it. A program on
 *     Linux with glibc older than 2.34 links with -ldl.
 *   - Files: all functions are static. Each file that includes this header keeps its own result, and all results are
 *     the same table.
 *   - Threads: any thread may call the functions at any time, also in DllMain or a constructor.
 *   - Life: a heap that was found stays loaded until the process ends. The table may be kept.
 *   - Versions: the table's functions are those of brainmm.h. The owner may be older and have fewer of them, which
 *     BRAINMM_HAS(mm, pages_get) tells. The functions from alloc to usable_size are always there.
 *   - Macros: the including file may have defined malloc, calloc, realloc, free or a member's name as a macro. If it is
 *     a function-like macro, a call of that member needs parentheses: (mm->free)(line).
 *   - Windows: this header includes <windows.h> with WIN32_LEAN_AND_MEAN and NOMINMAX, and leaves both as they were. A
 *     file that needs more of <windows.h> includes it first, in its own way.
 *   - The library's file name is BRAINMM_ATTACH_LIBRARY, which may be defined before this header is included. Then no
 *     other name counts.
 *
 * The first half of this file is what modules agree on; docs/abi.md explains it. The library itself uses that half.
 */
#ifndef BRAINMM_ATTACH_H
#define BRAINMM_ATTACH_H

#include "brainmm.h"

/* ---- What modules agree on -------------------------------------------------------------------------------------- */

/* The record with which an owner tells where its tables are. On Windows it holds their addresses; on 32 bit the upper
 * halves are zero. On Linux and macOS everybody knows where the record lies. So it holds no addresses there, but how
 * far behind the start of their image the tables lie, and which image that is. The numbers below are offsets. */
struct brainmm_record {
    uint64_t version1;    /* 0: where the original's table (version 1) is. It is written last, and is 0 until then */
    char magic[16];       /* 8: BRAINMM_RECORD_MAGIC. With any other content the owner has the original's table only */
    uint32_t size;        /* 24: bytes of this record, what is here or more */
    uint32_t abi_version; /* 28: BRAINMM_ABI_VERSION */
    uint64_t manager;     /* 32: where the version-2 table is, struct brainmm_manager. 0: there is none */
#if !defined(_WIN32)
    uint64_t image; /* 40: the hash of the name under which the loader knows the tables' image (FNV-1a) */
#endif
};

#define BRAINMM_RECORD_MAGIC "BrainMM-record-2" /* 16 bytes, without a terminating zero */

#if defined(_WIN32)
/* The record lies in a file mapping. Its name ends with the process id in 8 upper-case hexadecimal digits. If another
 * process holds that name, an environment variable replaces the record: the process id in 8 such digits, a colon, and
 * the address of the version-2 table in 16. */
#define BRAINMM_MAPPING_NAME L"Local\\BrainMM_PID_"
#define BRAINMM_VARIABLE_NAME L"BRAINMM_MANAGER"
#else
/* The record lies in a private page at one of these addresses: the first one that was free. On Linux, the first two are
 * addresses that sanitizers leave to the program. None is where stacks, heaps or libraries usually lie. */
#define BRAINMM_HASH_START ((uint64_t)0xcbf29ce4UL << 32 | 0x84222325UL) /* FNV-1a of 64 bits */
#define BRAINMM_HASH_FACTOR ((uint64_t)0x100UL << 32 | 0x1b3UL)
#if defined(__APPLE__)
#define BRAINMM_PLACES                                                                                                 \
    { 0x2f6b6d600000UL, 0x3f6b6d600000UL, 0x4f6b6d600000UL, 0x5f6b6d600000UL }
#elif defined(__LP64__)
#define BRAINMM_PLACES                                                                                                 \
    { 0x00360000UL, 0x7fe60000UL, 0x1f6b6d600000UL, 0x5f6b6d600000UL }
#else
#define BRAINMM_PLACES                                                                                                 \
    { 0x07e60000UL, 0x1e6b0000UL, 0x4f6b0000UL, 0x5f6b0000UL }
#endif
#define BRAINMM_PLACE_COUNT 4
#endif

/* The bytes that a version-2 table has at least, which is up to usable_size, and at most. */
#define BRAINMM_MANAGER_SIZE_MIN (offsetof(struct brainmm_manager, usable_size) + sizeof(void *))
#define BRAINMM_MANAGER_SIZE_MAX 65536u

/* Whether the table MANAGER has MEMBER. */
#define BRAINMM_HAS(manager, member)                                                                                   \
    ((manager)->size >= offsetof(struct brainmm_manager, member) + sizeof((manager)->member))

/* ---- The client ------------------------------------------------------------------------------------------------- */

#if !defined(BRAINMM_ATTACH_NO_CLIENT)

/* The system's headers declare these functions, which a macro of the including file would spoil. */
#pragma push_macro("malloc")
#pragma push_macro("calloc")
#pragma push_macro("realloc")
#pragma push_macro("free")
#undef malloc
#undef calloc
#undef realloc
#undef free
#include <string.h>
#if defined(_WIN32)
#if !defined(WIN32_LEAN_AND_MEAN)
#define WIN32_LEAN_AND_MEAN /* or <windows.h> includes <winsock.h>, and <winsock2.h> cannot follow */
#define BRAINMM_ATTACH_LEAN
#endif
#if !defined(NOMINMAX)
#define NOMINMAX /* or std::min and std::max cannot be called */
#define BRAINMM_ATTACH_NOMINMAX
#endif
#include <windows.h>
#if defined(BRAINMM_ATTACH_LEAN)
#undef BRAINMM_ATTACH_LEAN
#undef WIN32_LEAN_AND_MEAN
#endif
#if defined(BRAINMM_ATTACH_NOMINMAX)
#undef BRAINMM_ATTACH_NOMINMAX
#undef NOMINMAX
#endif
#elif defined(__APPLE__)
#include <dlfcn.h>
#include <mach-o/dyld.h>
#include <mach-o/loader.h>
#include <mach/mach.h>
#else
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#endif
#pragma pop_macro("free")
#pragma pop_macro("realloc")
#pragma pop_macro("calloc")
#pragma pop_macro("malloc")

#if defined(__GNUC__)
#define BRAINMM_ATTACH_FUNCTION static __attribute__((unused))
#define BRAINMM_ATTACH_LOAD(variable) __atomic_load_n(&(variable), __ATOMIC_ACQUIRE)
#define BRAINMM_ATTACH_STORE(variable, value) __atomic_store_n(&(variable), value, __ATOMIC_RELEASE)
#else
#define BRAINMM_ATTACH_FUNCTION static __inline
#define BRAINMM_ATTACH_LOAD(variable) (variable) /* the variables are volatile, which Visual C++ orders */
#define BRAINMM_ATTACH_STORE(variable, value) ((void)((variable) = (value)))
#endif

#if !defined(BRAINMM_ATTACH_LIBRARY)
#if defined(_WIN32)
#define BRAINMM_ATTACH_LIBRARY "brainmm.dll"
#elif defined(__APPLE__)
#define BRAINMM_ATTACH_LIBRARY "libbrainmm.2.dylib"
#define BRAINMM_ATTACH_LIBRARIES BRAINMM_ATTACH_LIBRARY, "libbrainmm.dylib"
#else
#define BRAINMM_ATTACH_LIBRARY "libbrainmm.so.2"
#define BRAINMM_ATTACH_LIBRARIES BRAINMM_ATTACH_LIBRARY, "libbrainmm.so"
#endif
#endif

static const struct brainmm_manager *volatile brainmm_attach_manager; /* the result; NULL until there is one */
static const char *volatile brainmm_attach_reason = "brainmm_attach() has not been called";

typedef const struct brainmm_manager *(BRAINMM_CALL *brainmm_attach_get)(void);

/* The functions of the system's part, which is below. An image is a program or library that the system has loaded into
 * this process. Results are 1 for yes and 0 for no. */

/* Copies SIZE bytes from FROM if all of them lie in one image and can be read, and stores the image in *IMAGE. Memory
 * outside of images is never touched. */
BRAINMM_ATTACH_FUNCTION int brainmm_attach_read(void *copy, const void *from, size_t size, const void **image);

/* Tells whether FUNCTION lies in the code of IMAGE. */
BRAINMM_ATTACH_FUNCTION int brainmm_attach_is_code(const void *function, const void *image);

/* Keeps the image that ADDRESS lies in loaded until the process ends. 0: the image is gone already. */
BRAINMM_ATTACH_FUNCTION int brainmm_attach_pin(const void *address);

/* Copies the record at place number PLACE. 0: nothing can be read there. -1: there is no such place. */
BRAINMM_ATTACH_FUNCTION int brainmm_attach_look(int place, struct brainmm_record *record);

/* Loads the library from this module's folder, or on Linux an installed one, and returns its brainmm_get_manager. NULL:
 * brainmm_attach_fail() has noted the reason. */
BRAINMM_ATTACH_FUNCTION brainmm_attach_get brainmm_attach_load(void);

/* Tells whether an owner's version-2 table is at ADDRESS. Nothing that another process writes can make this true:
 * the table must lie in an image loaded here, hold its own address, and belong to a heap that has started. All its
 * functions must lie in the code of the same image. The table is copied once, and the copy is checked. */
BRAINMM_ATTACH_FUNCTION int brainmm_attach_is_manager(const void *address) {
    struct brainmm_manager copy;
    const void *image = NULL;
    size_t offset, size = offsetof(struct brainmm_manager, alloc);
    memset(&copy, 0, sizeof copy);
    if (((size_t)address & (sizeof(void *) - 1)) != 0 || !brainmm_attach_read(&copy, address, size, &image))
        return 0;
    size = copy.size;
    if (size < BRAINMM_MANAGER_SIZE_MIN || size > BRAINMM_MANAGER_SIZE_MAX || (size & (sizeof(void *) - 1)) != 0)
        return 0;
    if (size > sizeof copy)
        size = sizeof copy;
    if (!brainmm_attach_read(&copy, address, size, &image))
        return 0;
    if (memcmp(copy.magic, BRAINMM_MAGIC, sizeof copy.magic) != 0 || copy.abi_version != BRAINMM_ABI_VERSION ||
        copy.size < size || copy.self != address || copy.heap_id == 0)
        return 0;
    for (offset = offsetof(struct brainmm_manager, alloc); offset + sizeof(void *) <= size; offset += sizeof(void *)) {
        const void *function;
        memcpy(&function, (const char *)&copy + offset, sizeof function);
        if (!brainmm_attach_is_code(function, image))
            return 0;
    }
    return 1;
}

/* Returns the table of a heap that a module has published, or NULL. */
BRAINMM_ATTACH_FUNCTION const struct brainmm_manager *brainmm_attach_find(void) {
    struct brainmm_record record;
    int place, found;
    for (place = 0; (found = brainmm_attach_look(place, &record)) >= 0; place++) {
        const void *manager = (const void *)(size_t)record.manager;
        if (found && record.version1 != 0 && memcmp(record.magic, BRAINMM_RECORD_MAGIC, sizeof record.magic) == 0 &&
            record.size >= sizeof record && record.abi_version == BRAINMM_ABI_VERSION && record.manager != 0 &&
            brainmm_attach_is_manager(manager) && brainmm_attach_pin(manager))
            return (const struct brainmm_manager *)manager;
    }
    return NULL;
}

BRAINMM_ATTACH_FUNCTION brainmm_attach_get brainmm_attach_fail(const char *reason) {
    BRAINMM_ATTACH_STORE(brainmm_attach_reason, reason);
    return NULL;
}

/* Returns the table that the library gives. It also serves the heap of an owner that has the original's table only, and
 * its functions are the library's own, or those that it has checked itself. NULL: there is no library, or its table is
 * not one that this header describes. */
BRAINMM_ATTACH_FUNCTION const struct brainmm_manager *brainmm_attach_ask(void) {
    struct brainmm_manager start;
    const void *image;
    brainmm_attach_get get_manager = brainmm_attach_load();
    const struct brainmm_manager *manager = get_manager ? (*get_manager)() : NULL;
    if (!manager)
        return NULL;
    if (brainmm_attach_read(&start, manager, offsetof(struct brainmm_manager, alloc), &image) &&
        memcmp(start.magic, BRAINMM_MAGIC, sizeof start.magic) == 0 && start.abi_version == BRAINMM_ABI_VERSION &&
        start.size >= BRAINMM_MANAGER_SIZE_MIN)
        return manager;
    brainmm_attach_fail("the " BRAINMM_ATTACH_LIBRARY " that was found is of a version that this module does not know");
    return NULL;
}

/* Returns the table of the process's heap, or NULL. The top of this file says more. */
BRAINMM_ATTACH_FUNCTION const struct brainmm_manager *brainmm_attach(void) {
    const struct brainmm_manager *manager = BRAINMM_ATTACH_LOAD(brainmm_attach_manager);
    if (!manager) {
        manager = brainmm_attach_find();
        if (!manager)
            manager = brainmm_attach_ask();
        if (manager)
            BRAINMM_ATTACH_STORE(brainmm_attach_manager, manager);
    }
    return manager;
}

/* Says why the last brainmm_attach() of this file returned NULL. The text is constant, and empty if there is a heap. */
BRAINMM_ATTACH_FUNCTION const char *brainmm_attach_failure(void) {
    return BRAINMM_ATTACH_LOAD(brainmm_attach_manager) ? "" : BRAINMM_ATTACH_LOAD(brainmm_attach_reason);
}

/* ---- Windows ---------------------------------------------------------------------------------------------------- */

#if defined(_WIN32)

#define BRAINMM_ATTACH_PATH_MAX 32768 /* the longest path Windows knows */

BRAINMM_ATTACH_FUNCTION int brainmm_attach_query(const void *address, MEMORY_BASIC_INFORMATION *info) {
    return VirtualQuery(address, info, sizeof *info) != 0 && info->State == MEM_COMMIT && info->Type == MEM_IMAGE;
}

BRAINMM_ATTACH_FUNCTION int brainmm_attach_read(void *copy, const void *from, size_t size, const void **image) {
    MEMORY_BASIC_INFORMATION first, last;
    SIZE_T done = 0;
    if (!brainmm_attach_query(from, &first) || !brainmm_attach_query((const char *)from + size - 1, &last) ||
        first.AllocationBase != last.AllocationBase)
        return 0;
    *image = first.AllocationBase;
    /* If the image is unloaded at this moment, this fails where reading it directly would crash. */
    return ReadProcessMemory(GetCurrentProcess(), from, copy, size, &done) && done == size;
}

BRAINMM_ATTACH_FUNCTION int brainmm_attach_is_code(const void *function, const void *image) {
    MEMORY_BASIC_INFORMATION info;
    return brainmm_attach_query(function, &info) && info.AllocationBase == image &&
           (info.Protect & (PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY)) != 0;
}

BRAINMM_ATTACH_FUNCTION int brainmm_attach_pin(const void *address) {
    HMODULE module;
    return GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                              (const WCHAR *)address, &module) != 0;
}

/* Returns the value of COUNT upper-case hexadecimal digits. If one is not, *GOOD becomes 0. */
BRAINMM_ATTACH_FUNCTION uint64_t brainmm_attach_parse(const WCHAR *text, int count, int *good) {
    uint64_t value = 0;
    for (; count > 0; count--, text++) {
        unsigned digit = 16;
        if (*text >= L'0' && *text <= L'9')
            digit = (unsigned)(*text - L'0');
        else if (*text >= L'A' && *text <= L'F')
            digit = (unsigned)(*text - L'A') + 10;
        if (digit == 16) {
            *good = 0;
            return 0;
        }
        value = value << 4 | digit;
    }
    return value;
}

BRAINMM_ATTACH_FUNCTION int brainmm_attach_look(int place, struct brainmm_record *record) {
    memset(record, 0, sizeof *record);
    if (place == 0) {
        WCHAR text[8 + 1 + 16 + 2];
        int good = GetEnvironmentVariableW(BRAINMM_VARIABLE_NAME, text, 8 + 1 + 16 + 2) == 8 + 1 + 16;
        good = good && text[8] == L':' && brainmm_attach_parse(text, 8, &good) == GetCurrentProcessId() && good;
        if (good)
            record->manager = brainmm_attach_parse(text + 9, 16, &good);
        memcpy(record->magic, BRAINMM_RECORD_MAGIC, sizeof record->magic);
        record->version1 = 1; /* the variable is written in one step, so the record is complete */
        record->size = sizeof *record;
        record->abi_version = BRAINMM_ABI_VERSION;
        return good && record->manager == (size_t)record->manager;
    }
    if (place == 1) {
        static const WCHAR prefix[] = BRAINMM_MAPPING_NAME;
        WCHAR name[sizeof prefix / sizeof *prefix + 8];
        DWORD process = GetCurrentProcessId();
        SIZE_T done = 0;
        size_t i, length = sizeof prefix / sizeof *prefix - 1;
        HANDLE mapping;
        void *view;
        memcpy(name, prefix, sizeof prefix);
        for (i = 0; i < 8; i++)
            name[length + i] = L"0123456789ABCDEF"[process >> (28 - 4 * i) & 15];
        name[length + 8] = 0;
        mapping = OpenFileMappingW(FILE_MAP_READ, FALSE, name);
        view = mapping ? MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, sizeof(void *)) : NULL;
        if (view) {
            ReadProcessMemory(GetCurrentProcess(), view, record, sizeof *record, &done);
            UnmapViewOfFile(view);
        }
        if (mapping)
            CloseHandle(mapping);
        return done == sizeof *record;
    }
    return -1;
}

BRAINMM_ATTACH_FUNCTION brainmm_attach_get brainmm_attach_load(void) {
    static const char file[] = BRAINMM_ATTACH_LIBRARY;
    WCHAR *path = (WCHAR *)LocalAlloc(LMEM_FIXED, (BRAINMM_ATTACH_PATH_MAX + sizeof file) * sizeof(WCHAR));
    HMODULE module = NULL;
    FARPROC get = NULL;
    DWORD length = 0;
    size_t i;
    if (!path)
        return brainmm_attach_fail("no memory for a path");
    if (GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                           (const WCHAR *)(const void *)file, &module))
        length = GetModuleFileNameW(module, path, BRAINMM_ATTACH_PATH_MAX);
    module = NULL;
    while (length > 0 && path[length - 1] != L'\\')
        length--;
    if (length > 0) {
        for (i = 0; i < sizeof file; i++)
            path[length + i] = (WCHAR)file[i];
        module = LoadLibraryExW(path, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
    }
    LocalFree(path);
    if (!module)
        return brainmm_attach_fail("no heap is published, and " BRAINMM_ATTACH_LIBRARY
                                   " could not be loaded from this module's folder");
    get = GetProcAddress(module, "brainmm_get_manager");
    if (!get)
        return brainmm_attach_fail(BRAINMM_ATTACH_LIBRARY " beside this module is another library of that name");
    return (brainmm_attach_get)(void (*)(void))get;
}

#else

#if !defined(BRAINMM_ATTACH_LIBRARIES)
#define BRAINMM_ATTACH_LIBRARIES BRAINMM_ATTACH_LIBRARY
#endif

/* ---- macOS ------------------------------------------------------------------------------------------------------ */

#if defined(__APPLE__)

/* The kernel copies, and fails where reading directly would crash. */
BRAINMM_ATTACH_FUNCTION int brainmm_attach_copy(void *copy, size_t from, size_t size) {
    vm_size_t done = 0;
    return vm_read_overwrite(mach_task_self(), (vm_address_t)from, size, (vm_address_t)copy, &done) == KERN_SUCCESS &&
           done == size;
}

/* Finds the image whose segment, with these RIGHTS (VM_PROT_READ ...), contains SIZE bytes at FROM. It begins with its
 * header, so it is the one with the nearest header below, or none. */
BRAINMM_ATTACH_FUNCTION const void *brainmm_attach_image(size_t from, size_t size, int rights) {
    const struct mach_header_64 *nearest = NULL;
    size_t slide = 0, at;
    uint32_t i, count = _dyld_image_count();
    for (i = 0; i < count; i++) {
        const struct mach_header_64 *header = (const struct mach_header_64 *)(const void *)_dyld_get_image_header(i);
        if (header && (size_t)header <= from && (size_t)header > (size_t)nearest) {
            nearest = header;
            slide = (size_t)_dyld_get_image_vmaddr_slide(i);
        }
    }
    if (!nearest)
        return NULL;
    at = (size_t)(nearest + 1);
    for (i = 0, count = nearest->ncmds; i < count; i++) {
        const struct load_command *command = (const struct load_command *)at;
        if (command->cmd == LC_SEGMENT_64) {
            const struct segment_command_64 *segment = (const struct segment_command_64 *)at;
            size_t skip = from - ((size_t)segment->vmaddr + slide);
            if ((segment->initprot & rights) == rights && skip < segment->vmsize && size <= segment->vmsize - skip)
                return nearest;
        }
        at += command->cmdsize;
    }
    return NULL;
}

BRAINMM_ATTACH_FUNCTION int brainmm_attach_read(void *copy, const void *from, size_t size, const void **image) {
    *image = brainmm_attach_image((size_t)from, size, VM_PROT_READ);
    return *image != NULL && brainmm_attach_copy(copy, (size_t)from, size);
}

BRAINMM_ATTACH_FUNCTION int brainmm_attach_is_code(const void *function, const void *image) {
    const void *found = brainmm_attach_image((size_t)function, 1, VM_PROT_EXECUTE);
    return found != NULL && found == image;
}

/* Owners keep themselves loaded. */
BRAINMM_ATTACH_FUNCTION int brainmm_attach_pin(const void *address) {
    (void)address;
    return 1;
}

/* Puts addresses in the place of what the record says about them. 0: its image is not loaded. */
BRAINMM_ATTACH_FUNCTION int brainmm_attach_resolve(struct brainmm_record *record) {
    uint32_t i, count = _dyld_image_count();
    for (i = 0; i < count; i++) {
        uint64_t hash = BRAINMM_HASH_START;
        const char *at = _dyld_get_image_name(i);
        size_t start = (size_t)_dyld_get_image_header(i);
        for (; at && *at; at++)
            hash = (hash ^ (unsigned char)*at) * BRAINMM_HASH_FACTOR;
        if (hash == record->image && start != 0) {
            if (record->version1 != 0)
                record->version1 += start;
            if (record->manager != 0)
                record->manager += start;
            return 1;
        }
    }
    return 0;
}

BRAINMM_ATTACH_FUNCTION int brainmm_attach_look(int place, struct brainmm_record *record) {
    static const size_t places[BRAINMM_PLACE_COUNT] = BRAINMM_PLACES;
    if (place >= BRAINMM_PLACE_COUNT)
        return -1;
    return brainmm_attach_copy(record, places[place], sizeof *record) && brainmm_attach_resolve(record);
}

/* Opens FILE in this module's folder. NULL: it is not there. */
BRAINMM_ATTACH_FUNCTION void *brainmm_attach_open_beside(const char *file) {
    static const char here = 0;
    char path[4096 + 256];
    Dl_info info;
    const char *slash;
    if (dladdr(&here, &info) == 0 || !info.dli_fname || strlen(info.dli_fname) >= 4096)
        return NULL;
    slash = strrchr(info.dli_fname, '/');
    if (!slash || strlen(file) >= 256)
        return NULL; /* this module's folder is not known, or no file has such a name */
    memcpy(path, info.dli_fname, (size_t)(slash + 1 - info.dli_fname));
    memcpy(path + (slash + 1 - info.dli_fname), file, strlen(file) + 1);
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

#else

/* ---- Linux ------------------------------------------------------------------------------------------------------ */

/* The system's headers declare these functions only to programs that ask for more than their language standard. So this
 * header declares them itself, under names of its own. */
struct brainmm_attach_image { /* the start of struct dl_phdr_info */
    ElfW(Addr) base;
    const char *name;
    const ElfW(Phdr) * segments;
    ElfW(Half) segment_count;
};
#if defined(__cplusplus)
extern "C" {
#endif
extern int brainmm_attach_iterate(int (*visit)(struct brainmm_attach_image *, size_t, void *),
                                  void *data) __asm__("dl_iterate_phdr");
extern int brainmm_attach_mincore(void *address, size_t size, unsigned char *resident) __asm__("mincore");
#if defined(__cplusplus)
}
#endif

struct brainmm_attach_search {
    size_t from, size; /* the bytes to find */
    ElfW(Word) rights; /* what their segment must allow: PF_R or PF_X */
    void *copy;        /* where to copy the bytes, or NULL */
    const void *image; /* the image they are in, by the address of its table of segments; NULL: none */
    const char *name;  /* the loader's name for that image */
};

/* Copies while the list of images is locked, so that the image cannot be unloaded. */
BRAINMM_ATTACH_FUNCTION int brainmm_attach_visit(struct brainmm_attach_image *image, size_t size, void *data) {
    struct brainmm_attach_search *search = (struct brainmm_attach_search *)data;
    ElfW(Half) i;
    (void)size;
    for (i = 0; i < image->segment_count; i++) {
        const ElfW(Phdr) *segment = &image->segments[i];
        size_t skip = search->from - (size_t)(image->base + segment->p_vaddr);
        if (segment->p_type == PT_LOAD && (segment->p_flags & search->rights) == search->rights &&
            skip < segment->p_memsz && search->size <= segment->p_memsz - skip) {
            if (search->copy)
                memcpy(search->copy, (const void *)search->from, search->size);
            search->image = image->segments;
            search->name = image->name;
            return 1;
        }
    }
    return 0;
}

BRAINMM_ATTACH_FUNCTION int brainmm_attach_read(void *copy, const void *from, size_t size, const void **image) {
    struct brainmm_attach_search search;
    search.from = (size_t)from;
    search.size = size;
    search.rights = PF_R;
    search.copy = copy;
    search.image = NULL;
    brainmm_attach_iterate(brainmm_attach_visit, &search);
    *image = search.image;
    return search.image != NULL;
}

BRAINMM_ATTACH_FUNCTION int brainmm_attach_is_code(const void *function, const void *image) {
    struct brainmm_attach_search search;
    search.from = (size_t)function;
    search.size = 1;
    search.rights = PF_X;
    search.copy = NULL;
    search.image = NULL;
    brainmm_attach_iterate(brainmm_attach_visit, &search);
    return search.image != NULL && search.image == image;
}

/* On Linux, owners keep themselves loaded. */
BRAINMM_ATTACH_FUNCTION int brainmm_attach_pin(const void *address) {
    (void)address;
    return 1;
}

struct brainmm_attach_named {
    uint64_t name; /* the hash of an image's name */
    size_t start;  /* where that image starts; 0: there is none */
};

BRAINMM_ATTACH_FUNCTION int brainmm_attach_visit_named(struct brainmm_attach_image *image, size_t size, void *data) {
    struct brainmm_attach_named *named = (struct brainmm_attach_named *)data;
    uint64_t hash = BRAINMM_HASH_START;
    const char *at;
    ElfW(Half) i;
    (void)size;
    for (at = image->name; *at; at++)
        hash = (hash ^ (unsigned char)*at) * BRAINMM_HASH_FACTOR;
    for (i = 0; hash == named->name && named->start == 0 && i < image->segment_count; i++)
        if (image->segments[i].p_type == PT_LOAD)
            named->start = (size_t)(image->base + image->segments[i].p_vaddr);
    return named->start != 0;
}

/* Puts addresses in the place of what the record says about them. 0: its image is not loaded. */
BRAINMM_ATTACH_FUNCTION int brainmm_attach_resolve(struct brainmm_record *record) {
    struct brainmm_attach_named named;
    named.name = record->image;
    named.start = 0;
    brainmm_attach_iterate(brainmm_attach_visit_named, &named);
    if (record->version1 != 0)
        record->version1 += named.start;
    if (record->manager != 0)
        record->manager += named.start;
    return named.start != 0;
}

/* Finds the mapping that ADDRESS lies in. Stores the four letters of its rights, and the path of its file, which is ""
 * if there is none or if it is longer than PATH_SIZE. 0: nothing is mapped there. */
BRAINMM_ATTACH_FUNCTION int brainmm_attach_mapping(size_t address, char *rights, char *path, size_t path_size) {
    char line[4096 + 256];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && !found && fgets(line, (int)sizeof line, maps)) {
        char *rest;
        size_t first = strtoul(line, &rest, 16);
        size_t end = *rest == '-' ? strtoul(rest + 1, &rest, 16) : 0;
        if (address >= first && address < end && strlen(rest) > 5) {
            const char *name = strchr(rest, '/');
            memcpy(rights, rest + 1, 4);
            rest[strcspn(rest, "\n")] = 0;
            path[0] = 0;
            if (name && strlen(name) < path_size)
                memcpy(path, name, strlen(name) + 1);
            found = 1;
        }
    }
    if (maps)
        fclose(maps);
    return found;
}

BRAINMM_ATTACH_FUNCTION int brainmm_attach_look(int place, struct brainmm_record *record) {
    static const size_t places[BRAINMM_PLACE_COUNT] = BRAINMM_PLACES;
    unsigned char resident;
    char rights[4], path[8];
    int tube[2], done = 0;
    if (place >= BRAINMM_PLACE_COUNT)
        return -1;
    if (brainmm_attach_mincore((void *)places[place], 1, &resident) != 0)
        return 0; /* nothing is mapped there */
    if (brainmm_attach_mapping(places[place], rights, path, sizeof path) && rights[3] != 'p')
        return 0; /* shared with another process: no owner's page */
    if (pipe(tube) != 0)
        return 0;
    /* The kernel reads the page, and fails where reading it directly would crash. */
    if (write(tube[1], (const void *)places[place], sizeof *record) == (ssize_t)sizeof *record)
        done = read(tube[0], record, sizeof *record) == (ssize_t)sizeof *record;
    close(tube[0]);
    close(tube[1]);
    return done && brainmm_attach_resolve(record);
}

/* Stores the absolute path of the module that ADDRESS, a constant, lies in. "" if it is not known. The loader's name of
 * a module may be relative to what was the current folder, or empty for the program. Then the system's list of mappings
 * has the path. */
BRAINMM_ATTACH_FUNCTION void brainmm_attach_path(const void *address, char *path, size_t path_size) {
    struct brainmm_attach_search search;
    char rights[4];
    search.from = (size_t)address;
    search.size = 1;
    search.rights = PF_R;
    search.copy = NULL;
    search.image = NULL;
    brainmm_attach_iterate(brainmm_attach_visit, &search);
    path[0] = 0;
    if (search.image && search.name[0] == '/' && strlen(search.name) < path_size)
        memcpy(path, search.name, strlen(search.name) + 1);
    else
        brainmm_attach_mapping((size_t)address, rights, path, path_size);
}

/* Opens the library at PATH. The system's list has \012 for a line break in a path. */
BRAINMM_ATTACH_FUNCTION void *brainmm_attach_open(char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    char *from, *to = path;
    if (library || !strstr(path, "\\012"))
        return library;
    for (from = path; *from; to++) {
        int is_break = strncmp(from, "\\012", 4) == 0;
        *to = is_break ? '\n' : *from;
        from += is_break ? 4 : 1;
    }
    *to = 0;
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

/* Opens FILE in this module's folder. NULL: it is not there. */
BRAINMM_ATTACH_FUNCTION void *brainmm_attach_open_beside(const char *file) {
    static const char here = 0;
    char path[4096 + 256];
    char *slash;
    brainmm_attach_path(&here, path, 4096); /* a variable may lie in memory that belongs to no file */
    slash = strrchr(path, '/');
    if (!slash || strlen(file) >= 256)
        return NULL; /* this module's folder is not known, or no file has such a name */
    memcpy(slash + 1, file, strlen(file) + 1);
    return brainmm_attach_open(path);
}

#endif

/* ---- All that is not Windows ------------------------------------------------------------------------------------ */

BRAINMM_ATTACH_FUNCTION brainmm_attach_get brainmm_attach_load(void) {
    static const char *const files[] = {BRAINMM_ATTACH_LIBRARIES};
    const char *other = BRAINMM_ATTACH_LIBRARY " beside this module is another library of that name";
    brainmm_attach_get get = NULL;
    void *symbol, *library = NULL;
    size_t i, count = sizeof files / sizeof *files;
    for (i = 0; !library && i < count; i++)
        library = brainmm_attach_open_beside(files[i]);
    if (!library)
        other = "the " BRAINMM_ATTACH_LIBRARY " that the loader finds is another library of that name";
    for (i = 0; !library && i < count; i++)
        library = dlopen(files[i], RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return brainmm_attach_fail("no heap is published, and " BRAINMM_ATTACH_LIBRARY
                                   " could not be loaded from this module's folder, nor found by the loader");
    symbol = dlsym(library, "brainmm_get_manager");
    if (!symbol)
        return brainmm_attach_fail(other);
    memcpy(&get, &symbol, sizeof get);
    return get;
}

#endif
#endif /* BRAINMM_ATTACH_NO_CLIENT */
#endif
