/* SPDX-License-Identifier: Apache-2.0 */
/* Wait Table */

#include <uthash.h>

#include "capture/wait-table.h"

/* A thread waits once for its target and for each session. */
typedef struct WaitKey {
        uint64_t tid, sessions;
} WaitKey;

typedef struct Wait {
        WaitKey key;
        UT_hash_handle hh;
        struct sample_record record;
        uint64_t frames[];
} Wait;

struct WaitTable {
        Wait *waits; /* in the order they began */
        Wait *ended; /* the last one handed out */
        uint64_t n_evicted;
};

int wait_table_new(WaitTable **ret) {
        WaitTable *t = calloc(1, sizeof(*t));

        if (!t)
                return -ENOMEM;
        *ret = t;
        return 0;
}

static void drop(WaitTable *t, Wait *w) {
        HASH_DEL(t->waits, w);
        free(w);
}

WaitTable *wait_table_free(WaitTable *t) {
        if (!t)
                return NULL;
        while (t->waits)
                drop(t, t->waits);
        free(t->ended);
        free(t);
        return NULL;
}

static WaitKey key_of(const struct sample_record *record) {
        return (WaitKey){ record->tid, record->sessions };
}

/* A thread may wait for weeks: the product is larger than 64 bits before it is divided. */
static nsec_t stand_for(nsec_t waited_nsec, uint64_t waits) {
        return (waited_nsec >> 8) * waits + (((waited_nsec & 255) * waits) >> 8);
}

int wait_table_begin(WaitTable *t, const struct sample_record *record) {
        size_t n_bytes = ((size_t) record->n_kernel + record->n_user) * sizeof(uint64_t);
        const WaitKey key = key_of(record);
        Wait *w;

        HASH_FIND(hh, t->waits, &key, sizeof(key), w);
        if (w)
                drop(t, w);
        else if (HASH_COUNT(t->waits) >= WAIT_TABLE_MAX) {
                drop(t, t->waits);
                t->n_evicted++;
        }

        w = malloc(sizeof(*w) + n_bytes);
        if (!w)
                return -ENOMEM;
        w->key = key;
        w->record = *record;
        memcpy(w->frames, record + 1, n_bytes);
        HASH_ADD(hh, t->waits, key, sizeof(w->key), w);
        return 0;
}

const struct sample_record *wait_table_end(WaitTable *t, const struct sample_record *end) {
        const WaitKey key = key_of(end);
        Wait *w;

        HASH_FIND(hh, t->waits, &key, sizeof(key), w);
        /* The record of its beginning may have been lost, and this one be of a wait before. */
        if (!w || w->record.time_ns + end->elapsed_ns != end->time_ns)
                return NULL;
        HASH_DEL(t->waits, w);
        free(t->ended);
        t->ended = w;

        if (end->period == 0)
                return NULL;
        w->record.time_ns = end->time_ns;
        w->record.elapsed_ns = end->elapsed_ns;
        w->record.period = stand_for(end->elapsed_ns, w->record.period);
        return &w->record;
}

void wait_table_forget_target(WaitTable *t, uint32_t target) {
        Wait *w, *next;

        HASH_ITER (hh, t->waits, w, next)
                if (w->record.target == target)
                        drop(t, w);
}

void wait_table_end_session(WaitTable *t,
                            unsigned session,
                            nsec_t now_nsec,
                            nsec_t threshold_nsec,
                            void (*callback)(const struct sample_record *record, void *userdata),
                            void *userdata) {
        Wait *w, *next;

        HASH_ITER (hh, t->waits, w, next) {
                nsec_t waited = now_nsec - MIN(now_nsec, (nsec_t) w->record.time_ns);

                if (w->key.sessions != UINT64_C(1) << session)
                        continue;
                w->record.time_ns = now_nsec;
                w->record.elapsed_ns = waited;
                w->record.period = stand_for(waited, w->record.period);
                if (waited >= threshold_nsec)
                        callback(&w->record, userdata);
                drop(t, w);
        }
}

size_t wait_table_size(const WaitTable *t) {
        return HASH_COUNT(t->waits);
}

uint64_t wait_table_get_evicted(const WaitTable *t) {
        return t->n_evicted;
}
