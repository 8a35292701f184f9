/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Kernel Preamble
 *
 * The BPF headers in the order they need (bpf_helpers.h takes its integer types from linux/bpf.h),
 * and the few kernel types we read, down to the fields we read: CO-RE finds their places in the
 * running kernel.
 */

/* clang-format off */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
/* clang-format on */

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h, unchanged since 2.6 */
#define PF_EXITING 0x00000004

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
        unsigned int inum;
};

struct pid_namespace {
        struct ns_common ns;
};

struct upid {
        int nr;
        struct pid_namespace *ns;
};

struct pid {
        unsigned int level;
        struct upid numbers[1];
};

struct kernfs_node {
        __u64 id;
};

struct cgroup {
        int level;
        struct kernfs_node *kn;
        struct cgroup *ancestors[1]; /* Linux 6.1 and newer */
};

struct cgroup___ids {
        __u64 ancestor_ids[1]; /* up to Linux 6.0 */
};

struct css_set {
        struct cgroup *dfl_cgrp; /* in the unified hierarchy, also on hybrid hosts */
};

struct kuid {
        unsigned int val;
};

struct cred {
        struct kuid uid, suid, euid;
};

struct mm_struct {
        unsigned long flags; /* up to Linux 6.17 */
};

struct mm_struct___bitmap {
        struct {
                unsigned long __mm_flags[1];
        } flags;
};

struct task_struct {
        unsigned int flags;
        unsigned int __state; /* Linux 5.14 and newer */
        int pid;
        int tgid;
        const struct cred *real_cred;
        struct mm_struct *mm;
        struct task_struct *group_leader;
        struct pid *thread_pid;
        struct css_set *cgroups;
        __u64 start_boottime;
};

struct task_struct___old {
        long state;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs___kernel {
        unsigned long r15, r14, r13, r12, bp, bx, r10, r9, r8, dx, si, di, orig_ax, ip, sp;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs___kernel {
        __u64 regs[31], sp, pc;
};
struct pt_regs___kernel {
        int syscallno;
};
#endif

#pragma clang attribute pop

/* The current task as the kernel's own type: from Linux 5.11 on, and followed by plain loads. */
static __always_inline bool has_typed_task(void) {
        return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf);
}

static __always_inline struct task_struct *get_task(void) {
        return has_typed_task() ? (void *) bpf_get_current_task_btf()
                                : (void *) bpf_get_current_task();
}
