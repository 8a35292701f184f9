/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * On-CPU Sampler
 *
 * Attached to: one cpu-clock or cycles perf event per online CPU.
 * Runs in:     hard interrupt context (cpu-clock) or NMI (cycles); must not sleep, must not log.
 * Reads:       targets (cgroup id -> slot, share), targets_generation, wakeup_bytes, pid_namespace
 *              (rodata).
 * Writes:      samples (ring buffer of struct sample_record), lost (per-CPU counters).
 * Needs:       Linux 5.10, CAP_BPF and CAP_PERFMON.
 */

#include "bpf/filter.bpf.h"
#include "bpf/kernel.bpf.h"
#include "bpf/sample.h"
#include "bpf/stack.bpf.h"

/* Inode of the daemon's pid namespace; 0: the initial one. Device: of nsfs. */
const volatile __u64 pid_namespace_device = 0;
const volatile __u64 pid_namespace = 0;
/* The event counts cycles: user space needs the time between events to make time of them. */
const volatile bool counts_cycles = false;
/* Bytes in the ring that wake user space; below, it comes by its timer. 0: any sample wakes it. */
volatile __u64 wakeup_bytes = 0;

enum { PID_DEPTH_MAX = 32 }; /* MAX_PID_NS_LEVEL, include/linux/pid_namespace.h */

struct {
        __uint(type, BPF_MAP_TYPE_RINGBUF);
        __uint(max_entries, 1 << 20); /* user space sets it before loading */
} samples SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, _LOSS_MAX);
        __type(key, __u32);
        __type(value, __u64);
} lost SEC(".maps");

static __always_inline void count_loss(__u32 reason) {
        __u64 *n = bpf_map_lookup_elem(&lost, &reason);

        if (n)
                (*n)++;
}

/* Number of a task in the daemon's namespace when it lives in a nested one; 0: not visible. */
static __always_inline __u32 nested_pid(struct task_struct *task) {
        struct pid *pid = BPF_CORE_READ(task, thread_pid);
        __u32 level = BPF_CORE_READ(pid, level);

        for (__u32 i = 0; i < PID_DEPTH_MAX && i <= level; i++) {
                void *number = (void *) pid + bpf_core_field_offset(struct pid, numbers) +
                               i * bpf_core_type_size(struct upid);
                struct pid_namespace *ns = BPF_CORE_READ((struct upid *) number, ns);

                if (BPF_CORE_READ(ns, ns.inum) == (__u32) pid_namespace)
                        return BPF_CORE_READ((struct upid *) number, nr);
        }
        return 0;
}

static __always_inline __u64 get_start_ns(struct task_struct *task) {
        return has_typed_task() ? task->group_leader->start_boottime
                                : BPF_CORE_READ(task, group_leader, start_boottime);
}

static __always_inline bool load_pids(struct sample_record *r, struct task_struct *task) {
        struct bpf_pidns_info info = {};
        __u64 pid_tgid;

        if (pid_namespace == 0) {
                pid_tgid = bpf_get_current_pid_tgid();
                r->pid = pid_tgid >> 32;
                r->tid = pid_tgid;
        } else if (bpf_get_ns_current_pid_tgid(pid_namespace_device, pid_namespace, &info,
                                               sizeof(info)) == 0) {
                r->pid = info.tgid;
                r->tid = info.pid;
        } else {
                r->pid = nested_pid(BPF_CORE_READ(task, group_leader));
                r->tid = nested_pid(task);
        }
        return r->pid != 0;
}

/* Of n events the share is taken evenly: event n is one of them when the sum of shares passes a
 * whole number. */
static __always_inline bool is_taken(__u64 n, __u32 share) {
        return share == SHARE_ALL || (n * share) / SHARE_ALL != ((n + 1) * share) / SHARE_ALL;
}

static __always_inline void publish(struct scratch *s) {
        __u32 n = (s->record.n_kernel + s->record.n_user) & (FRAMES_ROOM - 1);
        __u64 size = sizeof(s->record) + n * sizeof(__u64), flags;
        __u32 copied = s->record.n_copied;

        flags = bpf_ringbuf_query(&samples, BPF_RB_AVAIL_DATA) < wakeup_bytes ? BPF_RB_NO_WAKEUP
                                                                              : BPF_RB_FORCE_WAKEUP;
        if (copied > 0 && copied <= SAMPLE_COPY_MAX) {
                /* The process is new and may be gone soon: it is looked at now. */
                flags = BPF_RB_FORCE_WAKEUP;
                size += sizeof(struct sample_registers) + copied;
        }
        /* The compiler knows that it fits, the verifier wants to see it. */
        asm volatile("" : "+r"(size));
        if (size > sizeof(s->record) + sizeof(s->frames))
                return;
        if (bpf_ringbuf_output(&samples, &s->record, size, flags) < 0)
                count_loss(LOSS_RING_FULL);
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
        bpf_get_current_comm(s->record.comm, sizeof(s->record.comm));
        if (!load_pids(&s->record, task)) {
                count_loss(LOSS_NO_PID);
                return 0;
        }

        walk_kernel(ctx, s);
        walk_user(ctx, s, task);
        copy_stack(ctx, s, task);
        publish(s);
        return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
