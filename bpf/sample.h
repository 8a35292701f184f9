/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Sample Record
 *
 * What crosses the kernel boundary. Fixed-width fields, no padding, included by both sides. A
 * record in the ring buffer is the struct and then n_kernel + n_user addresses, leaf first, kernel
 * before user. Where the way up was not known yet, struct sample_registers and n_copied bytes of
 * the stack follow, so that user space can walk it.
 */

#include <linux/types.h>

enum {
        SAMPLE_USER_FRAMES_MAX = 256,
        SAMPLE_KERNEL_FRAMES_MAX = 127, /* default of sysctl kernel.perf_event_max_stack */
        SAMPLE_COMM_MAX = 16,           /* TASK_COMM_LEN */

        SAMPLE_COPY_MAX = 16 << 10, /* bytes of a stack, from sample_copy_start() on */
        SAMPLE_COPY_PIECE = 256,    /* never straddles a page: one that is missing is all zero */
        SAMPLE_RED_ZONE = 128,      /* of x86-64: a leaf may use them without moving its end */
        SAMPLE_COPIES_MAX = 128,    /* of one CPU in one second */

        TARGETS_MAX = 8192, /* cgroups that can be targets at once; all memory is taken up front, as
                               perf_event programs need before Linux 6.1 */
        CGROUP_DEPTH_MAX = 32, /* levels below the root that are looked at, deepest first */

        SHARE_ALL = 1 << 16, /* target.share: every event */

        SESSIONS_MAX = 64, /* at once: bits of a mask */
        SESSION_EVENTS_MAX = 64,
        SESSION_CGROUPS_MAX = 256,
        SESSION_PROCESSES_MAX = 8192, /* memory as for targets */
        SESSION_TICK_NSEC = 10000000, /* in which /proc tells the start of a process */
};

#define SAMPLE_OWNER_NOBODY 0xffffffffU /* sample_record.owner, as the kernel's invalid uid */

/* How the user stack ended. */
enum sample_stack_end {
        STACK_END_NONE,        /* no user stack: a kernel thread, no registers within reach, or the
                                  process has given its memory back (exit, exec) */
        STACK_END_COMPLETE,    /* it reached the thread's outermost function */
        STACK_END_TRUNCATED,   /* SAMPLE_USER_FRAMES_MAX reached */
        STACK_END_NO_TABLE,    /* in code without a table, where the frame pointer led nowhere */
        STACK_END_NOT_LOADED,  /* the same, but its table is on the way: it was not known yet */
        STACK_END_NO_BUDGET,   /* the same, but there was no memory to load its table */
        STACK_END_NOT_CODE,    /* at an address where nothing executable is known */
        STACK_END_NO_RULE,     /* the table has no rule that can be followed */
        STACK_END_NO_REGISTER, /* the rule needs a register that was not saved */
        STACK_END_NO_MEMORY,   /* the stack could not be read */
        STACK_END_NO_PROGRESS, /* the caller's frame would not lie further out */
        _STACK_END_MAX,
};

/* sample_record.flags */
enum sample_flag {
        SAMPLE_IN_USER = 1 << 0,          /* the event hit user mode */
        SAMPLE_KERNEL_TRUNCATED = 1 << 1, /* SAMPLE_KERNEL_FRAMES_MAX reached */
        SAMPLE_GUESSED = 1 << 2, /* some frame was found by frame pointer, without a table */
        SAMPLE_OFF_CPU = 1 << 3, /* the thread blocks, and this is where; period: for how many waits
                                    this one stands, in 1/256 */
        SAMPLE_UNINTERRUPTIBLE = 1 << 4, /* of off-CPU: it waits for a disk or a lock (D) */
        SAMPLE_WAIT_END = 1 << 5,        /* of off-CPU, without frames: the thread runs again after
                                            elapsed_ns; period 0: it was too short to count */
};

/* Why a sample of a target did not become a record: index in the map "lost". */
enum sample_loss {
        LOSS_RING_FULL,  /* user space did not drain in time, or reserving failed in an NMI */
        LOSS_NO_PID,     /* the task is not visible in the daemon's pid namespace */
        LOSS_WAITS_FULL, /* off-CPU: more threads wait than there is room for */
        LOSS_SESSIONS,   /* of sessions: user space did not drain in time; the rest of the ring is
                            for the units */
        LOSS_CHILDREN,   /* not a sample: a child that a session could not follow */
        _LOSS_MAX,
};

struct sample_record {
        __u64 time_ns;    /* CLOCK_MONOTONIC */
        __u64 period;     /* of the event: ns for cpu-clock, cycles for cycles */
        __u64 elapsed_ns; /* of cycles: since the event before it on this CPU, 0: unknown */
        __u64 cgroup_id;  /* of the task */
        __u64 start_ns;   /* of the process, CLOCK_BOOTTIME */
        __u32 target;     /* slot of the target that the cgroup belongs to */
        __u32 share;      /* target.share it was taken with */
        __u64 sessions;   /* bit i: it belongs to session i; 0: it belongs to the target */
        __u32 owner;      /* of a session's: who may look at the process without any privilege */
        __u32 pid, tid;   /* in the daemon's pid namespace */
        __u16 cpu;
        __u16 n_kernel, n_user;
        __u8 stack_end; /* enum sample_stack_end */
        __u8 flags;     /* enum sample_flag */
        char comm[SAMPLE_COMM_MAX];
        __u32 n_copied; /* bytes of the stack that follow; 0: neither they nor registers do */
};
_Static_assert(sizeof(struct sample_record) == 96, "records have no padding");

/* Of the leaf, numbered as in bpf/unwind-rule.h; the first fields of struct unwind_state. */
struct sample_registers {
        __u64 registers[16];
        __u64 ip;
        __u32 known;
        __u32 is_return;
};
_Static_assert(sizeof(struct sample_registers) == 144, "registers have no padding");

/* Where the copy of a stack begins whose end (the lowest address in use) is at sp. */
static inline __u64 sample_copy_start(__u64 sp) {
        return (sp - SAMPLE_RED_ZONE) & ~(__u64) (SAMPLE_COPY_PIECE - 1);
}

/* Value of the map "targets", by cgroup id. */
struct target {
        __u32 slot;
        __u32 share; /* of the events that are taken, in 1/65536; 0: excluded, whatever its
                        ancestors */
};

/* Value of the map "session_events", by sampling period: the sessions that are served by the events
 * with this period, in three sets by what they want. Also: those whose waits are sampled. */
struct session_event {
        __u64 host, cgroups, processes;
};

/* Value of the map "session_processes", by process. */
struct session_process {
        __u64 sessions;
        __u64 with_children; /* those of them that its children belong to as well */
        __u64 start_tick;    /* in SESSION_TICK_NSEC: a reused pid is another process */
};
