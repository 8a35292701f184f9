/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl reload, flush, pause, resume, set: what the daemon is told to do */

#include <inttypes.h>

#include "basic/string-util.h"
#include "ctl/ctl-bus.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-store.h"
#include "view/format.h"

int verb_reload(const Ctl *c, char **names) {
        _cleanup_(ctl_bus_freep) CtlBus *b = NULL;
        int r;

        (void) names;

        r = ctl_bus_new(&b);
        if (r < 0)
                return ctl_oom();
        r = ctl_bus_reload(b);
        if (r < 0)
                return ctl_bus_error(b, r, "Reloading");

        if (c->json != JSON_MODE_OFF) {
                JsonOutput *j;

                if (json_output_new(&j) < 0)
                        return ctl_oom();
                json_add_bool(j, "reloaded", true);
                return ctl_print_json(c, j);
        }
        /* systemctl reload runs this, too: then silence is the answer. */
        if (c->terminal.is_tty)
                ctl_hint(c, "The configuration is reloaded.");
        return EXIT_CODE_OK;
}

static int set_paused(const Ctl *c, bool paused) {
        _cleanup_(ctl_bus_freep) CtlBus *b = NULL;
        int r;

        r = ctl_bus_new(&b);
        if (r < 0)
                return ctl_oom();
        r = ctl_bus_set_paused(b, paused);
        if (r < 0)
                return ctl_bus_error(b, r, paused ? "Pausing" : "Resuming");
        if (c->json != JSON_MODE_OFF) {
                JsonOutput *j;

                if (json_output_new(&j) < 0)
                        return ctl_oom();
                json_add_string(j, "state", paused ? "paused" : "running");
                return ctl_print_json(c, j);
        }
        if (c->terminal.is_tty)
                ctl_hint(c, paused ? "Nothing is sampled until 'profilerctl resume'."
                                   : "Sampling goes on.");
        return EXIT_CODE_OK;
}

int verb_pause(const Ctl *c, char **names) {
        (void) names;
        return set_paused(c, true);
}

int verb_resume(const Ctl *c, char **names) {
        (void) names;
        return set_paused(c, false);
}

/* "set [UNIT] KEY=VALUE...": the first word is a unit if it is no assignment. */
int verb_set(const Ctl *c, char **names) {
        _cleanup_(strv_freep) char **units = NULL;
        _cleanup_(ctl_bus_freep) CtlBus *b = NULL;
        bool of_unit = !strchr(names[0], '=');
        char **assignments = names + of_unit;
        int r;

        for (char **a = assignments; *a; a++)
                if (!strchr(*a, '='))
                        return ctl_error(EXIT_CODE_USAGE, NULL,
                                         "Write 'profilerctl set nginx Frequency=199'.",
                                         "'%s' is no assignment.", *a);
        if (of_unit) {
                r = ctl_complete_names((char *[]){ names[0], NULL }, &units);
                if (r != 0)
                        return r;
        }
        r = ctl_bus_new(&b);
        if (r < 0)
                return ctl_oom();
        r = ctl_bus_set(b, units ? units[0] : "", assignments);
        if (r == -EINVAL)
                return ctl_error(EXIT_CODE_USAGE, ctl_bus_get_message(b),
                                 "profilerd.conf(5) describes what can be set.",
                                 "Nothing was changed.");
        if (r < 0)
                return ctl_bus_error(b, r, "Setting it");
        if (c->json != JSON_MODE_OFF) {
                JsonOutput *j;

                if (json_output_new(&j) < 0)
                        return ctl_oom();
                json_add_string(j, "unit", units ? units[0] : NULL);
                return ctl_print_json(c, j);
        }
        if (c->terminal.is_tty)
                ctl_hint(c,
                         "In force until the next boot; '/etc/profilerd' is for what is to stay.");
        return EXIT_CODE_OK;
}

/* 0 or an exit code; an unknown unit is only counted. */
static int flush_units(CtlBus *b, char **patterns, uint64_t *n_profiles, size_t *n_unknown) {
        for (char **p = patterns; *p; p++) {
                uint64_t n = 0;
                int r;

                r = ctl_bus_flush(b, *p, &n);
                if (r == -ENOENT) {
                        ctl_warning("No profiled unit matches %s.", *p);
                        (*n_unknown)++;
                        continue;
                }
                if (r < 0)
                        return ctl_bus_error(b, r, "Flushing");
                *n_profiles += n;
        }
        return 0;
}

int verb_flush(const Ctl *c, char **names) {
        char *all[] = { (char[]){ "" }, NULL };
        _cleanup_(strv_freep) char **patterns = NULL;
        _cleanup_(ctl_bus_freep) CtlBus *b = NULL;
        uint64_t n_profiles = 0;
        size_t n_unknown = 0;
        int r;

        r = ctl_complete_names(names, &patterns);
        if (r != 0)
                return r;
        r = ctl_bus_new(&b);
        if (r < 0)
                return ctl_oom();
        r = flush_units(b, patterns ?: all, &n_profiles, &n_unknown);
        if (r != 0)
                return r;
        if (patterns && n_unknown == strv_length(patterns))
                return ctl_error(
                        EXIT_CODE_NO_MATCH, "None of the names is that of a unit profilerd knows.",
                        "'profilerctl status --all' lists the units.", "Nothing was flushed.");

        if (c->json != JSON_MODE_OFF) {
                _cleanup_(json_output_freep) JsonOutput *j = NULL;

                r = json_output_new(&j);
                if (r < 0)
                        return ctl_oom();
                json_add_count(j, "profiles", n_profiles);
                r = ctl_print_json(c, TAKE_PTR(j));
                if (r != 0)
                        return r;
        } else if (!c->quiet)
                printf("%" PRIu64 " %s written.\n", n_profiles,
                       n_profiles == 1 ? "profile" : "profiles");
        return n_unknown > 0 ? EXIT_CODE_GAPS : EXIT_CODE_OK;
}
