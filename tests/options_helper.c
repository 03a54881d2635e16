/* SPDX-License-Identifier: MIT */
/* options_helper.c: a program for options.sh. It uses the heap and says that it works. If the variable SET_OPTIONS is
 * there, it is given to brainmm_set_options() before there is a heap, where that is possible, and once more afterwards.
 * With the static core it prints the options whose names are its arguments, as NAME=NUMBER TEXT.
 */
#ifdef __linux__
#define _GNU_SOURCE
#include <sys/auxv.h>
#endif
#include "brainmm.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef OPTIONS_OWN
BRAINMM_PROGRAM_OPTIONS(OPTIONS_OWN);
#endif

static int early_result = -1;

/* ---- Before the heap -------------------------------------------------------------------------------------------- */

#if defined(_WIN32)
#include <windows.h>

static void NTAPI before_heap(void *image, DWORD reason, void *reserved) {
    static char text[10000];
    (void)image;
    (void)reserved;
    if (reason == DLL_PROCESS_ATTACH && GetEnvironmentVariableA("SET_OPTIONS", text, sizeof text) != 0)
        early_result = brainmm_set_options(text);
}

/* The static core's callback is in .CRT$XLB. */
__attribute__((section(".CRT$XLAB"), used)) static const PIMAGE_TLS_CALLBACK callback = before_heap;
extern const IMAGE_TLS_DIRECTORY _tls_used;
__attribute__((used)) static const IMAGE_TLS_DIRECTORY *const directory = &_tls_used;
#else
static void before_heap(int count, char **arguments, char **environment) {
    (void)count;
    (void)arguments;
    for (; *environment; environment++)
        if (strncmp(*environment, "SET_OPTIONS=", 12) == 0)
            early_result = brainmm_set_options(*environment + 12);
}

__attribute__((section(".preinit_array"), used)) static void (*const callback)(int, char **, char **) = before_heap;
#endif

/* ---- With the heap ---------------------------------------------------------------------------------------------- */

#ifdef BRAINMM_STATIC
#include "share/options.h"

#define ANY_NAME(id, name, ...) name,
static const char *const names[] = {OPTION_LIST(ANY_NAME, ANY_NAME, ANY_NAME, ANY_NAME)};

static void print_option(const char *name) {
    for (unsigned option = 0; option < OPTION_COUNT; option++)
        if (strcmp(names[option], name) == 0) {
            printf("%s=%llu", name, (unsigned long long)option_number((enum option)option));
            printf(" %s\n", option_is_text((enum option)option) ? option_text((enum option)option) : "");
        }
}
#else
static void print_option(const char *name) { printf("%s?\n", name); }
#endif

int main(int argc, char **argv) {
    void *piece = brainmm_alloc(100);
    if (!piece || brainmm_free(piece) != BRAINMM_OK)
        return 1;
#ifdef __linux__
    if (getauxval(AT_SECURE) != 0)
        puts("it has other rights than its caller");
#endif
    if (getenv("SET_OPTIONS"))
        printf("early %d, late %d\n", early_result, brainmm_set_options(getenv("SET_OPTIONS")));
    for (int i = 1; i < argc; i++)
        print_option(argv[i]);
    puts("the heap works");
    return fflush(stdout);
}
