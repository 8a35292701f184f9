/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Session Registry
 *
 * All sessions from their start until nobody wants their results any more: starts them in the
 * kernel, gives them their samples, ends them in time, and keeps the limits.
 */

#include "profiler.h"
#include "session.h"

enum {
        SESSION_RESULTS_MAX = 256,         /* sessions that are over, with or without a result */
        SESSION_RESULTS_PER_USER_MAX = 32, /* further ones push out the oldest */
};
#define SESSION_DURATION_MIN_USEC        USEC_PER_SEC
#define SESSION_STREAM_INTERVAL_MIN_USEC (100 * USEC_PER_MSEC)

/* profiler and store outlive it. */
int session_registry_new(SessionRegistry **ret,
                         sd_event *event,
                         Profiler *profiler,
                         Store *store,
                         const SessionLimits *limits);
SessionRegistry *session_registry_free(SessionRegistry *t);
DEFINE_CLEANUP(SessionRegistry *, session_registry_free);

void session_registry_set_limits(SessionRegistry *t, const SessionLimits *limits);
void session_registry_set_callbacks(SessionRegistry *t,
                                    const SessionCallbacks *callbacks,
                                    void *userdata);

/*
 * Takes the request, in every case, and starts. -ERANGE: frequency, duration or interval is beyond
 * the limits; -EUSERS: the user, -EBUSY: all together have too many; -EINVAL: the stream is no
 * pipe; -ENOENT: no such cgroup; others: the kernel refuses. *ret_reason is a sentence, NULL: none.
 */
int session_registry_start(SessionRegistry *t,
                           SessionRequest *request,
                           Session **ret,
                           const char **ret_reason);

/* Ends sampling now; the result comes as if the time were up. */
void session_registry_stop(SessionRegistry *t, Session *s);
/* Ends it without a result. */
void session_registry_cancel(SessionRegistry *t, Session *s);
/* Ends all with the names that are known by now. */
void session_registry_finish(SessionRegistry *t);
/* While it is paused no session starts; those that run end with what they have. */
void session_registry_set_paused(SessionRegistry *t, bool paused);
/* A cgroup may have another id now: of a unit that was started anew. */
void session_registry_follow_cgroups(SessionRegistry *t);

Session *session_registry_find(const SessionRegistry *t, uint64_t id);    /* NULL: none */
Session *session_registry_next(const SessionRegistry *t, Session *after); /* oldest first */
