/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session Registry
 *
 * One timer serves all sessions: fast while one of them runs, else at the next end of a retention.
 */

#include <utlist.h>

#include "basic/cgroup-util.h"
#include "basic/log.h"
#include "process/process-children.h"
#include "session-profile.h"
#include "session-registry.h"

#define TICK_USEC     (100 * USEC_PER_MSEC)
#define PROGRESS_USEC (500 * USEC_PER_MSEC)

struct SessionRegistry {
        sd_event *event;
        Profiler *profiler;
        Store *store;
        SessionLimits limits;
        SessionCallbacks callbacks;
        void *userdata;

        Session *sessions;              /* oldest first */
        Session *by_slot[SESSIONS_MAX]; /* those that are sampled */
        uint64_t last_id;
        bool paused;
        sd_event_source *timer;
};

static SessionEvents *get_events(SessionRegistry *t) {
        return profiler_get_session_events(t->profiler);
}

static void call_back(SessionRegistry *t, void (*callback)(Session *, void *), Session *s) {
        if (callback)
                callback(s, t->userdata);
}

static void set_timer(SessionRegistry *t, usec_t usec) {
        (void) sd_event_source_set_time(t->timer, usec);
        (void) sd_event_source_set_enabled(t->timer, SD_EVENT_ONESHOT);
}

/* ---- samples ---- */

/* Takes off the half of the stack that is not wanted. false: nothing is left. */
static bool cut_stack(const SessionRequest *r,
                      struct sample_record *record,
                      const uint64_t **frames) {
        if (!r->kernel) {
                *frames += record->n_kernel;
                record->n_kernel = 0;
        }
        if (!r->user) {
                record->n_user = 0;
                record->stack_end = STACK_END_NONE;
                record->flags &= (uint8_t) ~SAMPLE_GUESSED;
        }
        return record->n_kernel + record->n_user > 0;
}

/* A process may have gained privileges between its sample and the look at its mappings. */
static bool is_of_user(const struct sample_record *record, const Process *process, uid_t uid) {
        return record->owner == uid &&
               (!process || process->owner == PROCESS_OWNER_UNKNOWN || process->owner == uid);
}

static void add_sample(Session *s,
                       const struct sample_record *record,
                       const Process *process,
                       const uint64_t *frames,
                       nsec_t weight_nsec) {
        struct sample_record cut = *record;

        if (s->request.restricted && !is_of_user(record, process, s->request.uid))
                return;
        if (!cut_stack(&s->request, &cut, &frames))
                return;
        if (window_add(s->window, process, &cut, frames, weight_nsec) < 0) {
                s->lost_window++;
                return;
        }
        if (s->recent && window_add(s->recent, process, &cut, frames, weight_nsec) < 0) {
                s->stream_dropped++;
                s->stream_untold++;
        }
        if (record->flags & SAMPLE_OFF_CPU)
                s->waits_nsec += weight_nsec;
        else
                s->cpu_nsec += weight_nsec;
        if (s->samples++ == 0) /* worth telling at once */
                set_timer(s->registry, 0);
}

static void on_sample(const struct sample_record *record,
                      const Process *process,
                      const uint64_t *frames,
                      nsec_t weight_nsec,
                      void *userdata) {
        SessionRegistry *t = userdata;

        for (uint64_t left = record->sessions; left != 0; left &= left - 1) {
                Session *s = t->by_slot[__builtin_ctzll(left)];

                if (s)
                        add_sample(s, record, process, frames, weight_nsec);
        }
}

/* ---- the end ---- */

static void remove_session(SessionRegistry *t, Session *s) {
        DL_DELETE(t->sessions, s);
        call_back(t, t->callbacks.on_removed, s);
        session_free(s);
}

/* A user's own results that ended first make room for his next ones. */
static void trim_results(SessionRegistry *t, uid_t uid) {
        Session *s, *oldest = NULL;
        size_t n = 0;

        DL_FOREACH (t->sessions, s)
                if (session_is_over(s) && s->request.uid == uid) {
                        if (!oldest || s->ended_usec < oldest->ended_usec)
                                oldest = s;
                        n++;
                }
        if (n > SESSION_RESULTS_PER_USER_MAX)
                remove_session(t, oldest);
}

static void count_losses(SessionRegistry *t, Session *s) {
        if (s->state == SESSION_RUNNING)
                s->lost_ring = session_events_get_lost(get_events(t), s->slot);
        s->lost = s->lost_ring + s->lost_window;
}

/* What is in the ring by now is still the session's; it keeps its number until that has come out.
 */
static void end_sampling(SessionRegistry *t, Session *s) {
        session_events_stop(get_events(t), s->slot);
        (void) profiler_follow_session_waits(t->profiler);
        profiler_drain(t->profiler);
        profiler_end_session_waits(t->profiler, s->slot);
        count_losses(t, s);
        s->process_source = sd_event_source_disable_unref(s->process_source);
        s->ended_usec = now_usec(CLOCK_MONOTONIC);
}

static void release_slot(SessionRegistry *t, Session *s) {
        (void) profiler_settle(t->profiler, true);
        t->by_slot[s->slot] = NULL;
}

static void set_over(SessionRegistry *t, Session *s, SessionState state, int error) {
        s->state = state;
        s->error = error;
        s->window = window_free(s->window);
        s->recent = window_free(s->recent);
        s->before.window = window_free(s->before.window);
        if (s->stream)
                session_stream_end(s->stream);
        call_back(t, t->callbacks.on_over, s);
        trim_results(t, s->request.uid);
}

static void store_before(SessionRegistry *t, Session *s) {
        int r = session_store_before(s, t->profiler, t->store);

        if (r < 0)
                log_debug_errno(r, "What came before session %llu is not stored: %m",
                                (unsigned long long) s->id);
}

static void make_result(SessionRegistry *t, Session *s) {
        int r;

        release_slot(t, s);
        store_before(t, s);
        s->lost = s->lost_ring + s->lost_window;
        session_stream_piece(s, t->profiler);
        r = session_make_result(s, t->profiler, t->store);
        if (r < 0)
                log_debug_errno(r, "Session %llu has no result: %m", (unsigned long long) s->id);
        set_over(t, s, r < 0 ? SESSION_FAILED : SESSION_FINISHED, r < 0 ? r : s->error);
}

void session_registry_stop(SessionRegistry *t, Session *s) {
        if (s->state != SESSION_RUNNING)
                return;
        end_sampling(t, s);
        s->state = SESSION_FINISHING;
        set_timer(t, 0);
}

void session_registry_cancel(SessionRegistry *t, Session *s) {
        if (session_is_over(s))
                return;
        if (s->state == SESSION_RUNNING)
                end_sampling(t, s);
        release_slot(t, s);
        /* Only the closer look is not wanted. */
        store_before(t, s);
        set_over(t, s, SESSION_CANCELLED, 0);
}

void session_registry_finish(SessionRegistry *t) {
        Session *s, *next;

        DL_FOREACH_SAFE (t->sessions, s, next) {
                session_registry_stop(t, s);
                if (s->state == SESSION_FINISHING)
                        make_result(t, s);
        }
}

void session_registry_set_paused(SessionRegistry *t, bool paused) {
        t->paused = paused;
        if (paused)
                session_registry_finish(t);
}

/* ---- as time goes by ---- */

static void follow_cgroup(SessionRegistry *t, Session *s) {
        uint64_t id = 0;

        (void) cgroup_get_id(s->request.control_group, &id);
        if (id == s->cgroup_id)
                return;
        /* The new one first, so that there is no gap. */
        if (id != 0 && session_events_add_cgroup(get_events(t), s->slot, id) < 0)
                return;
        if (s->cgroup_id != 0)
                session_events_remove_cgroup(get_events(t), s->slot, s->cgroup_id);
        s->cgroup_id = id;
        if (id != 0)
                profiler_learn_processes(t->profiler, s->request.control_group);
}

void session_registry_follow_cgroups(SessionRegistry *t) {
        Session *s;

        DL_FOREACH (t->sessions, s)
                if (s->state == SESSION_RUNNING && s->request.scope == SESSION_SCOPE_CGROUPS)
                        follow_cgroup(t, s);
}

static void report_progress(SessionRegistry *t, Session *s, usec_t now) {
        bool is_first = s->samples > 0 && s->progress_usec == 0;

        if (!is_first && now < MAX(s->progress_usec, s->started_monotonic) + PROGRESS_USEC)
                return;
        s->progress_usec = now;
        count_losses(t, s);
        call_back(t, t->callbacks.on_progress, s);
}

static bool is_due(SessionRegistry *t, const Session *s, usec_t now) {
        if (now >= s->started_monotonic + s->request.duration_usec)
                return true;
        return s->process_ended &&
               (!s->request.children || !session_events_has_processes(get_events(t), s->slot));
}

/* Returns when it wants to be looked after again. The session may be gone afterwards. */
static usec_t look_after(SessionRegistry *t, Session *s, usec_t now) {
        switch (s->state) {
        case SESSION_RUNNING:
                if (s->request.scope == SESSION_SCOPE_CGROUPS)
                        follow_cgroup(t, s);
                report_progress(t, s, now);
                if (s->before.window && !window_is_pending(s->before.window))
                        store_before(t, s);
                if (s->stream && now >= s->recent_usec + s->request.stream_interval_usec)
                        session_stream_piece(s, t->profiler);
                if (is_due(t, s, now))
                        session_registry_stop(t, s);
                return MIN(now + TICK_USEC, s->started_monotonic + s->request.duration_usec);
        case SESSION_FINISHING:
                if ((profiler_settle(t->profiler, false) && !window_is_pending(s->window)) ||
                    now >= s->ended_usec + SESSION_PATIENCE_USEC)
                        make_result(t, s);
                return now + TICK_USEC;
        default:
                if (t->limits.result_retention_usec == USEC_INFINITY)
                        return USEC_INFINITY;
                if (now >= s->ended_usec + t->limits.result_retention_usec) {
                        remove_session(t, s);
                        return USEC_INFINITY;
                }
                return s->ended_usec + t->limits.result_retention_usec;
        }
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        usec_t now = now_usec(CLOCK_MONOTONIC), next = USEC_INFINITY;
        SessionRegistry *t = userdata;
        Session *s, *following;

        DL_FOREACH_SAFE (t->sessions, s, following) {
                usec_t wanted = look_after(t, s, now);

                next = MIN(next, wanted);
        }
        if (next != USEC_INFINITY)
                set_timer(t, MAX(next, now));
        return 0;
}

/* ---- the start ---- */

/* uid: NULL: all; else what that user has asked for: a trigger's sessions are nobody's. */
static size_t count_sessions(const SessionRegistry *t, const uid_t *uid, bool over) {
        const Session *s;
        size_t n = 0;

        DL_FOREACH (t->sessions, s)
                n += session_is_over(s) == over &&
                     (!uid || (s->request.uid == *uid && !s->request.reason));
        return n;
}

static int check_limits(const SessionRegistry *t,
                        const SessionRequest *r,
                        const char **ret_reason) {
        *ret_reason = "The profiler is paused: 'profilerctl resume' goes on.";
        if (t->paused)
                return -EBUSY;
        *ret_reason = "The frequency is beyond MaxSessionFrequency=.";
        if (r->frequency_hz == 0 || r->frequency_hz > t->limits.max_frequency_hz)
                return -ERANGE;
        *ret_reason = "The duration is below a second, or beyond MaxSessionDurationSec=.";
        if (r->duration_usec < SESSION_DURATION_MIN_USEC ||
            r->duration_usec > t->limits.max_duration_usec)
                return -ERANGE;
        *ret_reason = "The interval of the stream is below 100 ms.";
        if (r->stream_fd >= 0 && r->stream_interval_usec < SESSION_STREAM_INTERVAL_MIN_USEC)
                return -ERANGE;

        *ret_reason = "The user has as many sessions as MaxSessionsPerUser= allows.";
        if (!r->reason && count_sessions(t, &r->uid, false) >= t->limits.max_per_user)
                return -EUSERS;
        *ret_reason = "There are as many sessions as MaxSessions= allows.";
        if (count_sessions(t, NULL, false) >= MIN(t->limits.max, (unsigned) SESSIONS_MAX))
                return -EBUSY;
        *ret_reason = "There are too many results that are still kept.";
        if (count_sessions(t, NULL, true) >= SESSION_RESULTS_MAX)
                return -EBUSY;
        *ret_reason = NULL;
        return 0;
}

static int find_slot(const SessionRegistry *t, unsigned *ret) {
        for (unsigned i = 0; i < SESSIONS_MAX; i++)
                if (!t->by_slot[i]) {
                        *ret = i;
                        return 0;
                }
        return -EBUSY;
}

static int on_process_ended(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Session *s = userdata;

        s->process_ended = true;
        set_timer(s->registry, 0);
        return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

/* Those that were there before; all later ones the kernel adds by itself. */
static int on_child(pid_t pid, uint64_t start_tick, void *userdata) {
        Session *s = userdata;

        return session_events_add_process(get_events(s->registry), s->slot, pid, start_tick, true);
}

static int aim(SessionRegistry *t, Session *s) {
        const SessionRequest *q = &s->request;
        int r;

        switch (q->scope) {
        case SESSION_SCOPE_CGROUPS:
                r = cgroup_get_id(q->control_group, &s->cgroup_id);
                if (r < 0)
                        return r;
                return session_events_add_cgroup(get_events(t), s->slot, s->cgroup_id);
        case SESSION_SCOPE_PROCESSES:
                r = sd_event_add_io(t->event, &s->process_source, q->pidfd, EPOLLIN,
                                    on_process_ended, s);
                if (r < 0)
                        return r;
                r = session_events_add_process(get_events(t), s->slot, q->pid, q->start_tick,
                                               q->children);
                return r >= 0 && q->children ? process_children(q->pid, on_child, s) : MIN(r, 0);
        case SESSION_SCOPE_HOST:
                break;
        }
        return 0;
}

/* So that stacks are walked by tables from the start. */
static void learn(SessionRegistry *t, const Session *s) {
        profiler_hurry(t->profiler);
        if (s->request.scope == SESSION_SCOPE_CGROUPS)
                profiler_learn_processes(t->profiler, s->request.control_group);
        else if (s->request.scope == SESSION_SCOPE_PROCESSES)
                profiler_learn_process(t->profiler, s->request.pid);
}

static int make_windows(SessionRegistry *t, Session *s) {
        int r;

        r = session_new_window(s, t->profiler, s->started_usec, &s->window);
        if (r < 0)
                return r;
        window_set_bytes_max(s->window, SESSION_WINDOW_BYTES_MAX);
        if (s->request.stream_fd < 0)
                return 0;
        r = session_stream_new(&s->stream, t->event, TAKE_FD(s->request.stream_fd));
        if (r < 0)
                return r;
        s->recent_usec = s->started_monotonic;
        return session_renew_recent(s, t->profiler);
}

static int sample(SessionRegistry *t, const Session *s) {
        const SessionRequest *q = &s->request;
        int r;

        if (q->types & CONFIG_TYPE(WINDOW_CPU)) {
                r = session_events_start(get_events(t), s->slot, q->scope, q->frequency_hz);
                if (r < 0)
                        return r;
        }
        if (!(q->types & CONFIG_TYPE(WINDOW_OFF_CPU)))
                return 0;
        session_events_start_waits(get_events(t), s->slot, q->scope);
        return profiler_follow_session_waits(t->profiler);
}

static int start(SessionRegistry *t, Session *s) {
        int r;

        s->registry = t;
        s->started_usec = now_usec(CLOCK_REALTIME);
        s->started_monotonic = now_usec(CLOCK_MONOTONIC);
        r = make_windows(t, s);
        if (r < 0)
                return r;
        r = find_slot(t, &s->slot);
        if (r < 0)
                return r;
        r = sample(t, s);
        if (r >= 0)
                r = aim(t, s);
        if (r < 0) {
                session_events_stop(get_events(t), s->slot);
                (void) profiler_follow_session_waits(t->profiler);
                /* What it has sampled already is nobody's, nor the next session's of this slot. */
                profiler_drain(t->profiler);
                profiler_end_session_waits(t->profiler, s->slot);
        }
        return r;
}

int session_registry_start(SessionRegistry *t,
                           SessionRequest *request,
                           Session **ret,
                           const char **ret_reason) {
        _cleanup_(session_freep) Session *s = NULL;
        int r;

        r = check_limits(t, request, ret_reason);
        if (r < 0) {
                session_request_done(request);
                return r;
        }
        r = session_new(&s, request);
        if (r < 0)
                return r;
        r = start(t, s);
        if (r < 0)
                return r;

        s->id = ++t->last_id;
        t->by_slot[s->slot] = s;
        DL_APPEND(t->sessions, s);
        learn(t, s);
        set_timer(t, s->started_monotonic + TICK_USEC);
        call_back(t, t->callbacks.on_added, s);
        *ret = TAKE_PTR(s);
        return 0;
}

/* ---- object ---- */

int session_registry_new(SessionRegistry **ret,
                         sd_event *event,
                         Profiler *profiler,
                         Store *store,
                         const SessionLimits *limits) {
        _cleanup_(session_registry_freep) SessionRegistry *t = NULL;
        int r;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->event = sd_event_ref(event);
        t->profiler = profiler;
        t->store = store;
        t->limits = *limits;
        r = sd_event_add_time(event, &t->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, t);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(t->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        profiler_set_on_session_sample(profiler, on_sample, t);
        *ret = TAKE_PTR(t);
        return 0;
}

SessionRegistry *session_registry_free(SessionRegistry *t) {
        Session *s, *next;

        if (!t)
                return NULL;
        t->callbacks = (SessionCallbacks){};
        DL_FOREACH_SAFE (t->sessions, s, next) {
                if (s->state == SESSION_RUNNING)
                        end_sampling(t, s);
                if (!session_is_over(s))
                        release_slot(t, s);
                remove_session(t, s);
        }
        if (t->timer)
                profiler_set_on_session_sample(t->profiler, NULL, NULL);
        sd_event_source_disable_unref(t->timer);
        sd_event_unref(t->event);
        free(t);
        return NULL;
}

void session_registry_set_limits(SessionRegistry *t, const SessionLimits *limits) {
        t->limits = *limits;
        set_timer(t, 0);
}

void session_registry_set_callbacks(SessionRegistry *t,
                                    const SessionCallbacks *callbacks,
                                    void *userdata) {
        t->callbacks = *callbacks;
        t->userdata = userdata;
}

Session *session_registry_find(const SessionRegistry *t, uint64_t id) {
        Session *s;

        DL_FOREACH (t->sessions, s)
                if (s->id == id)
                        return s;
        return NULL;
}

Session *session_registry_next(const SessionRegistry *t, Session *after) {
        return after ? after->next : t->sessions;
}
