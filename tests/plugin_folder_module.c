/* SPDX-License-Identifier: MIT */
/* plugin_folder_module.c: a plug-in that is linked with the library, for plugin_folder.sh. */
#include "brainmm.h"

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

EXPORT void *plugin_alloc(size_t size);
EXPORT int plugin_free(void *piece);
EXPORT const void *plugin_library(void);

void *plugin_alloc(size_t size) { return brainmm_alloc(size); }
int plugin_free(void *piece) { return brainmm_free(piece); }

/* An address inside the copy of the library that this plug-in got. */
const void *plugin_library(void) { return &brainmm_manager; }
