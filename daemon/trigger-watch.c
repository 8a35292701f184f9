/* SPDX-License-Identifier: Apache-2.0 */
/* Trigger Watch */

#include <fcntl.h>
#include <inttypes.h>
#include <utlist.h>

#include "basic/cgroup-util.h"
#include "basic/file-util.h"
#include "basic/log.h"
#include "basic/parse.h"
#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "trigger-pressure.h"
#include "trigger-watch.h"

enum {
        COUNTERS_TEXT_MAX = 1 << 14,
        PRESSURES_MAX = 4096, /* watched by the kernel, each with a descriptor; others are polled */
};
#define REFUSED_USEC   (10 * USEC_PER_SEC) /* until what was refused is tried again */
#define ASK_AGAIN_USEC USEC_PER_MINUTE     /* for pressures that the kernel would not watch */

/* What the kernel has counted at one moment. */
typedef struct Counters {
        usec_t now; /* CLOCK_MONOTONIC; 0: nothing */
        uint64_t usage_usec, n_periods, n_throttled;
        uint64_t pressure_usec[_TRIGGER_MEASURE_MAX]; /* of those that are pressure */
} Counters;

/* A limit that the kernel watches. */
typedef struct Pressure {
        struct Armed *armed;
        sd_event_source *source; /* NULL: it does not */
} Pressure;

/* One rule for one unit. */
typedef struct Armed {
        TriggerWatch *watch;
        const TriggerRule *rule;
        char *unit, *control_group;
        Counters history[TRIGGER_STEPS];
        unsigned next;
        Pressure pressures[_TRIGGER_MEASURE_MAX];
        usec_t next_usec, fired_usec, hour_usec, refused_usec; /* 0: never */
        unsigned n_in_hour;
        bool gone; /* the unit is known no longer */
        struct Armed *prev, *next_armed;
} Armed;

struct TriggerWatch {
        TriggerRules rules;
        Armed *armed;
        sd_event *event;
        sd_event_source *timer;
        const char *open_socket;
        size_t n_pressures;
        int pressure_error;    /* the last one; 0: none yet */
        usec_t ask_again_usec; /* 0: there is nothing to ask for */
        TriggerWatchCallbacks callbacks;
        void *userdata;
};

/* ---- counters ---- */

static int read_file(const char *control_group, const char *name, char **ret) {
        _cleanup_free_ char *path = NULL;
        const char *mount;
        int r;

        r = cgroup_mount_path(&mount);
        if (r < 0)
                return r;
        if (asprintf(&path, "%s%s/%s", mount, control_group, name) < 0) {
                path = NULL; /* undefined after a failure */
                return -ENOMEM;
        }
        return read_full_file_at(AT_FDCWD, path, COUNTERS_TEXT_MAX, ret, NULL);
}

/* The number behind a word at the begin of a line; 0: there is none. */
static uint64_t find_number(const char *text, const char *word) {
        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (startswith(line, word))
                        return strtoull(line + strlen(word), NULL, 10);
                if (*line == '\0')
                        break;
        }
        return 0;
}

/* Of pressure files (Documentation/accounting/psi.rst), "some avg10=0.00 … total=12345". */
static const char *find_some(const char *text, const char *word) {
        const char *value = startswith(text, "some ") ? strstr(text, word) : NULL;

        return value ? value + strlen(word) : NULL;
}

static int read_pressure(const Armed *a, TriggerMeasure m, char **ret) {
        static const char *const files[_TRIGGER_MEASURE_MAX] = {
                [TRIGGER_CPU_PRESSURE] = "cpu.pressure",
                [TRIGGER_MEMORY_PRESSURE] = "memory.pressure",
                [TRIGGER_IO_PRESSURE] = "io.pressure",
        };

        return read_file(a->control_group, files[m], ret);
}

static bool is_pressure(TriggerMeasure m) {
        return m == TRIGGER_CPU_PRESSURE || m == TRIGGER_MEMORY_PRESSURE ||
               m == TRIGGER_IO_PRESSURE;
}

/* To be looked at from time to time. */
static bool is_polled(const Armed *a, TriggerMeasure m) {
        return a->rule->limits[m] > 0 && !a->pressures[m].source;
}

static void read_counters(const Armed *a, Counters *ret) {
        *ret = (Counters){ .now = now_usec(CLOCK_MONOTONIC) };
        for (TriggerMeasure m = 0; m < _TRIGGER_MEASURE_MAX; m++) {
                _cleanup_free_ char *text = NULL;
                const char *total;

                if (!is_pressure(m) || !is_polled(a, m) || read_pressure(a, m, &text) < 0)
                        continue;
                total = find_some(text, " total=");
                ret->pressure_usec[m] = total ? strtoull(total, NULL, 10) : 0;
        }
        if (is_polled(a, TRIGGER_CPU_USAGE) || is_polled(a, TRIGGER_THROTTLED)) {
                _cleanup_free_ char *text = NULL;

                if (read_file(a->control_group, "cpu.stat", &text) < 0)
                        return;
                ret->usage_usec = find_number(text, "usage_usec ");
                ret->n_periods = find_number(text, "nr_periods ");
                ret->n_throttled = find_number(text, "nr_throttled ");
        }
}

static double share(uint64_t from, uint64_t to, uint64_t whole) {
        return to > from && whole > 0 ? (double) (to - from) / (double) whole : 0;
}

static double measure(TriggerMeasure m, const Counters *from, const Counters *to) {
        switch (m) {
        case TRIGGER_CPU_USAGE:
                return share(from->usage_usec, to->usage_usec, to->now - from->now);
        case TRIGGER_THROTTLED:
                return share(from->n_throttled, to->n_throttled, to->n_periods - from->n_periods);
        default:
                return share(from->pressure_usec[m], to->pressure_usec[m], to->now - from->now);
        }
}

/* ---- firing ---- */

static int may_fire(Armed *a, usec_t now) {
        if (a->fired_usec > 0 && now - a->fired_usec < a->rule->cooldown_usec)
                return -EALREADY;
        if (a->hour_usec == 0 || now - a->hour_usec >= USEC_PER_HOUR) {
                a->hour_usec = now;
                a->n_in_hour = 0;
        }
        return a->n_in_hour < a->rule->max_per_hour ? 0 : -EDQUOT;
}

static int fire(Armed *a, const char *reason, bool again) {
        usec_t now = now_usec(CLOCK_MONOTONIC);
        TriggerWatch *w = a->watch;
        int r;

        r = may_fire(a, now);
        if (r < 0)
                return r;
        r = w->callbacks.fired(a->rule, a->unit, reason, again, w->userdata);
        if (r < 0)
                return r;
        a->fired_usec = now;
        a->n_in_hour++;
        return 0;
}

/* By its condition: while that holds on, what is refused would be so at every look. */
static void fire_by_limit(Armed *a, const char *reason) {
        usec_t now = now_usec(CLOCK_MONOTONIC), since = now - a->refused_usec;
        bool refused_before = a->refused_usec > 0;
        int r;

        if (refused_before && since < REFUSED_USEC)
                return;
        r = fire(a, reason, refused_before && since < 2 * MAX(REFUSED_USEC, a->rule->window_usec));
        a->refused_usec = r < 0 && r != -EALREADY && r != -EDQUOT ? now : 0;
}

static void judge(Armed *a, const Counters *from, const Counters *to) {
        for (TriggerMeasure m = 0; m < _TRIGGER_MEASURE_MAX; m++) {
                _cleanup_free_ char *span = NULL;
                char reason[128];
                double value;

                if (!is_polled(a, m))
                        continue;
                value = measure(m, from, to);
                if (value < a->rule->limits[m])
                        continue;
                span = timespan_format(a->rule->window_usec);
                snprintf(reason, sizeof(reason), "%s %.2f, limit %.2f, over %s",
                         trigger_measure_to_string(m), value, a->rule->limits[m], span ?: "?");
                fire_by_limit(a, reason);
                return;
        }
}

/* ---- limits that the kernel watches ---- */

static void unwatch(Armed *a, TriggerMeasure m) {
        if (!a->pressures[m].source)
                return;
        a->pressures[m].source = sd_event_source_disable_unref(a->pressures[m].source);
        a->watch->n_pressures--;
}

/* The counters of another cgroup, or of what was not polled before, say nothing. */
static void look_anew(Armed *a) {
        memset(a->history, 0, sizeof(a->history));
        a->next_usec = 0;
}

/* The kernel does not say by how much: its average over 10 s is as good as it gets. */
static int on_pressure(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        _cleanup_free_ char *text = NULL, *span = NULL;
        const Pressure *p = userdata;
        Armed *a = p->armed;
        TriggerMeasure m = (TriggerMeasure) (p - a->pressures);
        const char *average = NULL;
        char reason[128];

        /* The cgroup is gone, which the kernel also calls a pressure; or there is no trigger. */
        if (events & (EPOLLERR | EPOLLHUP)) {
                unwatch(a, m);
                look_anew(a);
                (void) sd_event_source_set_time(a->watch->timer, 0);
                return sd_event_source_set_enabled(a->watch->timer, SD_EVENT_ONESHOT);
        }
        if (read_pressure(a, m, &text) >= 0)
                average = find_some(text, "avg10=");
        span = timespan_format(a->rule->window_usec);
        snprintf(reason, sizeof(reason), "%s reached its limit %.2f over %s, avg10 %.2f",
                 trigger_measure_to_string(m), a->rule->limits[m], span ?: "?",
                 average ? strtod(average, NULL) / 100 : 0.0);
        fire_by_limit(a, reason);
        return 0;
}

/* What cannot be watched is polled. */
static void watch_pressures(Armed *a) {
        TriggerWatch *w = a->watch;

        for (TriggerMeasure m = 0; m < _TRIGGER_MEASURE_MAX; m++) {
                Pressure *p = &a->pressures[m];
                int r = -EMFILE;

                if (!is_polled(a, m) || !trigger_pressure_is_watchable(m, a->rule->window_usec))
                        continue;
                if (now_usec(CLOCK_MONOTONIC) < w->ask_again_usec)
                        return;
                p->armed = a;
                if (w->n_pressures < PRESSURES_MAX)
                        r = trigger_pressure_add(&p->source, w->event, w->open_socket,
                                                 a->control_group, m, a->rule->limits[m],
                                                 a->rule->window_usec, on_pressure, p);
                if (r >= 0) {
                        w->n_pressures++;
                        w->pressure_error = 0;
                }
                if (r >= 0 || r == -ENOENT) /* gone between systemd's word and ours */
                        continue;
                w->ask_again_usec = now_usec(CLOCK_MONOTONIC) + ASK_AGAIN_USEC;
                if (r != w->pressure_error)
                        w->callbacks.unwatched(r, w->userdata);
                w->pressure_error = r;
        }
}

/* ---- limits that are polled ---- */

static void look_at(Armed *a, usec_t now) {
        Counters *oldest = &a->history[a->next], fresh;

        watch_pressures(a);
        a->next_usec = now + a->rule->window_usec / TRIGGER_STEPS;
        read_counters(a, &fresh);
        if (oldest->now > 0)
                judge(a, oldest, &fresh);
        *oldest = fresh;
        a->next = (a->next + 1) % TRIGGER_STEPS;
}

static bool has_polled(const Armed *a) {
        for (TriggerMeasure m = 0; m < _TRIGGER_MEASURE_MAX; m++)
                if (is_polled(a, m))
                        return true;
        return false;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        usec_t now = now_usec(CLOCK_MONOTONIC), next = USEC_INFINITY;
        TriggerWatch *w = userdata;

        for (Armed *a = w->armed; a; a = a->next_armed) {
                if (isempty(a->control_group) || !has_polled(a))
                        continue;
                if (now >= a->next_usec)
                        look_at(a, now);
                next = MIN(next, a->next_usec);
        }
        if (next == USEC_INFINITY)
                return 0;
        (void) sd_event_source_set_time(source, next);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* ---- units ---- */

static Armed *find_armed(TriggerWatch *w, const TriggerRule *rule, const char *unit) {
        for (Armed *a = w->armed; a; a = a->next_armed)
                if (a->rule == rule && streq(a->unit, unit))
                        return a;
        return NULL;
}

static void armed_free(Armed *a) {
        for (TriggerMeasure m = 0; m < _TRIGGER_MEASURE_MAX; m++)
                unwatch(a, m);
        free(a->unit);
        free(a->control_group);
        free(a);
}

static int arm(TriggerWatch *w, const TriggerRule *rule, const char *unit, Armed **ret) {
        Armed *a = find_armed(w, rule, unit);

        if (!a) {
                a = calloc(1, sizeof(*a));
                if (!a)
                        return -ENOMEM;
                a->watch = w;
                a->rule = rule;
                a->unit = strdup(unit);
                if (!a->unit) {
                        armed_free(a);
                        return -ENOMEM;
                }
                DL_APPEND2(w->armed, a, prev, next_armed);
        }
        a->gone = false;
        *ret = a;
        return 0;
}

/* control_group "": nowhere. */
static int set_control_group(Armed *a, const char *control_group) {
        int r;

        for (TriggerMeasure m = 0; m < _TRIGGER_MEASURE_MAX; m++)
                unwatch(a, m);
        r = free_and_strdup(&a->control_group, control_group);
        if (r < 0)
                return r;
        look_anew(a);
        if (!isempty(control_group))
                watch_pressures(a);
        return 0;
}

/* What counts for an hour is remembered for an hour, as a unit that fails is started again and
 * again. */
void trigger_watch_forget_unit(TriggerWatch *w, const char *unit) {
        usec_t now = now_usec(CLOCK_MONOTONIC);
        Armed *a, *next;

        for (a = w->armed; a; a = next) {
                next = a->next_armed;
                if (streq(a->unit, unit)) {
                        a->gone = true;
                        (void) set_control_group(a, "");
                }
                if (!a->gone || (a->fired_usec > 0 &&
                                 now < a->fired_usec + MAX(a->rule->cooldown_usec, USEC_PER_HOUR)))
                        continue;
                DL_DELETE2(w->armed, a, prev, next_armed);
                armed_free(a);
        }
}

int trigger_watch_set_unit(TriggerWatch *w,
                           const char *unit,
                           const char *control_group,
                           bool started) {
        const char *const names[] = { unit, NULL };
        int r;

        for (size_t i = 0; i < w->rules.n; i++) {
                const TriggerRule *rule = &w->rules.rules[i];
                Armed *a;

                if (!unit_patterns_match((const char *const *) rule->units, names))
                        continue;
                r = arm(w, rule, unit, &a);
                if (r < 0)
                        return r;
                if (!a->control_group || !streq(a->control_group, control_group) || started) {
                        r = set_control_group(a, control_group);
                        if (r < 0)
                                return r;
                }
                if (started && rule->on_start)
                        (void) fire(a, "start", false);
        }
        (void) sd_event_source_set_time(w->timer, 0);
        return sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

usec_t trigger_watch_get_before(const TriggerWatch *w, const char *unit) {
        const char *const names[] = { unit, NULL };
        usec_t longest = 0;

        for (size_t i = 0; i < w->rules.n; i++)
                if (unit_patterns_match((const char *const *) w->rules.rules[i].units, names))
                        longest = MAX(longest, w->rules.rules[i].before_usec);
        return longest;
}

int trigger_watch_fire(TriggerWatch *w, const char *trigger, const char *unit, const char *reason) {
        for (Armed *a = w->armed; a; a = a->next_armed)
                if (streq(a->rule->name, trigger) && streq(a->unit, unit))
                        return isempty(a->control_group) ? -ENOENT : fire(a, reason, false);
        return -ENOENT;
}

/* ---- object ---- */

int trigger_watch_new(TriggerWatch **ret,
                      sd_event *event,
                      TriggerRules *rules,
                      const char *open_socket,
                      const TriggerWatchCallbacks *callbacks,
                      void *userdata) {
        _cleanup_(trigger_watch_freep) TriggerWatch *w = NULL;
        int r;

        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        w->rules = *rules;
        *rules = (TriggerRules){};
        w->event = sd_event_ref(event);
        w->open_socket = open_socket;
        w->callbacks = *callbacks;
        w->userdata = userdata;
        r = sd_event_add_time(event, &w->timer, CLOCK_MONOTONIC, 0, 10 * USEC_PER_MSEC, on_timer,
                              w);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

TriggerWatch *trigger_watch_free(TriggerWatch *w) {
        if (!w)
                return NULL;
        while (w->armed) {
                Armed *a = w->armed;

                DL_DELETE2(w->armed, a, prev, next_armed);
                armed_free(a);
        }
        sd_event_source_disable_unref(w->timer);
        sd_event_unref(w->event);
        trigger_rules_done(&w->rules);
        free(w);
        return NULL;
}
