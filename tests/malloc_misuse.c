/* SPDX-License-Identifier: MIT */
/* malloc_misuse.c: under libbrainmm-malloc.so a free() or realloc() of a wrong pointer ends the program with a message,
 * as in the C library. So does a delete with a wrong size, and a list of free pieces that the program has broken. Each
 * kind of mistake is made in three sizes: with a small, a medium and a big piece. Each is made in a process of its own,
 * which must end by abort() and name the function, the address, what lies there and the thread. A delete with the right
 * size is never refused.
 *
 * The kinds are those of the public security tests of allocators; the programs are our own.
 */
#define _GNU_SOURCE
#include "heap_support.h"

#include <alloca.h>

static const size_t sizes[] = {8, 4096, 256 * KIB};
enum { SIZES = 3, SECONDS = 20, MESSAGE_MOST = 512 };

/* Calls through volatile pointers: the compiler neither warns of the mistakes nor removes them. */
static void *(*volatile get)(size_t size) = malloc;
static void *(*volatile resize)(void *piece, size_t size) = realloc;
static void (*volatile release)(void *piece) = free;

/* C++'s, as the compiler calls them. */
#if __SIZEOF_SIZE_T__ == 8
#define SIZE_LETTER "m"
#else
#define SIZE_LETTER "j"
#endif
static void (*volatile release_sized)(void *piece, size_t size);
static void (*volatile release_aligned)(void *piece, size_t alignment, size_t size);
static void *(*volatile new_one)(size_t size);
static void (*volatile delete_one)(void *piece);
static void *(*volatile new_aligned)(size_t size, size_t alignment);
static void (*volatile delete_sized)(void *piece, size_t size);
static void (*volatile delete_array_sized)(void *piece, size_t size);
static void (*volatile delete_aligned)(void *piece, size_t size, size_t alignment);

static void *find(const char *name) {
    void *function = dlsym(RTLD_DEFAULT, name);
    CHECK_MSG(function != NULL, "%s", name);
    return function;
}

static void find_operators(void) {
    *(void **)(uintptr_t)&release_sized = find("free_sized");
    *(void **)(uintptr_t)&release_aligned = find("free_aligned_sized");
    *(void **)(uintptr_t)&delete_one = find("_ZdlPv");
    *(void **)(uintptr_t)&new_one = find("_Znw" SIZE_LETTER);
    *(void **)(uintptr_t)&new_aligned = find("_Znw" SIZE_LETTER "St11align_val_t");
    *(void **)(uintptr_t)&delete_sized = find("_ZdlPv" SIZE_LETTER);
    *(void **)(uintptr_t)&delete_array_sized = find("_ZdaPv" SIZE_LETTER);
    *(void **)(uintptr_t)&delete_aligned = find("_ZdlPv" SIZE_LETTER "St11align_val_t");
}

static void freed_twice(size_t size) {
    void *piece = get(size);
    release(piece);
    release(piece);
}

static void freed_again_after_another(size_t size) {
    void *piece = get(size), *other = get(size);
    release(piece);
    release(other);
    release(piece);
}

static void freed_again_much_later(size_t size) {
    void *piece = get(size);
    release(piece);
    for (unsigned i = 0; i < 1000; i++)
        release(get(size));
    release(piece);
}

static void freed_by_old_and_new_pointer(size_t size) {
    void *old = get(size);
    release(old);
    void *new = get(size);
    release(old);
    release(new);
}

static void freed_twice_and_the_class_used_on(size_t size) {
    void *piece = get(size);
    release(piece);
    release(piece);
    for (unsigned i = 0; i < 100000; i++)
        release(get(size));
}

static void free_of_memory_never_allocated(size_t size) {
    (void)size;
    release((void *)(uintptr_t)0x10);
}

static void free_of_the_stack(size_t size) {
    unsigned char piece[64];
    piece[0] = (unsigned char)size;
    release(piece);
}

static void free_of_alloca(size_t size) { release(alloca(size)); }

static void free_a_page_further(size_t size) {
    unsigned char *piece = get(size);
    release(piece + 4096);
}

static void free_a_gibibyte_further(size_t size) {
    unsigned char *piece = get(size);
    release((void *)((uintptr_t)piece + 1024 * MIB));
}

static void free_one_byte_further(size_t size) {
    unsigned char *piece = get(size);
    release(piece + 1);
}

static void free_eight_bytes_further(size_t size) {
    unsigned char *piece = get(size);
    release(piece + 8);
}

static void realloc_of_a_freed_piece(size_t size) {
    void *piece = get(size);
    release(piece);
    release(resize(piece, size + 100));
}

static void realloc_of_a_freed_piece_to_nothing(size_t size) {
    void *piece = get(size);
    release(piece);
    release(resize(piece, 0));
}

static void realloc_of_the_stack_to_nothing(size_t size) {
    unsigned char piece[64];
    piece[0] = (unsigned char)size;
    release(resize(piece, 0));
}

static void freed_as_larger(size_t size) { release_sized(get(size), 2 * size + 200); }

static void freed_as_more_aligned(size_t size) { release_aligned((char *)get(size + 16) + 16, 1 << 20, size); }

static void freed_twice_with_its_size(size_t size) {
    void *piece = get(size);
    release_sized(piece, size);
    release_sized(piece, size);
}

static void deleted_twice(size_t size) {
    void *piece = new_one(size);
    delete_one(piece);
    delete_one(piece);
}

static void deleted_twice_with_its_size(size_t size) {
    void *piece = new_one(size);
    delete_sized(piece, size);
    delete_sized(piece, size);
}

static void deleted_as_larger(size_t size) { delete_sized(new_one(size), 2 * size + 20); }

static void deleted_as_smaller(size_t size) { delete_array_sized(new_one(size + 100), size / 3); }

static void deleted_as_aligned(size_t size) { delete_aligned(new_one(size), size, 1 << 20); }

/* The heap meets the broken list in the function that allocates then. */
static void write_after_free(size_t size, void *(*again)(size_t size)) {
    static void *pieces[100];
    size = size < 4096 ? size : 4096; /* larger ones are in no list */
    for (unsigned i = 0; i < 100; i++)
        pieces[i] = get(size);
    for (unsigned i = 0; i < 50; i++)
        release(pieces[i]);
    memset(pieces[49], 0x41, 16);
    for (unsigned i = 0; i < 20000; i++)
        pieces[i % 50] = again(size);
}

static void *by_calloc(size_t size) { return calloc(1, size); }
static void *by_realloc(size_t size) { return resize(NULL, size); }
static void *by_aligned_alloc(size_t size) { return aligned_alloc(16, size); }
static void *by_posix_memalign(size_t size) {
    void *piece = NULL;
    CHECK(posix_memalign(&piece, 16, size) == 0);
    return piece;
}

static void found_by_malloc(size_t size) { write_after_free(size, get); }
static void found_by_calloc(size_t size) { write_after_free(size, by_calloc); }
static void found_by_realloc(size_t size) { write_after_free(size, by_realloc); }
static void found_by_aligned_alloc(size_t size) { write_after_free(size, by_aligned_alloc); }
static void found_by_posix_memalign(size_t size) { write_after_free(size, by_posix_memalign); }
static void found_by_new(size_t size) { write_after_free(size, new_one); }

static const struct {
    const char *name, *function;
    void (*mistake)(size_t size);
} kinds[] = {
    {"deleted as larger", "operator delete()", deleted_as_larger},
    {"deleted as smaller", "operator delete[]()", deleted_as_smaller},
    {"deleted as aligned", "operator delete()", deleted_as_aligned},
    {"written to after free", " malloc()", found_by_malloc},
    {"written to after free", " calloc()", found_by_calloc},
    {"written to after free", " realloc()", found_by_realloc},
    {"written to after free", " aligned_alloc()", found_by_aligned_alloc},
    {"written to after free", " posix_memalign()", found_by_posix_memalign},
    {"written to after free", " operator new()", found_by_new},
    {"freed twice", "free()", freed_twice},
    {"freed again after another", "free()", freed_again_after_another},
    {"freed again much later", "free()", freed_again_much_later},
    {"freed by the old and the new pointer", "free()", freed_by_old_and_new_pointer},
    {"freed twice and the class used on", "free()", freed_twice_and_the_class_used_on},
    {"never allocated", "free()", free_of_memory_never_allocated},
    {"stack", "free()", free_of_the_stack},
    {"alloca", "free()", free_of_alloca},
    {"a page further", "free()", free_a_page_further},
    {"a gibibyte further", "free()", free_a_gibibyte_further},
    {"one byte further", "free()", free_one_byte_further},
    {"eight bytes further", "free()", free_eight_bytes_further},
    {"realloc of a freed piece", "realloc()", realloc_of_a_freed_piece},
    {"realloc of a freed piece to nothing", "realloc()", realloc_of_a_freed_piece_to_nothing},
    {"realloc of the stack to nothing", "realloc()", realloc_of_the_stack_to_nothing},
    {"freed as larger", "free_sized()", freed_as_larger},
    {"freed as more aligned", "free_aligned_sized()", freed_as_more_aligned},
    {"freed twice with its size", "free_sized()", freed_twice_with_its_size},
    {"deleted twice", "operator delete()", deleted_twice},
    {"deleted twice with its size", "operator delete()", deleted_twice_with_its_size},
};

/* Makes the mistake in a child process. True if the child ended as it should. */
static bool is_caught(unsigned kind, size_t size) {
    char message[MESSAGE_MOST];
    size_t length = 0;
    int ends[2], status;
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(SECONDS);
        CHECK(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
        kinds[kind].mistake(size);
        _exit(TEST_PASSED);
    }
    close(ends[1]);
    for (ssize_t got; length < sizeof message - 1; length += (size_t)got)
        if ((got = read(ends[0], message + length, sizeof message - 1 - length)) <= 0)
            break;
    message[length] = 0;
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child);
    bool aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    bool told = strstr(message, kinds[kind].function) && strstr(message, "0x") && strstr(message, ", thread ");
    bool placed = strstr(message, "a live piece of") || strstr(message, "a free piece of") ||
                  strstr(message, "not of this heap") || strstr(message, "memory of the heap");
    told = told && placed;
    if (!aborted || !told)
        fprintf(stderr, "%s, %zu bytes: %s; the message was \"%s\"\n", kinds[kind].name, size,
                aborted               ? "ended by abort()"
                : WIFSIGNALED(status) ? strsignal(WTERMSIG(status))
                                      : "not noticed",
                message);
    return aborted && told;
}

static void the_right_size_is_never_refused(void) {
    for (size_t size = 0; size < 70000; size += 1 + size / 100) {
        delete_sized(new_one(size), size);
        delete_array_sized(new_one(size), size);
        for (size_t alignment = 8; alignment <= 128 * KIB; alignment *= 2)
            delete_aligned(new_aligned(size, alignment), size, alignment);
    }
    for (size_t size = MIB; size < 20 * MIB; size += 333333) /* in a process with a warm cache, in others' memory */
        delete_sized(new_one(size), size);
    enum { MANY = 20000 };
    static void *pieces[MANY]; /* more than there are places for pieces of size 0 */
    for (unsigned i = 0; i < MANY; i++)
        pieces[i] = new_one(0);
    for (unsigned i = 0; i < MANY; i++)
        delete_sized(pieces[i], 0);
    delete_sized(NULL, 100);
    for (size_t size = 0; size < 70000; size += 1 + size / 100) {
        release_sized(get(size), size);
        release_sized(resize(get(size + size / 3 + 1), size + 1), size + 1); /* it has stayed where it was */
        release_aligned(aligned_alloc(256, size), 256, size);
    }
    release_sized(NULL, 100);
    release_aligned(NULL, 64, 100);
}

int main(void) {
    unsigned caught = 0, all = 0;
    const char *preload = getenv("LD_PRELOAD");
    CHECK_MSG(preload && strstr(preload, "brainmm-malloc"), "run it with LD_PRELOAD=libbrainmm-malloc.so");
    find_operators();
    the_right_size_is_never_refused();
    for (unsigned kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        for (unsigned i = 0; i < SIZES; i++, all++)
            caught += is_caught(kind, sizes[i]);
    printf("%u of %u mistakes are caught\n", caught, all);
    return caught == all ? TEST_PASSED : TEST_FAILED;
}
