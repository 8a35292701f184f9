/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Profiler
 *
 * The road from samples to stored profiles: owns the sampler, what is known of processes, files and
 * the kernel's symbols, the open windows of all units, and the writer.
 */

#include "capture/off-cpu.h"
#include "capture/sampler.h"
#include "capture/unwind-loader.h"
#include "code-loader.h"
#include "late-stacks.h"
#include "manager.h"
#include "profile-writer.h"
#include "recent-samples.h"
#include "symbol/index-cache.h"
#include "unit-registry.h"

typedef struct Profiler Profiler;

typedef struct ProfilerStatistics {
        uint64_t samples, cpu_nsec;
        SamplerLoss sampler_loss;
        uint64_t waits, waits_nsec; /* samples of type off-CPU, and what they stand for */
        uint64_t waits_evicted;     /* of more threads than are kept */
        uint64_t lost_without_unit; /* of a target that is gone */
        uint64_t lost_window_full;
        uint64_t lost_unwritten; /* of profiles that could not be stored */
        uint64_t files_served;   /* by a user's file system, and left alone */
        uint64_t bpf_memory_bytes;
        ProcessTableStatistics processes;
        IndexCacheStatistics indexes;
        CodeLoaderStatistics code;
        UnwindLoaderStatistics unwind;
        LateStacksStatistics late;
} ProfilerStatistics;

/* A profile was stored, or could not be (written->error). unit: NULL if it is gone by now. */
typedef void (*ProfilerWritten)(const WrittenProfile *written, Unit *unit, void *userdata);

/* units and store outlive the profiler. *ret_step (static text) names what failed. */
int profiler_new(Profiler **ret,
                 sd_event *event,
                 const ManagerPaths *paths,
                 UnitRegistry *units,
                 Store *store,
                 unsigned frequency_hz,
                 uint64_t unwind_memory_max,
                 bool lines,
                 ProfilerWritten on_written,
                 void *userdata,
                 const char **ret_step);
Profiler *profiler_free(Profiler *p);
DEFINE_CLEANUP(Profiler *, profiler_free);

/* Makes cgroup_id a target for the unit with its settings; the one before it (u->cgroup_id, may be
 * 0) goes after the new one is in force. 0: no target. */
int profiler_set_target(Profiler *p, Unit *u, uint64_t cgroup_id);
/* Learns of the processes in the unit's cgroup, so that their children are known from the start. */
void profiler_learn_processes(Profiler *p, const char *control_group);

/* The unit goes, and its slot with it: call after its last samples were drained. */
void profiler_forget_unit(Profiler *p, const Unit *u);

/* Begins, changes or (!wanted) ends to sample where threads of units wait. Who is to be sampled is
 * known of units whose target is set afterwards. The options are those of sessions, too. *ret_step
 * as in profiler_new(). */
int profiler_set_off_cpu(Profiler *p,
                         const OffCpuOptions *options,
                         bool wanted,
                         const char **ret_step);

int profiler_set_frequency(Profiler *p, unsigned frequency_hz);
/* Paused: takes no samples, and needs no CPU time. */
int profiler_set_paused(Profiler *p, bool paused);
/* Of files that are indexed from now on, and of windows that are written. */
void profiler_set_lines(Profiler *p, bool lines);
void profiler_set_unwind_memory_max(Profiler *p, uint64_t bytes);
/* Loads unwind tables that did not fit before. To be called from time to time. */
void profiler_retry_tables(Profiler *p);
/* Debug files may have been installed: they are looked for at the next samples. */
void profiler_look_for_names(Profiler *p);

/* Hands the unit's open windows, if any, to the writer. */
void profiler_close_windows(Profiler *p, Unit *u);
/* The open window as a profile, with the names known by now; the window goes on. 0: it has none,
 * 1: *ret is a heap block. */
int profiler_encode_open(Profiler *p, Unit *u, uint8_t **ret, size_t *ret_size);
/* Calls back, from the event loop, when all windows closed so far are stored. */
int profiler_notify_stored(Profiler *p, ManagerFlushed callback, Manager *m, void *userdata);
/* Closes all windows and writes them with the names known by now. */
void profiler_finish(Profiler *p);

/*
 * Sessions: their events, and who gets their samples in the order of time (process: NULL if not
 * known). Windows like those of units, but for the caller to keep.
 */
typedef void (*ProfilerSessionSample)(const struct sample_record *record,
                                      const Process *process,
                                      const uint64_t *frames,
                                      nsec_t weight_nsec,
                                      void *userdata);
void profiler_set_on_session_sample(Profiler *p, ProfilerSessionSample callback, void *userdata);
SessionEvents *profiler_get_session_events(Profiler *p);
/* After session_events_start_waits() and session_events_stop(): samples where threads wait as long
 * as some session wants it. */
int profiler_follow_session_waits(Profiler *p);
/* The session has ended and its records are drained: its waits that go on are over. */
void profiler_end_session_waits(Profiler *p, unsigned session);
void profiler_learn_process(Profiler *p, pid_t pid);
/* Gets the samples of type CPU of the units' own events. */
RecentSamples *profiler_get_recent(Profiler *p);
/* Something starts that is waited for: samples are taken out of the ring more often for a while. */
void profiler_hurry(Profiler *p);
/* Hands on the samples that waited for unwind tables; all: whether they have come or not. Whether
 * none is left. */
bool profiler_settle(Profiler *p, bool all);
int profiler_new_window(Profiler *p, Window **ret, WindowType type, usec_t start_usec);
/* With the names that are known by now. */
int profiler_make_profile(Profiler *p,
                          const ClosedWindow *closed,
                          Profile **ret,
                          WindowNames *ret_names);

/* Takes what the rings hold. */
void profiler_drain(Profiler *p);
/* From time to time: forgets dead processes, keeps the cache's limit. */
void profiler_housekeep(Profiler *p);

const char *profiler_get_event_name(const Profiler *p);
void profiler_get_statistics(Profiler *p, ProfilerStatistics *ret);
