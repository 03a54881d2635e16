/* SPDX-License-Identifier: MIT */
/* dlopen_deepbind.c: with libbrainmm-malloc.so preloaded, a library that is loaded with RTLD_DEEPBIND shares the heap
 * with the program, although that flag has it look into the C library first. A dlopen() in a library is still that
 * library's: it finds what only the library's own RUNPATH leads to.
 *
 * Arguments: the library.
 */
#define _GNU_SOURCE
#include "support/outcome.h"
#include "support/thread.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_MOST 512

struct module {
    void *(*malloc)(size_t size);
    void (*free)(void *piece);
    char *(*strdup)(const char *text);
    void *(*load)(const char *name);
    void *(*load_into_base)(const char *name);
};

static void *function(void *library, const char *name) {
    CHECK_MSG(library != NULL, "%s", dlerror());
    void *found = dlsym(library, name);
    CHECK_MSG(found != NULL, "%s", name);
    return found;
}

static struct module module_in(void *library) {
    struct module module;
    *(void **)(uintptr_t)&module.malloc = function(library, "module_malloc");
    *(void **)(uintptr_t)&module.free = function(library, "module_free");
    *(void **)(uintptr_t)&module.strdup = function(library, "module_strdup");
    *(void **)(uintptr_t)&module.load = function(library, "module_load");
    *(void **)(uintptr_t)&module.load_into_base = function(library, "module_load_into_base");
    return module;
}

/* A pointer of another heap would end the program. */
static void it_shares_the_heap(const struct module *module) {
    static const size_t sizes[] = {1, 100, 5000, 100000, 3 << 20};
    char *text = module->strdup("made by the C library for the module");
    CHECK(text && strcmp(text, "made by the C library for the module") == 0);
    free(text);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *theirs = module->malloc(sizes[i]), *mine = malloc(sizes[i]);
        CHECK(theirs && mine && (theirs = realloc(theirs, 2 * sizes[i])) != NULL);
        free(theirs);
        module->free(mine);
    }
}

static void copy(const char *from, const char *to) {
    char bytes[4096];
    FILE *source = fopen(from, "rb"), *target = fopen(to, "wb");
    CHECK_MSG(source && target, "%s, %s", from, to);
    for (size_t length; (length = fread(bytes, 1, sizeof bytes, source)) != 0;)
        CHECK(fwrite(bytes, 1, length, target) == length);
    CHECK(fclose(source) == 0 && fclose(target) == 0);
}

/* Two copies of the library in a folder that only their own RUNPATH names. */
static void it_finds_what_its_own_runpath_leads_to(const char *library) {
    char folder[] = "/tmp/brainmm-deepbind-XXXXXX", first[PATH_MOST], second[PATH_MOST];
    CHECK(mkdtemp(folder));
    snprintf(first, sizeof first, "%s/first.so", folder);
    snprintf(second, sizeof second, "%s/only-beside-first.so", folder);
    copy(library, first);
    copy(library, second);
    CHECK_MSG(dlopen("only-beside-first.so", RTLD_NOW | RTLD_DEEPBIND) == NULL, "the program finds it, too");
    struct module module = module_in(dlopen(first, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND));
    struct module loaded = module_in(module.load("only-beside-first.so"));
    it_shares_the_heap(&loaded);
    loaded = module_in(module.load_into_base("only-beside-first.so"));
    it_shares_the_heap(&loaded);
    remove(first);
    remove(second);
    remove(folder);
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    watchdog_start(50);
    struct module module = module_in(dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND));
    it_shares_the_heap(&module);
    struct module again = module_in(dlmopen(LM_ID_BASE, arguments[1], RTLD_NOW | RTLD_DEEPBIND));
    it_shares_the_heap(&again);
    CHECK(dlopen("there-is-no-such-library.so", RTLD_NOW | RTLD_DEEPBIND) == NULL);
    CHECK(strstr(dlerror(), "there-is-no-such-library.so") != NULL);
    it_finds_what_its_own_runpath_leads_to(arguments[1]);
    return TEST_PASSED;
}
