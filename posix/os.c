/* os.c (POSIX): what src/os.h asks of the system, by mmap and pthreads. */
#define _GNU_SOURCE
#include "os.h"
#include "heap.h"
#include "os_inline.h"
#include "slab.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

_Thread_local struct heap *os_thread_word = &heap_none;

bool os_huge_pages_always;

/* The file says "[always] madvise never", or has the brackets elsewhere. What cannot be read may be so. No function of libc
 * reads it, for a thread could be cancelled there. */
static bool huge_pages_are_always(void) {
    char first;
    long file = syscall(SYS_openat, AT_FDCWD, "/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return true;
    bool always = syscall(SYS_read, file, &first, 1) != 1 || first == '[';
    syscall(SYS_close, file);
    return always;
}

bool os_start(void) {
    os_huge_pages_always = huge_pages_are_always();
    return true;
}

/* ---- Memory ----------------------------------------------------------------------------------------------------- */

/* Reserved memory, but for tables, is mapped readable and writable at once: pages cost nothing until they are touched, and
 * one mapping with one set of rights stays one mapping to the kernel. Huge pages are only where os_expect_use() wants them:
 * else the first touch of a table would cost 2 MiB, and memory would be in use that nobody counts. */
static void *map_as(int protection, void *address, size_t size, int flags) {
    void *mapped = mmap(address, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
    if (mapped == MAP_FAILED)
        return NULL;
    if (os_huge_pages_always)
        madvise(mapped, size, MADV_NOHUGEPAGE);
    return mapped;
}

static void *map(void *address, size_t size, int flags) { return map_as(PROT_READ | PROT_WRITE, address, size, flags); }

bool os_reserve_at(void *address, size_t size) {
    void *mapped = map(address, size, MAP_FIXED_NOREPLACE);
    if (mapped && mapped != address) { /* a kernel before 4.17 takes the address for a hint */
        munmap(mapped, size);
        return false;
    }
    return mapped != NULL;
}

void *os_reserve(size_t size, size_t alignment) {
    char *mapped = map(NULL, size, 0);
    if (!mapped || ((uintptr_t)mapped & (alignment - 1)) == 0)
        return mapped;
    munmap(mapped, size);
    if (size + alignment < size || (mapped = map(NULL, size + alignment, 0)) == NULL)
        return NULL;
    size_t before = (size_t)(-(uintptr_t)mapped & (alignment - 1));
    if (before)
        munmap(mapped, before);
    munmap(mapped + before + size, alignment - before);
    return mapped + before;
}

void *os_reserve_table(size_t size) { return map_as(PROT_NONE, NULL, size, 0); }

bool os_commit_table(void *address, size_t size) { return mprotect(address, size, PROT_READ | PROT_WRITE) == 0; }

void os_release(void *address, size_t size) { munmap(address, size); }

bool os_commit(void *address, size_t size) {
    (void)address;
    (void)size;
    return true; /* see map() */
}

/* Mapped anew: rights and advice of before are gone, and the kernel, to which moved pages stay apart for ever, has one
 * mapping there again. */
void os_decommit(void *address, size_t size) {
    if (map(address, size, MAP_FIXED))
        return;
    madvise(address, size, MADV_DONTNEED); /* the process has as many mappings as it may */
    mprotect(address, size, PROT_READ | PROT_WRITE);
}

bool os_protect(void *address, size_t size, unsigned rights) {
    int protection = (rights & BRAINMM_READ ? PROT_READ : 0) | (rights & BRAINMM_WRITE ? PROT_WRITE | PROT_READ : 0) |
                     (rights & BRAINMM_EXECUTE ? PROT_EXEC : 0);
    return mprotect(address, size, protection) == 0;
}

/* Where process_vm_readv() is forbidden or missing, the kernel can still be had to copy, into a pipe and out of it. A page
 * at a time, which every pipe has room for. */
static bool peek_through_pipe(char *copy, const char *from, size_t size) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    size_t done = 0;
    while (done < size) {
        size_t part = size - done < OS_PAGE ? size - done : OS_PAGE;
        if (syscall(SYS_write, ends[1], from + done, part) != (long)part ||
            syscall(SYS_read, ends[0], copy + done, part) != (long)part)
            break;
        done += part;
    }
    close(ends[0]);
    close(ends[1]);
    return done == size;
}

bool os_peek(void *copy, const void *from, size_t size) {
    int error = errno;
    struct iovec to = {copy, size}, of = {(void *)(uintptr_t)from, size};
    ssize_t done = process_vm_readv(getpid(), &to, 1, &of, 1, 0);
    bool read = done == (ssize_t)size;
    if (done < 0 && errno != EFAULT)
        read = peek_through_pipe(copy, from, size);
    errno = error;
    return read;
}

/* Bytes for the pages that one question is about. */
#define MINCORE_PAGES 1024u

bool os_pages_are_mapped(const void *address, size_t size) {
    unsigned char resident[MINCORE_PAGES];
    for (size_t done = 0; done < size; done += MINCORE_PAGES * OS_PAGE) {
        size_t part = size - done < MINCORE_PAGES * OS_PAGE ? size - done : MINCORE_PAGES * OS_PAGE;
        if (mincore((char *)(uintptr_t)address + done, part, resident) != 0 && errno != EAGAIN)
            return false;
    }
    return true;
}

/* One line of /proc/self/maps begins with "55d0c000-55d0e000 r-xp ". There is no system call that tells. */
struct maps_line {
    uintptr_t first, end;
    char rights[4];
    unsigned field;  /* of the line: first, end, rights, the rest */
    unsigned length; /* of the rights read so far */
};

/* Takes the next character; true when the line's rights are complete. */
static bool maps_take(struct maps_line *line, char c) {
    if (c == '\n') {
        *line = (struct maps_line){0};
    } else if (line->field < 2) {
        uintptr_t *number = line->field == 0 ? &line->first : &line->end;
        if (c == '-' || c == ' ')
            line->field++;
        else
            *number = *number << 4 | (uintptr_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    } else if (line->field == 2) {
        line->rights[line->length++] = c;
        if (line->length == sizeof line->rights) {
            line->field = 3;
            return true;
        }
    }
    return false;
}

bool os_page_rights(const void *page, unsigned *rights) {
    char text[4096];
    struct maps_line line = {0};
    bool found = false;
    ssize_t length = 1;
    int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (maps < 0)
        return false;
    while (!found && length > 0) {
        do
            length = read(maps, text, sizeof text);
        while (length < 0 && errno == EINTR);
        for (ssize_t i = 0; i < length && !found; i++)
            found = maps_take(&line, text[i]) && (uintptr_t)page >= line.first && (uintptr_t)page < line.end;
    }
    close(maps);
    if (found)
        *rights = (line.rights[0] == 'r' ? BRAINMM_READ : 0u) | (line.rights[1] == 'w' ? BRAINMM_WRITE : 0u) |
                  (line.rights[2] == 'x' ? BRAINMM_EXECUTE : 0u);
    return found;
}

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

/* The kernel moves what is one mapping to it, and where it refuses, it has unmapped the target already. So it is asked
 * first whether [from, from + size) is one mapping: to make it longer than there are addresses fails in any case, but
 * with EFAULT only if it is not. */
static bool is_one_mapping(void *from, size_t size) {
    size_t impossible = SIZE_MAX & ~(size_t)(OS_GRANULE - 1);
    return mremap(from, size, impossible, 0) == MAP_FAILED && errno != EFAULT;
}

/* Linux 5.7 moves pages and leaves the mapping they were in, so that nobody else's can get between ours: without that,
 * nothing is moved. */
size_t os_move_pages(void *to, void *from, size_t size, bool *lost) {
    static _Atomic bool unable;
    size_t moved = 0;
    while (moved < size && !unable) {
        char *source = (char *)from + moved, *target = (char *)to + moved;
        size_t part = size - moved;
        while (part > OS_PAGE && !is_one_mapping(source, part)) { /* rights differ, or parts were moved before */
            size_t whole = part > OS_HUGE_PAGE ? OS_HUGE_PAGE : OS_PAGE;
            part = (part / 2 + whole - 1) & ~(whole - 1);
        }
        if (mremap(source, part, part, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, target) != target) {
            unable = errno == EINVAL; /* refused before anything was done: an older kernel, or valgrind */
            *lost = !unable && !os_reserve_at(target, part) && errno != EEXIST;
            break;
        }
        moved += part;
    }
    if (moved)
        os_decommit(from, moved);
    return moved;
}

void os_expect_use(void *address, size_t size) {
    char *first = (char *)(((uintptr_t)address + OS_HUGE_PAGE - 1) & ~(uintptr_t)(OS_HUGE_PAGE - 1));
    char *end = (char *)(((uintptr_t)address + size) & ~(uintptr_t)(OS_HUGE_PAGE - 1));
    if (first < end)
        madvise(first, (size_t)(end - first), MADV_HUGEPAGE);
}

#ifndef MFD_EXEC
#define MFD_EXEC 0x10u
#endif

bool os_map_views(size_t size, void **writable, void **executable) {
    int file = memfd_create("jit", MFD_CLOEXEC | MFD_EXEC);
    if (file < 0 && errno == EINVAL) /* a kernel before 6.3 */
        file = memfd_create("jit", MFD_CLOEXEC);
    if (file < 0)
        return false;
    void *data = MAP_FAILED, *code = MAP_FAILED;
    if (size <= INT32_MAX || sizeof(off_t) > 4)
        if (ftruncate(file, (off_t)size) == 0) {
            data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            code = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
        }
    close(file);
    if (data != MAP_FAILED && code != MAP_FAILED) {
        *writable = data;
        *executable = code;
        return true;
    }
    if (data != MAP_FAILED)
        munmap(data, size);
    if (code != MAP_FAILED)
        munmap(code, size);
    return false;
}

void os_unmap_views(size_t size, void *writable, void *executable) {
    munmap(writable, size);
    munmap(executable, size);
}

void os_flush_code(const void *code, size_t size) {
    __builtin___clear_cache((char *)(uintptr_t)code, (char *)(uintptr_t)code + size);
}

/* The kernel's own choice is the place that is free and that sanitizers and valgrind agree with. */
void *os_place_window(size_t span) {
    void *mapped = mmap(NULL, 2 * span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED)
        return NULL;
    munmap(mapped, 2 * span);
    return (void *)(((uintptr_t)mapped + span - 1) & ~(uintptr_t)(span - 1));
}

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

static pthread_key_t exit_key;
static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;
static bool exit_key_made;

struct heap *os_thread_pointer_sure(void) {
    return os_thread_word;
}

static void thread_exits(void *unused) {
    (void)unused;
    heap_thread_exit();
}

static void make_exit_key(void) { exit_key_made = pthread_key_create(&exit_key, thread_exits) == 0; }

void os_watch_thread_exit(void) {
    pthread_once(&exit_key_once, make_exit_key);
    if (exit_key_made)
        pthread_setspecific(exit_key, &exit_key); /* any value but NULL has the destructor called */
}

static _Thread_local uintptr_t thread_id;

uintptr_t os_thread_id(void) {
    if (thread_id == 0)
        thread_id = (uintptr_t)syscall(SYS_gettid);
    return thread_id;
}

void os_forked(void) { thread_id = 0; }

bool os_thread_alive(uintptr_t id) { return syscall(SYS_tgkill, getpid(), (pid_t)id, 0) == 0 || errno != ESRCH; }

void os_yield(bool sleep) {
    struct timespec millisecond = {0, 1000000};
    if (sleep)
        nanosleep(&millisecond, NULL);
    else
        sched_yield();
}

bool os_process_ending(void) { return false; } /* other threads run until the process is gone */

/* ---- The rest --------------------------------------------------------------------------------------------------- */

uint64_t os_clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void os_print(const char *text) {
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

/* Not for a program with other rights than its caller's. */
size_t os_options(char *text, size_t size) {
    const char *value = secure_getenv("BRAINMM_OPTIONS");
    size_t length = value ? strlen(value) : 0;
    if (length < size) {
        memcpy(text, value ? value : "", length);
        text[length] = 0;
    }
    return length;
}
