/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queue
 *
 * An array of pointers. What a scan finds comes in the order of directories: it is sorted when
 * somebody looks.
 */

#include "upload/queue.h"
#include "basic/array.h"

struct Queue {
        QueueItem **items;
        size_t n, capacity;
        uint64_t bytes;
        bool unsorted;
};

int queue_new(Queue **ret) {
        Queue *q;

        q = calloc(1, sizeof(Queue));
        if (!q)
                return -ENOMEM;
        *ret = q;
        return 0;
}

Queue *queue_free(Queue *q) {
        if (!q)
                return NULL;

        for (size_t i = 0; i < q->n; i++)
                free(q->items[i]);
        free(q->items);
        free(q);
        return NULL;
}

static int compare_items(const void *a, const void *b) {
        const QueueItem *x = *(QueueItem *const *) a, *y = *(QueueItem *const *) b;

        if (x->start_usec != y->start_usec)
                return x->start_usec < y->start_usec ? -1 : 1;
        return strcmp(x->path, y->path);
}

static QueueItem *copy_item(const QueueItem *item, const char *path) {
        QueueItem *i;

        i = malloc(sizeof(QueueItem) + strlen(path) + 1);
        if (!i)
                return NULL;
        *i = *item;
        strcpy(i->path, path);
        return i;
}

int queue_add(Queue *q, const QueueItem *item, const char *path, QueueItem **ret_item) {
        QueueItem *i;
        int r;

        if (q->n >= QUEUE_ITEMS_MAX)
                return -E2BIG;
        r = ARRAY_RESERVE(q->items, q->capacity, q->n + 1);
        if (r < 0)
                return r;
        i = copy_item(item, path);
        if (!i)
                return -ENOMEM;

        if (q->n > 0 && compare_items(&q->items[q->n - 1], &i) > 0)
                q->unsorted = true;
        q->items[q->n++] = i;
        q->bytes += i->size_bytes;
        if (ret_item)
                *ret_item = i;
        return 0;
}

size_t queue_length(const Queue *q) {
        return q->n;
}

uint64_t queue_bytes(const Queue *q) {
        return q->bytes;
}

static void sort(Queue *q) {
        if (q->unsorted)
                qsort(q->items, q->n, sizeof(QueueItem *), compare_items);
        q->unsorted = false;
}

/* How many items come before i. */
static size_t position_of(const Queue *q, QueueItem *i) {
        size_t low = 0, high = q->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (compare_items(&q->items[middle], &i) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* To be sorted anew for each item of a long scan would take minutes: it goes to its place. */
int queue_add_for_oldest(Queue *q, const QueueItem *item, const char *path, const QueueItem *keep) {
        size_t oldest, position;
        QueueItem *i;

        assert(q->n > 1);
        sort(q);
        i = copy_item(item, path);
        if (!i)
                return -ENOMEM;
        oldest = q->items[0] == keep;
        position = position_of(q, i);
        if (position <= oldest) {
                free(i);
                return 0;
        }

        q->bytes += i->size_bytes - q->items[oldest]->size_bytes;
        free(q->items[oldest]);
        position--; /* among those that stay */
        memmove(q->items + oldest, q->items + oldest + 1,
                (position - oldest) * sizeof(QueueItem *));
        q->items[position] = i;
        return 1;
}

QueueItem *queue_get(Queue *q, size_t index) {
        assert(index < q->n);
        sort(q);
        return q->items[index];
}

void queue_remove(Queue *q, size_t index) {
        assert(index < q->n);
        sort(q);
        q->bytes -= q->items[index]->size_bytes;
        free(q->items[index]);
        q->n--;
        memmove(q->items + index, q->items + index + 1, (q->n - index) * sizeof(QueueItem *));
}
