/* lock.c: waiting for a lock; see lock.h. */
#include "lock.h"

#define SPINS 100u       /* tries before the thread gives its time away */
#define YIELDS 100u      /* and before it sleeps, a millisecond at a time */
#define ENDING_WAITS 50u /* sleeps granted to an owner while the process is ending */

void lock_take(struct lock *lock) {
    for (unsigned tries = 0; !lock_try(lock); tries++) {
        if (tries < SPINS)
            continue;
        os_yield(tries >= SPINS + YIELDS);
        if (tries < SPINS + YIELDS)
            continue;
        uintptr_t owner = atomic_load_explicit(&lock->owner, memory_order_relaxed);
        bool abandoned =
            owner != 0 && (!os_thread_alive(owner) || (os_process_ending() && tries > SPINS + YIELDS + ENDING_WAITS));
        if (abandoned && atomic_compare_exchange_strong_explicit(&lock->owner, &owner, os_thread_id(),
                                                                 memory_order_acquire, memory_order_relaxed))
            return;
    }
}
