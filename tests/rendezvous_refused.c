/* SPDX-License-Identifier: MIT */
/* rendezvous_refused.c: the system refuses calls that the handshake makes, as a filter or an old kernel does, or there
 * is no /proc. Modules of every kind share one heap all the same. Only where nothing can copy a page that may be
 * unreadable do they have heaps of their own, and say why.
 *
 * Each case is a process of its own, because a filter of system calls stays for good.
 */
#define _GNU_SOURCE /* unshare */
#include "rendezvous_party.h"
/* rendezvous_party.h first: it includes the system's headers */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>

enum { CALLS_MOST = 6 };

struct refusal {
    const char *name;
    int calls[CALLS_MOST]; /* the system calls that fail, and 0 */
    int error;
    const char *reason; /* what the second module reports, which then has a heap of its own; NULL: they share one */
};

static const struct refusal refusals[] = {
    {"no memfd", {SYS_memfd_create}, EPERM, NULL},
    {"a kernel without memfd and without process_vm_readv", {SYS_memfd_create, SYS_process_vm_readv}, ENOSYS, NULL},
    {"no question whether a page is mapped", {SYS_mincore}, EPERM, NULL},
    {"no memfd, no question, no copy from a process",
     {SYS_memfd_create, SYS_mincore, SYS_process_vm_readv},
     EPERM,
     NULL},
    {"nothing that copies", {SYS_process_vm_readv, SYS_pipe2, SYS_pipe}, EPERM, "it cannot be read"},
    {"no /proc", {0}, 0, NULL},
};

static void filter_install(const struct refusal *refusal) {
    struct sock_filter filter[2 * CALLS_MOST + 2] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    };
    unsigned short length = 1;
    for (int i = 0; i < CALLS_MOST && refusal->calls[i]; i++) {
        filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)refusal->calls[i], 0, 1);
        filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)refusal->error);
    }
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {length, filter};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        test_skip("the machine allows no filter of system calls");
}

/* An empty folder lies over /proc, for this process alone. */
static void proc_hide(void) {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", "/proc", "tmpfs", 0, NULL) != 0)
        test_skip("/proc can be hidden by root only");
    CHECK(access("/proc/self/maps", F_OK) != 0);
}

static char folder[4096]; /* of this program; path_beside() needs /proc */

static module load(const char *file) {
    char path[2 * sizeof folder];
    snprintf(path, sizeof path, "%s%s", folder, file);
    return module_load(path);
}

static const struct party *party_load(const char *file) {
    party_get_function get;
    module_symbol(load(file), "party_get", &get);
    return get();
}

/* The client loads the library from its folder where it comes first, and finds the heap where it comes later. */
static void modules_meet(const char *reason, bool client_first) {
    int(BRAINMM_CALL * status)(const char **text);
    const char *text;
    const struct party *client = client_first ? party_load("attach_module-plain.so") : NULL;
    module library = load("libbrainmm.so.2");
    module_symbol(library, "brainmm_attach_status", &status);
    CHECK_MSG(status(&text) == BRAINMM_OWNER, "%s", text);
    const struct party *fixed = party_load("rendezvous_module-core.so");
    int state = fixed->state(&text);
    printf("    %d, %s\n", state, text);
    if (reason) {
        CHECK(state == BRAINMM_OWNER_SECOND && strstr(text, reason) != NULL);
        void *own = fixed->alloc(100);
        CHECK(own != NULL && fixed->free(own) == BRAINMM_OK);
        return;
    }
    CHECK(state == BRAINMM_ATTACHED);
    if (!client)
        client = party_load("attach_module-plain.so");
    CHECK(client->heap_id() == fixed->heap_id() && client->heap_id() != 0);
    void *piece = client->alloc(100);
    CHECK(piece != NULL && (piece = fixed->realloc(piece, 100000)) != NULL && client->free(piece) == BRAINMM_OK);
}

/* What needs /proc says so, and the rest works. */
static void check_rights(void) {
    const struct brainmm_manager *(BRAINMM_CALL * get_manager)(void);
    unsigned rights = 77;
    module_symbol(load("libbrainmm.so.2"), "brainmm_get_manager", &get_manager);
    const struct brainmm_manager *manager = get_manager();
    char *pages = manager->pages_get(3, BRAINMM_USER);
    CHECK(pages != NULL && manager->pages_set_rights(pages + 4096, 1, BRAINMM_READ) == BRAINMM_OK);
    CHECK(manager->pages_get_rights(pages, &rights) == BRAINMM_E_UNSUPPORTED);
    CHECK(manager->pages_get_rights((void *)(uintptr_t)(1 << 30), &rights) == BRAINMM_E_POINTER && rights == 77);
    CHECK(manager->pages_free(pages, BRAINMM_USER) == BRAINMM_OK);
}

/* As many as there are before and after: nothing stays open. */
static unsigned open_files(void) {
    unsigned count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static int run(const struct refusal *refusal, bool client_first) {
    int status = -1;
    fflush(stdout);
    pid_t process = fork();
    CHECK(process >= 0);
    if (process == 0) {
        alarm(20);
        if (refusal->error)
            filter_install(refusal);
        else
            proc_hide();
        unsigned files = open_files();
        modules_meet(refusal->reason, client_first);
        if (!refusal->error)
            check_rights();
        CHECK(open_files() == files);
        test_end(TEST_PASSED);
    }
    CHECK(waitpid(process, &status, 0) == process);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void) {
    int failed = 0, skipped = 0;
    strcpy(folder, path_beside(""));
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        for (int client_first = 0; client_first < (refusals[i].reason ? 1 : 2); client_first++) {
            printf("%s%s\n", refusals[i].name, client_first ? ", client first" : "");
            int code = run(&refusals[i], client_first);
            if (code != TEST_PASSED && code != TEST_SKIPPED)
                printf("    FAILED: %d\n", code);
            failed += code != TEST_PASSED && code != TEST_SKIPPED;
            skipped += code == TEST_SKIPPED;
        }
    if (skipped && !failed)
        printf("%d cases need root or filters of system calls\n", skipped);
    return failed ? TEST_FAILED : skipped ? TEST_SKIPPED : TEST_PASSED;
}
