/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Sessions
 *
 * Which sessions a sample, or a wait, belongs to.
 */

#include "bpf/filter.bpf.h"
#include "bpf/pid.bpf.h"
#include "bpf/ring.bpf.h"

/* By cgroup id. */
struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, SESSION_CGROUPS_MAX);
        __type(key, __u64);
        __type(value, __u64);
} session_cgroups SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, SESSION_PROCESSES_MAX);
        __type(key, __u32);
        __type(value, struct session_process);
} session_processes SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, SESSIONS_MAX);
        __type(key, __u32);
        __type(value, __u64);
} session_lost SEC(".maps");

/* Bytes in the ring from which on sessions add no more. */
volatile __u64 session_bytes_max = ~0ULL;

static __always_inline bool is_idle(void) {
        return (__u32) bpf_get_current_pid_tgid() == 0;
}

static __always_inline void lose_session_sample(__u64 sessions, __u32 reason) {
        count_loss(reason);
        for (__u32 i = 0; i < SESSIONS_MAX; i++) {
                __u32 key = i;
                __u64 *n;

                if (!(sessions >> i & 1))
                        continue;
                n = bpf_map_lookup_elem(&session_lost, &key);
                if (n)
                        (*n)++;
        }
}

/* All targets among a task's cgroup and its ancestors count, not only the deepest. */
static __always_inline __u64 find_sessions_of_cgroups(struct task_struct *task) {
        struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
        __u64 sessions = 0, *found;
        __u32 level;

        if (!cgroup)
                return 0;
        level = BPF_CORE_READ(cgroup, level);
        for (int i = 0; i < CGROUP_DEPTH_MAX && level > 0; i++, level--) {
                __u64 id = ancestor_id(cgroup, level);

                found = bpf_map_lookup_elem(&session_cgroups, &id);
                if (found)
                        sessions |= *found;
        }
        return sessions;
}

/* The process, if it is the one that was meant. */
static __always_inline struct session_process *find_session_process(__u32 pid, __u64 start_ns) {
        struct session_process *p = bpf_map_lookup_elem(&session_processes, &pid);

        /* Both sides round, so they may be a tick apart. */
        return p && start_ns / SESSION_TICK_NSEC - p->start_tick + 1 <= 2 ? p : NULL;
}

static __always_inline __u64 find_sessions(const struct session_event *event,
                                           const struct sample_record *r,
                                           struct task_struct *task) {
        __u64 sessions = event->host;
        struct session_process *p;

        if (event->cgroups)
                sessions |= event->cgroups & find_sessions_of_cgroups(task);
        if (event->processes) {
                p = find_session_process(r->pid, r->start_ns);
                if (p)
                        sessions |= event->processes & p->sessions;
        }
        return sessions;
}

#define SUID_DUMP_USER 1 /* include/linux/sched/coredump.h */

static __always_inline bool is_dumpable(struct task_struct *task) {
        struct mm_struct *mm = BPF_CORE_READ(task, mm);
        struct mm_struct___bitmap *bitmap = (void *) mm;
        __u64 flags = 0;

        if (bpf_core_field_exists(bitmap->flags.__mm_flags))
                flags = BPF_CORE_READ(bitmap, flags.__mm_flags[0]);
        else if (bpf_core_field_exists(mm->flags))
                flags = BPF_CORE_READ(mm, flags);
        return (flags & 3) == SUID_DUMP_USER; /* MMF_DUMPABLE_MASK */
}

/* As ptrace(2) has it: all user ids are the same, and the process did not gain privileges. */
static __always_inline __u32 get_owner(struct task_struct *task) {
        const struct cred *cred = BPF_CORE_READ(task, real_cred);
        __u32 uid = BPF_CORE_READ(cred, uid.val);

        return uid == BPF_CORE_READ(cred, euid.val) && uid == BPF_CORE_READ(cred, suid.val) &&
                               is_dumpable(task)
                       ? uid
                       : SAMPLE_OWNER_NOBODY;
}

static __always_inline __u32 get_number(struct task_struct *task) {
        return pid_namespace == 0 ? (__u32) BPF_CORE_READ(task, tgid)
                                  : nested_pid(BPF_CORE_READ(task, group_leader));
}

static __always_inline void follow_child(struct task_struct *parent, struct task_struct *child) {
        struct session_process value = {}, *p;
        __u32 pid;

        if (BPF_CORE_READ(parent, tgid) == BPF_CORE_READ(child, tgid)) /* a thread */
                return;
        p = find_session_process(get_number(parent),
                                 BPF_CORE_READ(parent, group_leader, start_boottime));
        if (!p || p->with_children == 0)
                return;
        value.sessions = value.with_children = p->with_children;
        value.start_tick = BPF_CORE_READ(child, start_boottime) / SESSION_TICK_NSEC;
        pid = get_number(child);
        if (pid == 0 || bpf_map_update_elem(&session_processes, &pid, &value, BPF_ANY) < 0)
                count_loss(LOSS_CHILDREN);
}
