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
#include "trigger-watch.h"

enum { COUNTERS_TEXT_MAX = 1 << 14 };

/* What the kernel has counted at one moment. */
typedef struct Counters {
        usec_t now; /* CLOCK_MONOTONIC; 0: nothing */
        uint64_t usage_usec, n_periods, n_throttled;
        uint64_t pressure_usec[_TRIGGER_MEASURE_MAX]; /* of those that are pressure */
} Counters;

/* One rule for one unit. */
typedef struct Armed {
        const TriggerRule *rule;
        char *unit, *control_group;
        Counters history[TRIGGER_STEPS];
        unsigned next;
        usec_t next_usec, fired_usec, hour_usec; /* 0: never */
        unsigned n_in_hour;
        bool gone; /* the unit is known no longer */
        struct Armed *prev, *next_armed;
} Armed;

struct TriggerWatch {
        TriggerRules rules;
        Armed *armed;
        sd_event_source *timer;
        TriggerFired fired;
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

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=12345" (Documentation/accounting/psi.rst) */
static uint64_t find_stall(const char *text) {
        const char *total = startswith(text, "some ") ? strstr(text, " total=") : NULL;

        return total ? strtoull(total + strlen(" total="), NULL, 10) : 0;
}

static void read_counters(const Armed *a, Counters *ret) {
        static const char *const files[_TRIGGER_MEASURE_MAX] = {
                [TRIGGER_CPU_PRESSURE] = "cpu.pressure",
                [TRIGGER_MEMORY_PRESSURE] = "memory.pressure",
                [TRIGGER_IO_PRESSURE] = "io.pressure",
        };

        *ret = (Counters){ .now = now_usec(CLOCK_MONOTONIC) };
        for (int m = 0; m < _TRIGGER_MEASURE_MAX; m++) {
                _cleanup_free_ char *text = NULL;

                if (files[m] && a->rule->limits[m] > 0 &&
                    read_file(a->control_group, files[m], &text) >= 0)
                        ret->pressure_usec[m] = find_stall(text);
        }
        if (a->rule->limits[TRIGGER_CPU_USAGE] > 0 || a->rule->limits[TRIGGER_THROTTLED] > 0) {
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

static bool may_fire(Armed *a, usec_t now) {
        if (a->fired_usec > 0 && now - a->fired_usec < a->rule->cooldown_usec)
                return false;
        if (a->hour_usec == 0 || now - a->hour_usec >= USEC_PER_HOUR) {
                a->hour_usec = now;
                a->n_in_hour = 0;
        }
        return a->n_in_hour < a->rule->max_per_hour;
}

static int fire(TriggerWatch *w, Armed *a, const char *reason) {
        usec_t now = now_usec(CLOCK_MONOTONIC);

        if (!may_fire(a, now))
                return -EBUSY;
        a->fired_usec = now;
        a->n_in_hour++;
        w->fired(a->rule, a->unit, reason, w->userdata);
        return 0;
}

static void judge(TriggerWatch *w, Armed *a, const Counters *from, const Counters *to) {
        for (int m = 0; m < _TRIGGER_MEASURE_MAX; m++) {
                double limit = a->rule->limits[m], value;
                _cleanup_free_ char *span = NULL;
                char reason[128];

                if (limit <= 0)
                        continue;
                value = measure((TriggerMeasure) m, from, to);
                if (value < limit)
                        continue;
                span = timespan_format(a->rule->window_usec);
                snprintf(reason, sizeof(reason), "%s %.2f, limit %.2f, over %s",
                         trigger_measure_to_string((TriggerMeasure) m), value, limit, span ?: "?");
                (void) fire(w, a, reason);
                return;
        }
}

static void look_at(TriggerWatch *w, Armed *a, usec_t now) {
        Counters *oldest = &a->history[a->next], fresh;

        a->next_usec = now + a->rule->window_usec / TRIGGER_STEPS;
        read_counters(a, &fresh);
        if (oldest->now > 0)
                judge(w, a, oldest, &fresh);
        *oldest = fresh;
        a->next = (a->next + 1) % TRIGGER_STEPS;
}

static bool has_limits(const TriggerRule *r) {
        for (int m = 0; m < _TRIGGER_MEASURE_MAX; m++)
                if (r->limits[m] > 0)
                        return true;
        return false;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        usec_t now = now_usec(CLOCK_MONOTONIC), next = USEC_INFINITY;
        TriggerWatch *w = userdata;

        for (Armed *a = w->armed; a; a = a->next_armed) {
                if (isempty(a->control_group) || !has_limits(a->rule))
                        continue;
                if (now >= a->next_usec)
                        look_at(w, a, now);
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

/* What counts for an hour is remembered for an hour, as a unit that fails is started again and
 * again. */
void trigger_watch_forget_unit(TriggerWatch *w, const char *unit) {
        usec_t now = now_usec(CLOCK_MONOTONIC);
        Armed *a, *next;

        for (a = w->armed; a; a = next) {
                next = a->next_armed;
                if (streq(a->unit, unit)) {
                        a->gone = true;
                        (void) free_and_strdup(&a->control_group, NULL);
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
                        r = free_and_strdup(&a->control_group, control_group);
                        if (r < 0)
                                return r;
                        /* The counters of another cgroup say nothing about this one. */
                        memset(a->history, 0, sizeof(a->history));
                        a->next_usec = 0;
                }
                if (started && rule->on_start)
                        (void) fire(w, a, "start");
        }
        (void) sd_event_source_set_time(w->timer, 0);
        return sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

int trigger_watch_fire(TriggerWatch *w, const char *trigger, const char *unit, const char *reason) {
        for (Armed *a = w->armed; a; a = a->next_armed)
                if (streq(a->rule->name, trigger) && streq(a->unit, unit))
                        return isempty(a->control_group) ? -ENOENT : fire(w, a, reason);
        return -ENOENT;
}

/* ---- object ---- */

int trigger_watch_new(TriggerWatch **ret,
                      sd_event *event,
                      TriggerRules *rules,
                      TriggerFired fired,
                      void *userdata) {
        _cleanup_(trigger_watch_freep) TriggerWatch *w = NULL;
        int r;

        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        w->rules = *rules;
        *rules = (TriggerRules){};
        w->fired = fired;
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
        trigger_rules_done(&w->rules);
        free(w);
        return NULL;
}
