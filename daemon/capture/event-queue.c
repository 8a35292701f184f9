/* SPDX-License-Identifier: Apache-2.0 */
/* Event Queue */

#include "capture/event-queue.h"
#include "basic/array.h"

typedef struct QueuedEvent {
        nsec_t time_nsec;
        uint32_t words; /* offset of the copy in the pool, in 8-byte words */
        bool is_sample;
} QueuedEvent;

struct EventQueue {
        QueuedEvent *events;
        size_t n_events, events_capacity;
        uint64_t *pool;
        size_t n_words, words_capacity;
};

/* What is kept between drains; a burst gives its memory back. */
enum { POOL_WORDS_KEPT = (1 << 20) / sizeof(uint64_t) };

int event_queue_new(EventQueue **ret) {
        EventQueue *q = calloc(1, sizeof(*q));

        if (!q)
                return -ENOMEM;
        *ret = q;
        return 0;
}

EventQueue *event_queue_free(EventQueue *q) {
        if (q) {
                free(q->events);
                free(q->pool);
        }
        free(q);
        return NULL;
}

/* Room for an event of so many bytes; *ret is where they go. */
static int push(EventQueue *q, nsec_t time_nsec, bool is_sample, size_t size, void **ret) {
        size_t words = ROUND_UP(size, sizeof(uint64_t)) / sizeof(uint64_t);
        int r;

        if ((q->n_words + words) * sizeof(uint64_t) > EVENT_QUEUE_BYTES_MAX)
                return -E2BIG;
        r = ARRAY_RESERVE(q->pool, q->words_capacity, q->n_words + words);
        if (r < 0)
                return r;
        r = ARRAY_RESERVE(q->events, q->events_capacity, q->n_events + 1);
        if (r < 0)
                return r;

        q->events[q->n_events++] = (QueuedEvent){
                .time_nsec = time_nsec,
                .words = (uint32_t) q->n_words,
                .is_sample = is_sample,
        };
        *ret = q->pool + q->n_words;
        q->n_words += words;
        return 0;
}

static bool is_sane(const struct sample_record *record, size_t size) {
        size_t expected;

        if (size < sizeof(*record) || record->n_kernel > SAMPLE_KERNEL_FRAMES_MAX ||
            record->n_user > SAMPLE_USER_FRAMES_MAX || record->share == 0 ||
            record->n_copied > SAMPLE_COPY_MAX)
                return false;
        expected = sizeof(*record) + (record->n_kernel + record->n_user) * sizeof(uint64_t);
        if (record->n_copied > 0)
                expected += sizeof(struct sample_registers) + record->n_copied;
        return expected <= size;
}

int event_queue_add_sample(EventQueue *q, const struct sample_record *record, size_t size) {
        void *copy;
        int r;

        if (!is_sane(record, size))
                return -EBADMSG;
        r = push(q, record->time_ns, true, size, &copy);
        if (r < 0)
                return r;
        memcpy(copy, record, size);
        return 0;
}

int event_queue_add_record(EventQueue *q, const ProcessRecord *record) {
        size_t path_size = strlen(record->path) + 1;
        void *copy;
        int r;

        r = push(q, record->time_nsec, false, sizeof(*record) + path_size, &copy);
        if (r < 0)
                return r;
        memcpy(copy, record, sizeof(*record));
        memcpy((uint8_t *) copy + sizeof(*record), record->path, path_size);
        return 0;
}

/* At the same time a record comes first: a mapping is there before it runs. */
static int compare_events(const void *pa, const void *pb) {
        const QueuedEvent *a = pa, *b = pb;

        if (a->time_nsec != b->time_nsec)
                return a->time_nsec < b->time_nsec ? -1 : 1;
        if (a->is_sample != b->is_sample)
                return a->is_sample ? 1 : -1;
        return a->words < b->words ? -1 : a->words > b->words;
}

void event_queue_dispatch(EventQueue *q, EventQueueCallback callback, void *userdata) {
        if (q->n_events > 0)
                qsort(q->events, q->n_events, sizeof(q->events[0]), compare_events);

        for (size_t i = 0; i < q->n_events; i++) {
                void *data = q->pool + q->events[i].words;

                if (q->events[i].is_sample)
                        callback(data, NULL, userdata);
                else {
                        ProcessRecord *record = data;

                        record->path = (const char *) (record + 1);
                        callback(NULL, record, userdata);
                }
        }

        q->n_events = q->n_words = 0;
        if (q->words_capacity > POOL_WORDS_KEPT) {
                free(q->pool);
                q->pool = NULL;
                q->words_capacity = 0;
        }
}
