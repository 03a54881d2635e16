/* SPDX-License-Identifier: MIT */
/* attach_alone.c: a header-only client loads the library from its own folder, or on Linux an installed one. Here the
 * library lies in the current folder, in the program's folder and, on Windows, in a folder of PATH, but not beside the
 * client: the client gets NULL. */
#include "rendezvous_party.h"
#if !defined(_WIN32)
#include <sys/stat.h>
#endif

static void copy_file(const char *from, const char *to) {
    static char buffer[1 << 16];
    size_t length;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    CHECK_MSG(in != NULL && out != NULL, "%s to %s", from, to);
    while ((length = fread(buffer, 1, sizeof buffer, in)) > 0)
        CHECK(fwrite(buffer, 1, length, out) == length);
    fclose(in);
    CHECK(fclose(out) == 0);
}

/* Whether this machine has an installed library. Another program says so, from the client's folder. */
static bool is_installed(void) {
#if defined(_WIN32)
    return false;
#else
    char from[4096];
    strcpy(from, path_beside("loader_finds-plain"));
    const char *program = path_beside("alone/loader_finds-plain");
    copy_file(from, program);
    CHECK(chmod(program, 0777) == 0);
    int status = system("alone/loader_finds-plain");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
    return WEXITSTATUS(status) == 0;
#endif
}

int main(void) {
    char from[4096], to[4096], folder[4096];
    const struct brainmm_manager *(*attach_try)(const char **why);
    const char *why = NULL;
    strcpy(from, path_beside("attach_module-plain" MODULE_SUFFIX));
    strcpy(folder, path_beside("alone"));
    snprintf(to, sizeof to, "%.4000s%cattach_module-plain" MODULE_SUFFIX, folder, FOLDER_SEPARATOR);
#if defined(_WIN32)
    CreateDirectoryA(folder, NULL); /* the folder may exist */
    SetEnvironmentVariableA("PATH", path_beside("second"));
    SetCurrentDirectoryA(path_beside(""));
#else
    mkdir(folder, 0777);
    CHECK(chdir(path_beside("")) == 0);
#endif
    copy_file(from, to);
    CHECK(fopen(LIBRARY_FILE, "rb") != NULL); /* the current folder has the library */
    module client = module_load(to);
    module_symbol(client, "attach_try", &attach_try);
    if (!is_installed()) {
        CHECK(attach_try(&why) == NULL);
        printf("%s\n", why);
        CHECK(strstr(why, "could not be loaded from this module's folder") != NULL);
    }

    /* Once a heap is published, the client needs no library. */
    party_get_function get;
    module_symbol(module_load(path_beside("rendezvous_module-core" MODULE_SUFFIX)), "party_get", &get);
    const struct brainmm_manager *manager = attach_try(&why);
    CHECK(manager != NULL && manager->heap_id == get()->heap_id() && why[0] == 0);
    return TEST_PASSED;
}
