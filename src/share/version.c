/* SPDX-License-Identifier: MIT */
/* version.c: what a program may ask about the library and the system before it uses a heap; see brainmm.h. */
#include "brainmm.h"
#include "os.h"
#include "share/manager.h"

unsigned BRAINMM_CALL brainmm_version(void) { return BRAINMM_VERSION; }

/* The start learns the facts of the system, whether it finds a heap or not. */
size_t BRAINMM_CALL brainmm_system_page_size(void) {
    manager_start();
    return os_facts.page;
}

const char *BRAINMM_CALL brainmm_result_text(int result) {
    switch (result) {
    case BRAINMM_OK: return "The call succeeded.";
    case BRAINMM_E_POINTER: return "The pointer is not valid: it is no live allocation of this heap, or not mapped.";
    case BRAINMM_E_DOUBLE_FREE: return "The memory was freed before.";
    case BRAINMM_E_KIND: return "The memory is live, but of another kind or mode than the call is for.";
    case BRAINMM_E_ARGUMENT: return "An argument is out of range.";
    case BRAINMM_E_MEMORY: return "There is not enough memory.";
    case BRAINMM_E_UNSUPPORTED: return "The process's heap, or the system, does not have this function.";
    case BRAINMM_E_STOPPED: return "The caller's own function ended the call early.";
    case BRAINMM_E_REFUSED: return "The system refused the request.";
    case BRAINMM_E_DAMAGED: return "Memory was written to that the program must not write to.";
    case BRAINMM_E_TAKEN: return "Somebody else has the place.";
    default: return "Unknown result.";
    }
}
