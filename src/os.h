/* SPDX-License-Identifier: MIT */
/* os.h: all that the core asks of an operating system. A port is one folder that implements this page.
 *
 * Addresses and sizes are multiples of os_facts.granule, unless a line says otherwise. Functions report failure by
 * their result and never end the process. None of them allocates from the heap.
 */
#ifndef BRAINMM_OS_H
#define BRAINMM_OS_H

#include "base/atomic.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- The system ------------------------------------------------------------------------------------------------- */

/* What a port knows about its system. */
struct os_facts {
    size_t page;                /* bytes: the unit of commit, decommit and rights. A power of two, at most 64 KiB */
    size_t granule;             /* bytes: reservations start at multiples. A power of two, `page` to 64 KiB */
    size_t huge_page;           /* bytes: what one entry of a higher page table maps. Pages are moved in these */
    bool takes_advice;          /* os_expect_use() makes the system use huge pages */
    bool moves_pages;           /* os_move_pages() can, and addresses are not scarce */
    bool frame_pointers;        /* code may keep frame pointers, as on x86; else os_unwind() alone finds the callers */
    bool huge_pages_everywhere; /* the administrator wants them for all memory, not only where a program advises them */
    bool charges_reserved; /* reserved memory may be charged as if it were used: by strict accounting of memory, to a
                                   program that locks all it has, by a limit of data */
};
extern struct os_facts os_facts __attribute__((visibility("hidden")));

/* Fills os_facts in. Is called before any other function here, in every module, and always fills in the same. */
void os_facts_start(void);

/* Is called by the module that is to own the heap, again if its start failed. NULL, or the sentence, without its full
 * stop, that tells what the system lacks. */
const char *os_start(void);

/* ---- Memory ----------------------------------------------------------------------------------------------------- */

/* From now on nobody can touch memory that is reserved and not committed. On some systems that is so in any case, on
 * others it costs a system call for each commit. Before os_start(). */
void os_forbid_reserved(void);

/* Reserves SIZE bytes of address space at ADDRESS exactly; NULL is always taken. If the system has no more to give, it
 * makes no sense to ask for another place. */
enum os_reserved {
    OS_RESERVED,
    OS_TAKEN,  /* somebody has a part of that range, or the system lets nobody have it */
    OS_REFUSED /* the system has no more, wherever, or the process may have no more */
};
enum os_reserved os_reserve_at(void *address, size_t size);

/* Reserves SIZE bytes anywhere, at a multiple of ALIGNMENT (a power of two, at least os_facts.granule). NULL if there
 * is no such place. */
void *os_reserve(size_t size, size_t alignment);

/* The same, of memory that nobody can touch. It is never committed. */
void *os_reserve_untouchable(size_t size, size_t alignment);

/* How many bytes of addresses or of memory the process may have in all, where that is less than there are addresses;
 * else SIZE_MAX. It may change at any time. */
size_t os_address_limit(void);

/* How many ranges of memory of different rights the process may have; SIZE_MAX if the system has no such limit. */
size_t os_mappings_most(void);

/* Whether SIZE more bytes could be reserved now, as far as the limit goes. */
bool os_has_room(size_t size);

/* Gives address space back: the whole of one reservation. False if the system refuses: it is then as before. */
bool os_release(void *address, size_t size);

/* The ranges of the functions below may reach across several reservations that lie side by side. */

/* Makes reserved memory readable and writable (multiples of os_facts.page). New memory reads as zero. Memory that is
 * committed already keeps its contents. False when the system has no more; a part may then be committed. */
bool os_commit(void *address, size_t size);

/* Gives the memory behind committed pages back. They stay reserved, and need os_commit() before the next use. Their
 * contents are then zero, and their rights are to read and write. False if the system refuses: they are then still
 * committed, and any of them may have its contents or read as zero. */
bool os_decommit(void *address, size_t size);

/* Changes the rights of committed pages to a combination of enum brainmm_rights. False if the system refuses. */
bool os_protect(void *address, size_t size, unsigned rights);

/* Copies memory that may be unreadable, or that other threads change or give back meanwhile. The system does it, as for
 * a debugger. So it is no access of this program and cannot fault. False if any of it cannot be read; a part of COPY
 * may have been written then. Takes any addresses and sizes. */
bool os_peek(void *copy, const void *from, size_t size);

/* Moves the pages of [FROM, FROM + SIZE) to [TO, TO + SIZE) without copying. They keep their contents and rights. Both
 * ranges are committed, apart, and multiples of os_facts.page. It is quickest where both start at a multiple of
 * os_facts.huge_page, because the system then moves whole tables of pages. Returns how many bytes from the start were
 * moved: 0 on systems that cannot. What they left is as after os_decommit(). *LOST is false before the call. It becomes
 * true if a part of the target is no longer reserved, or may be somebody else's by now. Nothing of the target may then
 * be used or released. */
size_t os_move_pages(void *to, void *from, size_t size, bool *lost);

/* A hint: committed memory is going to be written from end to end, so huge pages are worth it. */
void os_expect_use(void *address, size_t size);

/* Whether all of SIZE bytes at ADDRESS is memory that the process has mapped or committed, with whatever rights. */
bool os_pages_are_mapped(const void *address, size_t size);

/* The rights of one page of the process, as the system knows them. False if the page is not mapped, or the system does
 * not tell. */
bool os_page_rights(const void *page, unsigned *rights);

/* Maps SIZE bytes of new memory, which read as zero, twice: *WRITABLE for data, *EXECUTABLE for code. Both are the
 * same where the system lets each thread choose what it does there. False if the system refuses; then nothing is
 * stored. Unmapping takes both at once. It is false if the system refuses one of them; then neither may be used or
 * unmapped again. */
bool os_map_views(size_t size, void **writable, void **executable);
bool os_unmap_views(size_t size, void *writable, void *executable);

/* The port's os_inline.h has os_write_code(bool write): the calling thread is about to write to memory that
 * os_map_views() has mapped, or is done with it. That counts where both addresses of such memory are the same. */

/* Code was written at CODE, the address where it runs. The processor must not run what it read there before. Takes any
 * address and SIZE. */
void os_flush_code(const void *code, size_t size);

/* Where the addresses end that are the system's last choice. The heap's window is placed below. 64 bit only. 0 if the
 * system has no addresses. */
uintptr_t os_window_end(void);

/* Bits that nobody outside the process can guess, as far as the system gives such. Always 0 where the system was told
 * to give a program the same addresses in each run. Waits for nothing. */
uint64_t os_random(void);

/* The port's os_inline.h has tables: variables that are written during the module's start only.
 *
 *   OS_TABLE(type, name) = ...   defines one. Any file may declare it as `extern type name`
 *   os_protect_tables(void *first, size_t size, bool writable)
 *                                makes a range that begins and ends with tables writable, before any of them is
 *                                written, or read-only. It takes any address and size. False if the system refuses.
 *                                Where a program was linked so that tables share their pages with variables, it does
 *                                nothing */

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

/* The port's os_inline.h has the one word of thread-local storage that the core needs, a struct thread_heap *:
 *
 *   os_thread_pointer()          reads it. May miss a value that was set, on a system where the fast way is not always
 *                                there
 *   os_thread_pointer_sure()     reads it and misses none
 *   os_set_thread_pointer(heap)  sets it
 *   os_hide_thread_pointers()    from now on, os_thread_pointer() does not see what is set: the fast paths, which read
 *                                it, never succeed. Before any thread has set it
 *   OS_THREAD_WORD(initial);     defines it, in the core's own file. INITIAL is what a new thread reads, or NULL where
 *                                OS_THREAD_POINTER_MAY_BE_NULL */

/* Asks the system to call DONE when the calling thread ends. Idempotent. A port whose library learns of every thread's
 * end in another way (DllMain) does nothing here. */
void os_watch_thread_exit(void (*done)(void));

/* Asks the system to notice that the process is the child of a fork, however it was made. Only one thread of the parent
 * is there then, and it has another id. os_thread_id() notices it, and calls NOTICED before it returns: in the first
 * thread of the child that asks, with FIRST, while all others wait; and in the thread that was there before, if that is
 * another. NOW is the thread's id, and BEFORE what it was in the parent, or 0 if nobody has asked for it there. Nothing
 * is ever called where there is no fork. Once, when the heap has started. */
void os_watch_fork(void (*noticed)(uintptr_t before, uintptr_t now, bool first));

/* The system's id of the calling thread: never 0, and below 2^31 - 1. */
uintptr_t os_thread_id(void);

/* Whether a thread of this process with that id is still running. When in doubt: true. */
bool os_thread_alive(uintptr_t id);

/* The port's os_inline.h has a word of each thread with a bit for each lock that it holds. os_locks() reads it, and
 * os_set_locks(bits) sets it. A signal handler of the thread finds there what it has interrupted. Where nothing
 * interrupts a thread and then uses the heap, the word is always 0. */

/* Waits until os_wake() is called for the same QUEUE, at most MILLISECONDS. Returns at once if WORD, the address of 32
 * bits, no longer has the value EXPECTED, and may return for no reason. All who wait for a word do so in one QUEUE, a
 * number below OS_QUEUES. False if the time is up. This is no cancellation point. A thread that is killed in it harms
 * nobody. */
#define OS_QUEUES 7u
bool os_wait(unsigned queue, const void *word, uint32_t expected, unsigned milliseconds);

/* Wakes one thread that waits for WORD, if there is one. */
void os_wake(unsigned queue, const void *word);

/* Sleeps for about a millisecond. No cancellation point. */
void os_sleep(void);

/* True while the process is ending and other threads have been stopped at arbitrary points: their locks may never be
 * released. */
bool os_process_ending(void);

/* ---- Call stacks and images ------------------------------------------------------------------------------------- */

/* Nothing here waits for the loader, because a thread that has it may be waiting for the caller. os_images_start() is
 * called once, before the others, with nothing locked. os_unwind_start() may load a library, and so allocate: it is
 * called from the library's beginning, or never. */
void os_images_start(void);
void os_unwind_start(void);

/* How far memory behind FRAME, an address on the calling thread's stack, can be read without a fault as long as the
 * thread runs. FRAME itself if that is not known: on the stack of a coroutine, of a signal handler. */
uintptr_t os_stack_end(uintptr_t frame);

/* Stores the return addresses on the calling thread's stack, the innermost first, as the tables for exceptions tell
 * them, and returns how many: 0 if the system has no such function. Some may be of the caller and of the port. */
unsigned os_unwind(const void **addresses, unsigned capacity);

/* An image: a program, or a DLL or shared library that is loaded. */
struct os_image {
    uintptr_t start;
    size_t size;
    uintptr_t bias;    /* an address less this is what the image's debug information calls it */
    uint64_t identity; /* tells two images apart that lie at the same place, one after the other; it need not always */
    atomic_u32 seen;   /* the port's */
    bool stays;        /* it is never unloaded */
};

/* Whether CODE lies in the code of an image. */
bool os_is_code(const void *code);

/* Finds the image whose code CODE lies in. Copies its file's name, in UTF-8, to NAME, of SIZE bytes; what does not fit
 * is cut off. False if it lies in no image's code. */
bool os_image_of(const void *code, struct os_image *image, char *name, size_t size);

/* Whether what is loaded there now is still IMAGE, whose file is called NAME. Code of it is on the caller's stack, or
 * of an image that has taken its place. This is quick where that can be. */
bool os_image_is_same(struct os_image *image, const char *name);

/* ---- Tools that watch a program --------------------------------------------------------------------------------- */

/* A tool that watches this process's memory, and what it is told. All functions take any addresses and sizes, and may
 * be called by any thread. A tool that a function is of no use to has NULL there. */
struct os_tool {
    bool knows_allocations; /* it tells itself where an allocation was made and freed */
    bool wants_quarantine;  /* freed memory is not to be used again soon */

    /* DESCRIBE prints what is known of an address. The tool calls it when it has reported one. */
    void (*start)(void (*describe)(const void *address));

    /* Nobody may touch those bytes; anybody may, and they count as written. Memory that os_commit() has made is
     * allowed. */
    void (*forbid)(const void *start, size_t size);
    void (*allow)(const void *start, size_t size);

    /* An allocation begins: its bytes are allowed, and not written unless ZEROED. It ends: they are forbidden. */
    void (*begin)(const void *piece, size_t size, bool zeroed);
    void (*end)(const void *piece, size_t size);

    /* The program has freed what is no live allocation. The tool may end the process. */
    void (*refuse)(const void *address);

    /* Pointers to what others have allocated may lie there, or do no more. */
    void (*roots)(const void *start, size_t size);
    void (*no_roots)(const void *start, size_t size);
};

/* The tool that watches this process; NULL if none does. With ALL also one that can do little with what it hears. From
 * then on os_commit() allows what it makes. */
const struct os_tool *os_tool_find(bool all);

/* ---- The rest --------------------------------------------------------------------------------------------------- */

/* Milliseconds since some moment: coarse, monotonic, cheap. */
uint64_t os_clock_ms(void);

/* Writes TEXT to where a process's diagnostics go. */
void os_print(const char *text);

/* Stops the process for a debugger. It goes on if the debugger wants that. */
void os_break(void);

/* Prints TEXT and ends the process as abort() does, with a dump where the system makes one. */
_Noreturn void os_abort(const char *text);

/* ---- Files and the program --------------------------------------------------------------------------------------- */

/* Texts and names of files are UTF-8 where the system does not say otherwise. */
#define OS_PATH_MAX 4096u /* bytes of a file's name that are taken, with the zero behind it */

/* Whether the program has other rights than its caller: it must not obey the environment or files. */
bool os_is_privileged(void);

/* Copies the environment variable NAME to TEXT, of SIZE bytes, with a zero behind it, and returns its length: 0 if
 * there is none. If the length is SIZE or more it does not fit, and TEXT is undefined. Not for two threads at a time.
 */
size_t os_environment(const char *name, char *text, size_t size);

/* The text that the program itself defines (BRAINMM_PROGRAM_OPTIONS of brainmm.h); NULL if it has none. */
const char *os_program_options(void);

/* Copies the path of the program's file to PATH, of SIZE bytes, and returns its length. What every program's name ends
 * with (.exe) is left out. 0 if the system does not tell, or if it does not fit. Not for two threads at a time. */
size_t os_program_path(char *path, size_t size);

/* Copies a file to TEXT, of SIZE bytes, with a zero behind it, and returns its length: 0 if it cannot be read. If the
 * length is SIZE or more it does not fit, and TEXT is undefined. */
size_t os_text_file(const char *path, char *text, size_t size);

uintptr_t os_process_id(void);

/* Opens a file to write to it: at its end if APPEND, else in place of what it has. It is made if there is none. -1 if
 * the system refuses. Not for two threads at a time. */
intptr_t os_file_open(const char *path, bool append);
bool os_file_write(intptr_t file, const void *bytes, size_t length);
void os_file_close(intptr_t file);

/* Starts a thread that calls DUMP each time that the user gives a sign: the signal of the number SIGNAL, or if that is
 * 0, the event Local\BrainMM_dump_PPPPPPPP (process id, hexadecimal). Once. In the child of a fork there is no such
 * thread. NULL, or the sentence, without its full stop, that tells why not. */
const char *os_watch_dump(unsigned signal, void (*dump)(void));

#endif
