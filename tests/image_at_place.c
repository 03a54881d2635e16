/* SPDX-License-Identifier: MIT */
/* image_at_place.c: the program itself lies where modules look for a record first, as programs under valgrind may. The
 * page there is all zero. It is not taken for a record that somebody is filling in: the heap is published at the second
 * place without a wait.
 */
#include "support/outcome.h"

#include "brainmm.h"
#include <stdint.h>
#include <string.h>

/* The linker puts the program at the MiB of the place (tests.mk). */
static unsigned char zeros[2 << 20];
static const uintptr_t place = 0x360000;

int main(void) {
    const char *text = "";
    CHECK_MSG(place - (uintptr_t)zeros < sizeof zeros - 4096, "the zeros are at %p", (void *)zeros);
    CHECK_MSG(brainmm_attach_status(&text) == BRAINMM_OWNER_SECOND &&
                  strstr(text, "an image loaded in this process lies there"),
              "%s", text);
    return TEST_PASSED;
}
