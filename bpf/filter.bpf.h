/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Cgroup Filter
 *
 * A task belongs to the deepest target among its cgroup and that cgroup's ancestors. The ancestors
 * are read by CO-RE: bpf_get_current_ancestor_cgroup_id() is refused in perf_event programs before
 * Linux 5.14. Verdicts are remembered per CPU for as long as the set of targets does not change, so
 * that most samples cost one comparison.
 */

#include "bpf/kernel.bpf.h"
#include "bpf/sample.h"

enum { VERDICTS_MAX = 64 }; /* power of two; cgroup ids are consecutive, so they spread evenly */

struct verdict {
        __u64 cgroup_id;
        __u32 generation;
        struct target target; /* share 0: none */
};

struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, TARGETS_MAX);
        __type(key, __u64);
        __type(value, struct target);
} targets SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, VERDICTS_MAX);
        __type(key, __u32);
        __type(value, struct verdict);
} verdicts SEC(".maps");

/* As bpf_get_current_cgroup_id(), which costs twice as much. */
static __always_inline __u64 get_cgroup_id(struct task_struct *task) {
        return has_typed_task() ? task->cgroups->dfl_cgrp->kn->id : bpf_get_current_cgroup_id();
}

/* User space adds 1 after each change of targets. */
volatile __u32 targets_generation = 1;

static __always_inline __u64 ancestor_id(struct cgroup *cgroup, __u32 level) {
        struct cgroup *ancestor = NULL;
        __u64 id = 0;

        if (bpf_core_field_exists(cgroup->ancestors)) {
                bpf_probe_read_kernel(&ancestor, sizeof(ancestor),
                                      (void *) cgroup +
                                              bpf_core_field_offset(struct cgroup, ancestors) +
                                              level * sizeof(void *));
                return ancestor ? BPF_CORE_READ(ancestor, kn, id) : 0;
        }

        bpf_probe_read_kernel(&id, sizeof(id),
                              (void *) cgroup +
                                      bpf_core_field_offset(struct cgroup___ids, ancestor_ids) +
                                      level * sizeof(id));
        return id;
}

/* Deepest first: the first hit decides. */
static __always_inline struct target find_target(struct task_struct *task) {
        struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
        struct target none = {}, *found;
        __u32 level;

        if (!cgroup)
                return none;
        level = BPF_CORE_READ(cgroup, level);

        for (int i = 0; i < CGROUP_DEPTH_MAX && level > 0; i++, level--) {
                __u64 id = ancestor_id(cgroup, level);

                found = bpf_map_lookup_elem(&targets, &id);
                if (found)
                        return *found;
        }
        return none;
}

/* The target of the current task; share 0: it has none. */
static __always_inline struct target filter(struct task_struct *task, __u64 cgroup_id) {
        __u32 generation = targets_generation, slot = cgroup_id & (VERDICTS_MAX - 1);
        struct target none = {};
        struct verdict *v;

        v = bpf_map_lookup_elem(&verdicts, &slot);
        if (!v)
                return none;
        if (v->cgroup_id == cgroup_id && v->generation == generation)
                return v->target;

        v->target = find_target(task);
        v->generation = generation;
        v->cgroup_id = cgroup_id;
        return v->target;
}
