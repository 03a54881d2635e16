/* init.c (POSIX): the library's beginning, and fork().
 *
 * The module finds its heap when it is loaded, or earlier when something allocates before its constructor runs. Heaps
 * outlive every dlclose: libbrainmm.so is linked with -z nodelete, and an image that contains the static core and owns
 * the heap is pinned here.
 */
#define _GNU_SOURCE /* dladdr */
#include "heap.h"
#include "lifecycle.h"
#include "manager.h"
#include "rendezvous.h"
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

/* A static program has none of these, and needs none. */
#pragma weak dlopen
#pragma weak dladdr
#pragma weak _DYNAMIC

/* ---- Pinning ---------------------------------------------------------------------------------------------------- */

static const void *pin_address; /* set in manager_start(), before the constructor or in it */

void lifecycle_pin_later(const void *address) { pin_address = address; }

static bool is_never_unloaded(void) {
    for (const ElfW(Dyn) *entry = _DYNAMIC; entry && entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == DT_FLAGS_1 && (entry->d_un.d_val & (DF_1_NODELETE | DF_1_PIE)) != 0)
            return true;
    return false;
}

/* Loading an image that is loaded already only changes its flags. For the program itself dlopen has no such name, and
 * fails, which is as good. */
static void image_pin(const void *address) {
    Dl_info info;
    if (dlopen && dladdr && dladdr(address, &info) != 0 && info.dli_fname)
        dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

/* ---- fork() ----------------------------------------------------------------------------------------------------- */

/* The child gets a copy of the heap. All locks are taken before, so that what they guard is whole in the child. A
 * module that uses another's heap leaves that to its owner. */
static void fork_prepare(void) {
    if (manager_start())
        heap_lock_all();
}

static void fork_done(void) {
    if (manager_start())
        heap_unlock_all();
}

static void fork_done_in_child(void) {
    if (manager_start())
        heap_unlock_all_in_child();
}

/* ---- The beginning ---------------------------------------------------------------------------------------------- */

void rendezvous_bind_lifecycle(void) { pthread_atfork(fork_prepare, fork_done, fork_done_in_child); }

__attribute__((constructor)) static void library_start(void) {
    bool owns = manager_start();
    if (pin_address && !(owns && is_never_unloaded()))
        image_pin(pin_address);
}
