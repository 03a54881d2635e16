/* SPDX-License-Identifier: MIT */
/* leaks_helper.c: a program that leaks, and ends in the way that its arguments say. For leaks_exit.sh. */
#include "heap_support.h"
#include "rendezvous_party.h"

#include "brainmm.h"

static void leak(unsigned pieces) {
    for (unsigned i = 0; i < pieces; i++)
        CHECK(brainmm_alloc(100) != NULL);
}

static module module_begin(void) {
    int (*start)(void);
    module loaded = module_load(path_beside("leaks_module-plain" MODULE_SUFFIX));
    module_symbol(loaded, "module_start", &start);
    CHECK(start());
    return loaded;
}

static void exiting_thread(void *unused) {
    (void)unused;
    exit(0);
}

static void endless_thread(void *started) {
    for (event_raise(started);;)
        sleep_ms(1000);
}

/* The original's way: a byte in the options of its table. */
static void flag_set(void) {
    const char *options = brainmm_get_manager()->version1[0];
    uint8_t *flag;
    memcpy(&flag, options + 11, sizeof flag);
    *flag = 1;
}

/* Gives the sign and waits until the dump is there. */
static void dump_now(const char *path) {
#if defined(_WIN32)
    char name[64];
    snprintf(name, sizeof name, "Local\\BrainMM_dump_%08lX", GetCurrentProcessId());
    HANDLE sign = OpenEventA(EVENT_MODIFY_STATE, FALSE, name);
    CHECK(sign && SetEvent(sign));
#else
    CHECK(raise(SIGUSR1) == 0);
#endif
    static char text[1 << 20];
    size_t length = 0;
    for (uint64_t end = now_ms() + 20000; length < 3 || memcmp(text + length - 3, "]}\n", 3) != 0; sleep_ms(10)) {
        FILE *file = fopen(path, "rb");
        CHECK_MSG(now_ms() < end, "no dump");
        if (!file)
            continue;
        length = fread(text, 1, sizeof text, file);
        fclose(file);
    }
    CHECK(remove(path) == 0);
}

static void end(const char *way, const char *argument) {
    thread t;
    if (!strcmp(way, "clean"))
        exit(0);
    if (!strcmp(way, "dump")) {
        dump_now(argument);
        dump_now(argument);
        exit(0);
    }
    leak(3);
    if (!strcmp(way, "_exit"))
        _exit(0);
    if (!strcmp(way, "flag"))
        flag_set();
    if (!strcmp(way, "wishes")) {
        printf("%u\n", brainmm_leak_wishes());
        fflush(stdout);
    }
    if (!strcmp(way, "module"))
        module_begin();
    if (!strcmp(way, "forget"))
        module_unload(module_begin());
    if (!strcmp(way, "take_back")) {
        int (*take_back)(void);
        module loaded = module_begin();
        module_symbol(loaded, "module_end", &take_back);
        CHECK(take_back());
        module_unload(loaded);
    }
    if (!strcmp(way, "hold")) {
        int (*hold)(void);
        module_symbol(module_begin(), "module_hold", &hold);
        CHECK(hold());
    }
    if (!strcmp(way, "hold_twice"))
        CHECK(brainmm_hold_reports() == BRAINMM_OK && brainmm_hold_reports() == BRAINMM_OK &&
              brainmm_release_reports() == BRAINMM_OK);
    if (!strcmp(way, "release"))
        CHECK(brainmm_release_reports() == BRAINMM_E_ARGUMENT && brainmm_hold_reports() == BRAINMM_OK &&
              brainmm_release_reports() == BRAINMM_OK && brainmm_release_reports() == BRAINMM_E_ARGUMENT);
    if (!strcmp(way, "thread")) {
        static event started;
        thread_start(&t, endless_thread, &started);
        CHECK(event_wait(&started, 10000));
        thread_start(&t, exiting_thread, NULL);
        for (;;)
            sleep_ms(1000);
    }
#if !defined(_WIN32)
    if (!strncmp(way, "fork", 4)) {
        pid_t child = fork();
        int status;
        if (child == 0) {
            leak(2);
            if (!strcmp(way, "fork_exit"))
                exit(0);
            if (!strcmp(way, "fork_exec"))
                execl("/bin/true", "true", (char *)NULL);
            _exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
#endif
}

int main(int argc, char **argv) {
    CHECK(argc >= 2);
    end(argv[1], argv[2]);
    return 0;
}
