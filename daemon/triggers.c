/* SPDX-License-Identifier: Apache-2.0 */
/* Triggers */

#include "triggers.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "journal.h"
#include "window.h"

struct Triggers {
        sd_event *event;
        const char *open_socket;
        UnitRegistry *units;
        Profiler *profiler;
        SessionRegistry *sessions;
        TriggersFired fired;
        void *userdata;

        TriggerWatch *watch; /* NULL: there are no rules */
        Session *session;    /* of the last one that fired */
        const char *refusal; /* of the last one that did not; NULL: see the error */
};

static int make_request(const TriggerRule *rule,
                        const Unit *u,
                        const char *reason,
                        SessionRequest *q) {
        _cleanup_free_ char *target = NULL;
        const char *why;
        int r;

        if (asprintf(&target, "unit:%s", u->name) < 0) {
                target = NULL; /* undefined after a failure */
                return -ENOMEM;
        }
        r = session_request_parse_target(q, target, -EBADF, &why);
        if (r < 0)
                return r;
        if (asprintf(&q->reason, "trigger: %s: %s", rule->name, reason) < 0) {
                q->reason = NULL;
                return -ENOMEM;
        }
        q->frequency_hz = rule->frequency_hz;
        q->duration_usec = rule->duration_usec;
        q->kernel = q->user = q->keep = q->store = true;
        return free_and_strdup(&q->control_group, u->control_group);
}

/* What the window has no room for is counted there, and shown in its profile. */
static void add_before(const Process *process,
                       const struct sample_record *record,
                       const uint64_t *frames,
                       nsec_t weight_nsec,
                       void *userdata) {
        (void) window_add(userdata, process, record, frames, weight_nsec);
}

/* The last seconds up to this moment, from what has been sampled all the time. */
static int take_before(Triggers *t, const TriggerRule *rule, const Unit *u, SessionBefore *ret) {
        usec_t now = now_usec(CLOCK_MONOTONIC), wanted = MIN(rule->before_usec, now), since;
        const RecentSamples *recent = profiler_get_recent(t->profiler);
        _cleanup_(window_freep) Window *w = NULL;
        WindowTotals totals;
        int r;

        profiler_drain(t->profiler);
        (void) profiler_settle(t->profiler, true);
        since = recent_samples_reach_back(recent, u->slot, now - wanted, now);
        /* The files of all these samples have been asked for when they came. */
        r = window_new(&w, WINDOW_CPU, now_usec(CLOCK_REALTIME) - (now - since), NULL, NULL);
        if (r < 0)
                return r;
        recent_samples_walk(recent, u->slot, since, now, add_before, w);
        window_get_totals(w, &totals);
        if (totals.samples == 0)
                return 0;
        *ret = (SessionBefore){
                .window = TAKE_PTR(w),
                .wanted_usec = wanted,
                .held_usec = MAX(now - since, (usec_t) 1),
                .frequency_hz = u->settings.frequency_hz,
        };
        return 0;
}

static int on_fired(
        const TriggerRule *rule, const char *unit, const char *reason, bool again, void *userdata) {
        SessionRequest q = SESSION_REQUEST_NONE;
        Triggers *t = userdata;
        Unit *u = unit_registry_find(t->units, unit);
        SessionBefore before = {};
        int r;

        t->refusal = NULL;
        if (!u)
                return -ENOENT;
        r = take_before(t, rule, u, &before);
        if (r < 0)
                log_debug_errno(r, "Failed to look back at %s, ignoring: %m", unit);
        r = make_request(rule, u, reason, &q);
        if (r >= 0)
                r = session_registry_start(t->sessions, &q, &t->session, &t->refusal);
        else
                session_request_done(&q);
        if (r >= 0 || !again)
                journal_triggered(unit, rule->name, reason, r, t->refusal);
        if (r < 0) {
                window_free(before.window);
                return r;
        }
        t->session->before = before;
        t->fired(unit, rule->name, reason, t->session, t->userdata);
        return 0;
}

static void on_unwatched(int error, void *userdata) {
        journal_pressure_unwatched(error);
}

int triggers_fire(Triggers *t,
                  const char *trigger,
                  const char *unit,
                  Session **ret,
                  const char **ret_reason) {
        int r;

        t->refusal = NULL;
        r = t->watch ? trigger_watch_fire(t->watch, trigger, unit, "asked for") : -ENOENT;
        *ret = r >= 0 ? t->session : NULL;
        *ret_reason = t->refusal;
        if (r == -ENOENT)
                *ret_reason = "There is no such trigger, or no such unit that it is for and that "
                              "runs.";
        else if (r == -EALREADY)
                *ret_reason = "It fired a short while ago: CooldownSec= is not over yet.";
        else if (r == -EDQUOT)
                *ret_reason = "It has fired as often as MaxPerHour= allows in an hour.";
        return r;
}

void triggers_forget(Triggers *t, const Unit *u) {
        if (t->watch)
                trigger_watch_forget_unit(t->watch, u->name);
}

void triggers_tell(Triggers *t, const Unit *u, bool started) {
        RecentSamples *recent = profiler_get_recent(t->profiler);
        bool runs = u->state == UNIT_PROFILED;
        usec_t before;
        int r;

        before = runs && t->watch ? trigger_watch_get_before(t->watch, u->name) : 0;
        /* What it did before its start belongs to another invocation. */
        if (started || before != recent_samples_get_kept(recent, u->slot)) {
                r = recent_samples_keep(recent, u->slot, before, now_usec(CLOCK_MONOTONIC));
                if (r < 0)
                        log_debug_errno(r, "Failed to keep samples of %s, ignoring: %m", u->name);
        }
        if (!t->watch)
                return;
        r = trigger_watch_set_unit(t->watch, u->name, runs ? u->control_group : "",
                                   runs && started);
        if (r < 0)
                log_debug_errno(r, "Failed to watch %s for triggers, ignoring: %m", u->name);
}

int triggers_load(Triggers *t, const char *root, ConfigComplaint complaint, void *userdata) {
        const TriggerWatchCallbacks callbacks = { on_fired, on_unwatched };
        _cleanup_(trigger_rules_done) TriggerRules rules = {};
        _cleanup_free_ Unit **units = NULL;
        size_t n = 0;
        int r;

        t->watch = trigger_watch_free(t->watch);
        r = trigger_rules_load(&rules, root, complaint, userdata);
        if (r >= 0 && rules.n > 0)
                r = trigger_watch_new(&t->watch, t->event, &rules, t->open_socket, &callbacks, t);
        /* Without rules, too: what was kept for them goes. */
        if (unit_registry_list(t->units, &units, &n) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                triggers_tell(t, units[i], false);
        return r;
}

int triggers_new(Triggers **ret,
                 sd_event *event,
                 const char *open_socket,
                 UnitRegistry *units,
                 Profiler *profiler,
                 SessionRegistry *sessions,
                 TriggersFired fired,
                 void *userdata) {
        Triggers *t = calloc(1, sizeof(*t));

        if (!t)
                return -ENOMEM;
        *t = (Triggers){
                .event = sd_event_ref(event),
                .open_socket = open_socket,
                .units = units,
                .profiler = profiler,
                .sessions = sessions,
                .fired = fired,
                .userdata = userdata,
        };
        *ret = t;
        return 0;
}

Triggers *triggers_free(Triggers *t) {
        if (!t)
                return NULL;
        trigger_watch_free(t->watch);
        sd_event_unref(t->event);
        free(t);
        return NULL;
}
