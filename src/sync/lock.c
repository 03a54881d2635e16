/* SPDX-License-Identifier: MIT */
/* lock.c: waiting for a lock; see lock.h. */
#include "sync/lock.h"

#define SPINS 100u       /* tries before the thread gives its time away */
#define YIELDS 100u      /* and before it sleeps, a millisecond at a time */
#define ENDING_WAITS 50u /* sleeps granted to an owner while the process is ending */

/* Takes the lock from an owner that will not release it. False if the owner may still do so, or another was quicker. */
static bool take_from_dead(struct lock *lock, unsigned sleeps) {
    uintptr_t owner = load_relaxed(&lock->owner);
    if (owner == 0 || (os_thread_alive(owner) && !(os_process_ending() && sleeps > ENDING_WAITS)))
        return false;
    return exchange_if_acquire(&lock->owner, &owner, os_thread_id());
}

void lock_acquire(struct lock *lock) {
    for (unsigned tries = 0; !lock_try(lock); tries++) {
        if (tries < SPINS)
            continue;
        if (tries < SPINS + YIELDS) {
            os_yield();
            continue;
        }
        os_sleep();
        if (take_from_dead(lock, tries - SPINS - YIELDS))
            return;
    }
}
