/* SPDX-License-Identifier: MIT */
/* maps.c (Linux): see maps.h. No system call tells the rights of a page, so the list is read as text. System calls are
 * made directly: a thread could be cancelled in the functions of libc.
 */
#define _GNU_SOURCE
#include "linux/maps.h"
#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A line begins with "55d0c000-55d0e000 r-xp ". */
struct line {
    uintptr_t first, end;
    char rights[4];
    unsigned field;  /* of the line: first, end, rights, the rest */
    unsigned length; /* of the rights read so far */
};

/* Takes the next character. True when the line's rights are complete. */
static bool line_take(struct line *line, char c) {
    if (c == '\n') {
        *line = (struct line){0};
    } else if (line->field < 2) {
        uintptr_t *number = line->field == 0 ? &line->first : &line->end;
        if (c == '-' || c == ' ')
            line->field++;
        else
            *number = *number << 4 | text_hex_digit(c);
    } else if (line->field == 2) {
        line->rights[line->length++] = c;
        if (line->length == sizeof line->rights) {
            line->field = 3;
            return true;
        }
    }
    return false;
}

static bool search(long file, uintptr_t address, struct line *line) {
    char buffer[4096];
    long length;
    do {
        length = syscall(SYS_read, file, buffer, sizeof buffer);
        for (long i = 0; i < length; i++)
            if (line_take(line, buffer[i]) && address >= line->first && address < line->end)
                return true;
    } while (length > 0 || (length < 0 && errno == EINTR));
    return false;
}

bool maps_rights(uintptr_t address, char rights[4]) {
    struct line line = {0};
    int error = errno;
    long file = syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
    bool found = file >= 0 && search(file, address, &line);
    if (file >= 0)
        syscall(SYS_close, file);
    errno = error;
    if (found)
        memcpy(rights, line.rights, sizeof line.rights);
    return found;
}
