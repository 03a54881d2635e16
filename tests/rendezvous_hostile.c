/* SPDX-License-Identifier: MIT */
/* rendezvous_hostile.c: at the place where owners publish there is something else, by accident or on purpose. It is
 * refused and reported, nothing that it points to is called, and the modules share one heap all the same.
 *
 *   rendezvous_hostile-plain             every case, each in a process of its own
 *   rendezvous_hostile-plain CASE        one of them
 *
 * On Windows the parent process creates the object before the other process has run its first instruction. On Linux
 * that process maps the page itself before it loads the library; one case shares the page with the parent.
 */
#include "hostile_cases.h"

/* ---- The process that finds it ---------------------------------------------------------------------------------- */

struct library {
    const struct brainmm_manager *(BRAINMM_CALL *get_manager)(void);
    int(BRAINMM_CALL *status)(const char **text);
};

static struct library library_load(const char *file) {
    struct library library;
    module loaded = module_load(path_beside(file));
    module_symbol(loaded, "brainmm_get_manager", &library.get_manager);
    module_symbol(loaded, "brainmm_attach_status", &library.status);
    return library;
}

static const struct party *party_load(const char *file) {
    party_get_function get;
    module_symbol(module_load(path_beside(file)), "party_get", &get);
    return get();
}

/* Loads a module of each kind, the header-only client first or last, and checks that all are on one heap. */
static int modules_meet(int owner_state, int others_state, const char *reason, bool client_first) {
    const struct party *client = NULL;
    const char *text;
    if (client_first)
        client = party_load("attach_module-plain" MODULE_SUFFIX);
    struct library first = library_load(LIBRARY_FILE);
    int state = first.status(&text);
    printf("    %d, %s\n", state, text);
    CHECK_MSG(state == owner_state, "state %d", state);
    CHECK_MSG(strstr(text, reason) != NULL, "the report does not say: %s", reason);
#if defined(_WIN32)
    struct library second = library_load("second\\" LIBRARY_FILE);
#else
    struct library second = library_load("second/" LIBRARY_FILE);
#endif
    CHECK_MSG((state = second.status(&text)) == others_state, "state %d, %s", state, text);
    const struct party *fixed = party_load("rendezvous_module-core" MODULE_SUFFIX);
    CHECK_MSG((state = fixed->state(&text)) == others_state, "state %d, %s", state, text);
    if (!client)
        client = party_load("attach_module-plain" MODULE_SUFFIX);
    uintptr_t heap = first.get_manager()->heap_id;
    CHECK(second.get_manager()->heap_id == heap && fixed->heap_id() == heap && client->heap_id() == heap);
    void *piece = client->alloc(100);
    CHECK(piece != NULL && (piece = fixed->realloc(piece, 1000)) != NULL);
    CHECK(second.get_manager()->free(piece) == BRAINMM_OK);
    return TEST_PASSED;
}

/* The modules wait half a second for a record that is not complete. This one takes a part of that. If the machine makes
 * it take nearly all, nothing can be said, and the case begins again. */
enum { LATE_MS = 200, LATE_MOST_MS = 400, LATE_TIMES = 20, CHILD_AGAIN = 96 };

static uint64_t filled_at;

#if defined(_WIN32)

/* Writes CONTENT to the file mapping that the parent process has created. */
static void first_place_fill(const void *content, size_t size) {
    char name[64];
    mapping_name(name, GetCurrentProcessId());
    HANDLE mapping = OpenFileMappingA(FILE_MAP_WRITE, FALSE, name);
    CHECK(mapping != NULL);
    void *view = MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0);
    CHECK(view != NULL);
    memcpy(view, content, size);
    UnmapViewOfFile(view);
    CloseHandle(mapping);
}

static void fill_late(void *running) {
    char name[64];
    tables_make_good();
    mapping_name(name, GetCurrentProcessId());
    HANDLE mapping = OpenFileMappingA(FILE_MAP_WRITE, FALSE, name);
    CHECK(mapping != NULL);
    char *view = MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0);
    CHECK(view != NULL);
    event_raise(running);
    sleep_ms(LATE_MS);
    memcpy(view + 8, record.magic, sizeof record - 8);
    __atomic_store_n((uintptr_t *)(void *)view, (uintptr_t)record.version1, __ATOMIC_RELEASE);
    filled_at = now_ms();
}

#else

static void first_place_fill(const void *content, size_t size) { publish(content, size); }

/* As an owner does that gets no memfd. */
static void fill_late(void *running) {
    tables_make_good();
    struct record content = page_content(&record, sizeof record);
    char *page =
        mmap(place_page(0), 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK(page == place_page(0));
    memcpy(page + sizeof(uintptr_t), (char *)&content + sizeof(uintptr_t), sizeof content - sizeof(uintptr_t));
    event_raise(running);
    sleep_ms(LATE_MS);
    __atomic_store_n((uintptr_t *)(void *)page, (uintptr_t)content.version1, __ATOMIC_RELEASE);
    filled_at = now_ms();
}

#endif

/* An owner that has the first place but has not filled it yet: the library waits for it. */
static int late_owner_is_met(void) {
    thread late;
    event running = {0};
    thread_start(&late, fill_late, &running);
    CHECK(event_wait(&running, 10000)); /* a thread cannot begin while another is in DllMain */
    uint64_t begin = now_ms();
    module_load(path_beside(LIBRARY_FILE)); /* waits, and decides */
    thread_join(&late);
    if (filled_at - begin > LATE_MOST_MS)
        return CHILD_AGAIN;
    return modules_meet(BRAINMM_ATTACHED, BRAINMM_ATTACHED, "found at", false);
}

#if !defined(_WIN32)

/* Every place is taken, so each copy of the library has a heap of its own and says so. */
static int no_place_is_left(void) {
    const char *text;
    for (unsigned place = 0; place < 4; place++)
        CHECK(mmap(place_page(place), 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
              place_page(place));
    struct library library = library_load(LIBRARY_FILE);
    CHECK(library.status(&text) == BRAINMM_OWNER_UNPUBLISHED);
    printf("    %s\n", text);
    char last[32];
    snprintf(last, sizeof last, "%" PRIxPTR ": it cannot be read", (uintptr_t)place_page(3));
    CHECK(strstr(text, "publish it nowhere") != NULL && strstr(text, last) != NULL);
    void *piece = library.get_manager()->alloc(100);
    CHECK(piece != NULL && library.get_manager()->free(piece) == BRAINMM_OK);
    return TEST_PASSED;
}

#endif

static int child(const char *name, bool client_first) {
    const struct hostile_case *hostile = case_find(name);
    union table stack;
    if (!hostile) {
#if !defined(_WIN32)
        if (strcmp(name, "everywhere") == 0)
            return no_place_is_left();
#endif
        CHECK(strcmp(name, "late") == 0);
        return late_owner_is_met();
    }
    on_stack = &stack;
    tables_make();
    if (hostile->make)
        hostile->make();
    if (hostile->place == RECORD) {
        record.version1 = (uintptr_t)nothing;
        first_place_fill(&record, sizeof record);
    } else if (hostile->place == POINTER) {
        first_place_fill(&record, sizeof(void *));
    }
#if defined(_WIN32)
    if (hostile->place == VARIABLE) /* the first place is free, and this module becomes the owner there */
        return modules_meet(BRAINMM_OWNER, BRAINMM_ATTACHED, hostile->reason, client_first);
#endif
    return modules_meet(BRAINMM_OWNER_SECOND, BRAINMM_ATTACHED_SECOND, hostile->reason, client_first);
}

/* ---- The parent process ----------------------------------------------------------------------------------------- */

#if defined(_WIN32)

/* Creates what PROCESS shall find, which has not run yet. It exists until this process closes it or ends. */
static HANDLE squat(const char *name, unsigned long process) {
    const struct hostile_case *hostile = case_find(name);
    char object[64];
    mapping_name(object, process);
    if (!hostile)
        return squat_zero(object);
    if (hostile->place == VARIABLE)
        return NULL;
    if (hostile->place == POINTER)
        return mapping_create(object, PAGE_READWRITE, NULL, sizeof(void *));
    return hostile->squat ? hostile->squat(object) : squat_zero(object);
}

static int run(const char *name, bool client_first) {
    STARTUPINFOA startup = {.cb = sizeof startup};
    PROCESS_INFORMATION process;
    char line[4096];
    DWORD code;
    snprintf(line, sizeof line, "\"%s\" --child %s%s", path_beside("rendezvous_hostile-plain.exe"), name,
             client_first ? " client" : "");
    CHECK_MSG(CreateProcessA(NULL, line, NULL, NULL, FALSE, CREATE_SUSPENDED, NULL, NULL, &startup, &process),
              "%s: error %lu", line, GetLastError());
    HANDLE squatter = squat(name, process.dwProcessId);
    ResumeThread(process.hThread);
    bool ended = process_wait(&process, 20, &code);
    if (squatter)
        CloseHandle(squatter);
    return ended ? (int)code : RUN_HUNG;
}

#else

static int run(const char *name, bool client_first) {
    int status = -1, fd = (int)syscall(SYS_memfd_create, "squatter", 0);
    CHECK(fd >= 0 && ftruncate(fd, 4096) == 0);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(page != MAP_FAILED);
    fflush(stdout);
    pid_t process = fork();
    CHECK(process >= 0);
    if (process == 0) {
        const char *program = path_beside("rendezvous_hostile-plain");
        dup2(fd, SHARED_FD);
        alarm(20);
        execl(program, program, "--child", name, client_first ? "client" : NULL, NULL);
        _exit(97);
    }
    CHECK(waitpid(process, &status, 0) == process);
    munmap(page, 4096);
    close(fd);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif

static int failures;

static void run_both(const char *name) {
    for (int client_first = 0; client_first < 2; client_first++) {
        printf("%s%s\n", name, client_first ? ", client first" : "");
        fflush(stdout);
        int code = run(name, client_first);
        for (unsigned times = 1; code == CHILD_AGAIN && times < LATE_TIMES; times++)
            code = run(name, client_first);
        if (code != 0) {
            printf("%s%s: FAILED, exit code %d\n", name, client_first ? ", client first" : "", code);
            failures++;
        }
    }
}

int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], "--child") == 0) {
        int result = child(argv[2], argc > 3);
        fflush(stdout);
        return result;
    }
    if (argc > 1) {
        run_both(argv[1]);
        return failures != 0;
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        run_both(cases[i].name);
    run_both("late");
#if !defined(_WIN32)
    run_both("everywhere");
#endif
    printf("%d failed\n", failures);
    return failures != 0;
}
