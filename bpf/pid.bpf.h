/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Process Numbers, as the daemon's pid namespace has them */

#include "bpf/kernel.bpf.h"
#include "bpf/sample.h"

/* Inode of the daemon's pid namespace; 0: the initial one. Device: of nsfs. */
const volatile __u64 pid_namespace_device = 0;
const volatile __u64 pid_namespace = 0;

enum { PID_DEPTH_MAX = 32 }; /* MAX_PID_NS_LEVEL, include/linux/pid_namespace.h */

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

/* Of its process, CLOCK_BOOTTIME. */
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
