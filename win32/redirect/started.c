/* SPDX-License-Identifier: MIT */
#include "redirect/started.h"
#include "brainmm_redirect.h"
#include "companions/companion.h"
#include "base/text.h"
#include "redirect/children.h"
#include "redirect/modules.h"
#include "redirect/patch.h"
#include "redirect/process.h"
#include "redirect/redirect.h"
#include <string.h>

static uint32_t wishes;

/* ---- The note that the runner has left -------------------------------------------------------------------------- */

/* The headers tell of a table of imports behind the image, and in front of that is the note. */
static struct process_note *find_note(const struct pe_image *image) {
    size_t table = image->headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress;
    MEMORY_BASIC_INFORMATION block;
    if (table < image->size)
        return NULL;
    struct process_note *note = (struct process_note *)(void *)(image->base + table - sizeof *note);
    if (!VirtualQuery(note, &block, sizeof block) || block.State != MEM_COMMIT || block.Type != MEM_PRIVATE ||
        block.AllocationBase != note)
        return NULL;
    return memcmp(note->magic, PROCESS_NOTE_MAGIC, sizeof note->magic) == 0 ? note : NULL;
}

static void restore_headers(const struct pe_image *image, const struct process_note *note) {
    IMAGE_DATA_DIRECTORY *directories = image->headers->OptionalHeader.DataDirectory;
    const struct {
        unsigned index;
        const IMAGE_DATA_DIRECTORY *old;
    } changed[] = {{IMAGE_DIRECTORY_ENTRY_IMPORT, &note->imports},
                   {IMAGE_DIRECTORY_ENTRY_BOUND_IMPORT, &note->bound},
                   {IMAGE_DIRECTORY_ENTRY_IAT, &note->addresses}};
    for (unsigned i = 0; i < sizeof changed / sizeof *changed; i++) {
        patch_offset(&directories[changed[i].index].VirtualAddress, changed[i].old->VirtualAddress);
        patch_offset(&directories[changed[i].index].Size, changed[i].old->Size);
    }
}

/* ---- Whether the program uses the heap -------------------------------------------------------------------------- */

static size_t folder_of(HMODULE module, WCHAR *path, DWORD size) {
    DWORD length = GetModuleFileNameW(module, path, size);
    while (length > 0 && path[length - 1] != L'\\')
        length--;
    return length;
}

/* A program whose own code uses no run-time's DLL has perhaps brought DLLs that do. Only those count that lie in its
 * folder: the system's own use malloc, too. */
static bool own_module_uses_heap(HMODULE program) {
    static WCHAR folder[1024], other[1024];
    struct modules modules;
    bool uses = false;
    size_t length = folder_of(program, folder, sizeof folder / sizeof *folder);
    if (length == 0 || !modules_take(&modules))
        return false;
    for (size_t i = 0; i < modules.count && !uses; i++)
        uses = folder_of(modules.list[i], other, sizeof other / sizeof *other) == length &&
               CompareStringOrdinal(folder, (int)length, other, (int)length, TRUE) == CSTR_EQUAL &&
               redirect_judge(modules.list[i]) == BRAINMM_REDIRECTED;
    modules_release(&modules);
    return uses;
}

static void end_process(const char *sentence, const char *detail) {
    companion_print(sentence, detail);
    TerminateProcess(GetCurrentProcess(), EXIT_REFUSED);
}

/* ---- Start and end ---------------------------------------------------------------------------------------------- */

static void refused(const char *name, int result) {
    char buffer[400];
    struct text text = TEXT_IN(buffer);
    text_add(&text, name);
    text_add(&text, " does not use the heap, because ");
    text_add(&text, brainmm_redirect_text(result));
    companion_print(text.start, "");
}

void started_by_runner(void) {
    struct pe_image image;
    HMODULE program = GetModuleHandleW(NULL);
    struct process_note *note = pe_open(&image, program) ? find_note(&image) : NULL;
    if (!note)
        return;
    restore_headers(&image, note);
    wishes = note->wishes;
    if (note->started) {
        SetEvent((HANDLE)(uintptr_t)note->started);
        CloseHandle((HANDLE)(uintptr_t)note->started);
    }
    if (wishes & WISH_CHILDREN)
        children_start((wishes & (WISH_CHILDREN | WISH_REPORT)) | WISH_ANYWAY);
    int result = redirect_all(refused);
    if (result == BRAINMM_REDIRECT_NOT_LATER)
        companion_print(brainmm_redirect_text(result), "");
    if (result < 0)
        end_process("the program does not run, because ", brainmm_redirect_text(result));
    result = redirect_judge(program);
    if (result != BRAINMM_REDIRECTED && (wishes & WISH_ANYWAY) == 0 && !own_module_uses_heap(program))
        end_process("the program does not run, because ", brainmm_redirect_text(result));
}

static int __cdecl write_line(void *context, const char *line, size_t length) {
    DWORD written;
    return WriteFile(context, line, (DWORD)length, &written, NULL) == 0;
}

void started_end(void) {
    if (wishes & WISH_REPORT)
        brainmm_redirect_report(write_line, GetStdHandle(STD_ERROR_HANDLE));
}
