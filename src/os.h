/* os.h: all that the core asks of an operating system. A port is one folder that implements this page.
 *
 * Addresses and sizes are multiples of OS_GRANULE unless a line says otherwise. Functions report failure by their
 * result, never by ending the process. None of them allocates from the heap.
 */
#ifndef BRAINMM_OS_H
#define BRAINMM_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OS_GRANULE 65536u /* reservations start at multiples of this on every system we know */
#define OS_PAGE 4096u     /* the smallest unit of commit, purge and rights */
#define OS_HUGE_PAGE ((size_t)2 << 20)

/* Called once, before any other function here. False: the system lacks what the port needs. */
bool os_start(void);

/* ---- Memory ----------------------------------------------------------------------------------------------------- */

/* Reserves SIZE bytes of address space at ADDRESS exactly; false if that is not free. */
bool os_reserve_at(void *address, size_t size);

/* Reserves SIZE bytes anywhere, at a multiple of ALIGNMENT (a power of two, at least OS_GRANULE); NULL if there is none. */
void *os_reserve(size_t size, size_t alignment);

/* The same for a table, at a multiple of OS_GRANULE, of which only beginnings may ever be used. What has not been made
 * usable by os_commit_table() costs the process nothing, whatever it asks of the system: strict accounting of memory, all
 * of it locked, limits. */
void *os_reserve_table(size_t size);
bool os_commit_table(void *address, size_t size);

/* Gives address space back: the whole of one reservation. */
void os_release(void *address, size_t size);

/* The ranges of the functions below may reach across several reservations that lie side by side. */

/* Makes reserved memory readable and writable (multiples of OS_PAGE). New memory reads as zero; memory that is
 * committed already keeps its contents. False when the system has no more; a part may then be committed. */
bool os_commit(void *address, size_t size);

/* Gives the memory behind committed pages back and leaves them reserved: os_commit before the next use; the contents
 * are then zero. Rights are readable and writable again. */
void os_decommit(void *address, size_t size);

/* Changes rights of committed pages to a combination of enum brainmm_rights; false if the system refuses. */
bool os_protect(void *address, size_t size, unsigned rights);

/* Copies memory that may not be readable, or that other threads change or give back meanwhile: the system does it, as for
 * a debugger, so that it is no access of this program and no fault. False if any of it cannot be read; some of COPY may
 * have been written then. Any addresses and sizes. */
bool os_peek(void *copy, const void *from, size_t size);
/* Moves the pages of [FROM, FROM + SIZE), which keep their contents and rights, to [TO, TO + SIZE) without copying:
 * both committed, apart, multiples of OS_PAGE. Quickest where both are at a multiple of OS_HUGE_PAGE, for the system then
 * moves whole tables of pages. Returns how many bytes from the start were moved, 0 on systems that cannot; what they
 * left is as after os_decommit. *LOST, false before the call, becomes true if the system failed so that a part of the
 * target is no longer reserved, or may be somebody else's by now: nothing of the target may then be used or released. */
size_t os_move_pages(void *to, void *from, size_t size, bool *lost);

/* Committed memory is going to be written from end to end: the system may back it with pages of OS_HUGE_PAGE. A hint. */
void os_expect_use(void *address, size_t size);

/* Whether all of SIZE bytes at ADDRESS is memory that the process has mapped or committed, whatever its rights. */
bool os_pages_are_mapped(const void *address, size_t size);

/* The rights of one page of the process, as the system knows them; false if it is not mapped. */
bool os_page_rights(const void *page, unsigned *rights);

/* Maps SIZE bytes of new memory, which read as zero, twice: *WRITABLE for data, *EXECUTABLE for code. False, and nothing is
 * stored, if the system refuses. Unmapping takes both at once. */
bool os_map_views(size_t size, void **writable, void **executable);
void os_unmap_views(size_t size, void *writable, void *executable);

/* Code was written (any SIZE, at any address, the one it runs at): the processor must not run what it read before. */
void os_flush_code(const void *code, size_t size);

/* Where the window of the heap (src/window.h) may lie: the address, a multiple of SPAN, of SPAN bytes (a power of two, 64
 * bit only) of which most are free and will likely stay so. Nothing is reserved. NULL if there is no such place. */
void *os_place_window(size_t span);

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

/* os_thread_pointer() and os_set_thread_pointer(), the one word of thread-local storage that the heap needs, come from
 * the port's os_inline.h. In a new thread it reads as &heap_none, or as NULL where OS_THREAD_POINTER_MAY_BE_NULL.
 * os_thread_pointer() may miss a heap that was set, on a system where the fast way is not always there;
 * os_thread_pointer_sure() does not. */
struct heap;
struct heap *os_thread_pointer_sure(void);

/* Asks the system to call heap_thread_exit() when the calling thread ends. Idempotent. */
void os_watch_thread_exit(void);

/* The system's id of the calling thread; never 0. */
uintptr_t os_thread_id(void);

/* In the child of a fork: its one thread has another id than the one it was copied from. */
void os_forked(void);

/* Whether a thread with that id is still running. When in doubt: true. */
bool os_thread_alive(uintptr_t id);

/* Lets another thread run. SLEEP: for about a millisecond. */
void os_yield(bool sleep);

/* True while the process is ending and other threads have been stopped at arbitrary points: locks may never open. */
bool os_process_ending(void);

/* ---- The rest --------------------------------------------------------------------------------------------------- */

/* Milliseconds since some moment; coarse, monotonic, cheap. */
uint64_t os_clock_ms(void);

/* Writes TEXT to where a process's diagnostics go. */
void os_print(const char *text);

/* Copies the environment variable BRAINMM_OPTIONS to TEXT, of SIZE bytes, with a zero behind it, and returns its length: 0 if
 * there is none. SIZE or more: it does not fit, and TEXT is undefined. */
size_t os_options(char *text, size_t size);

#endif
