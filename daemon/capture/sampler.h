/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sampler
 *
 * Samples the tasks of the target cgroups on every online CPU, and follows what the kernel reports
 * of processes. Both arrive as one stream in time order, so that a sample is understood with the
 * mappings that were in force when it was taken. Drained on a timer and when a ring fills, never
 * for each sample.
 */

#include <systemd/sd-event.h>

#include "basic/time-util.h"
#include "bpf/sample.h"
#include "capture/process-record.h"
#include "capture/session-events.h"

#define SAMPLER_DRAIN_USEC (100 * USEC_PER_MSEC)
/* After sampler_hurry(): so often. */
#define SAMPLER_HURRY_USEC (10 * USEC_PER_MSEC)

typedef struct Sampler Sampler;

typedef struct SamplerOptions {
        unsigned frequency_hz;   /* of the events; targets may take a share of them */
        const char *open_socket; /* of profilerd-open, NULL: there is none */
} SamplerOptions;

/* Why something was lost on the way here; all since the sampler was made. */
typedef struct SamplerLoss {
        uint64_t samples[_LOSS_MAX]; /* by enum sample_loss */
        uint64_t malformed;          /* records whose length and counts disagree */
        uint64_t records;            /* process records the kernel had no room for */
        uint64_t queue;              /* samples and records beyond what one drain holds */
} SamplerLoss;

typedef struct SamplerCallbacks {
        /* frames: n_kernel and then n_user addresses, leaf first, then what bpf/sample.h says of
         * n_copied. weight_nsec: the time that the sample stands for, of CPU or, with
         * SAMPLE_OFF_CPU, of waiting. Borrowed. */
        void (*on_sample)(const struct sample_record *record,
                          const uint64_t *frames,
                          nsec_t weight_nsec,
                          void *userdata);
        void (*on_process)(const ProcessRecord *record, void *userdata);
        /* Process records were lost: nothing remembered of mappings is certain. */
        void (*on_records_lost)(void *userdata);
        /* After each drain. */
        void (*on_drained)(void *userdata);
} SamplerCallbacks;

/*
 * Loads the BPF program and opens the events. *ret_step (static text, may be NULL) names what
 * failed: -EACCES, -EPERM: the kernel refuses; -ENOENT, -EOPNOTSUPP: it has no BTF or no such
 * event.
 */
int sampler_new(Sampler **ret,
                sd_event *event,
                const SamplerOptions *options,
                const SamplerCallbacks *callbacks,
                void *userdata,
                const char **ret_step);
Sampler *sampler_free(Sampler *s);
DEFINE_CLEANUP(Sampler *, sampler_free);

/* Takes what has arrived so far. */
void sampler_drain(Sampler *s);
/* Something starts: what is reported of it is wanted at once, for a while. */
void sampler_hurry(Sampler *s, usec_t for_usec);

/* Makes a cgroup a target, or changes it. share in 1/65536 of the events; 0 excludes it. */
int sampler_set_target(Sampler *s, uint64_t cgroup_id, uint32_t slot, uint32_t share);
void sampler_remove_target(Sampler *s, uint64_t cgroup_id);

/* Opens all events anew at another frequency. */
int sampler_set_frequency(Sampler *s, unsigned frequency_hz);
/* While paused no sample is taken, at no cost; processes are followed. A failure to go on leaves it
 * paused. */
int sampler_set_paused(Sampler *s, bool paused);

const char *sampler_get_event_name(const Sampler *s); /* "cycles" or "cpu-clock" */
unsigned sampler_get_frequency(const Sampler *s);
void sampler_get_loss(Sampler *s, SamplerLoss *ret);
uint64_t sampler_get_bpf_memory_bytes(const Sampler *s);
/* Descriptor of the BPF program: for its run-time statistics in benchmarks. */
int sampler_get_program_fd(const Sampler *s);
/* Borrowed. Samples of sessions have record->sessions set. */
SessionEvents *sampler_get_sessions(Sampler *s);
/* The maps of bpf/unwind-memory.h. */
int sampler_get_unwind_segments_fd(const Sampler *s);
int sampler_get_unwind_processes_fd(const Sampler *s);

/* For another program that writes into the same ring. Map by its name; -ENOENT: there is none. */
int sampler_get_map_fd(const Sampler *s, const char *name);
uint64_t sampler_get_wakeup_bytes(const Sampler *s);
uint64_t sampler_get_session_bytes_max(const Sampler *s);
/* 0, 0: the initial one. */
void sampler_get_pid_namespace(const Sampler *s, uint64_t *ret_device, uint64_t *ret_inode);
