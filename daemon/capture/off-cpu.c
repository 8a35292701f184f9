/* SPDX-License-Identifier: Apache-2.0 */
/* Off-CPU Sampling */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "capture/map-memory.h"
#include "capture/off-cpu.h"
#include "offcpu.skel.h"

/* Maps that are the sampler's, under the same names. */
static const char *const shared_maps[] = {
        "samples",         "lost",
        "unwind_segments", "unwind_processes",
        "session_cgroups", "session_processes",
        "session_lost",
};

struct OffCpu {
        struct offcpu_bpf *bpf;
        struct bpf_link *link;
};

static int share_maps(OffCpu *o, const Sampler *sampler) {
        for (size_t i = 0; i < ELEMENTSOF(shared_maps); i++) {
                struct bpf_map *map = bpf_object__find_map_by_name(o->bpf->obj, shared_maps[i]);
                int r;

                r = map ? bpf_map__reuse_fd(map, sampler_get_map_fd(sampler, shared_maps[i]))
                        : -ENOENT;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int load(OffCpu *o, const Sampler *sampler, bool for_sessions) {
        uint64_t device, inode;
        int r;

        o->bpf = offcpu_bpf__open();
        if (!o->bpf)
                return negative_errno();
        sampler_get_pid_namespace(sampler, &device, &inode);
        o->bpf->rodata->pid_namespace_device = device;
        o->bpf->rodata->pid_namespace = inode;
        o->bpf->rodata->for_sessions = for_sessions;
        o->bpf->data->session_bytes_max = sampler_get_session_bytes_max(sampler);
        o->bpf->bss->wakeup_bytes = sampler_get_wakeup_bytes(sampler);
        r = share_maps(o, sampler);
        if (r < 0)
                return r;
        return offcpu_bpf__load(o->bpf);
}

static int make(OffCpu **ret,
                const Sampler *sampler,
                const OffCpuOptions *options,
                bool for_sessions,
                const char **ret_step) {
        _cleanup_(off_cpu_freep) OffCpu *o = NULL;
        int r;

        o = calloc(1, sizeof(*o));
        if (!o)
                return -ENOMEM;

        *ret_step = "loading the BPF program";
        r = load(o, sampler, for_sessions);
        if (r < 0)
                return r;
        off_cpu_set_options(o, options);

        *ret_step = "attaching to the scheduler";
        o->link = bpf_program__attach(o->bpf->progs.on_switch);
        if (!o->link)
                return negative_errno();
        *ret = TAKE_PTR(o);
        return 0;
}

int off_cpu_new(OffCpu **ret,
                const Sampler *sampler,
                const OffCpuOptions *options,
                const char **ret_step) {
        return make(ret, sampler, options, false, ret_step);
}

int off_cpu_new_for_sessions(OffCpu **ret, const Sampler *sampler, const OffCpuOptions *options) {
        const char *step;

        return make(ret, sampler, options, true, &step);
}

OffCpu *off_cpu_free(OffCpu *o) {
        if (!o)
                return NULL;
        bpf_link__destroy(o->link);
        offcpu_bpf__destroy(o->bpf);
        free(o);
        return NULL;
}

void off_cpu_set_options(OffCpu *o, const OffCpuOptions *options) {
        o->bpf->bss->threshold_ns = options->threshold_nsec;
        o->bpf->data->samples_max = options->samples_max_hz;
}

void off_cpu_set_sessions(OffCpu *o, const struct session_event *wants) {
        o->bpf->bss->session_wants.host = wants->host;
        o->bpf->bss->session_wants.cgroups = wants->cgroups;
        o->bpf->bss->session_wants.processes = wants->processes;
}

int off_cpu_set_target(OffCpu *o, uint64_t cgroup_id, uint32_t slot, bool enabled) {
        const struct target target = { .slot = slot, .share = enabled ? SHARE_ALL : 0 };
        int r;

        r = bpf_map__update_elem(o->bpf->maps.targets, &cgroup_id, sizeof(cgroup_id), &target,
                                 sizeof(target), BPF_ANY);
        if (r < 0)
                return r;
        o->bpf->data->targets_generation++;
        return 0;
}

void off_cpu_remove_target(OffCpu *o, uint64_t cgroup_id) {
        (void) bpf_map__delete_elem(o->bpf->maps.targets, &cgroup_id, sizeof(cgroup_id), 0);
        o->bpf->data->targets_generation++;
}

uint64_t off_cpu_get_bpf_memory_bytes(const OffCpu *o) {
        uint64_t sum = 0;
        struct bpf_map *map;

        bpf_object__for_each_map(map, o->bpf->obj) {
                bool is_shared = false;

                for (size_t i = 0; i < ELEMENTSOF(shared_maps); i++)
                        is_shared |= streq(bpf_map__name(map), shared_maps[i]);
                if (!is_shared)
                        sum += map_memory_bytes(bpf_map__fd(map));
        }
        return sum;
}

int off_cpu_get_program_fd(const OffCpu *o) {
        return bpf_program__fd(o->bpf->progs.on_switch);
}
