/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Events of Sessions
 *
 * The kernel's side of sessions: perf events with a fixed period, one set for each frequency that
 * some session wants, and what each session is about. Sessions of one frequency share its events,
 * and a sample that several want is taken once. Without a session nothing is open or attached.
 */

#include <linux/types.h>

#include "basic/util.h"
#include "bpf/sample.h"

typedef struct SessionEvents SessionEvents;

/* Descriptors of the programs and maps of bpf/session.bpf.h; borrowed. */
typedef struct SessionEventsOptions {
        int program_fd, fork_program_fd;
        int events_fd, cgroups_fd, processes_fd, lost_fd;
        unsigned n_possible;     /* CPUs */
        const char *open_socket; /* of profilerd-open, NULL: there is none */
} SessionEventsOptions;

typedef enum SessionScope {
        SESSION_SCOPE_HOST,
        SESSION_SCOPE_CGROUPS,
        SESSION_SCOPE_PROCESSES,
} SessionScope;

int session_events_new(SessionEvents **ret, const SessionEventsOptions *options);
SessionEvents *session_events_free(SessionEvents *s);
DEFINE_CLEANUP(SessionEvents *, session_events_free);

/* Opens what is needed. session: below SESSIONS_MAX, not started. Errors: those of opener_open().
 */
int session_events_start(SessionEvents *s,
                         unsigned session,
                         SessionScope scope,
                         unsigned frequency_hz);
/* Has its waits sampled, beside its events or without any: by whom, is not known here. */
void session_events_start_waits(SessionEvents *s, unsigned session, SessionScope scope);
/* All sessions that have. Borrowed. */
const struct session_event *session_events_get_waits(const SessionEvents *s);
/* Records that are in the ring still name it: drain before the number is used again. */
void session_events_stop(SessionEvents *s, unsigned session);

/* What the session is about, of SESSION_SCOPE_CGROUPS. -E2BIG: the map is full. */
int session_events_add_cgroup(SessionEvents *s, unsigned session, uint64_t cgroup_id);
void session_events_remove_cgroup(SessionEvents *s, unsigned session, uint64_t cgroup_id);

/*
 * The same of SESSION_SCOPE_PROCESSES: all threads of the process with this pid that started then.
 * with_children: also those that it forks from now on, and theirs, from their first instruction.
 * 1: added, 0: it was there.
 */
int session_events_add_process(
        SessionEvents *s, unsigned session, pid_t pid, uint64_t start_tick, bool with_children);
/* The process has ended, as far as it is one of a session's. Costs nothing without one. */
void session_events_forget_process(SessionEvents *s, pid_t pid);
bool session_events_has_processes(SessionEvents *s, unsigned session);

/* Samples of the session that found no room in the ring, since it was started. */
uint64_t session_events_get_lost(SessionEvents *s, unsigned session);

/* Opens events of CPUs that came, and closes those of CPUs that went. */
int session_events_follow_cpus(SessionEvents *s);
