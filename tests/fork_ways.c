/* SPDX-License-Identifier: MIT */
/* fork_ways.c: children that programs make in every way, from threads that are busy with malloc and free: by fork()
 * with handlers that allocate, beside threads that read and write files, by vfork(), and by the bare system call. The
 * child can use malloc, and no parent hangs. And no thread is cancelled inside malloc, realloc or free.
 *
 * The program knows nothing of BrainMM. An alarm ends what hangs.
 */
#include "heap_support.h"
#include <errno.h>

enum { BUSY = 3, CHILD_SECONDS = 20, VICTIMS = 16 };

static event stop;
static event inside[VICTIMS]; /* a victim is in the heap, or about to be */

/* ---- Threads that are busy -------------------------------------------------------------------------------------- */

/* Large pieces, so that each call takes the lock. Each has its number at both ends. */
static void use_heap(unsigned seed, unsigned rounds) {
    random_source random = {seed};
    unsigned char *live[20] = {NULL};
    size_t size[20];
    for (unsigned i = 0; i < rounds; i++) {
        unsigned k = (unsigned)random_below(&random, 20);
        CHECK(!live[k] || (live[k][0] == k && live[k][size[k] - 1] == k));
        free(live[k]);
        size[k] = 30000 + random_below(&random, 400000);
        CHECK((live[k] = malloc(size[k])) != NULL);
        live[k][0] = live[k][size[k] - 1] = (unsigned char)k;
    }
    for (unsigned k = 0; k < 20; k++)
        free(live[k]);
}

static void busy_thread(void *seed) {
    while (!event_is_raised(&stop))
        use_heap((unsigned)(uintptr_t)seed, 200);
}

static thread busy[BUSY];

static void busy_start(void) {
    stop.raised = 0;
    for (unsigned i = 0; i < BUSY; i++)
        thread_start(&busy[i], busy_thread, (void *)(uintptr_t)(i + 1));
}

static void busy_end(void) {
    event_raise(&stop);
    for (unsigned i = 0; i < BUSY; i++)
        thread_join(&busy[i]);
}

static void child_passes(const char *what, pid_t process) {
    int status;
    CHECK(process > 0 && waitpid(process, &status, 0) == process);
    CHECK_MSG(status == 0, "%s: the child's status is %x", what, status);
}

/* ---- fork() ----------------------------------------------------------------------------------------------------- */

static void handler_allocates(void) { use_heap(77, 50); }

static void forks_with_handlers(void) {
    CHECK(pthread_atfork(handler_allocates, handler_allocates, handler_allocates) == 0);
    busy_start();
    for (unsigned i = 0; i < 40; i++) {
        pid_t process = fork();
        if (process == 0) {
            alarm(CHILD_SECONDS);
            use_heap(i, 200);
            _exit(TEST_PASSED);
        }
        child_passes("fork", process);
    }
    busy_end();
}

/* fork() waits for the lock of each stream, and who has that one may wait for the heap. */
static void flushing_thread(void *unused) {
    (void)unused;
    while (!event_is_raised(&stop))
        fflush(NULL);
}

static void reading_thread(void *unused) {
    (void)unused;
    while (!event_is_raised(&stop)) {
        FILE *file = fopen("/proc/self/maps", "r");
        char *line = NULL;
        size_t size = 0;
        CHECK(file != NULL);
        while (getline(&line, &size, file) > 0) {
            free(line);
            line = NULL;
            size = 0;
        }
        free(line);
        fclose(file);
    }
}

static void forks_beside_streams(void) {
    thread flushing, reading;
    stop.raised = 0;
    thread_start(&flushing, flushing_thread, NULL);
    thread_start(&reading, reading_thread, NULL);
    for (unsigned i = 0; i < 100; i++) {
        pid_t process = fork();
        if (process == 0)
            _exit(TEST_PASSED);
        child_passes("fork beside streams", process);
    }
    event_raise(&stop);
    thread_join(&flushing);
    thread_join(&reading);
}

/* ---- Other ways ------------------------------------------------------------------------------------------------- */

static void child_thread(void *seed) { use_heap((unsigned)(uintptr_t)seed, 2000); }

/* No handler knows of such a child. Its threads must not take each other for dead. */
static void bare_child(void) {
    thread threads[4];
    alarm(CHILD_SECONDS);
    for (unsigned i = 0; i < 4; i++)
        thread_start(&threads[i], child_thread, (void *)(uintptr_t)(i + 1));
    child_thread((void *)(uintptr_t)9);
    for (unsigned i = 0; i < 4; i++)
        thread_join(&threads[i]);
    _exit(TEST_PASSED);
}

/* The other threads stay away from libc's own locks, which nobody releases in the child. */
static void bare_children(void) {
    busy_start();
    for (unsigned i = 0; i < 8; i++) {
        pid_t process = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (process == 0)
            bare_child();
        child_passes("a bare clone", process);
    }
    busy_end();
}

/* The child shares the memory of its parent, and waits for threads of it. It must take none of them for dead. */
static void vfork_children(void) {
    busy_start();
    for (unsigned i = 0; i < 40; i++) {
        pid_t process = vfork();
        if (process == 0) {
            for (unsigned k = 0; k < 300; k++) {
                void *volatile piece = malloc(100000 + k * 1000);
                free(piece);
            }
            _exit(TEST_PASSED);
        }
        child_passes("vfork", process);
    }
    busy_end();
}

/* ---- Cancellation ----------------------------------------------------------------------------------------------- */

static unsigned cancelled_inside;

static void clean_up(void *in) {
    if (event_is_raised(in))
        __atomic_add_fetch(&cancelled_inside, 1, __ATOMIC_RELAXED);
}

static void *victim_runs(void *in) {
    random_source random = {(uintptr_t)in};
    pthread_cleanup_push(clean_up, in);
    while (!event_is_raised(&stop)) {
        event_raise(in);
        void *piece = malloc(70000 + random_below(&random, 400000));
        piece = realloc(piece, 1000000);
        free(piece);
        ((event *)in)->raised = 0;
    }
    pthread_cleanup_pop(0);
    return NULL;
}

static void nobody_is_cancelled_inside(void) {
    pthread_t victims[VICTIMS];
    stop.raised = 0;
    for (unsigned i = 0; i < VICTIMS; i++)
        CHECK(pthread_create(&victims[i], NULL, victim_runs, &inside[i]) == 0);
    for (unsigned i = 0; i < VICTIMS; i++)
        CHECK(event_wait(&inside[i], 20000) && pthread_cancel(victims[i]) == 0);
    sleep_ms(300);
    event_raise(&stop);
    for (unsigned i = 0; i < VICTIMS; i++) {
        void *result;
        CHECK(pthread_join(victims[i], &result) == 0);
        CHECK(result == NULL);
    }
    CHECK_MSG(cancelled_inside == 0, "%u threads were cancelled inside", cancelled_inside);
}

int main(void) {
    alarm(100);
    forks_beside_streams();
    bare_children();
    vfork_children();
    nobody_is_cancelled_inside();
    forks_with_handlers();
    return TEST_PASSED;
}
