/* SPDX-License-Identifier: MIT */
/* rendezvous_place.c: sanitizers and valgrind lay out memory in their own way, but the first place is still free. A
 * client finds the heap there, and the tool reports no error. */
#include "brainmm_attach.h"
/* brainmm_attach.h first: it must not need anything before it */
#include "rendezvous_party.h"

int main(void) {
    const char *text;
    int state = brainmm_attach_status(&text);
    printf("%d, %s\n", state, text);
    CHECK(state == BRAINMM_OWNER);
    CHECK(brainmm_attach() == brainmm_get_manager());
    void *piece = brainmm_attach()->alloc(100);
    CHECK(piece != NULL && brainmm_free(piece) == BRAINMM_OK);
    return TEST_PASSED;
}
