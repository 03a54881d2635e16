/* SPDX-License-Identifier: MIT */
/* redirect.c (Windows): the functions of brainmm_redirect.h.
 *
 * One lock guards the libraries and all that is written to tables of imports and exports. While it is held, nothing of
 * the loader is called. So it may be taken while the loader's lock is held, as that is when a module is loaded.
 */
#include "redirect/redirect.h"
#include "base/text.h"
#include "brainmm_redirect.h"
#include "redirect/imports.h"
#include "redirect/libraries.h"
#include "redirect/modules.h"

static SRWLOCK lock = SRWLOCK_INIT;
static bool everything; /* every module is redirected, also those that are loaded later */
static redirect_refused hear_refused;
static void *own; /* this DLL */

void redirect_start(void *module) { own = module; }

/* ---- Libraries -------------------------------------------------------------------------------------------------- */

enum { LIBRARIES_MAX = 16 };

/* Where the libraries are that are loaded. The loader is asked, so the lock is not held. */
static void libraries_find(void *found[LIBRARIES_MAX]) {
    const struct library *library;
    for (unsigned i = 0; i < LIBRARIES_MAX && (library = library_number(i)) != NULL; i++)
        found[i] = module_named(library->file);
}

/* Looks up the functions of libraries that were not known. False: the system refused to replace their exports. */
static bool libraries_arrive(void *const found[LIBRARIES_MAX]) {
    struct library *library;
    struct pe_image image;
    bool replaced = true;
    for (unsigned i = 0; i < LIBRARIES_MAX && (library = library_number(i)) != NULL; i++) {
        if (!found[i])
            library_close(library);
        if (!found[i] || library->image.base == found[i])
            continue;
        if (pe_open(&image, found[i]) && library_open(library, &image) && everything)
            replaced = library_replace_exports(library) && replaced;
    }
    return replaced;
}

static bool exports_restore(unsigned which) {
    struct library *library;
    bool restored = true;
    for (unsigned i = 0; (library = library_number(i)) != NULL; i++)
        if (library->image.base)
            restored = library_restore_exports(library, which) && restored;
    return restored;
}

/* All or none. */
static bool exports_replace(void) {
    struct library *library;
    bool replaced = true;
    for (unsigned i = 0; (library = library_number(i)) != NULL; i++)
        if (library->image.base)
            replaced = library_replace_exports(library) && replaced;
    if (!replaced)
        exports_restore(GIVES | TAKES | STARTS);
    return replaced;
}

/* ---- One module ------------------------------------------------------------------------------------------------- */

typedef int (*module_action)(const struct pe_image *image, bool exports_too);

/* The lock is held. */
static int module_do(void *module, module_action action) {
    struct pe_image image;
    const struct library *library = library_at(module);
    if (module == own || (library && library->left_alone))
        return BRAINMM_REDIRECT_E_OWN;
    if (!pe_open(&image, module))
        return BRAINMM_REDIRECT_E_IMAGE;
    if (everything && action == imports_redirect)
        imports_redirect_starts(&image);
    int result = action(&image, everything);
    return result == BRAINMM_REDIRECT_NOTHING && library ? BRAINMM_REDIRECT_E_OWN : result;
}

static int restore_giving(const struct pe_image *image, bool exports_too) {
    (void)exports_too;
    return imports_restore(image, GIVES);
}

static int restore_everything(const struct pe_image *image, bool exports_too) {
    (void)exports_too;
    return imports_restore(image, GIVES | TAKES | STARTS);
}

static int restore_family(const struct pe_image *image, bool exports_too) {
    (void)exports_too;
    return imports_restore(image, GIVES | TAKES);
}

/* ---- Modules that come and go ----------------------------------------------------------------------------------- */

/* The lock is not held. */
static void tell(redirect_refused hear, void *module, int result) {
    char name[260];
    if (result >= 0 || result == BRAINMM_REDIRECT_E_OWN || !hear)
        return;
    module_name(module, name, sizeof name);
    hear(name, result);
}

/* Some versions of Windows tell of a module before its imports are bound, others after that. In the first case the
 * tables of exports see to it. In the second case its entries are judged here. Its run-time, if that is loaded with it,
 * may come to be told of later. A module that is refused may be bound to replacements, and gets its own functions. */
static void module_loaded(void *module) {
    void *found[LIBRARIES_MAX];
    libraries_find(found);
    AcquireSRWLockExclusive(&lock);
    int result = BRAINMM_REDIRECT_NOTHING;
    if (everything) {
        libraries_arrive(found); /* if that fails, the entries are replaced all the same */
        result = module_do(module, imports_redirect);
        if (result < 0 && result != BRAINMM_REDIRECT_E_OWN)
            module_do(module, restore_family);
    }
    redirect_refused hear = hear_refused;
    ReleaseSRWLockExclusive(&lock);
    tell(hear, module, result);
}

static void module_unloaded(void *module) {
    AcquireSRWLockExclusive(&lock);
    struct library *library = library_at(module);
    if (library)
        library_close(library);
    ReleaseSRWLockExclusive(&lock);
}

static const struct module_watcher watcher = {module_loaded, module_unloaded};

static int one_module(void *module, module_action action) {
    void *found[LIBRARIES_MAX];
    if (!module_take(module))
        return BRAINMM_REDIRECT_E_MODULE;
    modules_watch(&watcher); /* for libraries that are unloaded; if there are no news, the next call notices it */
    libraries_find(found);
    AcquireSRWLockExclusive(&lock);
    bool arrived = libraries_arrive(found);
    int result = arrived ? module_do(module, action) : BRAINMM_REDIRECT_E_SYSTEM;
    ReleaseSRWLockExclusive(&lock);
    module_release(module);
    return result;
}

/* ---- All modules ------------------------------------------------------------------------------------------------ */

/* From the moment on at which the tables of exports are replaced, what is loaded is told of, or is in the list. */
int redirect_all(redirect_refused hear) {
    void *found[LIBRARIES_MAX];
    struct modules modules;
    bool watched = modules_watch(&watcher);
    libraries_find(found);
    AcquireSRWLockExclusive(&lock);
    libraries_arrive(found);
    bool done = exports_replace();
    everything = done;
    hear_refused = hear;
    ReleaseSRWLockExclusive(&lock);
    if (done && !modules_take(&modules)) {
        AcquireSRWLockExclusive(&lock);
        everything = done = false;
        exports_restore(GIVES | TAKES | STARTS);
        ReleaseSRWLockExclusive(&lock);
    }
    if (!done)
        return BRAINMM_REDIRECT_E_SYSTEM;
    for (size_t i = 0; i < modules.count; i++) {
        AcquireSRWLockExclusive(&lock);
        int result = module_do(modules.list[i], imports_redirect);
        ReleaseSRWLockExclusive(&lock);
        tell(hear, modules.list[i], result);
    }
    modules_release(&modules);
    return watched ? BRAINMM_REDIRECTED : BRAINMM_REDIRECT_NOT_LATER;
}

static int restore_all(module_action action, unsigned which) {
    struct modules modules;
    if (!modules_take(&modules))
        return BRAINMM_REDIRECT_E_SYSTEM;
    AcquireSRWLockExclusive(&lock);
    bool changed = everything, restored = exports_restore(which);
    everything = false;
    for (size_t i = 0; i < modules.count; i++) {
        int result = module_do(modules.list[i], action);
        changed = changed || result == BRAINMM_REDIRECTED;
        restored = restored && result != BRAINMM_REDIRECT_E_SYSTEM;
    }
    ReleaseSRWLockExclusive(&lock);
    modules_release(&modules);
    return !restored ? BRAINMM_REDIRECT_E_SYSTEM : changed ? BRAINMM_REDIRECTED : BRAINMM_REDIRECT_NOTHING;
}

int redirect_judge(void *module) { return one_module(module, imports_judge); }

/* ---- The public functions --------------------------------------------------------------------------------------- */

int __cdecl brainmm_redirect_imports(void *module) {
    return module ? one_module(module, imports_redirect) : redirect_all(NULL);
}

int __cdecl brainmm_restore_imports(void *module, unsigned parts) {
    bool whole = parts == BRAINMM_RESTORE_ALL;
    module_action action = whole ? restore_everything : restore_giving;
    return module ? one_module(module, action) : restore_all(action, whole ? GIVES | TAKES | STARTS : GIVES);
}

const char *__cdecl brainmm_redirect_text(int result) {
    switch (result) {
    case BRAINMM_REDIRECTED: return "it uses the heap";
    case BRAINMM_REDIRECT_NOTHING: return "it imports no malloc: its C run-time is a part of it, or it has none";
    case BRAINMM_REDIRECT_NOT_LATER: return "run-times that are loaded later are not noticed on this Windows";
    case BRAINMM_REDIRECT_E_MODULE: return "there is no such module";
    case BRAINMM_REDIRECT_E_OWN: return "it is a run-time, or belongs to BrainMM or to the system's core";
    case BRAINMM_REDIRECT_E_DEBUG: return "it imports from a run-time for debugging, whose pieces have another form";
    case BRAINMM_REDIRECT_E_HOOKED: return "somebody else has replaced a function of the malloc family in it";
    case BRAINMM_REDIRECT_E_HEAP: return "it imports functions that look into the run-time's heap themselves";
    case BRAINMM_REDIRECT_E_DELAYED: return "it imports from a run-time that is loaded when it is first called";
    case BRAINMM_REDIRECT_E_IMAGE: return "its tables of imports are damaged, or lie outside of it";
    case BRAINMM_REDIRECT_E_SYSTEM: return "the system did not allow to write to its tables, or gave no memory";
    }
    return "unknown result";
}

int __cdecl brainmm_redirect_report(int(__cdecl *write)(void *context, const char *line, size_t length),
                                    void *context) {
    void *found[LIBRARIES_MAX];
    struct modules modules;
    int answer = 0;
    libraries_find(found);
    if (!modules_take(&modules))
        return answer;
    for (size_t i = 0; i < modules.count && answer == 0; i++) {
        char name[260], buffer[400];
        struct text line = TEXT_IN(buffer);
        AcquireSRWLockExclusive(&lock);
        libraries_arrive(found);
        int result = module_do(modules.list[i], imports_judge);
        ReleaseSRWLockExclusive(&lock);
        module_name(modules.list[i], name, sizeof name);
        text_add(&line, name);
        text_add(&line, ": ");
        text_add(&line, brainmm_redirect_text(result));
        text_add(&line, "\n");
        answer = write(context, line.start, line.length);
    }
    modules_release(&modules);
    return answer;
}
