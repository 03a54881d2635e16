/* SPDX-License-Identifier: MIT */
/* modules.h (Windows): the modules that are loaded, and the news of those that come and go. */
#ifndef BRAINMM_REDIRECT_MODULES_H
#define BRAINMM_REDIRECT_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <windows.h>

/* The modules that were loaded when it was made. None is unloaded before modules_release(). */
struct modules {
    HMODULE *list;
    size_t count;
};

/* False: there is no memory, or the system does not tell. */
bool modules_take(struct modules *modules);
void modules_release(struct modules *modules);

/* Keeps MODULE loaded until module_release(). False: no module is there. */
bool module_take(void *module);
void module_release(void *module);

/* The module whose file is FILE, without a folder. NULL: there is none. */
void *module_named(const char *file);

/* The file name of MODULE without its folder, in UTF-8. NAME gets at most SIZE bytes, the zero included. */
void module_name(void *module, char *name, size_t size);

/* Calls LOADED for each module that the loader is loading, before its code runs, and UNLOADED for each that it unloads.
 * The loader's lock is held then. False: this Windows cannot do that. */
struct module_watcher {
    void (*loaded)(void *module);
    void (*unloaded)(void *module);
};
bool modules_watch(const struct module_watcher *watcher);
void modules_unwatch(void);

#endif
