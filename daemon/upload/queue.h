/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Queue
 *
 * The profiles of the store that are still to be sent to one target, the oldest first. It holds
 * names, not profiles.
 */

#include "basic/time-util.h"

enum { QUEUE_ITEMS_MAX = 1 << 17 };

typedef struct QueueItem {
        usec_t start_usec, end_usec;
        uint64_t size_bytes;
        unsigned n_failures;      /* that the profile may be to blame for */
        uint64_t n_sent_before;   /* of the target, at the first of them */
        unsigned n_sent, n_parts; /* 0: whole */
        char path[];              /* in the store */
} QueueItem;

typedef struct Queue Queue;

int queue_new(Queue **ret);
Queue *queue_free(Queue *q);
DEFINE_CLEANUP(Queue *, queue_free);

/* Copies item and path. -E2BIG: there are too many. *ret_item (may be NULL) is borrowed. */
int queue_add(Queue *q, const QueueItem *item, const char *path, QueueItem **ret_item);
/*
 * The same into a full queue: the oldest item goes, but for keep, which may be NULL. 0: what would
 * be added is older than all that may go, and was not; 1: done.
 */
int queue_add_for_oldest(Queue *q, const QueueItem *item, const char *path, const QueueItem *keep);
size_t queue_length(const Queue *q);
uint64_t queue_bytes(const Queue *q);
/* In the order of start times; index < length. Borrowed until it is removed. */
QueueItem *queue_get(Queue *q, size_t index);
/* Frees it. */
void queue_remove(Queue *q, size_t index);
