/* SPDX-License-Identifier: MIT */
/* start_fails.c: the system refuses something that the heap's start needs. Every call that needs the heap then fails
 * and tries again, and nothing of what failed is left behind. Once the system gives it, the heap starts.
 *
 * The environment variable START_FAILS says what is refused, from the first instruction of the program on.
 *
 * White box: linked with the static core and the linker's --wrap (tests.mk).
 */
#include "rendezvous_party.h"
/* rendezvous_party.h first: it includes the system's headers */
#include "os_inline.h"
#include "os.h"
#if !defined(_WIN32)
#include <errno.h>
#include <fcntl.h>
#endif

enum { TRIES = 40 };

static bool refused = true;
static unsigned refusals;

/* The core starts before the C run-time of Windows knows the environment. */
static bool fails(const char *what) {
    char value[32] = "";
#if defined(_WIN32)
    GetEnvironmentVariableA("START_FAILS", value, sizeof value);
#else
    snprintf(value, sizeof value, "%s", getenv("START_FAILS") ? getenv("START_FAILS") : "");
#endif
    bool failing = refused && strcmp(value, what) == 0;
    refusals += failing;
    return failing;
}

const char *__real_os_start(void);
const char *__wrap_os_start(void);
const char *__wrap_os_start(void) {
    const char *lacking = __real_os_start();
    return !lacking && fails("start") ? "The test refuses a heap" : lacking;
}

#if defined(_WIN32)
bool __real_os_protect(void *address, size_t size, unsigned rights);
bool __wrap_os_protect(void *address, size_t size, unsigned rights);
bool __wrap_os_protect(void *address, size_t size, unsigned rights) {
    return !fails("tables") && __real_os_protect(address, size, rights);
}
#else
bool __real_os_protect_tables(void *first, size_t size, bool writable);
bool __wrap_os_protect_tables(void *first, size_t size, bool writable);
bool __wrap_os_protect_tables(void *first, size_t size, bool writable) {
    return !fails("tables") && __real_os_protect_tables(first, size, writable);
}

void *__real_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
    if (!fails("mmap"))
        return __real_mmap(address, size, protection, flags, file, offset);
    errno = ENOMEM;
    return MAP_FAILED;
}
#endif

/* What a process can hold: mappings, open files or handles, slots for words of a thread. */
struct held {
    unsigned mappings, files, slots;
};

static struct held held_now(void) {
    struct held held = {0, 0, 0};
#if defined(_WIN32)
    MEMORY_BASIC_INFORMATION part;
    DWORD handles = 0;
    for (char *at = NULL; VirtualQuery(at, &part, sizeof part) != 0; at = (char *)part.BaseAddress + part.RegionSize)
        held.mappings += part.State != MEM_FREE && part.BaseAddress == part.AllocationBase;
    GetProcessHandleCount(GetCurrentProcess(), &handles);
    held.files = handles;
    held.slots = TlsAlloc();
    TlsFree(held.slots);
#else
    char buffer[4096];
    int file = open("/proc/self/maps", O_RDONLY);
    CHECK(file >= 0);
    for (ssize_t length; (length = read(file, buffer, sizeof buffer)) > 0;)
        for (ssize_t i = 0; i < length; i++)
            held.mappings += buffer[i] == '\n';
    close(file);
    for (int fd = 0; fd < 256; fd++)
        held.files += fcntl(fd, F_GETFD) >= 0;
    pthread_key_t key;
    CHECK(pthread_key_create(&key, NULL) == 0);
    held.slots = (unsigned)key;
    pthread_key_delete(key);
#endif
    return held;
}

int main(void) {
    const char *text = "";
    unsigned rights = 0;
    struct held before = {0, 0, 0}, after;
    CHECK(refusals > 0); /* in the start before main */
    for (unsigned i = 0; i < TRIES; i++) {
        unsigned made = refusals;
        CHECK(brainmm_alloc(100) == NULL && refusals > made);
        if (i == 1)
            before = held_now();
    }
    after = held_now();
    CHECK(brainmm_attach_status(&text) == BRAINMM_OWNER_UNPUBLISHED);
    printf("%s\n%u mappings, %u files, slot %u; before %u, %u, %u\n", text, after.mappings, after.files, after.slots,
           before.mappings, before.files, before.slots);
    CHECK(after.mappings == before.mappings && after.files == before.files && after.slots == before.slots);
    static const char *const told[] = {"tables writable", "The test refuses a heap", "gave no address space"};
    const char *what = getenv("START_FAILS");
    CHECK(strstr(text, told[what[0] == 't' ? 0 : what[0] == 's' ? 1 : 2]) != NULL);

    refused = false;
    void *piece = brainmm_alloc(100);
    CHECK(piece != NULL && brainmm_free(piece) == BRAINMM_OK);
    CHECK_MSG(brainmm_attach_status(&text) == BRAINMM_OWNER, "%s", text);
    void *page = (void *)((uintptr_t)brainmm_get_manager() & ~(uintptr_t)4095);
    CHECK(brainmm_pages_get_rights(page, &rights) == BRAINMM_OK && rights == BRAINMM_READ);
    return TEST_PASSED;
}
