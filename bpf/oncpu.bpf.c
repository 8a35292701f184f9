/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * On-CPU Sampler
 *
 * Attached to: on_cpu: one cpu-clock or cycles perf event per online CPU; on_session: cpu-clock
 *              events with a fixed period, one per online CPU for each frequency of a session;
 *              on_fork: the fork of any process, while a session follows children.
 * Runs in:     hard interrupt context (cpu-clock) or NMI (cycles); must not sleep, must not log.
 * Reads:       targets (cgroup id -> slot, share), targets_generation, wakeup_bytes, pid_namespace
 *              (rodata); session_events, session_cgroups, session_processes.
 * Writes:      samples (ring buffer of struct sample_record), lost (per-CPU counters),
 *              session_lost, session_processes.
 * Needs:       Linux 5.10, CAP_BPF and CAP_PERFMON.
 */

#include "bpf/filter.bpf.h"
#include "bpf/session.bpf.h"

/* The event counts cycles: user space needs the time between events to make time of them. */
const volatile bool counts_cycles = false;
/* By period. The events of sessions are not those of the units; the period, which is fixed, tells
 * those of one frequency from those of another. */
struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, SESSION_EVENTS_MAX);
        __type(key, __u64);
        __type(value, struct session_event);
} session_events SEC(".maps");

/* Of n events the share is taken evenly: event n is one of them when the sum of shares passes a
 * whole number. */
static __always_inline bool is_taken(__u64 n, __u32 share) {
        return share == SHARE_ALL || (n * share) / SHARE_ALL != ((n + 1) * share) / SHARE_ALL;
}

/* Time since the event before it on this CPU, 0: unknown. To ask for the time costs as much as all
 * else of an event that is not of a target, so only who needs it does. */
static __always_inline __u64 take_elapsed(struct scratch *s) {
        __u64 now, last = s->last_event_ns;

        if (!counts_cycles)
                return 0;
        now = bpf_ktime_get_ns();
        s->last_event_ns = now;
        return last ? now - last : 0;
}

SEC("perf_event")
int on_cpu(struct bpf_perf_event_data *ctx) {
        struct task_struct *task = get_task();
        __u64 cgroup_id = get_cgroup_id(task), elapsed, n;
        struct scratch *s = get_scratch();
        struct target target;

        if (!s)
                return 0;

        target = filter(task, cgroup_id);
        elapsed = take_elapsed(s);
        n = s->n_events++;
        if (target.share == 0 || !is_taken(n, target.share))
                return 0;

        s->record.time_ns = bpf_ktime_get_ns();
        s->record.elapsed_ns = elapsed;
        s->record.period = ctx->sample_period;
        s->record.cgroup_id = cgroup_id;
        s->record.target = target.slot;
        s->record.share = target.share;
        s->record.cpu = bpf_get_smp_processor_id();
        s->record.flags = in_user_mode(ctx) ? SAMPLE_IN_USER : 0;
        s->record.start_ns = get_start_ns(task);
        s->record.sessions = 0;
        if (!load_pids(&s->record, task)) {
                count_loss(LOSS_NO_PID);
                return 0;
        }
        bpf_get_current_comm(s->record.comm, sizeof(s->record.comm));

        walk_kernel(ctx, s);
        walk_user(ctx, ctx, s, task);
        copy_stack(ctx, s, task);
        publish(s);
        return 0;
}

SEC("perf_event")
int on_session(struct bpf_perf_event_data *ctx) {
        struct task_struct *task = get_task();
        __u64 period = ctx->sample_period;
        struct scratch *s = get_scratch();
        struct session_event *event;
        bool has_pid;

        event = bpf_map_lookup_elem(&session_events, &period);
        if (!s || !event || is_idle())
                return 0;
        s->record.start_ns = get_start_ns(task);
        has_pid = load_pids(&s->record, task);
        s->record.sessions = find_sessions(event, &s->record, task);
        if (s->record.sessions == 0)
                return 0;
        if (!has_pid) {
                count_loss(LOSS_NO_PID);
                return 0;
        }
        if (bpf_ringbuf_query(&samples, BPF_RB_AVAIL_DATA) > session_bytes_max) {
                lose_session_sample(s->record.sessions, LOSS_SESSIONS);
                return 0;
        }

        s->record.time_ns = bpf_ktime_get_ns();
        s->record.elapsed_ns = 0;
        s->record.period = period;
        s->record.cgroup_id = get_cgroup_id(task);
        s->record.target = 0;
        s->record.share = SHARE_ALL;
        s->record.owner = get_owner(task);
        s->record.cpu = bpf_get_smp_processor_id();
        s->record.flags = in_user_mode(ctx) ? SAMPLE_IN_USER : 0;
        bpf_get_current_comm(s->record.comm, sizeof(s->record.comm));

        walk_kernel(ctx, s);
        walk_user(ctx, ctx, s, task);
        copy_stack(ctx, s, task);
        publish(s);
        return 0;
}

/* Children belong to a session from their first instruction on. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child) {
        follow_child(parent, child);
        return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
