/* SPDX-License-Identifier: Apache-2.0 */
/* Wait Table */

#include <uthash.h>

#include "capture/wait-table.h"

typedef struct Wait {
        uint32_t tid;
        UT_hash_handle hh;
        struct sample_record record;
        uint64_t frames[];
} Wait;

struct WaitTable {
        Wait *waits; /* by tid, in the order they began */
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

int wait_table_begin(WaitTable *t, const struct sample_record *record) {
        size_t n_bytes = ((size_t) record->n_kernel + record->n_user) * sizeof(uint64_t);
        Wait *w;

        HASH_FIND(hh, t->waits, &record->tid, sizeof(record->tid), w);
        if (w)
                drop(t, w);
        else if (HASH_COUNT(t->waits) >= WAIT_TABLE_MAX) {
                drop(t, t->waits);
                t->n_evicted++;
        }

        w = malloc(sizeof(*w) + n_bytes);
        if (!w)
                return -ENOMEM;
        w->tid = record->tid;
        w->record = *record;
        memcpy(w->frames, record + 1, n_bytes);
        HASH_ADD(hh, t->waits, tid, sizeof(w->tid), w);
        return 0;
}

const struct sample_record *wait_table_end(WaitTable *t, const struct sample_record *end) {
        Wait *w;

        HASH_FIND(hh, t->waits, &end->tid, sizeof(end->tid), w);
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
        w->record.period = end->period;
        return &w->record;
}

void wait_table_forget_target(WaitTable *t, uint32_t target) {
        Wait *w, *next;

        HASH_ITER (hh, t->waits, w, next)
                if (w->record.target == target)
                        drop(t, w);
}

size_t wait_table_size(const WaitTable *t) {
        return HASH_COUNT(t->waits);
}

uint64_t wait_table_get_evicted(const WaitTable *t) {
        return t->n_evicted;
}
