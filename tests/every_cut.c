/* SPDX-License-Identifier: MIT */
/* every_cut.c: a thread ends in the midst of the heap, at each moment at which it holds a lock and has just changed
 * something. Whoever goes on finds the heap whole: what was in flight may be lost, but nothing is handed out twice, and
 * memory that must read as zero does.
 *
 * The thread runs single-stepped. Linux: at such a moment another thread forks by the bare system call, so the child is
 * without the stepped thread, and looks. Then the stepped thread forks itself, in the signal handler: its child returns
 * into what was interrupted, ends it, and looks. Windows: the thread is killed there, and the process itself goes on. A
 * part of the moments is tried; with an argument, all.
 *
 * White box: a moment counts if the core's variables, descriptors, bitmaps or records of code differ from the last one,
 * or a call of the system has returned.
 */
#define _GNU_SOURCE /* REG_RIP */
#include "heap_support.h"
#include "heap_whole.h"

#include "brainmm.h"
#include "heap/jit_chunk.h"
#include "memory/region.h"
#include "memory/unit_cache.h"
#include "slab/thread_heap.h"
#include "sync/lock.h"
#if !defined(_WIN32)
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <ucontext.h>
#endif

enum {
    MOMENTS_LEAST = 2,
    PIECES = 8,
    WITNESSES = 6,
    STEP_FLAG = 0x100,
    UNITS_SEEN = 512,
    RANGES = 100,
    ZERO_LEAST = 16384,
    BESIDE_ZERO = 2048
};

/* Lies outside what is looked at for changes. */
static struct {
    uintptr_t seen;
    unsigned ranges;
    const char *range[RANGES][2]; /* of the program's variables */
    unsigned moments, steps, stride, kill_at;
    bool stepping, held, killed;
#if !defined(_WIN32)
    sem_t asked, answered;
    bool done, forks_itself, is_child;
    unsigned children;
#endif
} * run;

/* ---- What the stepped thread does ------------------------------------------------------------------------------- */

/* One action: `prepare` and `act` use these pieces. Those that `act` does not touch are kept, with a pattern. */
static unsigned char *piece[PIECES];
static size_t kept_size[PIECES];
static brainmm_jit_heap *code_heap;
static void *code;

/* All pages of a piece are dirty. */
static void take(unsigned i, size_t size) {
    CHECK((piece[i] = brainmm_alloc(size)) != NULL);
    for (size_t at = 0; !run->stepping && at < size; at += 4 * KIB)
        piece[i][at] = 0xA5;
}

static void take_kept(unsigned i, size_t size) {
    take(i, size);
    kept_size[i] = size;
    pattern_fill(piece[i], size, i);
}

static void drop(unsigned i) {
    CHECK(brainmm_free(piece[i]) == BRAINMM_OK);
    piece[i] = NULL;
}

static void reget(unsigned i, size_t size) { CHECK((piece[i] = brainmm_reget(piece[i], size)) != NULL); }

static void prepare_nothing(void) {}

static void act_take(void) { take(0, 300 * KIB); }

static void prepare_give(void) {
    take(0, 300 * KIB);
    take_kept(1, 70 * KIB);
}
static void act_give(void) { drop(0); }

/* Two pieces of whole units, one behind the other. What lies elsewhere fills the holes, and stays there. */
static void take_neighbours(unsigned left, size_t left_units, unsigned right, size_t right_units) {
    for (unsigned tries = 0; tries < 200; tries++) {
        take(left, left_units * UNIT_SIZE);
        take(right, right_units * UNIT_SIZE);
        if (piece[right] == piece[left] + left_units * UNIT_SIZE)
            return;
    }
    CHECK_MSG(false, "no two pieces of %zu and %zu units side by side", left_units, right_units);
}

static void prepare_grow_right(void) {
    take_neighbours(0, 2, 1, 5);
    take_kept(2, 70 * KIB);
    drop(1);
}
static void act_grow_right(void) {
    unsigned char *before = piece[0];
    reget(0, 300 * KIB);
    CHECK(piece[0] == before);
}

static void prepare_grow_elsewhere(void) {
    take(0, 300 * KIB);
    take_kept(1, 70 * KIB);
}
static void act_grow_elsewhere(void) { CHECK((piece[0] = brainmm_realloc(piece[0], 500 * KIB)) != NULL); }

/* Where there is room beside it, the run does not go elsewhere. What was tried fills that room, and stays there. */
static void prepare_headroom(void) {
    for (unsigned tries = 0; tries < 100; tries++) {
        prepare_grow_elsewhere();
        act_grow_elsewhere();
        if (link_get(&unit_at(piece[0])->run.headroom) >= 8)
            return;
    }
    CHECK_MSG(false, "no run goes elsewhere");
}
static void act_grow_into_headroom(void) {
    unsigned char *before = piece[0];
    reget(0, 900 * KIB);
    CHECK(piece[0] == before);
}
static void act_shrink(void) { reget(0, 100 * KIB); }

static void prepare_grow_both(void) {
    take_neighbours(1, 6, 0, 2);
    take_neighbours(2, 1, 3, 1);
    while (piece[2] < piece[0]) /* and nothing behind it that is free */
        take_neighbours(2, 1, 3, 1);
    drop(1);
}
static void act_grow_both(void) {
    unsigned char *before = piece[0];
    reget(0, 300 * KIB);
    CHECK(piece[0] < before);
}

/* Pages that lie idle in one place are moved to another (Linux, 64 bit). */
static void prepare_move_idle(void) {
    brainmm_thread_heap_minimize();
    take(0, 5 * MIB);
    take_kept(1, 70 * KIB);
    drop(0);
}
static void act_move_idle(void) { take(0, 8 * MIB); }

static void prepare_move_into_headroom(void) {
    brainmm_thread_heap_minimize();
    prepare_grow_elsewhere();
    CHECK((piece[0] = brainmm_realloc(piece[0], 1200 * KIB)) != NULL); /* with 8 MiB of headroom */
    take(2, 6 * MIB);
    drop(2);
}
static void act_move_into_headroom(void) { reget(0, 7 * MIB); }

static void act_small_block(void) { CHECK((piece[0] = brainmm_block_get(4 * KIB, BRAINMM_SYSTEM)) != NULL); }
static void act_small_block_give(void) {
    CHECK(brainmm_block_free(piece[0], BRAINMM_SYSTEM) == BRAINMM_OK);
    piece[0] = NULL;
}
static void prepare_full_unit(void) {
    for (unsigned i = 0; i < 4; i++)
        CHECK((piece[i] = brainmm_block_get(16 * KIB, BRAINMM_USER)) != NULL);
}
static void act_full_unit(void) {
    for (unsigned i = 0; i < 4; i++) {
        CHECK(brainmm_block_free(piece[i], BRAINMM_USER) == BRAINMM_OK);
        piece[i] = NULL;
    }
}

static void act_pages(void) {
    void *pages = brainmm_pages_get(20, BRAINMM_JIT);
    CHECK(pages && brainmm_pages_free(pages, BRAINMM_JIT) == BRAINMM_OK);
}

static void act_code_heap(void) {
    brainmm_jit_heap *heap;
    CHECK(brainmm_jit_heap_create(BRAINMM_JIT_WRITABLE, &heap) == BRAINMM_OK);
    CHECK(brainmm_jit_alloc(heap, 100 * KIB, NULL) != NULL);
    CHECK(brainmm_jit_heap_destroy(heap) == BRAINMM_OK);
}
static void act_code(void) { CHECK((code = brainmm_jit_alloc(code_heap, 3000, NULL)) != NULL); }
static void act_code_give(void) { CHECK(brainmm_jit_free(code_heap, code) == BRAINMM_OK); }

/* Slabs that become all free, and idle memory. */
static void prepare_minimize(void) {
    static unsigned char *small[40];
    for (unsigned i = 0; i < 40; i++)
        CHECK((small[i] = brainmm_alloc(20000)) != NULL);
    for (unsigned i = 0; i < 40; i++)
        CHECK(brainmm_free(small[i]) == BRAINMM_OK);
    take(0, 300 * KIB);
    take_kept(1, 70 * KIB);
    drop(0);
}
static void act_minimize(void) { brainmm_thread_heap_minimize(); }

/* A region is added, and on 32 bit given back. */
static void act_region(void) {
    take(0, 24 * MIB);
    drop(0);
}

struct action {
    const char *name;
    void (*prepare)(void), (*act)(void);
};

static const struct action actions[] = {
    {"take", prepare_nothing, act_take},
    {"give", prepare_give, act_give},
    {"grow to the right", prepare_grow_right, act_grow_right},
    {"grow elsewhere", prepare_grow_elsewhere, act_grow_elsewhere},
    {"grow into headroom", prepare_headroom, act_grow_into_headroom},
    {"shrink", prepare_headroom, act_shrink},
    {"grow to both sides", prepare_grow_both, act_grow_both},
    {"move idle pages", prepare_move_idle, act_move_idle},
    {"first small block", prepare_nothing, act_small_block},
    {"last small block", act_small_block, act_small_block_give},
    {"full unit of blocks", prepare_full_unit, act_full_unit},
    {"pages", prepare_nothing, act_pages},
    {"code heap", prepare_nothing, act_code_heap},
    {"code", prepare_nothing, act_code},
    {"give code", act_code, act_code_give},
    {"move idle pages into headroom", prepare_move_into_headroom, act_move_into_headroom},
    {"minimize", prepare_minimize, act_minimize},
    {"region", prepare_nothing, act_region},
};
enum { ACTIONS = sizeof actions / sizeof *actions };

/* What is taken behind this comes from the units, and what was given is free. */
static void prepare(const struct action *action) {
    action->prepare();
    thread_heaps_empty_stocks();
    unit_cache_empty();
}

/* ---- Who goes on ------------------------------------------------------------------------------------------------ */

static unsigned char *witness[WITNESSES];
static const size_t witness_size[WITNESSES] = {100, 5000, 40 * KIB, 300 * KIB, 700 * KIB, 3 * MIB};

static void witnesses_hold(void) {
    for (unsigned i = 0; i < WITNESSES; i++)
        CHECK(pattern_holds(witness[i], witness_size[i], i));
    for (unsigned i = 0; i < PIECES; i++)
        CHECK(kept_size[i] == 0 || pattern_holds(piece[i], kept_size[i], i));
}

static void zeroed_is_zero(size_t size) {
    unsigned char *zeroed = brainmm_alloc_zeroed(size);
    CHECK(zeroed != NULL);
    for (size_t at = 0; at < size; at += 512)
        CHECK_MSG(zeroed[at] == 0, "zeroed memory has %u in it", zeroed[at]);
    memset(zeroed, 0xA5, size < 256 * KIB ? size : 256 * KIB);
    CHECK(brainmm_free(zeroed) == BRAINMM_OK);
}

/* Takes enough that what was free, or would wrongly be, is handed out. */
static void use_all(void) {
    unsigned char *many[24], *grown;
    zeroed_is_zero(6 * MIB);
    for (unsigned i = 0; i < 3; i++)
        zeroed_is_zero(300 * KIB);
    CHECK((grown = brainmm_alloc(300 * KIB)) != NULL);
    for (unsigned i = 0; i < 24; i++) {
        size_t size = i % 3 == 0 ? 70 * KIB : i % 3 == 1 ? 20000 : 300 * KIB;
        CHECK((many[i] = brainmm_alloc(size)) != NULL);
        memset(many[i], 0x5A, size);
    }
    CHECK((grown = brainmm_realloc(grown, 800 * KIB)) != NULL && (grown = brainmm_realloc(grown, 1 * MIB)) != NULL);
    for (unsigned i = 0; i < 24; i++)
        CHECK(brainmm_free(many[i]) == BRAINMM_OK);
    CHECK(brainmm_free(grown) == BRAINMM_OK);
    for (unsigned i = 0; i < 8; i++)
        CHECK((many[i] = brainmm_block_get((size_t)(4 * KIB) << 2 * (i % 3), BRAINMM_SYSTEM)) != NULL);
    for (unsigned i = 0; i < 8; i++)
        CHECK(brainmm_block_free(many[i], BRAINMM_SYSTEM) == BRAINMM_OK);
    void *more = brainmm_jit_alloc(code_heap, 5000, NULL);
    CHECK(more && brainmm_jit_free(code_heap, more) == BRAINMM_OK);
}

static int BRAINMM_CALL visit_nothing(void *context, const brainmm_allocation *allocation) {
    (void)context;
    CHECK(allocation->size != 0);
    return 0;
}

static void go_on(const char *name) {
    heap_is_whole(name);
    use_all();
    CHECK(brainmm_walk(visit_nothing, NULL) == BRAINMM_OK);
    brainmm_thread_heap_minimize();
    witnesses_hold();
    heap_is_whole(name);
}

/* ---- Which moments ---------------------------------------------------------------------------------------------- */

/* The core's variables are somewhere among the program's. */
#if defined(_WIN32)
extern char data_start[] __asm__("__data_start__"), data_end[] __asm__("__data_end__");
extern char bss_start[] __asm__("__bss_start__"), bss_end[] __asm__("__bss_end__");
#else
extern char data_start[] __asm__("__data_start"), data_end[] __asm__("_edata");
extern char bss_start[] __asm__("__bss_start"), bss_end[] __asm__("_end");
#endif

static uintptr_t mix(uintptr_t sum, const void *from, const void *to) {
    const uintptr_t *word = from;
    uintptr_t sums[4] = {sum, 1, 2, 3};
    for (; word + 4 <= (const uintptr_t *)to; word += 4)
        for (unsigned i = 0; i < 4; i++)
            sums[i] = (sums[i] ^ word[i]) * (uintptr_t)0x9E3779B97F4A7C15u;
    return sums[0] ^ sums[1] << 1 ^ sums[2] << 2 ^ sums[3] << 3;
}

/* Tables of which most is 0 would take most of the time. What lies beside them may be a variable that is 0 now. */
static void note_variables(const char *at, const char *end) {
    static const char zero[ZERO_LEAST];
    const char *from = at = (const char *)(((uintptr_t)at + 63) & ~(uintptr_t)63);
    while (at + ZERO_LEAST < end) {
        if (memcmp(at, zero, ZERO_LEAST) != 0) {
            at += 64;
            continue;
        }
        CHECK(run->ranges < RANGES);
        run->range[run->ranges][0] = from;
        run->range[run->ranges++][1] = at + BESIDE_ZERO;
        while (at + 64 <= end && memcmp(at, zero, 64) == 0)
            at += 64;
        from = at - BESIDE_ZERO;
    }
    CHECK(run->ranges < RANGES);
    run->range[run->ranges][0] = from;
    run->range[run->ranges++][1] = end;
}

/* How a heap of code begins (jit.c). */
struct code_heap {
    struct object looks_free;
    enum brainmm_jit_kind kind;
    bool views_instead;
    void *next;
    size_t next_size;
    struct jit_chunk *chunks;
};

static uintptr_t state(void) {
    const struct jit_chunk *chunk = ((struct code_heap *)(void *)code_heap)->chunks;
    size_t first = unit_number(unit_at(witness[2])) - 1, end = units_known();
    first = first > UNITS_SEEN / 2 ? (first - UNITS_SEEN / 2) & ~(size_t)255 : 0;
    end = end < first + UNITS_SEEN ? end : first + UNITS_SEEN;
    uint64_t *const maps[] = {space.owned, space.starts, space.free, space.committed, space.marked, space.idle};
    uintptr_t sum = 0;
    for (unsigned i = 0; i < run->ranges; i++)
        sum = mix(sum, run->range[i][0], run->range[i][1]);
    for (unsigned i = 0; i < 6; i++)
        sum = mix(sum, maps[i] + first / 64, maps[i] + end / 64);
    sum = mix(sum, chunk, chunk->bits + 2 * bits_words(chunk->granules));
    return mix(sum, unit_from_number((uint32_t)first + 1), unit_from_number((uint32_t)end));
}

static bool holds_a_lock(void) {
    for (enum lock_name name = 0; name < LOCKS; name++)
        if (lock_is_held(name))
            return true;
    return false;
}

/* Where no lock is held, a thread that is killed leaves no trace by which the others could tell that memory is lost. A
 * fork does. */
#if defined(_WIN32)
#define LOOKS_WITHOUT_LOCK false
#else
#define LOOKS_WITHOUT_LOCK true
#endif

/* After an instruction of the stepped thread: whether this moment is to be looked at. Also the one after a release, and
 * those after a call of the system. */
static bool is_moment(bool called) {
    bool held = holds_a_lock(), look = held || run->held || LOOKS_WITHOUT_LOCK;
    run->held = held;
    run->steps++;
    if (!look)
        return false;
    uintptr_t now = state();
    if (now == run->seen && !called)
        return false;
    run->seen = now;
    run->moments++;
    return true;
}

static void step(bool on) {
    __asm__ volatile("" ::: "memory"); /* the compiler moves nothing across */
#if defined(__x86_64__)
    unsigned long long flags = __builtin_ia32_readeflags_u64();
    __builtin_ia32_writeeflags_u64(on ? flags | STEP_FLAG : flags & ~(unsigned long long)STEP_FLAG);
#else
    unsigned flags = __builtin_ia32_readeflags_u32();
    __builtin_ia32_writeeflags_u32(on ? flags | STEP_FLAG : flags & ~(unsigned)STEP_FLAG);
#endif
    __asm__ volatile("" ::: "memory");
}

static void act_stepped(const struct action *action) {
    run->held = false;
    run->moments = 0;
    run->seen = state();
    run->stepping = true;
    step(true);
    action->act();
    run->stepping = false;
    step(false);
#if !defined(_WIN32)
    if (run->is_child) {
        go_on(action->name);
        _exit(TEST_PASSED);
    }
#endif
}

static void start(void) {
    for (unsigned i = 0; i < WITNESSES; i++) {
        CHECK((witness[i] = brainmm_alloc(witness_size[i])) != NULL);
        pattern_fill(witness[i], witness_size[i], i);
    }
    CHECK(brainmm_jit_heap_create(BRAINMM_JIT_WRITABLE, &code_heap) == BRAINMM_OK);
    CHECK(brainmm_jit_alloc(code_heap, 1000, NULL) != NULL);
    use_all(); /* the window, the thread's heap and a few slabs are there */
    note_variables(data_start, data_end);
    note_variables(bss_start, bss_end);
}

/* ---- Linux: a child looks --------------------------------------------------------------------------------------- */

#if !defined(_WIN32)
static const char *current;

static void wait_for(pid_t process) {
    int status;
    CHECK(process >= 0 && waitpid(process, &status, 0) == process);
    CHECK_MSG(status == 0, "%s, moment %u: status %x", current, run->moments, status);
    run->children++;
}

static void ask_for_a_child(void) {
    sem_post(&run->asked);
    while (sem_wait(&run->answered) != 0)
        ;
}

/* The child goes on unstepped, and finds in act_stepped() that it is one. */
static void fork_itself(ucontext_t *context) {
    pid_t process = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (process != 0) {
        wait_for(process);
        return;
    }
    alarm(30);
    run->is_child = true;
    context->uc_mcontext.gregs[REG_EFL] &= ~STEP_FLAG;
}

static void trapped(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)info;
#if defined(__x86_64__)
    const unsigned char *next = (const unsigned char *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    bool called = next[-2] == 0x0F && next[-1] == 0x05; /* syscall */
#else
    const unsigned char *next = (const unsigned char *)((ucontext_t *)context)->uc_mcontext.gregs[REG_EIP];
    bool called = next[-2] == 0xCD && next[-1] == 0x80; /* int 0x80: the kernel returns behind one in any case */
#endif
    int error = errno;
    if (is_moment(called) && run->moments % run->stride == 0) {
        if (run->forks_itself)
            fork_itself(context);
        else
            ask_for_a_child();
    }
    errno = error;
}

static void clean_up(void) {
    for (unsigned i = 0; i < PIECES; i++) {
        if (piece[i] && brainmm_free(piece[i]) != BRAINMM_OK)
            CHECK(brainmm_block_free(piece[i], BRAINMM_SYSTEM) == BRAINMM_OK);
        piece[i] = NULL;
        kept_size[i] = 0;
    }
}

static void stepped_thread(void *unused) {
    (void)unused;
    for (unsigned i = 0; i < 2 * ACTIONS; i++) {
        const struct action *action = &actions[i % ACTIONS];
        current = action->name;
        run->forks_itself = i >= ACTIONS;
        prepare(action);
        act_stepped(action);
        printf("%s: %u moments\n", current, run->moments);
        CHECK(run->moments >= MOMENTS_LEAST);
        clean_up();
    }
    run->done = true;
    sem_post(&run->asked);
}

_Noreturn static void child(void) {
    alarm(30);
    for (unsigned i = 0; i < PIECES; i++) /* the others are in the midst of something */
        if (kept_size[i] == 0)
            piece[i] = NULL;
    go_on(current);
    _exit(TEST_PASSED);
}

int main(int argc, char **argv) {
    struct sigaction trap = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_RESTART};
    thread stepped;
    (void)argv;
    setvbuf(stdout, NULL, _IONBF, 0);
    watchdog_start(100);
    run = system_pages(64 * KIB);
    run->stride = argc > 1 ? 1 : 5;
    CHECK(sem_init(&run->asked, 0, 0) == 0 && sem_init(&run->answered, 0, 0) == 0);
    CHECK(sigaction(SIGTRAP, &trap, NULL) == 0);
    start();
    thread_start(&stepped, stepped_thread, NULL);
    for (;;) {
        while (sem_wait(&run->asked) != 0)
            ;
        if (run->done)
            break;
        pid_t process = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (process == 0)
            child();
        wait_for(process);
        sem_post(&run->answered);
    }
    thread_join(&stepped);
    heap_is_whole("all actions");
    printf("%u children, %u steps\n", run->children, run->steps);
    return TEST_PASSED;
}

/* ---- Windows: the thread is killed ------------------------------------------------------------------------------ */

#else
static DWORD stepped_id;

static LONG CALLBACK trapped(EXCEPTION_POINTERS *exception) {
    if (exception->ExceptionRecord->ExceptionCode != EXCEPTION_SINGLE_STEP || GetCurrentThreadId() != stepped_id)
        return EXCEPTION_CONTINUE_SEARCH;
    if (is_moment(false) && run->moments == run->kill_at) {
        run->killed = true;
        TerminateThread(GetCurrentThread(), 0);
    }
    if (run->stepping) /* the system has cleared it */
        exception->ContextRecord->EFlags |= STEP_FLAG;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void stepped_thread(void *action) {
    stepped_id = GetCurrentThreadId();
    act_stepped(action);
}

static void prepare_in_thread(void *action) { prepare(action); }

/* What the killed thread was about is lost, whatever it was. */
static void clean_up(void) {
    for (unsigned i = 0; i < PIECES; i++) {
        if (piece[i] && (kept_size[i] || !run->killed) && brainmm_free(piece[i]) != BRAINMM_OK)
            CHECK(brainmm_block_free(piece[i], BRAINMM_SYSTEM) == BRAINMM_OK);
        piece[i] = NULL;
        kept_size[i] = 0;
    }
}

/* Kills a thread at the moment with that number. False if there is none. */
static bool kill_at(const struct action *action, unsigned moment) {
    thread stepped;
    run->kill_at = moment;
    run->killed = false;
    thread_start(&stepped, prepare_in_thread, (void *)action);
    thread_join(&stepped);
    thread_start(&stepped, stepped_thread, (void *)action);
    thread_join(&stepped);
    stepped_id = 0;
    if (run->killed) {
        for (unsigned i = 0; i < PIECES; i++)
            if (kept_size[i] == 0)
                piece[i] = NULL;
        go_on(action->name);
    }
    clean_up();
    return run->killed;
}

int main(int argc, char **argv) {
    (void)argv;
    watchdog_start(110);
    run = system_pages(64 * KIB);
    CHECK(AddVectoredExceptionHandler(1, trapped) != NULL);
    start();
    for (unsigned i = 0; i < ACTIONS; i++) {
        unsigned stride = argc > 1 ? 1 : 29 + i % 5, kills = 0;
        for (unsigned moment = 3 + i % 4; kill_at(&actions[i], moment); moment += stride)
            kills++;
        printf("%s: %u threads killed\n", actions[i].name, kills);
        fflush(stdout);
    }
    return TEST_PASSED;
}
#endif
