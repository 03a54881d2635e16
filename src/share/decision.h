/* SPDX-License-Identifier: MIT */
/* decision.h: whose heap this module uses. */
#ifndef BRAINMM_DECISION_H
#define BRAINMM_DECISION_H

#include "share/rendezvous.h"

enum decision {
    DECISION_NONE,  /* there is no heap, because the system refused something; the next call may find one */
    DECISION_OWN,   /* this module owns the process's heap */
    DECISION_ATTACH /* it uses another's: *OWNER */
};

/* Looks for the process's heap. If there is none, founds it and publishes SELF, this module's version-2 table. COMPLETE
 * is called just before: it makes SELF and the version-1 table valid for others. */
enum decision decide(const struct brainmm_manager *self, void (*complete)(void), struct rendezvous_owner *owner);

/* There is no heap, and SENTENCE, without its full stop, says why. The next call may find one. */
void decision_fail(const char *sentence);

/* What was decided, as brainmm_attach_status() reports it. */
int decision_status(const char **text);

#endif
