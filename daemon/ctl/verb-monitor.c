/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl monitor: a line for each profile that is written, as it is written */

#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "ctl/ctl-bus.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-store.h"
#include "view/format.h"

typedef struct Monitor {
        const Ctl *ctl;
        char **patterns; /* NULL: all units */
        size_t n_left;   /* of -n; 0: no end */
} Monitor;

static int print_json(const ProfileWritten *w) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;
        int r;

        r = json_output_new(&j);
        if (r < 0)
                return r;
        json_add_string(j, "unit", w->unit);
        json_add_string(j, "path", w->path);
        json_add_count(j, "samples", w->samples);
        json_add_count(j, "start_usec", w->start_usec);
        json_add_count(j, "duration_usec", w->duration_usec);
        return json_output_print(j, JSON_MODE_SHORT, stdout);
}

/* 1: that was the last one. */
static int on_written(const ProfileWritten *w, void *userdata) {
        const char *const names[] = { w->unit, NULL };
        Monitor *m = userdata;
        int r;

        if (m->patterns && !unit_patterns_match((const char *const *) m->patterns, names))
                return 0;
        if (m->ctl->json != JSON_MODE_OFF) {
                r = print_json(w);
                if (r < 0)
                        return r;
        } else
                printf("%s %5s %s %s %s\n", FORMAT_TIME(w->start_usec, FORMAT_TIME_FULL),
                       FORMAT_SPAN(w->duration_usec), w->unit, FORMAT_COUNT(w->samples), w->path);
        /* Whoever reads along wants the line now. */
        if (fflush(stdout) == EOF)
                return negative_errno();
        return m->n_left > 0 && --m->n_left == 0;
}

int verb_monitor(const Ctl *c, char **names) {
        _cleanup_(strv_freep) char **patterns = NULL;
        _cleanup_(ctl_bus_freep) CtlBus *b = NULL;
        Monitor m = { .ctl = c, .n_left = c->n_newest };
        DaemonStatus status;
        int r;

        r = ctl_complete_names(names, &patterns);
        if (r != 0)
                return r;
        m.patterns = patterns;
        if (ctl_bus_new(&b) < 0)
                return ctl_oom();

        /* What is not running now may be started while we wait. */
        r = ctl_bus_get_status(b, &status);
        if (r >= 0)
                daemon_status_done(&status);
        else if (r == -EHOSTDOWN)
                ctl_hint(c, "profilerd is not running; waiting for it.");
        r = ctl_bus_watch(b, on_written, &m);
        return r < 0 ? ctl_bus_error(b, r, "Watching") : EXIT_CODE_OK;
}
