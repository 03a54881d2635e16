/* SPDX-License-Identifier: MIT */
/* attach_folder.c: a plug-in loads the library from its own folder, also if the folder's name has a line break in it,
 * which the system's list of mappings shows as \012. The plug-in is loaded by an absolute path, or by a relative one,
 * for which the loader does not know the folder. One plug-in is in C, one in Pascal. */
#include "rendezvous_party.h"
/* rendezvous_party.h first: it includes the system's headers */
#include <sys/stat.h>

#define FOLDER "attach\nfolder"

static void copy_here(const char *file) {
    static char buffer[1 << 16];
    char to[4096];
    size_t length;
    snprintf(to, sizeof to, FOLDER "/%s", file);
    FILE *in = fopen(file, "rb"), *out = fopen(to, "wb");
    CHECK_MSG(in != NULL && out != NULL, "%s", file);
    while ((length = fread(buffer, 1, sizeof buffer, in)) > 0)
        CHECK(fwrite(buffer, 1, length, out) == length);
    fclose(in);
    CHECK(fclose(out) == 0);
}

/* Loads a plug-in, which would end this process if it did not find the library. */
static void load(const char *plugin, bool absolute) {
    char path[8192];
    if (absolute)
        snprintf(path, sizeof path, "%s", path_beside(FOLDER));
    snprintf(path + (absolute ? strlen(path) : 0), 4096, "%s/%s", absolute ? "" : "./" FOLDER, plugin);
    module loaded = module_load(path);
    if (strstr(plugin, "attach_module")) {
        const struct brainmm_manager *(*attach_try)(const char **why);
        const char *why = NULL;
        module_symbol(loaded, "attach_try", &attach_try);
        const struct brainmm_manager *manager = attach_try(&why);
        CHECK_MSG(manager != NULL, "%s", why);
        void *piece = manager->alloc(100);
        CHECK(piece != NULL && manager->free(piece) == BRAINMM_OK);
    }
    CHECK(module_is_loaded(path_beside(FOLDER "/" LIBRARY_FILE)));
    CHECK(!module_is_loaded(path_beside(LIBRARY_FILE)));
}

int main(void) {
    static const char *const plugins[] = {"attach_module-plain.so", "share_plugin-pascal.so"};
    CHECK(chdir(path_beside("")) == 0);
    mkdir(FOLDER, 0777); /* the folder may exist */
    copy_here(LIBRARY_FILE);
    for (unsigned i = 0; i < 4; i++) {
        int status = -1;
        if (i % 2 == 0)
            copy_here(plugins[i / 2]);
        pid_t process = fork();
        CHECK(process >= 0);
        if (process == 0) {
            load(plugins[i / 2], i % 2 == 0);
            test_end(TEST_PASSED);
        }
        CHECK(waitpid(process, &status, 0) == process);
        CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == TEST_PASSED, "%s, %s path: status %x", plugins[i / 2],
                  i % 2 ? "relative" : "absolute", (unsigned)status);
    }
    return TEST_PASSED;
}
