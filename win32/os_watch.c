/* SPDX-License-Identifier: MIT */
/* os_watch.c (Windows): a thread that dumps the heap when an event is set. */
#include "base/text.h"
#include "os.h"
#include <windows.h>

static HANDLE event;
static void (*dump_function)(void);

static DWORD WINAPI wait_for_signs(void *unused) {
    (void)unused;
    while (WaitForSingleObject(event, INFINITE) == WAIT_OBJECT_0)
        dump_function();
    return 0;
}

/* The library is never unloaded, and nobody waits for the thread. It begins when the loader's lock is free. */
const char *os_watch_dump(unsigned signal, void (*dump)(void)) {
    char name[48];
    struct text text = TEXT_IN(name);
    if (signal != 0)
        return "this system has events, and no signals";
    text_add(&text, "Local\\BrainMM_dump_");
    text_add_hex_digits(&text, GetCurrentProcessId(), 8);
    SetLastError(ERROR_SUCCESS);
    event = CreateEventA(NULL, FALSE, FALSE, name);
    if (!event || GetLastError() == ERROR_ALREADY_EXISTS)
        return "somebody has an object with the name of the event";
    dump_function = dump;
    HANDLE thread = CreateThread(NULL, 0, wait_for_signs, NULL, 0, NULL);
    if (!thread)
        return "the system starts no thread";
    CloseHandle(thread);
    return NULL;
}
