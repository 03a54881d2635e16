/* SPDX-License-Identifier: MIT */
/* leaks_malloc.c: a program that knows nothing of this library, and leaks. For leaks_exit.sh. */
#include <stdlib.h>

void *volatile leaked[3];

int main(void) {
    for (int i = 0; i < 3; i++)
        leaked[i] = malloc(4321);
    return 0;
}
