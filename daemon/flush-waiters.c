/* SPDX-License-Identifier: Apache-2.0 */
/* Flush Waiters */

#include <utlist.h>

#include "flush-waiters.h"

typedef struct Waiter {
        uint64_t sequence, n_profiles;
        int error;
        ManagerFlushed callback;
        Manager *manager;
        void *userdata;
        struct Waiter *prev, *next;
} Waiter;

struct FlushWaiters {
        const ProfileWriter *writer;
        Waiter *waiters;
        sd_event_source *source;
};

static int on_stored(sd_event_source *source, void *userdata) {
        FlushWaiters *f = userdata;
        Waiter *waiter, *next;

        DL_FOREACH_SAFE (f->waiters, waiter, next) {
                if (!profile_writer_is_done(f->writer, waiter->sequence))
                        continue;
                DL_DELETE(f->waiters, waiter);
                waiter->callback(waiter->manager, waiter->error, waiter->n_profiles,
                                 waiter->userdata);
                free(waiter);
        }
        return 0;
}

int flush_waiters_new(FlushWaiters **ret, sd_event *event, const ProfileWriter *writer) {
        _cleanup_(flush_waiters_freep) FlushWaiters *f = NULL;
        int r;

        f = calloc(1, sizeof(*f));
        if (!f)
                return -ENOMEM;
        f->writer = writer;
        r = sd_event_add_defer(event, &f->source, on_stored, f);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(f->source, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(f);
        return 0;
}

FlushWaiters *flush_waiters_free(FlushWaiters *f) {
        Waiter *waiter, *next;

        if (!f)
                return NULL;
        DL_FOREACH_SAFE (f->waiters, waiter, next) {
                DL_DELETE(f->waiters, waiter);
                free(waiter);
        }
        sd_event_source_disable_unref(f->source);
        free(f);
        return NULL;
}

int flush_waiters_add(
        FlushWaiters *f, uint64_t sequence, ManagerFlushed callback, Manager *m, void *userdata) {
        Waiter *waiter;

        waiter = calloc(1, sizeof(*waiter));
        if (!waiter)
                return -ENOMEM;
        *waiter = (Waiter){
                .sequence = sequence,
                .callback = callback,
                .manager = m,
                .userdata = userdata,
        };
        DL_APPEND(f->waiters, waiter);
        return sd_event_source_set_enabled(f->source, SD_EVENT_ONESHOT);
}

void flush_waiters_count(FlushWaiters *f, int error) {
        Waiter *waiter;

        DL_FOREACH (f->waiters, waiter) {
                if (error < 0)
                        waiter->error = error;
                else
                        waiter->n_profiles++;
        }
        if (f->waiters)
                (void) sd_event_source_set_enabled(f->source, SD_EVENT_ONESHOT);
}

void flush_waiters_finish(FlushWaiters *f) {
        (void) on_stored(NULL, f);
}
