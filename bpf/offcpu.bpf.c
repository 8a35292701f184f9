/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Off-CPU Sampler
 *
 * Attached to: the tracepoint sched_switch.
 * Runs in:     the scheduler, interrupts off, the run queue locked; must not sleep, must not log.
 * Reads:       targets (cgroup id -> slot, share), targets_generation, or, for sessions,
 *              session_wants and the on-CPU sampler's session_cgroups, session_processes;
 *              threshold_ns, samples_max, pid_namespace (rodata).
 * Writes:      samples (ring buffer of struct sample_record), lost and session_lost, all of the
 *              on-CPU sampler; waits, bursts, last_blocked.
 * Needs:       Linux 5.10, CAP_BPF and CAP_PERFMON.
 *
 * A task that blocks is current for the last time: its stack is published at once. How long it
 * waited is known when it is switched in again, and follows as a record without frames; user space
 * puts the two together. So whether a wait is a sample has to be decided before its length is
 * known: by chance, with a probability that follows from how many tasks blocked on this CPU lately,
 * and each sample then stands for as many waits as were passed over.
 *
 * A long wait that stands for ten is an error of nine such waits. So chance comes last: what fits
 * into the limit of the last seconds, and a thread that seldom blocks, as those do that wait for
 * long, are taken for what they are.
 *
 * Sessions have an instance of their own, and each has a limit of its own there: nobody takes from
 * what others may have.
 */

#include "bpf/filter.bpf.h"
#include "bpf/session.bpf.h"

enum {
        TASK_INTERRUPTIBLE = 1, /* include/linux/sched.h, unchanged since 2.6 */
        TASK_UNINTERRUPTIBLE = 2,

        WAITS_MAX = 16384,   /* sampled tasks that wait at once */
        BURSTS_A_SECOND = 8, /* how often the probability is set anew; power of two */
        SAVED_BURSTS = 4 * BURSTS_A_SECOND, /* whose unused samples may still be taken */
        ONE = 1 << 8,                       /* a wait that stands for itself, see stands_for */
        STANDS_FOR_MAX = 1 << 24,
        THREADS_MAX = 16384, /* of which it is known when they blocked last */
};
#define BURST_NS  (1000000000ULL / BURSTS_A_SECOND)
#define SELDOM_NS 1000000000ULL

/* What is looked at is what sessions are about, and not the targets. */
const volatile bool for_sessions = false;
volatile struct session_event session_wants = {};

/* Shorter waits are not reported. */
volatile __u64 threshold_ns = 0;
/* Of one CPU in a second, about. */
volatile __u32 samples_max = 500;

struct wait {
        __u64 since_ns;
        __u32 pid, tid; /* in the daemon's pid namespace */
        __u32 target;
        __u32 unused;
        __u64 start_ns;
        __u64 takers; /* sessions; of units 1 */
};

struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, WAITS_MAX);
        __type(key, __u32); /* of the thread, in the initial namespace */
        __type(value, struct wait);
} waits SEC(".maps");

/* What blocks on one CPU, of those that share a limit. */
struct burst {
        __u64 start_ns;
        __u32 n_waits, n_taken;
        __u32 n_seldom;   /* taken since their threads seldom block */
        __u32 n_saved;    /* samples not taken by the bursts before */
        __u32 stands_for; /* waits, in 1/256; 0: not known yet */
        __u32 chosen;     /* for how many the last wait stands, 0: it was passed over */
};

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, 1 + SESSIONS_MAX); /* of the targets, and of each session */
        __type(key, __u32);
        __type(value, struct burst);
} bursts SEC(".maps");

struct blocked {
        __u64 last_ns, before_ns; /* before the last time */
};

/* Followed only where there is more than is taken. */
struct {
        __uint(type, BPF_MAP_TYPE_LRU_HASH);
        __uint(max_entries, THREADS_MAX);
        __type(key, __u32); /* as of waits */
        __type(value, struct blocked);
} last_blocked SEC(".maps");

/* 0: it did not block, but was preempted or has stopped. */
static __always_inline __u32 blocked_flags(bool preempted, struct task_struct *task) {
        struct task_struct___old *old = (void *) task;
        long state;

        if (preempted)
                return 0;
        state = bpf_core_field_exists(task->__state) ? task->__state : old->state;
        if (state & TASK_UNINTERRUPTIBLE)
                return SAMPLE_OFF_CPU | SAMPLE_UNINTERRUPTIBLE;
        return state & TASK_INTERRUPTIBLE ? SAMPLE_OFF_CPU : 0;
}

static __always_inline void begin_burst(struct burst *b, __u32 most, __u64 now) {
        __u64 n_bursts = (now - b->start_ns) / BURST_NS;
        __u32 possible = most * (n_bursts < SAVED_BURSTS ? n_bursts : SAVED_BURSTS);

        if (possible > b->n_waits)
                b->n_saved += possible - b->n_waits;
        if (b->n_saved > most * SAVED_BURSTS)
                b->n_saved = most * SAVED_BURSTS;
        /* After a pause of more than a burst nothing is known of the rate. */
        b->stands_for = n_bursts < 2 && b->n_waits > most ? (b->n_waits << 8) / most : ONE;
        b->start_ns = now;
        b->n_waits = b->n_taken = b->n_seldom = 0;
}

/* Asked once for each limit that the wait is within. */
static __always_inline bool blocks_seldom(__u32 thread, __u64 now) {
        struct blocked *blocked = bpf_map_lookup_elem(&last_blocked, &thread);
        struct blocked first = { .last_ns = now };

        if (!blocked) {
                bpf_map_update_elem(&last_blocked, &thread, &first, BPF_ANY);
                return true;
        }
        if (blocked->last_ns != now) {
                blocked->before_ns = blocked->last_ns;
                blocked->last_ns = now;
        }
        return now - blocked->before_ns >= SELDOM_NS;
}

/* For how many waits (in 1/256) this one stands; 0: it is passed over. */
static __always_inline __u32 choose(struct burst *b, __u32 thread, __u64 now) {
        __u32 most = samples_max / BURSTS_A_SECOND + 1, stands_for;

        if (now - b->start_ns >= BURST_NS)
                begin_burst(b, most, now);
        b->n_waits++;
        if (b->stands_for > ONE || b->n_taken >= most) {
                if (b->n_saved > 0) {
                        b->n_saved--;
                        return ONE;
                }
                if (blocks_seldom(thread, now) && b->n_seldom < most) {
                        b->n_seldom++;
                        return ONE;
                }
        }
        if (b->stands_for > ONE && bpf_get_prandom_u32() > (0xffffffffU / b->stands_for) << 8)
                return 0;
        stands_for = b->stands_for;
        /* The rate has risen: from here on half as many are taken. */
        if (b->n_taken++ >= most && b->stands_for < STANDS_FOR_MAX) {
                b->stands_for *= 2;
                b->n_taken = most / 2;
        }
        return stands_for;
}

/* Whose it is. False: nobody's, or the process has no number. */
static __always_inline bool find_owner(struct scratch *s, struct task_struct *task) {
        struct session_event wants;
        struct target target;

        s->record.cgroup_id = get_cgroup_id(task);
        if (!for_sessions) {
                target = filter(task, s->record.cgroup_id);
                s->record.target = target.slot;
                s->record.share = target.share;
                return target.share != 0;
        }

        wants.host = session_wants.host;
        wants.cgroups = session_wants.cgroups;
        wants.processes = session_wants.processes;
        s->record.target = 0;
        s->record.share = SHARE_ALL;
        s->record.start_ns = get_start_ns(task);
        if (!load_pids(&s->record, task))
                s->record.pid = 0; /* that of no process */
        s->record.sessions = find_sessions(&wants, &s->record, task);
        s->record.owner = get_owner(task);
        return s->record.sessions != 0;
}

/* This and the next are functions of their own, so that they are verified once. */
__noinline int choose_for(__u32 limit, __u32 thread, __u64 now) {
        struct burst *b = bpf_map_lookup_elem(&bursts, &limit);

        if (!b)
                return 0;
        b->chosen = choose(b, thread, now);
        return b->chosen != 0;
}

/* Those of record.sessions that take this wait; of units 1: it is taken. They are kept in memory,
 * of which the verifier does not follow every bit. */
static __always_inline __u64 choose_all(struct scratch *s, __u32 thread, __u64 now) {
        if (!for_sessions)
                return choose_for(0, thread, now) ? 1 : 0;
        for (__u32 i = 0; i < SESSIONS_MAX; i++)
                if (s->record.sessions >> i & 1 && !choose_for(1 + i, thread, now))
                        s->record.sessions &= ~(1ULL << i);
        return s->record.sessions;
}

__noinline int publish_for(__u32 limit) {
        struct burst *b = bpf_map_lookup_elem(&bursts, &limit);
        struct scratch *s = get_scratch();

        if (!b || !s)
                return 0;
        s->record.sessions = for_sessions ? 1ULL << ((limit - 1) & (SESSIONS_MAX - 1)) : 0;
        s->record.period = b->chosen;
        publish(s);
        return 0;
}

/* To each session for as many waits as it stands for there. */
static __always_inline void publish_to_all(__u64 takers) {
        if (!for_sessions) {
                publish_for(0);
                return;
        }
        for (__u32 i = 0; i < SESSIONS_MAX; i++)
                if (takers >> i & 1)
                        publish_for(1 + i);
}

static __always_inline void lose_wait(__u64 takers) {
        if (for_sessions)
                lose_session_sample(takers, LOSS_WAITS_FULL);
        else
                count_loss(LOSS_WAITS_FULL);
}

static __always_inline void begin_wait(void *ctx,
                                       struct task_struct *task,
                                       __u32 flags,
                                       __u64 now) {
        struct scratch *s = get_scratch();
        __u32 thread = task->pid;
        struct wait wait = {};

        if (!s || !find_owner(s, task))
                return;
        wait.takers = choose_all(s, thread, now);
        if (wait.takers == 0)
                return;
        if (for_sessions && bpf_ringbuf_query(&samples, BPF_RB_AVAIL_DATA) > session_bytes_max) {
                lose_session_sample(wait.takers, LOSS_SESSIONS);
                return;
        }

        s->record.time_ns = now;
        s->record.elapsed_ns = 0;
        s->record.cpu = bpf_get_smp_processor_id();
        s->record.flags = flags;
        s->record.start_ns = get_start_ns(task);
        if (!load_pids(&s->record, task)) {
                count_loss(LOSS_NO_PID);
                return;
        }
        bpf_get_current_comm(s->record.comm, sizeof(s->record.comm));

        wait.since_ns = now;
        wait.pid = s->record.pid;
        wait.tid = s->record.tid;
        wait.target = s->record.target;
        wait.start_ns = s->record.start_ns;
        if (bpf_map_update_elem(&waits, &thread, &wait, BPF_ANY) < 0) {
                lose_wait(wait.takers);
                return;
        }
        walk_kernel(ctx, s);
        walk_user(ctx, NULL, s, task);
        publish_to_all(wait.takers);
}

static __always_inline void end_wait(__u32 thread, __u64 now) {
        struct wait *wait = bpf_map_lookup_elem(&waits, &thread);
        struct scratch *s = get_scratch();

        if (!wait || !s)
                return;
        s->record.time_ns = now;
        s->record.elapsed_ns = now - wait->since_ns;
        s->record.period = s->record.elapsed_ns >= threshold_ns;
        s->record.start_ns = wait->start_ns;
        s->record.target = wait->target;
        s->record.sessions = for_sessions ? wait->takers : 0;
        s->record.share = SHARE_ALL;
        s->record.pid = wait->pid;
        s->record.tid = wait->tid;
        s->record.flags = SAMPLE_OFF_CPU | SAMPLE_WAIT_END;
        s->record.stack_end = STACK_END_NONE;
        s->record.n_kernel = s->record.n_user = 0;
        bpf_map_delete_elem(&waits, &thread);
        publish(s);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempted, struct task_struct *previous, struct task_struct *next) {
        __u32 flags = previous->pid ? blocked_flags(preempted, previous) : 0;
        __u32 thread = next->pid;
        __u64 now = bpf_ktime_get_ns();

        if (flags != 0)
                begin_wait(ctx, previous, flags, now);
        if (thread != 0)
                end_wait(thread, now);
        return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
