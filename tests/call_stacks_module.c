/* SPDX-License-Identifier: MIT */
/* call_stacks_module.c: a plug-in that calls the program's functions (call_stacks.c). */
#include "call_stacks.h"

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

EXPORT chain_link plugin_chain;

__attribute__((noinline)) uint32_t plugin_chain(struct chain *chain) {
    KEEPS_FRAME();
    CHAIN_BODY(chain, plugin_chain, plugin_chain);
}
