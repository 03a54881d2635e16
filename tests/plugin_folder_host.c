/* SPDX-License-Identifier: MIT */
/* plugin_folder_host.c: a program that loads a plug-in from the folder plugins/ below its own, for plugin_folder.sh.
 *
 *     host WAY        WAY says how the plug-in is loaded; see load()
 *
 * With HOST_HAS_HEAP the program is linked with the library or with the static core. Otherwise it has nothing of
 * BrainMM. It prints one line: "host" if the plug-in got the library in the program's folder, "plugin" if it got that
 * in plugins/, or the system's error. If the plug-in was loaded, program and plug-in must be able to free each other's
 * memory.
 */
#if !defined(_WIN32)
#define _GNU_SOURCE
#endif
#include "rendezvous_party.h"

#if defined(_WIN32)
#define PLUGINS "plugins\\"
#else
#define PLUGINS "plugins/"
#endif

static module plugin;

/* False if the system does not load the plug-in. ERROR then tells why. */
static bool load(const char *way, char *error, size_t size) {
    char path[4096];
    strcpy(path, path_beside(PLUGINS "plugin" MODULE_SUFFIX));
#if defined(_WIN32)
    DWORD flags = 0;
    if (strcmp(way, "altered") == 0)
        flags = LOAD_WITH_ALTERED_SEARCH_PATH;
    else if (strcmp(way, "search") == 0)
        flags = LOAD_LIBRARY_SEARCH_DEFAULT_DIRS | LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR;
    else if (strcmp(way, "directory") == 0)
        CHECK(SetDllDirectoryA(path_beside(PLUGINS)));
    else if (strcmp(way, "first") == 0)
        module_load(path_beside(PLUGINS LIBRARY_FILE));
    else
        CHECK(strcmp(way, "plain") == 0);
    plugin = LoadLibraryExA(path, NULL, flags);
    snprintf(error, size, "error %lu", GetLastError());
#else
    if (strcmp(way, "first") == 0)
        module_load(path_beside(PLUGINS LIBRARY_FILE));
    else
        CHECK(strcmp(way, "plain") == 0);
    plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const char *text = plugin ? NULL : dlerror();
    snprintf(error, size, "%s", text && strstr(text, LIBRARY_FILE) ? "not found" : text ? text : "");
#endif
    return plugin != NULL;
}

/* ADDRESS lies in the library. "plugin" or "host" tells in which folder that library is. */
static const char *folder_of(const void *address) {
#if defined(_WIN32)
    char path[4096];
    HMODULE library;
    CHECK(GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, address, &library));
    CHECK(GetModuleFileNameA(library, path, sizeof path) != 0);
#else
    Dl_info info;
    CHECK(dladdr(address, &info) != 0);
    const char *path = info.dli_fname;
#endif
    return strstr(path, PLUGINS LIBRARY_FILE) ? "plugin" : "host";
}

int main(int argc, char **argv) {
    void *(*plugin_alloc)(size_t size);
    int (*plugin_free)(void *piece);
    const void *(*plugin_library)(void);
    char error[300];
    CHECK(argc == 2);
#if defined(HOST_HAS_HEAP)
    void *piece = brainmm_alloc(100);
    CHECK(piece != NULL);
#endif
    if (!load(argv[1], error, sizeof error)) {
        printf("%s\n", error);
        test_end(TEST_PASSED);
    }
    module_symbol(plugin, "plugin_alloc", &plugin_alloc);
    module_symbol(plugin, "plugin_free", &plugin_free);
    module_symbol(plugin, "plugin_library", &plugin_library);
#if defined(HOST_HAS_HEAP)
    CHECK(plugin_free(piece) == BRAINMM_OK);
    CHECK(brainmm_free(plugin_alloc(100)) == BRAINMM_OK);
#else
    CHECK(plugin_free(plugin_alloc(100)) == BRAINMM_OK);
#endif
    printf("%s\n", folder_of(plugin_library()));
    test_end(TEST_PASSED);
}
