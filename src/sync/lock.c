/* SPDX-License-Identifier: MIT */
/* lock.c: see lock.h.
 *
 * A lock is one word: the owner's id, and a bit that says that others may be waiting. To take it where nobody has it is
 * one exchange, to release it another. Who waits tries a few times, and then sleeps until the owner wakes it, or until
 * it is time to look whether the owner lives.
 *
 * A thread that finds its own id in a lock has either interrupted itself, in a signal handler, or the owner is dead and
 * the system has given its id to this thread. The thread's word of locks (os_locks) tells: its bit is set before the
 * lock is taken, and cleared after it is released.
 */
#include "sync/lock.h"
#include "base/atomic.h"
#include "base/compiler.h"
#include "os_inline.h"
#include "sync/assert.h"

#define WAITERS ((uint32_t)1 << 31)
#define NOBODY_LIVING (WAITERS - 1) /* the owner of a lock whose owner has not come along into the child of a fork */

#define SPINS 100u       /* tries before the thread sleeps */
#define LOOK_MS_MOST 50u /* the longest sleep before the owner is looked at; the first takes 1 ms, the next 2 ms */

struct lock {
    atomic_u32 word; /* 0: nobody has it */
    bool interrupts; /* the owner's bit was set already: it is in a signal handler that came in the midst of take() */
} __attribute__((aligned(64)));

static struct lock locks[LOCKS];
static ATOMIC(bool) cut;
_Static_assert((unsigned)LOCKS <= OS_QUEUES, "a queue for each lock");

static uint32_t owner_in(uint32_t word) { return word & ~WAITERS; }
static unsigned bit_of(enum lock_name name) { return 1u << name; }

bool lock_is_held(enum lock_name name) { return owner_in(load_relaxed(&locks[name].word)) == os_thread_id(); }

bool locks_were_cut(void) { return load_relaxed(&cut); }

/* A handler may have forked since the thread asked for its id: the lock then has the parent's. */
static void owner_correct(struct lock *lock, uint32_t taken_as) {
    uint32_t id = (uint32_t)os_thread_id(), word = load_relaxed(&lock->word);
    while (UNLIKELY(owner_in(word) == taken_as && taken_as != id) &&
           !exchange_weak_release(&lock->word, &word, id | (word & WAITERS)))
        ;
}

/* The lock's word becomes MINE if it is EXPECTED. */
static bool take(enum lock_name name, uint32_t expected, uint32_t mine) {
    struct lock *lock = &locks[name];
    unsigned held = os_locks();
    os_set_locks(held | bit_of(name));
    if (!exchange_if_acquire(&lock->word, &expected, mine)) { /* with lock_release() */
        os_set_locks(held);
        return false;
    }
    lock->interrupts = (held & bit_of(name)) != 0;
    owner_correct(lock, owner_in(mine));
    return true;
}

bool lock_try(enum lock_name name) { return take(name, 0, (uint32_t)os_thread_id()); }

void lock_release(enum lock_name name) {
    struct lock *lock = &locks[name];
    ASSERT(lock_is_held(name));
    bool interrupts = lock->interrupts;
    uint32_t word = exchange_release(&lock->word, 0); /* with take() */
    if (!interrupts)
        os_set_locks(os_locks() & ~bit_of(name));
    if (word & WAITERS)
        os_wake(name, &lock->word);
}

/* ---- Waiting ---------------------------------------------------------------------------------------------------- */

static void spin(void) {
#if defined(__i386__) || defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* The owner, a dead thread, has had the id that this thread has now. Another thread may have found it dead before this
 * one was there, and be about to take the lock with the word as it was. So the word must become another: those who wait
 * may then have to look once more. */
static bool take_from_namesake(enum lock_name name, uint32_t word) {
    if (os_locks() & bit_of(name))
        os_abort("BrainMM: a signal handler uses the heap in the midst of a call that it has interrupted\n");
    return take(name, word, word ^ WAITERS);
}

/* Tells the owner that somebody waits, and sleeps. False if it is time to look whether the owner lives. */
static bool wait_for_owner(enum lock_name name, uint32_t word, unsigned milliseconds) {
    struct lock *lock = &locks[name];
    uint32_t waiting = word | WAITERS;
    if (word != waiting && !exchange_if_acquire(&lock->word, &word, waiting))
        return true;
    return os_wait(name, &lock->word, waiting, milliseconds);
}

/* The thread's id is asked for each time: a handler may have forked. Who has slept does not know who else sleeps, and
 * takes the lock as one for which others wait. */
static COLD bool acquire_slowly(enum lock_name name) {
    uint32_t waiters = 0;
    unsigned look_ms = 1;
    for (unsigned tries = 0;; tries++) {
        uint32_t id = (uint32_t)os_thread_id(), word = load_relaxed(&locks[name].word), owner = owner_in(word);
        if (owner == 0) {
            if (take(name, word, id | waiters))
                return false;
        } else if (owner == id) {
            if (take_from_namesake(name, word))
                return true;
        } else if (owner == NOBODY_LIVING || os_process_ending()) {
            if (take(name, word, id | WAITERS))
                return true;
        } else if (tries < SPINS) {
            spin();
        } else {
            waiters = WAITERS;
            if (wait_for_owner(name, word, look_ms))
                continue;
            if (!os_thread_alive(owner) && take(name, owner | WAITERS, id | WAITERS))
                return true;
            look_ms = 2 * look_ms < LOOK_MS_MOST ? 2 * look_ms : LOOK_MS_MOST;
        }
    }
}

bool lock_acquire(enum lock_name name) {
    if (lock_try(name))
        return false;
    bool from_dead = acquire_slowly(name);
    if (from_dead)
        store_relaxed(&cut, true);
    return from_dead;
}

COLD void locks_forked(uintptr_t before, uintptr_t now) {
    store_relaxed(&cut, true);
    for (enum lock_name name = 0; name < LOCKS; name++) {
        uint32_t owner = owner_in(load_relaxed(&locks[name].word));
        bool own = owner == before && (os_locks() & bit_of(name));
        if (owner != 0)
            store_relaxed(&locks[name].word, own ? (uint32_t)now : NOBODY_LIVING);
    }
}
