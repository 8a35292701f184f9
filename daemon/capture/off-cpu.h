/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Off-CPU Sampling
 *
 * Where the threads of target cgroups wait, or, in an object of their own, those that sessions are
 * about. What is found comes through the ring of the sampler, with SAMPLE_OFF_CPU set: a record
 * when a thread blocks, another (SAMPLE_WAIT_END) when it runs again. While there is no such object
 * the scheduler is not looked at.
 */

#include "basic/time-util.h"
#include "capture/sampler.h"

typedef struct OffCpu OffCpu;

typedef struct OffCpuOptions {
        nsec_t threshold_nsec;   /* shorter waits do not count */
        unsigned samples_max_hz; /* of each CPU */
} OffCpuOptions;

/* The sampler outlives it. *ret_step (static text) names what failed, see sampler_new(). */
int off_cpu_new(OffCpu **ret,
                const Sampler *sampler,
                const OffCpuOptions *options,
                const char **ret_step);
/* For sessions; their cgroups and processes are the sampler's. */
int off_cpu_new_for_sessions(OffCpu **ret, const Sampler *sampler, const OffCpuOptions *options);
OffCpu *off_cpu_free(OffCpu *o);
DEFINE_CLEANUP(OffCpu *, off_cpu_free);

void off_cpu_set_options(OffCpu *o, const OffCpuOptions *options);

/* Which sessions there are, of those that are for sessions. */
void off_cpu_set_sessions(OffCpu *o, const struct session_event *wants);

/* Makes a cgroup a target, or changes it; !enabled: it and what is below are not sampled. */
int off_cpu_set_target(OffCpu *o, uint64_t cgroup_id, uint32_t slot, bool enabled);
void off_cpu_remove_target(OffCpu *o, uint64_t cgroup_id);

/* Of maps that are not the sampler's. */
uint64_t off_cpu_get_bpf_memory_bytes(const OffCpu *o);
/* Descriptor of the BPF program: for its run-time statistics in benchmarks. */
int off_cpu_get_program_fd(const OffCpu *o);
