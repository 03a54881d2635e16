/* SPDX-License-Identifier: MIT */
/* files.c (POSIX): texts from outside, and files. errno is left as it was: this may be running inside a malloc. */
#define _GNU_SOURCE
#include "brainmm.h"
#include "calls.h"
#include "os.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t os_environment(const char *name, char *text, size_t size) {
    const char *value = getenv(name);
    size_t length = value ? strlen(value) : 0;
    if (length < size) {
        memcpy(text, value ? value : "", length);
        text[length] = 0;
    }
    return length;
}

const char *os_program_options(void) { return call_program_options(); }

/* A read can be shorter than the file. */
static size_t file_read(long file, char *text, size_t size) {
    size_t length = 0;
    long done = 1;
    while (length < size && done != 0) {
        done = call_read(file, text + length, size - length);
        if (done > 0)
            length += (size_t)done;
        else if (done < 0 && errno != EINTR)
            return 0;
    }
    return length;
}

/* A name can also be that of a pipe, where an open would wait. */
size_t os_text_file(const char *path, char *text, size_t size) {
    int error = errno;
    size_t length = 0;
    long file = call_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file >= 0) {
        length = file_read(file, text, size);
        call_close(file);
    }
    if (length < size)
        text[length] = 0;
    errno = error;
    return length;
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

uintptr_t os_process_id(void) { return call_process_id(); }

intptr_t os_file_open(const char *path, bool append) {
    int error = errno;
    intptr_t file = call_open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (append ? O_APPEND : O_TRUNC));
    errno = error;
    return file;
}

bool os_file_write(intptr_t file, const void *bytes, size_t length) {
    const char *from = bytes;
    int error = errno;
    while (length != 0) {
        long done = call_write(file, from, length);
        if (done < 0 && errno != EINTR)
            break;
        if (done > 0) {
            from += done;
            length -= (size_t)done;
        }
    }
    errno = error;
    return length == 0;
}

void os_file_close(intptr_t file) {
    int error = errno;
    call_close(file);
    errno = error;
}
