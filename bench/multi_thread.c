/* SPDX-License-Identifier: MIT */
/* multi_thread.c: workloads of several threads whose pieces are freed by other threads or outlive their thread. */
#include "workload.h"
#include <stdatomic.h>

enum { SEED = 22, MOST_THREADS = 64 };

struct slot {
    void *piece;
    size_t size;
};

static unsigned threads_clamped(unsigned threads) { return threads < MOST_THREADS ? threads : MOST_THREADS; }

/* Runs FUNCTION in COUNT threads, each with its own record of SIZE bytes at ARGUMENTS. */
static void threads_run(void (*function)(void *), void *arguments, size_t size, unsigned count) {
    thread_handle handles[MOST_THREADS];
    for (unsigned i = 0; i < count; i++) {
        handles[i] = thread_start(function, (char *)arguments + i * size);
    }
    for (unsigned i = 0; i < count; i++) {
        thread_join(handles[i]);
    }
}

/* ---- pipeline: one thread of a pair makes messages, the other reads and frees them: every free is remote ---- */

enum { RING = 512, MESSAGES = 10000000 };

struct pipeline {
    struct slot ring[RING];
    _Alignas(64) _Atomic size_t made; /* written by the producer only; the release publishes the slots before it */
    _Alignas(64) _Atomic size_t read; /* written by the consumer only; the release gives the slots back */
};

struct pipeline_end {
    struct pipeline *pipeline;
    int produces;
    size_t messages;
};

static void pipeline_produce(struct pipeline *pipeline, size_t messages) {
    random_state random = {SEED};
    for (size_t i = 0; i < messages; i++) {
        struct slot message;
        message.size = random_size(&random, 4, 10);
        message.piece = stamped_alloc(message.size);
        while (i - atomic_load_explicit(&pipeline->read, memory_order_acquire) == RING) {
            thread_yield();
        }
        pipeline->ring[i % RING] = message;
        atomic_store_explicit(&pipeline->made, i + 1, memory_order_release);
    }
}

static void pipeline_consume(struct pipeline *pipeline, size_t messages) {
    for (size_t i = 0; i < messages; i++) {
        while (i == atomic_load_explicit(&pipeline->made, memory_order_acquire)) {
            thread_yield();
        }
        struct slot message = pipeline->ring[i % RING];
        atomic_store_explicit(&pipeline->read, i + 1, memory_order_release);
        stamped_free(message.piece, message.size);
    }
}

static void pipeline_end_run(void *argument) {
    struct pipeline_end *end = argument;
    (end->produces ? pipeline_produce : pipeline_consume)(end->pipeline, end->messages);
}

static void pipeline(unsigned threads) {
    static struct pipeline pipelines[MOST_THREADS / 2];
    struct pipeline_end ends[MOST_THREADS];
    unsigned pairs = threads_clamped(threads) / 2;
    pairs = pairs ? pairs : 1;
    for (unsigned i = 0; i < pairs * 2; i++) {
        ends[i] = (struct pipeline_end){&pipelines[i / 2], i % 2 == 0, workload_steps(MESSAGES) / pairs};
    }
    threads_run(pipeline_end_run, ends, sizeof *ends, pairs * 2);
}

/* ---- exchange: all threads swap new pieces into one table and free what they get: half the frees are remote ---- */

enum { EXCHANGE_SLOTS = 8192, EXCHANGES = 8000000 };

/* The size is stored in the piece itself, because pointer and size cannot be swapped together. */
struct parcel {
    size_t size;
    char contents[];
};

static _Atomic(struct parcel *) exchange_table[EXCHANGE_SLOTS];

struct exchange_part {
    uint64_t seed;
    size_t steps;
};

static void parcel_free(struct parcel *parcel) {
    if (parcel) {
        stamp_check(parcel->contents, parcel->size);
        piece_free(parcel);
    }
}

static void exchange_run(void *argument) {
    const struct exchange_part *part = argument;
    random_state random = {part->seed};
    for (size_t i = 0; i < part->steps; i++) {
        size_t size = random_size(&random, 4, 11);
        struct parcel *parcel = piece_alloc(sizeof *parcel + size);
        if (!parcel) {
            workload_fail("out of memory");
        }
        parcel->size = size;
        stamp_write(parcel->contents, size);
        /* acquire for the contents of the piece that comes out, release for those of the piece that goes in */
        parcel_free(atomic_exchange_explicit(&exchange_table[random_below(&random, EXCHANGE_SLOTS)], parcel,
                                             memory_order_acq_rel));
    }
}

static void exchange(unsigned threads) {
    struct exchange_part parts[MOST_THREADS];
    threads = threads_clamped(threads);
    for (unsigned i = 0; i < threads; i++) {
        parts[i] = (struct exchange_part){SEED + i, workload_steps(EXCHANGES) / threads};
    }
    threads_run(exchange_run, parts, sizeof *parts, threads);
    for (size_t i = 0; i < EXCHANGE_SLOTS; i++) {
        parcel_free(atomic_load_explicit(&exchange_table[i], memory_order_relaxed));
    }
}

/* ---- server: threads replace pieces of their session, then end and leave it to a new thread (as larson does) ---- */

enum { SESSION_PIECES = 2000, GENERATIONS = 60, SERVER_STEPS = 24000000 };

struct session {
    struct slot slots[SESSION_PIECES];
    random_state random;
    size_t steps;
};

static void session_serve(void *argument) {
    struct session *session = argument;
    for (size_t i = 0; i < session->steps; i++) {
        struct slot *slot = &session->slots[random_below(&session->random, SESSION_PIECES)];
        if (slot->piece) {
            stamped_free(slot->piece, slot->size);
        }
        slot->size = 8 + random_below(&session->random, 1000);
        slot->piece = stamped_alloc(slot->size);
    }
}

static void session_run(void *argument) {
    for (unsigned i = 0; i < GENERATIONS; i++) {
        thread_join(thread_start(session_serve, argument));
    }
}

static void server(unsigned threads) {
    static struct session sessions[MOST_THREADS];
    threads = threads_clamped(threads);
    for (unsigned i = 0; i < threads; i++) {
        sessions[i].random.value = SEED + i;
        sessions[i].steps = workload_steps(SERVER_STEPS) / GENERATIONS / threads;
    }
    threads_run(session_run, sessions, sizeof *sessions, threads);
    for (unsigned i = 0; i < threads; i++) {
        for (unsigned s = 0; s < SESSION_PIECES; s++) {
            if (sessions[i].slots[s].piece) {
                stamped_free(sessions[i].slots[s].piece, sessions[i].slots[s].size);
            }
        }
    }
}

/* ---- churn: short threads that allocate, free most and pass the rest on to the next one, which frees it ---- */

enum { CHURN_PIECES = 300, CHURN_PASSED = 40, CHURN_THREADS = 12000 };

struct churn {
    struct slot passed[CHURN_PASSED];
    random_state random;
    size_t lives;
};

static void churn_live(void *argument) {
    struct churn *churn = argument;
    struct slot pieces[CHURN_PIECES];
    for (unsigned i = 0; i < CHURN_PIECES; i++) {
        pieces[i].size = random_size(&churn->random, 4, 11);
        pieces[i].piece = stamped_alloc(pieces[i].size);
    }
    for (unsigned i = 0; i < CHURN_PASSED; i++) {
        if (churn->passed[i].piece) {
            stamped_free(churn->passed[i].piece, churn->passed[i].size);
        }
        churn->passed[i] = pieces[i];
    }
    for (unsigned i = CHURN_PASSED; i < CHURN_PIECES; i++) {
        stamped_free(pieces[i].piece, pieces[i].size);
    }
}

static void churn_run(void *argument) {
    struct churn *churn = argument;
    for (size_t i = 0; i < churn->lives; i++) {
        thread_join(thread_start(churn_live, churn));
    }
    for (unsigned i = 0; i < CHURN_PASSED; i++) {
        stamped_free(churn->passed[i].piece, churn->passed[i].size);
    }
}

static void churn(unsigned threads) {
    static struct churn lanes[MOST_THREADS];
    threads = threads_clamped(threads);
    for (unsigned i = 0; i < threads; i++) {
        lanes[i].random.value = SEED + i;
        lanes[i].lives = workload_steps(CHURN_THREADS) / threads;
    }
    threads_run(churn_run, lanes, sizeof *lanes, threads);
}

/* ---- replace-threads: every thread replaces pieces of its own, all at once: what threads cost each other ---- */

enum { REPLACE_SLOTS = 10000, REPLACE_STEPS = 20000000 };

struct replacement {
    struct slot slots[REPLACE_SLOTS];
    random_state random;
    size_t steps;
};

static void replacement_run(void *argument) {
    struct replacement *replacement = argument;
    for (size_t i = 0; i < replacement->steps; i++) {
        struct slot *slot = &replacement->slots[random_below(&replacement->random, REPLACE_SLOTS)];
        if (slot->piece) {
            stamped_free(slot->piece, slot->size);
        }
        slot->size = random_size(&replacement->random, 3, 11);
        slot->piece = stamped_alloc(slot->size);
    }
    for (size_t i = 0; i < REPLACE_SLOTS; i++) {
        if (replacement->slots[i].piece) {
            stamped_free(replacement->slots[i].piece, replacement->slots[i].size);
        }
    }
}

static void replace_threads(unsigned threads) {
    static struct replacement replacements[MOST_THREADS];
    threads = threads_clamped(threads);
    for (unsigned i = 0; i < threads; i++) {
        replacements[i].random.value = SEED + i;
        replacements[i].steps = workload_steps(REPLACE_STEPS) / threads;
    }
    threads_run(replacement_run, replacements, sizeof *replacements, threads);
}

const struct workload multi_thread_workloads[] = {
    {"pipeline", pipeline},
    {"exchange", exchange},
    {"server", server},
    {"churn", churn},
    {"replace-threads", replace_threads},
    {NULL, NULL},
};
