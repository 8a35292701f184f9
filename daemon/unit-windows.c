/* SPDX-License-Identifier: Apache-2.0 */
/* Unit Windows */

#include "unit-windows.h"
#include "basic/cgroup-util.h"
#include "basic/log.h"
#include "basic/string-util.h"

struct UnitWindows {
        sd_event *event;
        ProcessTable *processes;
        ProfileWriter *writer;
        UnitWindowsCallbacks callbacks;
        void *userdata;
        uint64_t last_sequence; /* of closed windows */
        uint64_t lost;
};

/* ---- closing ---- */

static int copy_labels(ClosedWindow *c, const UnitSettings *settings) {
        c->labels = calloc(settings->n_labels + 1, sizeof(*c->labels));
        if (!c->labels)
                return -ENOMEM;
        for (size_t i = 0; i < settings->n_labels; i++) {
                ConfigLabel *label = &c->labels[c->n_labels++];

                label->key = strdup(settings->labels[i].key);
                label->value = strdup(settings->labels[i].value);
                if (!label->key || !label->value)
                        return -ENOMEM;
        }
        return 0;
}

/* The unit's main executable as its main process sees it. */
static int copy_main_exe(UnitWindows *t, const Unit *u, ClosedWindow *c) {
        const Process *process = NULL;

        if (u->main_pid > 0)
                process = process_table_find(t->processes, u->main_pid);
        if (!process || !process->exe)
                return 0;
        for (size_t i = 0; process->mappings && i < mapping_set_size(process->mappings); i++) {
                const Mapping *m = mapping_set_get(process->mappings, i);

                if (streq(file_get_path(m->file), process->exe)) {
                        c->main_mapping = *m;
                        (void) file_ref(c->main_mapping.file);
                        break;
                }
        }
        return free_and_strdup(&c->main_exe, process->exe);
}

/* Whose window it is. */
static int describe(UnitWindows *t, const Unit *u, ClosedWindow *c) {
        int r;

        c->invocation_id = u->invocation_id;
        c->frequency_hz = u->settings.frequency_hz;
        c->unit = strdup(u->name);
        c->slice = isempty(u->control_group) ? NULL : cgroup_get_slice(u->control_group);
        if (!c->unit || (!isempty(u->control_group) && !c->slice))
                return -ENOMEM;
        r = copy_labels(c, &u->settings);
        return r < 0 ? r : copy_main_exe(t, u, c);
}

static int close_window(UnitWindows *t, UnitWindow *w, usec_t duration_usec) {
        _cleanup_(closed_window_done) ClosedWindow c = {
                .window = TAKE_PTR(w->window),
                .duration_usec = duration_usec,
        };
        int r;

        w->source = sd_event_source_disable_unref(w->source);
        w->since_usec = window_get_start(c.window) + c.duration_usec;
        r = describe(t, w->unit, &c);
        return r < 0 ? r : profile_writer_add(t->writer, &c, &t->last_sequence);
}

int unit_windows_encode(UnitWindows *t, Unit *u, uint8_t **ret, size_t *ret_size) {
        const UnitWindow *w = &u->windows[WINDOW_CPU];
        _cleanup_(closed_window_done) ClosedWindow c = {};
        int r;

        if (!w->window)
                return 0;
        c.duration_usec = MAX(now_usec(CLOCK_MONOTONIC) - w->start_monotonic, (usec_t) 1);
        r = describe(t, u, &c);
        if (r < 0)
                return r;
        c.window = w->window; /* lent */
        r = profile_writer_encode(t->writer, &c, ret, ret_size);
        c.window = NULL;
        return r < 0 ? r : 1;
}

static void close_and_log(UnitWindows *t, UnitWindow *w, usec_t duration_usec) {
        WindowTotals totals;
        int r;

        window_get_totals(w->window, &totals);
        r = close_window(t, w, duration_usec);
        if (r < 0) {
                t->lost += totals.samples;
                w->unit->counters.lost += totals.samples;
                log_warning_errno(r, "Failed to close the window of %s, ignoring: %m",
                                  w->unit->name);
        }
}

void unit_windows_close(UnitWindows *t, Unit *u) {
        for (int type = 0; type < _WINDOW_TYPE_MAX; type++) {
                UnitWindow *w = &u->windows[type];
                usec_t elapsed = now_usec(CLOCK_MONOTONIC) - w->start_monotonic;

                if (w->window)
                        close_and_log(t, w, MAX(elapsed, (usec_t) 1));
        }
}

/* ---- opening ---- */

static int on_window_due(sd_event_source *source, uint64_t usec, void *userdata) {
        UnitWindow *w = userdata;
        UnitWindows *t = w->owner;

        t->callbacks.on_due(t->userdata);
        if (w->window)
                close_and_log(t, w, w->end_usec - window_get_start(w->window));
        return 0;
}

static int open_window(UnitWindows *t, UnitWindow *w) {
        usec_t now = now_usec(CLOCK_REALTIME), interval = w->unit->settings.interval_usec;
        usec_t aligned = now / interval * interval, start;
        int r;

        /* What came before belongs to the window before, or to another invocation. After the clock
         * was set back that end lies in the future. */
        start = MIN(MAX(aligned, w->since_usec), now);
        r = window_new(&w->window, w->type, start, t->callbacks.on_file, t->userdata);
        if (r < 0)
                return r;
        w->owner = t;
        w->end_usec = aligned + interval;
        w->start_monotonic = now_usec(CLOCK_MONOTONIC) - (now - start);
        r = sd_event_add_time_relative(t->event, &w->source, CLOCK_MONOTONIC, w->end_usec - now,
                                       100 * USEC_PER_MSEC, on_window_due, w);
        if (r < 0)
                w->window = window_free(w->window);
        return r;
}

int unit_windows_open(UnitWindows *t, Unit *u, WindowType type, Window **ret) {
        UnitWindow *w = &u->windows[type];
        int r;

        if (!w->window) {
                r = open_window(t, w);
                if (r < 0)
                        return r;
        }
        *ret = w->window;
        return 0;
}

/* ---- life ---- */

int unit_windows_new(UnitWindows **ret,
                     sd_event *event,
                     ProcessTable *processes,
                     ProfileWriter *writer,
                     const UnitWindowsCallbacks *callbacks,
                     void *userdata) {
        UnitWindows *t;

        t = malloc(sizeof(*t));
        if (!t)
                return -ENOMEM;
        *t = (UnitWindows){
                .event = sd_event_ref(event),
                .processes = processes,
                .writer = writer,
                .callbacks = *callbacks,
                .userdata = userdata,
        };
        *ret = t;
        return 0;
}

UnitWindows *unit_windows_free(UnitWindows *t) {
        if (!t)
                return NULL;
        sd_event_unref(t->event);
        free(t);
        return NULL;
}

uint64_t unit_windows_get_last_sequence(const UnitWindows *t) {
        return t->last_sequence;
}

uint64_t unit_windows_get_lost(const UnitWindows *t) {
        return t->lost;
}
