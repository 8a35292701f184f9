/* SPDX-License-Identifier: Apache-2.0 */
/* Waits of Sessions */

#include "capture/session-waits.h"
#include "capture/wait-table.h"

struct SessionWaits {
        const Sampler *sampler;
        OffCpuOptions options;
        OffCpu *off_cpu; /* NULL: no session wants it */
        WaitTable *table;
};

void session_waits_set_options(SessionWaits *w, const OffCpuOptions *options) {
        w->options = *options;
        if (w->off_cpu)
                off_cpu_set_options(w->off_cpu, options);
}

int session_waits_follow(SessionWaits *w, const struct session_event *wants) {
        if ((wants->host | wants->cgroups | wants->processes) == 0) {
                w->off_cpu = off_cpu_free(w->off_cpu);
                return 0;
        }
        if (!w->off_cpu) {
                int r = off_cpu_new_for_sessions(&w->off_cpu, w->sampler, &w->options);

                if (r < 0)
                        return r;
        }
        off_cpu_set_sessions(w->off_cpu, wants);
        return 0;
}

void session_waits_add(SessionWaits *w,
                       const struct sample_record *record,
                       SessionWaitsCallback callback,
                       void *userdata) {
        struct sample_record end = *record;

        if (!(record->flags & SAMPLE_WAIT_END)) {
                /* Out of memory the wait is one of those that are not sampled. */
                (void) wait_table_begin(w->table, record);
                return;
        }
        for (uint64_t left = record->sessions; left != 0; left &= left - 1) {
                const struct sample_record *ended;

                end.sessions = left & -left;
                ended = wait_table_end(w->table, &end);
                if (ended)
                        callback(ended, userdata);
        }
}

void session_waits_end(SessionWaits *w,
                       unsigned session,
                       SessionWaitsCallback callback,
                       void *userdata) {
        wait_table_end_session(w->table, session, now_nsec(CLOCK_MONOTONIC),
                               w->options.threshold_nsec, callback, userdata);
}

uint64_t session_waits_get_evicted(const SessionWaits *w) {
        return wait_table_get_evicted(w->table);
}

uint64_t session_waits_get_bpf_memory_bytes(const SessionWaits *w) {
        return w->off_cpu ? off_cpu_get_bpf_memory_bytes(w->off_cpu) : 0;
}

int session_waits_new(SessionWaits **ret, const Sampler *sampler) {
        _cleanup_(session_waits_freep) SessionWaits *w = NULL;
        int r;

        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        w->sampler = sampler;
        r = wait_table_new(&w->table);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

SessionWaits *session_waits_free(SessionWaits *w) {
        if (!w)
                return NULL;
        off_cpu_free(w->off_cpu);
        wait_table_free(w->table);
        free(w);
        return NULL;
}
