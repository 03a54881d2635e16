/* SPDX-License-Identifier: MIT */
/* call_stacks.c: captured call stacks are right: of functions with and without a frame pointer, of threads at the same
 * time, of a plug-in that was unloaded, also where another has taken its place. Whatever the register of frame pointers
 * holds, nothing faults, and every address told is a return address. A capture allocates nothing. When the depot is
 * full, what is there is still found.
 *
 * With the argument `exact`, stacks are captured by the tables for exceptions.
 */
#include "call_stacks.h"
#include "checked/depot.h"
#include "checked/stacks.h"
#include "support/thread.h"

#include "rendezvous_party.h"
#if !defined(_WIN32)
#include <ucontext.h>
#endif

static bool exact;
static bool complete; /* all of a chain is found, whether its functions keep frame pointers or not */
static unsigned depth = 16;

/* ---- A capture allocates nothing -------------------------------------------------------------------------------- */

static _Thread_local bool capturing;
static atomic_u32 allocations; /* during a capture */

#if defined(__GLIBC__) && !UNDER_SANITIZER
/* The program's functions are those of all its libraries. */
#pragma GCC visibility push(default)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *piece, size_t size);
void __libc_free(void *piece);
static void note_call(void) {
    if (capturing)
        add_relaxed(&allocations, 1);
}
void *malloc(size_t size) { return note_call(), __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return note_call(), __libc_calloc(count, size); }
void *realloc(void *piece, size_t size) { return note_call(), __libc_realloc(piece, size); }
void free(void *piece) { note_call(), __libc_free(piece); }
#pragma GCC visibility pop
#endif

/* ---- Chains of calls -------------------------------------------------------------------------------------------- */

/* On 64-bit Windows, the system's own function must find the same, in all frames up to the start of the thread. */
#if defined(_WIN64)
static void compare_with_system(const void *caller, uint32_t number) {
    void *all[80];
    brainmm_frame frames[STACK_FRAMES_MAX];
    unsigned count = brainmm_stack_frames(number, frames, STACK_FRAMES_MAX);
    unsigned found = RtlCaptureStackBackTrace(0, 60, all, NULL), at = 0;
    while (at < found && all[at] != caller)
        at++;
    for (unsigned i = 0; i < count; i++)
        CHECK_MSG(at + i >= found || frames[i].address == all[at + i], "%u of %u: %p", i, count, frames[i].address);
    CHECK(count == depth || at + count >= found || all[at + count] == NULL);
}
#else
static void compare_with_system(const void *caller, uint32_t number) { (void)caller, (void)number; }
#endif

/* What the program calls: a function of the library. */
static __attribute__((noinline)) uint32_t entry(struct chain *chain) {
    NOTE_RETURN(chain);
    capturing = true;
    uint32_t number = stack_capture(STACK_ORIGIN, depth);
    capturing = false;
    if (number)
        compare_with_system(__builtin_return_address(0), number);
    return number;
}

static chain_link framed_one, framed_other, bare_one, bare_other;

static __attribute__((noinline)) uint32_t framed_one(struct chain *chain) {
    KEEPS_FRAME();
    CHAIN_BODY(chain, framed_one, framed_other);
}
static __attribute__((noinline)) uint32_t framed_other(struct chain *chain) {
    KEEPS_FRAME();
    CHAIN_BODY(chain, framed_one, framed_other);
}
static __attribute__((noinline)) uint32_t bare_one(struct chain *chain) { CHAIN_BODY(chain, bare_one, bare_other); }
static __attribute__((noinline)) uint32_t bare_other(struct chain *chain) { CHAIN_BODY(chain, bare_one, bare_other); }

/* Their frames have any size. */
static chain_link roomy_one, roomy_other;
static __attribute__((noinline)) uint32_t roomy_one(struct chain *chain) {
    char room[20000];
    __asm__ volatile("" : : "r"(room) : "memory");
    CHAIN_BODY(chain, roomy_one, roomy_other);
}
static __attribute__((noinline)) uint32_t roomy_other(struct chain *chain) {
    char room[chain->left * 100 + 1];
    __asm__ volatile("" : : "r"(room) : "memory");
    CHAIN_BODY(chain, roomy_one, roomy_other);
}

static __attribute__((noinline)) uint32_t run(struct chain *chain, chain_link *first, unsigned calls, unsigned path) {
    chain_link *volatile begin = first;
    *chain = (struct chain){.capture = entry, .left = calls, .path = path};
    uint32_t number = begin(chain);
    __asm__ volatile("");
    return number;
}

/* The frames of a stack; at least as many as the chain has, if they fit. */
static unsigned frames_of(uint32_t number, brainmm_frame frames[STACK_FRAMES_MAX]) {
    CHECK(number != 0);
    unsigned count = brainmm_stack_frames(number, NULL, 0);
    CHECK(count >= 1 && count <= depth);
    CHECK(brainmm_stack_frames(number, frames, STACK_FRAMES_MAX) == count);
    return count;
}

/* From FRAMES[0] on come the chain's addresses, the innermost first. */
static void check_all(const struct chain *chain, uint32_t number) {
    brainmm_frame frames[STACK_FRAMES_MAX];
    unsigned count = frames_of(number, frames);
    for (unsigned i = 0; i < chain->count && i < depth; i++)
        CHECK_MSG(i < count && frames[i].address == chain->addresses[chain->count - 1 - i], "%u of %u", i, count);
}

/* The first address is right, and those that are of the chain come in its order. */
static void check_some(const struct chain *chain, uint32_t number) {
    brainmm_frame frames[STACK_FRAMES_MAX];
    unsigned count = frames_of(number, frames), at = chain->count;
    CHECK(frames[0].address == chain->addresses[chain->count - 1]);
    for (unsigned i = 0; i < count; i++)
        for (unsigned k = at; k-- > 0;)
            if (frames[i].address == chain->addresses[k]) {
                at = k;
                break;
            }
}

/* The chain of CALLS calls alone, whoever calls it. */
static uint32_t run_alone(struct chain *chain, chain_link *first, unsigned calls, unsigned path) {
    unsigned before = depth;
    depth = calls + 2 < depth ? calls + 2 : depth;
    uint32_t number = run(chain, first, calls, path);
    depth = before;
    return number;
}

static void chains_are_right(void) {
    struct chain chain, other;
    for (unsigned calls = 0; calls < 30; calls++) {
        uint32_t number = run_alone(&chain, framed_one, calls, 5);
        check_all(&chain, number);
        CHECK(run_alone(&other, framed_one, calls, 5) == number);
        if (calls > 0 && calls < depth - 2)
            CHECK(run_alone(&other, framed_one, calls - 1, 5) != number &&
                  run_alone(&other, framed_one, calls, 5 ^ 1u << calls) != number);
        check_all(&chain, run(&chain, framed_one, calls, 5));
        static chain_link *const others[] = {bare_one, roomy_one};
        for (unsigned i = 0; i < 2; i++) {
            number = run(&chain, others[i], calls, 0x33333);
            if (complete)
                check_all(&chain, number);
            else
                check_some(&chain, number);
        }
    }
    for (depth = 1; depth < 40; depth += 13)
        check_all(&chain, run(&chain, framed_other, 30, 0x55555));
    depth = 0;
    CHECK(run(&chain, framed_other, 3, 0) == 0);
    depth = 16;
}

/* The module of each frame is this program. */
static void frames_are_told(void) {
    char line[512];
    struct text text = TEXT_IN(line);
    struct chain chain;
    brainmm_frame frames[STACK_FRAMES_MAX];
    uint32_t number = run(&chain, framed_one, 3, 0);
    frames_of(number, frames);
    CHECK(frames[0].module && strstr(frames[0].module, "call_stacks-"));
    CHECK(frames[0].offset - frames[1].offset == (uintptr_t)frames[0].address - (uintptr_t)frames[1].address);
    CHECK(stack_line(&text, number, 1));
    char *end;
    CHECK_MSG(strncmp(line, "    #1 0x", 9) == 0 && strtoull(line + 7, &end, 16) == (uintptr_t)frames[1].address &&
                  *end == ' ' && strncmp(end + 1, frames[1].module, strlen(frames[1].module)) == 0,
              "%s", line);
    end += 1 + strlen(frames[1].module);
    CHECK_MSG(strncmp(end, "+0x", 3) == 0 && strtoull(end + 1, &end, 16) == frames[1].offset && strcmp(end, "\n") == 0,
              "%s", line);
    CHECK(!stack_line(&text, number, brainmm_stack_frames(number, NULL, 0)));
}

/* Numbers that no stack has are recognised. */
static void numbers_are_checked(void) {
    unsigned valid = 0;
    for (uint32_t number = 0; number < 70000; number++) {
        unsigned count = brainmm_stack_frames(number, NULL, 0);
        CHECK(count <= STACK_FRAMES_MAX);
        valid += count != 0;
    }
    CHECK(valid > 20 && valid < 10000);
    CHECK(brainmm_stack_frames(UINT32_MAX, NULL, 0) == 0 && brainmm_stack_frames(1u << 31, NULL, 0) == 0);
}

/* ---- Threads ---------------------------------------------------------------------------------------------------- */

#define PATHS 512u
#define THREADS 4u
static uint32_t numbers[THREADS][PATHS];
static event start;

/* All but the first few frames, which are of this function and above, are the same in all threads. */
static void thread_captures(void *argument) {
    uint32_t *own = argument;
    struct chain chain;
    CHECK(event_wait(&start, 10000));
    for (unsigned path = 0; path < PATHS; path++) {
        own[path] = run(&chain, framed_one, 10, path << 1);
        check_all(&chain, own[path]);
    }
}

static void threads_agree(void) {
    thread threads[THREADS];
    depth = 11; /* no more than the chain has: above are the system's functions */
    for (unsigned i = 0; i < THREADS; i++)
        thread_start(&threads[i], thread_captures, numbers[i]);
    event_raise(&start);
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    for (unsigned path = 0; path < PATHS; path++)
        for (unsigned i = 0; i < THREADS; i++) {
            CHECK(numbers[i][path] == numbers[0][path]);
            CHECK(path == 0 || numbers[i][path] != numbers[i][path - 1]);
        }
    depth = 16;
}

/* ---- Any value in the register of frame pointers ---------------------------------------------------------------- */

/* uint32_t call_with_frame(struct chain *chain, uintptr_t value, chain_link *called): calls CALLED with VALUE in the
 * register. */
uint32_t call_with_frame(struct chain *chain, uintptr_t value, chain_link *called);
#if defined(_WIN64)
__asm__(".globl call_with_frame\n.seh_proc call_with_frame\ncall_with_frame:\n push %rbp\n .seh_pushreg %rbp\n"
        "sub $32, %rsp\n .seh_stackalloc 32\n .seh_endprologue\n mov %rdx, %rbp\n call *%r8\n nop\n add $32, %rsp\n"
        "pop %rbp\n ret\n .seh_endproc\n");
#elif defined(__x86_64__)
__asm__(".globl call_with_frame\n.hidden call_with_frame\ncall_with_frame:\n push %rbp\n mov %rsi, %rbp\n call *%rdx\n"
        "pop %rbp\n ret\n");
#elif defined(_WIN32)
__asm__(".globl _call_with_frame\n_call_with_frame:\n push %ebp\n mov 12(%esp), %ebp\n mov 16(%esp), %eax\n"
        "pushl 8(%esp)\n call *%eax\n add $4, %esp\n pop %ebp\n ret\n");
#else
__asm__(".globl call_with_frame\n.hidden call_with_frame\ncall_with_frame:\n push %ebp\n mov 12(%esp), %ebp\n"
        "mov 16(%esp), %eax\n sub $4, %esp\n pushl 12(%esp)\n call *%eax\n add $8, %esp\n pop %ebp\n ret\n");
#endif

static uintptr_t false_frames[64];

static void any_value_is_harmless(void) {
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    struct chain chain;
    brainmm_frame frames[STACK_FRAMES_MAX];
    uintptr_t local[64];
    for (unsigned i = 0; i < 62; i++) { /* a list of frames with wrong return addresses; FALSE_FRAMES is another */
        local[i] = (uintptr_t)&local[i + 2];
    }
    local[62] = local[63] = 0;
    const uintptr_t values[] = {0,
                                1,
                                8,
                                4096,
                                here,
                                here + 1,
                                here - 65536,
                                here + ((uintptr_t)1 << 20),
                                here + ((uintptr_t)1 << 30),
                                UINTPTR_MAX,
                                UINTPTR_MAX - 7,
                                UINTPTR_MAX - 15,
                                UINTPTR_MAX / 2,
                                UINTPTR_MAX / 2 + 1,
                                (uintptr_t)local,
                                (uintptr_t)false_frames,
                                (uintptr_t)any_value_is_harmless & ~(uintptr_t)15};
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
            chain = (struct chain){.capture = entry};
            uint32_t number = call_with_frame(&chain, values[i], entry);
            frames_of(number, frames);
            CHECK(frames[0].address == chain.addresses[0]);
        }
    for (uintptr_t value = here & ~(uintptr_t)4095; value < here + 4096; value += sizeof value) { /* all of the stack */
        chain = (struct chain){.capture = entry};
        unsigned count = frames_of(call_with_frame(&chain, value, entry), frames);
        for (unsigned k = 0; k < count; k++)
            CHECK_MSG(frames[k].module, "%u of %u: %p", k, count, frames[k].address); /* code, so a call */
    }
}

/* ---- Other stacks ----------------------------------------------------------------------------------------------- */

#if !defined(_WIN32)
static void chain_on_this_stack(void) {
    struct chain chain;
    for (unsigned calls = 0; calls < 12; calls++)
        check_all(&chain, run(&chain, framed_one, calls, 3));
    any_value_is_harmless();
}

static atomic_u32 handled;
static void handler(int signal) {
    (void)signal;
    chain_on_this_stack();
    add_relaxed(&handled, 1);
}

#ifdef __GLIBC__
static _Thread_local ucontext_t coroutine, back;
static void coroutine_runs(void) {
    chain_on_this_stack();
    swapcontext(&coroutine, &back);
}

/* Stacks between guard pages, which are gone afterwards, in the place of each other and of other memory. */
static void run_coroutine(void) {
    if (UNDER_SANITIZER) /* which knows of no other stacks */
        return;
    static const size_t size = 65536;
    for (unsigned i = 0; i < 8; i++) {
        char *memory = mmap(NULL, size + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(memory != MAP_FAILED && mprotect(memory + 4096, size, PROT_READ | PROT_WRITE) == 0);
        CHECK(getcontext(&coroutine) == 0);
        coroutine.uc_stack.ss_sp = memory + 4096;
        coroutine.uc_stack.ss_size = size - i * 4096;
        coroutine.uc_link = &back;
        makecontext(&coroutine, coroutine_runs, 0);
        CHECK(swapcontext(&back, &coroutine) == 0);
        CHECK(munmap(memory, size + 8192) == 0);
    }
}
#else /* musl cannot switch stacks */
static void run_coroutine(void) {}
#endif

static void run_handler(void) {
    static char memory[131072];
    stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory};
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    CHECK(sigaltstack(&stack, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    uint32_t before = load_relaxed(&handled);
    CHECK(raise(SIGUSR1) == 0 && load_relaxed(&handled) == before + 1);
    stack.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&stack, NULL) == 0);
}

static void thread_runs(void *unused) {
    (void)unused;
    chain_on_this_stack();
    run_coroutine();
}

static void other_stacks_are_read(void) {
    thread threads[2];
    run_coroutine();
    run_handler();
    run_coroutine();
    for (unsigned i = 0; i < 2; i++)
        thread_start(&threads[i], thread_runs, NULL);
    for (unsigned i = 0; i < 2; i++)
        thread_join(&threads[i]);
    chain_on_this_stack();
}
#else
static void other_stacks_are_read(void) {}
#endif

/* ---- Plug-ins --------------------------------------------------------------------------------------------------- */

static void copy_file(const char *from, const char *to) {
    static char bytes[4 << 20];
    char source[4096];
    snprintf(source, sizeof source, "%s", path_beside(from));
    FILE *in = fopen(source, "rb"), *out = fopen(path_beside(to), "wb");
    CHECK(in && out);
    size_t size = fread(bytes, 1, sizeof bytes, in);
    CHECK(size > 0 && size < sizeof bytes && fwrite(bytes, 1, size, out) == size);
    CHECK(fclose(in) == 0 && fclose(out) == 0);
}

/* What a frame's offset counts from. */
static uintptr_t bias_of(module loaded) {
#if defined(_WIN32)
    return (uintptr_t)loaded;
#else
    struct link_map *map = loaded;
    return map->l_addr;
#endif
}

/* Loads the plug-in, captures a stack in it, and unloads it. */
static uint32_t capture_in(const char *file, struct chain *chain, uintptr_t *bias) {
    module loaded = module_load(path_beside(file));
    chain_link *plugin;
    module_symbol(loaded, "plugin_chain", &plugin);
    *bias = bias_of(loaded);
    uint32_t number = run_alone(chain, plugin, 2, 0);
    check_all(chain, number);
    CHECK(run_alone(chain, plugin, 2, 0) == number);
    module_unload(loaded);
    return number;
}

static void check_plugin(uint32_t number, const struct chain *chain, const char *file, uintptr_t bias) {
    brainmm_frame frames[STACK_FRAMES_MAX];
    unsigned count = frames_of(number, frames);
    CHECK(count >= 4);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(frames[i].address == chain->addresses[chain->count - 1 - i]);
        CHECK_MSG(frames[i].module && strstr(frames[i].module, file), "%s is not %s", frames[i].module, file);
        CHECK(frames[i].offset == (uintptr_t)frames[i].address - bias);
    }
}

static void plugins_are_named(void) {
    static const char *const names[] = {"call_stacks_module-plain" MODULE_SUFFIX, "call_stacks_second" MODULE_SUFFIX};
    struct chain chains[6];
    uint32_t found[6];
    uintptr_t biases[6];
    unsigned same_place = 0;
    copy_file(names[0], names[1]);
    for (unsigned i = 0; i < 6; i++)
        found[i] = capture_in(names[i % 2], &chains[i], &biases[i]);
    for (unsigned i = 0; i < 6; i++) {
        check_plugin(found[i], &chains[i], names[i % 2], biases[i]);
        same_place += i > 0 && biases[i] == biases[i - 1];
        for (unsigned k = 0; k < i; k++)
            CHECK(found[i] != found[k] || (i - k) % 2 == 0);
    }
    printf("%u of 5 times, one took the place of the other\n", same_place);
}

/* ---- A full depot ----------------------------------------------------------------------------------------------- */

static bool all_valid(const struct depot_stack *stack) { return stack != NULL; }
static void describe_none(struct depot_stack *stack) {
    for (unsigned i = 0; i < stack->count; i++)
        ((uint16_t *)(uintptr_t)depot_modules(stack))[i] = 0;
    stack->stays = true;
}

/* Another thread puts in the same stack in the very moment: as if it came just before the exchange. */
static uint32_t first_number;
static void describe_late(struct depot_stack *stack) {
    describe_none(stack);
    if (first_number == 0)
        first_number = depot_number(stack->addresses, stack->count, all_valid, describe_none);
}

static void same_stack_has_one_number(void) {
    const void *const addresses[] = {&first_number, addresses, NULL};
    CHECK(depot_number(addresses, 3, all_valid, describe_late) == first_number && first_number != 0);
    CHECK(depot_number(addresses, 3, all_valid, describe_none) == first_number);
    CHECK(depot_number(addresses, 2, all_valid, describe_none) != first_number);
}

static uint32_t fill(uintptr_t seed) {
    const void *addresses[STACK_FRAMES_MAX];
    for (unsigned i = 0; i < STACK_FRAMES_MAX; i++)
        addresses[i] = (const void *)((seed + 1) * 4096 + i);
    return depot_number(addresses, STACK_FRAMES_MAX, all_valid, describe_none);
}

static void full_depot_finds_what_it_has(void) {
    struct chain chain;
    uint32_t before = run_alone(&chain, framed_one, 5, 0), number;
    uintptr_t count = 0;
    while ((number = fill(count)) != 0) {
        CHECK(number != before);
        count++;
    }
    CHECK_MSG(count > 10000 && count < 1000000, "%" PRIuPTR, count);
    CHECK(stacks_bytes() <= 80 * MIB);
    for (uintptr_t i = 0; i < count; i += 997)
        CHECK(fill(i) != 0);
    CHECK(run_alone(&chain, framed_one, 5, 0) == before);
    check_all(&chain, before);
    uint32_t rest = 0; /* a short one may still fit */
    for (unsigned path = 0; path < 64; path++)
        rest = run(&chain, framed_other, 13, 0x1555 ^ path << 4);
    CHECK(rest == 0);
}

int main(int count, char **arguments) {
    struct chain chain;
    watchdog_start(100);
    exact = count > 1 && strcmp(arguments[1], "exact") == 0;
    CHECK(brainmm_free(brainmm_alloc(1)) == BRAINMM_OK); /* os_facts are there now */
    complete = exact || !os_facts.frame_pointers;
    CHECK(run(&chain, framed_one, 3, 0) == 0); /* not started */
    for (unsigned i = 0; i < 62; i++)
        false_frames[i] = (uintptr_t)&false_frames[i + 2];
    CHECK(stacks_start(exact));
    stacks_load();
    chains_are_right();
    frames_are_told();
    numbers_are_checked();
    threads_agree();
    any_value_is_harmless();
    other_stacks_are_read();
    plugins_are_named();
    CHECK(load_relaxed(&allocations) == 0);
    same_stack_has_one_number();
    full_depot_finds_what_it_has();
    return TEST_PASSED;
}
