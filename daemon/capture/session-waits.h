/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Waits of Sessions
 *
 * Samples where threads wait for those sessions that want it, apart from what units have sampled:
 * each has the same limits for itself. While there is no such session the scheduler is not looked
 * at.
 */

#include "capture/off-cpu.h"

typedef struct SessionWaits SessionWaits;

/* The sampler outlives it. */
int session_waits_new(SessionWaits **ret, const Sampler *sampler);
SessionWaits *session_waits_free(SessionWaits *w);
DEFINE_CLEANUP(SessionWaits *, session_waits_free);

void session_waits_set_options(SessionWaits *w, const OffCpuOptions *options);

/* To be called after each change of wants, see session_events_get_waits(). Errors: see
 * sampler_new(). */
int session_waits_follow(SessionWaits *w, const struct session_event *wants);

/* A wait that has ended, with its frames behind it. */
typedef void (*SessionWaitsCallback)(const struct sample_record *wait, void *userdata);

/* A record with SAMPLE_OFF_CPU. Calls back for each session for which a wait ends with it. */
void session_waits_add(SessionWaits *w,
                       const struct sample_record *record,
                       SessionWaitsCallback callback,
                       void *userdata);

/* The session has ended, and its records are through: hands on its waits as if they ended now. */
void session_waits_end(SessionWaits *w,
                       unsigned session,
                       SessionWaitsCallback callback,
                       void *userdata);

uint64_t session_waits_get_evicted(const SessionWaits *w);
uint64_t session_waits_get_bpf_memory_bytes(const SessionWaits *w);
