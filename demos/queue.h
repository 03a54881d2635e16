/* SPDX-License-Identifier: MIT */
/* queue.h: a queue of pointers between threads, in the host. It holds a limited number, so that a fast stage waits for
 * a slow one. When all writers have closed it, it hands out what it still holds, and then NULL. */
#ifndef DEMO_QUEUE_H
#define DEMO_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define QUEUE_CAPACITY 64

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void *items[QUEUE_CAPACITY];
    size_t first, count;
    int writers; /* that have not closed it yet */
};

static inline void queue_open(struct queue *queue, int writers) {
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->changed, NULL);
    queue->first = queue->count = 0;
    queue->writers = writers;
}

/* Without WAIT it returns false if the queue is full. */
static inline bool queue_put(struct queue *queue, void *item, bool wait) {
    pthread_mutex_lock(&queue->lock);
    while (wait && queue->count == QUEUE_CAPACITY)
        pthread_cond_wait(&queue->changed, &queue->lock);
    bool room = queue->count < QUEUE_CAPACITY;
    if (room)
        queue->items[(queue->first + queue->count++) % QUEUE_CAPACITY] = item;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    return room;
}

/* Without WAIT it returns NULL if the queue is empty. */
static inline void *queue_get(struct queue *queue, bool wait) {
    void *item = NULL;
    pthread_mutex_lock(&queue->lock);
    while (wait && queue->count == 0 && queue->writers > 0)
        pthread_cond_wait(&queue->changed, &queue->lock);
    if (queue->count > 0) {
        item = queue->items[queue->first];
        queue->first = (queue->first + 1) % QUEUE_CAPACITY;
        queue->count--;
        pthread_cond_broadcast(&queue->changed);
    }
    pthread_mutex_unlock(&queue->lock);
    return item;
}

static inline void queue_close(struct queue *queue) {
    pthread_mutex_lock(&queue->lock);
    queue->writers--;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

static inline void queue_destroy(struct queue *queue) {
    pthread_mutex_destroy(&queue->lock);
    pthread_cond_destroy(&queue->changed);
}

#endif
