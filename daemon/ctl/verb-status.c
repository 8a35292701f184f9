/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl status: the daemon, its store and its units at a glance */

#include <inttypes.h>

#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "ctl/ctl-bus.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-store.h"
#include "ctl/status-unit.h"
#include "ctl/table.h"
#include "view/format.h"

enum {
        POOR_NAMES_PERCENT = 50, /* below this a hint is due */
};

typedef struct Status {
        DaemonStatus daemon;
        bool running;
        UnitStatus *units;
        size_t n_units;
        StoreSummary store;
        int store_error; /* 0: store is filled in */
        char *directory;
} Status;

static void status_done(Status *s) {
        daemon_status_done(&s->daemon);
        unit_statuses_free(s->units, s->n_units);
        free(s->directory);
}

/* The store is a line of the header only: what hinders reading it is no error here. */
static int read_store(const Ctl *c, Status *s, const char *directory) {
        _cleanup_(store_freep) Store *store = NULL;
        int r;

        r = free_and_strdup(&s->directory, directory);
        if (r < 0)
                return r;
        r = store_open_reader(&store, directory);
        if (r >= 0)
                r = ctl_store_summarize(store, NULL, c->type, &s->store);
        s->store_error = MIN(r, 0);
        return r == -ENOMEM ? r : 0;
}

/* Keeps those that the patterns match, without patterns those that are to be seen. */
static void filter_units(const Ctl *c, Status *s, char **patterns, size_t *ret_hidden) {
        size_t n = 0, n_hidden = 0;

        for (size_t i = 0; i < s->n_units; i++) {
                UnitStatus u = s->units[i];
                bool show;

                if (patterns)
                        show = unit_patterns_match((const char *const *) patterns,
                                                   (const char *const[]){ u.name, NULL });
                else {
                        show = c->all || !streq(u.state, "inactive");
                        n_hidden += !show;
                }
                if (show) {
                        s->units[i] = s->units[n];
                        s->units[n++] = u;
                }
        }
        for (size_t i = n; i < s->n_units; i++)
                unit_status_done(&s->units[i]);
        s->n_units = n;
        *ret_hidden = n_hidden;
}

static void print_store(const Ctl *c, const Status *s) {
        const StoreSummary *store = &s->store;

        printf("  Store %s: ", s->directory);
        if (s->store_error < 0)
                printf("%s\n", s->running ? FORMAT_BYTES(s->daemon.store_use_bytes)
                                          : strerror(-s->store_error));
        else if (store->n_profiles == 0)
                printf("empty\n");
        else {
                uint64_t max = s->running ? s->daemon.store_max_use_bytes : 0;

                printf("%s%s%s, oldest %s\n", FORMAT_BYTES(store->use_bytes),
                       max > 0 && max != UINT64_MAX ? " of " : "",
                       max > 0 && max != UINT64_MAX ? FORMAT_BYTES(max) : "",
                       FORMAT_TIME(store->oldest_usec, FORMAT_TIME_MINUTE));
                if (!s->running)
                        printf("  %s %s of %s %s, newest %s (%s)\n",
                               FORMAT_COUNT(store->n_profiles),
                               store->n_profiles == 1 ? "profile" : "profiles",
                               FORMAT_COUNT(store->n_units), store->n_units == 1 ? "unit" : "units",
                               FORMAT_TIME(store->newest_usec, FORMAT_TIME_MINUTE),
                               FORMAT_AGO(c->now_usec, store->newest_usec));
        }
}

static void print_losses(const Ctl *c, const DaemonStatus *d) {
        if (d->lost > 0) {
                printf("  %sLost %s of %s samples%s:",
                       terminal_color(&c->terminal, TERMINAL_YELLOW), FORMAT_COUNT(d->lost),
                       FORMAT_COUNT(d->samples + d->lost),
                       terminal_color(&c->terminal, TERMINAL_NORMAL));
                for (size_t i = 0; i < d->n_losses; i++)
                        if (d->losses[i].count > 0)
                                printf(" %s %s;", d->losses[i].reason,
                                       FORMAT_COUNT(d->losses[i].count));
                printf(" see 'profilerctl doctor'\n");
        }
        if (d->profiles_dropped > 0)
                printf("  %sDropped %s profiles that could not be stored%s\n",
                       terminal_color(&c->terminal, TERMINAL_RED),
                       FORMAT_COUNT(d->profiles_dropped),
                       terminal_color(&c->terminal, TERMINAL_NORMAL));
}

static void print_header(const Ctl *c, const Status *s) {
        const DaemonStatus *d = &s->daemon;
        bool sampling = d->state && streq(d->state, "running");
        usec_t age = c->now_usec > d->started_usec ? c->now_usec - d->started_usec : 0;
        char text[256];

        printf("%s%s%s ", terminal_color(&c->terminal, sampling ? TERMINAL_GREEN : TERMINAL_YELLOW),
               terminal_text(&c->terminal, "●", "*"),
               terminal_color(&c->terminal, TERMINAL_NORMAL));
        snprintf(text,
                 sizeof(text),
                 "profilerd %s, %s %s (%s), %" PRIu32 " Hz, own cost %.1f %% of one CPU",
                 d->version ?: "?",
                 sampling                                ? "sampling since"
                 : d->state && streq(d->state, "paused") ? "paused ('profilerctl resume' goes "
                                                          "on), started"
                                                        : d->state ?: "?",
                 FORMAT_TIME(d->started_usec, FORMAT_TIME_ZONE),
                 FORMAT_AGO(c->now_usec, d->started_usec),
                 d->frequency_hz,
                 age > 0 ? (double) d->cpu_usage_nsec / (double) NSEC_PER_USEC / (double) age * 100
                         : 0);
        ctl_print_wrapped(c, 2, 2, text);
        print_store(c, s);
        print_losses(c, d);
}

static int add_row(const Ctl *c, Table *t, const UnitStatus *u) {
        bool recent = unit_status_is_recent(u, c->now_usec), seen = u->last_profile_usec > 0;
        usec_t span = u->last_profile_duration_usec;
        const char *idle = seen ? "0" : "-";
        char last[2 * FORMAT_MAX];
        int r;

        snprintf(last, sizeof(last), "%s (%s)",
                 FORMAT_TIME(u->last_profile_usec, FORMAT_TIME_CLOCK),
                 FORMAT_AGO(c->now_usec, u->last_profile_usec));

        const char *const cells[] = {
                u->name,
                unit_status_display_state(u, c->now_usec),
                recent ? FORMAT_CORES(u->last_profile_cpu_nsec, span)
                : seen ? "0.00"
                       : "-",
                recent && span > 0 ? FORMAT_COUNT((uint64_t) ((double) u->last_profile_samples *
                                                              USEC_PER_MINUTE / (double) span))
                                   : idle,
                FORMAT_SHARE(u->frames_named, u->frames),
                FORMAT_SHARE(u->stacks_complete, unit_status_user_stacks(u)),
                seen ? last : "-",
        };

        r = table_add_row(t, cells);
        if (r >= 0 && (streq(u->state, "failed") || streq(u->state, "not-found")))
                r = table_set_color(t, 1, TERMINAL_RED);
        return r;
}

static int print_table(const Ctl *c, const Status *s, size_t n_hidden) {
        static const struct {
                const char *name;
                unsigned flags;
        } columns[] = {
                { "UNIT", TABLE_TRUNCATE }, { "STATE", 0 },
                { "CPU", TABLE_RIGHT },     { "SAMPLES/MIN", TABLE_RIGHT },
                { "SYMBOLS", TABLE_RIGHT }, { "STACKS", TABLE_RIGHT },
                { "LAST PROFILE", 0 },
        };
        _cleanup_(table_freep) Table *t = NULL;
        int r;

        r = table_new(&t, &c->terminal, c->legend);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(columns); i++)
                r = table_add_column(t, columns[i].name, columns[i].flags);
        for (size_t i = 0; r >= 0 && i < s->n_units; i++)
                r = add_row(c, t, &s->units[i]);
        if (r >= 0 && s->n_units > 0)
                r = table_print(t, stdout);
        if (r < 0)
                return r;

        if (c->legend) {
                char text[256];

                snprintf(text, sizeof(text),
                         "%zu %s. CPU: mean busy cores. SYMBOLS: frames with a name. STACKS: "
                         "unwound to the thread start.",
                         s->n_units, s->n_units == 1 ? "unit" : "units");
                ctl_print_wrapped(c, 0, 0, text);
                if (n_hidden > 0)
                        printf("%zu inactive %s not shown; --all shows %s.\n", n_hidden,
                               n_hidden == 1 ? "unit is" : "units are",
                               n_hidden == 1 ? "it" : "them");
        }
        return 0;
}

static void hint_poor_names(const Ctl *c, const Status *s) {
        for (size_t i = 0; i < s->n_units; i++) {
                const UnitStatus *u = &s->units[i];

                if ((double) u->frames_named * 100 >= (double) u->frames * POOR_NAMES_PERCENT)
                        continue;
                ctl_hint(c, "Hint: %s has few names; see 'profilerctl symbols %s'.", u->name,
                         u->name);
                return;
        }
}

static int print_json(const Ctl *c, const Status *s) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;
        int r;

        r = json_output_new(&j);
        if (r < 0)
                return ctl_oom();
        if (s->running)
                daemon_status_to_json(&s->daemon, j, "daemon");
        else
                json_add_null(j, "daemon");

        json_open_object(j, "store");
        json_add_string(j, "path", s->directory);
        json_add_bool(j, "readable", s->store_error == 0);
        json_add_count(j, "use_bytes",
                       s->store_error == 0 ? s->store.use_bytes : s->daemon.store_use_bytes);
        json_add_count(j, "profiles", s->store.n_profiles);
        json_add_count(j, "units", s->store.n_units);
        json_add_count(j, "oldest_usec", s->store.oldest_usec);
        json_add_count(j, "newest_usec", s->store.newest_usec);
        json_close(j);

        json_open_array(j, "units");
        for (size_t i = 0; i < s->n_units; i++)
                unit_status_to_json(&s->units[i], j);
        json_close(j);
        return ctl_print_json(c, TAKE_PTR(j));
}

/* Busy first, as far as the last profiles say. */
static int compare_load(const void *a, const void *b) {
        const UnitStatus *x = a, *y = b;
        double load_x, load_y;

        load_x = x->last_profile_duration_usec > 0 ? (double) x->last_profile_cpu_nsec /
                                                             (double) x->last_profile_duration_usec
                                                   : 0;
        load_y = y->last_profile_duration_usec > 0 ? (double) y->last_profile_cpu_nsec /
                                                             (double) y->last_profile_duration_usec
                                                   : 0;
        if (load_x != load_y)
                return load_x > load_y ? -1 : 1;
        return strcmp(x->name, y->name);
}

/* What is no more of interest must not stand above what is. */
static void forget_old_load(const Ctl *c, Status *s) {
        for (size_t i = 0; i < s->n_units; i++)
                if (!unit_status_is_recent(&s->units[i], c->now_usec))
                        s->units[i].last_profile_cpu_nsec = 0;
}

static int print_running(const Ctl *c, Status *s, char **patterns) {
        size_t n_hidden;
        int r;

        filter_units(c, s, patterns, &n_hidden);
        if (patterns && s->n_units == 0)
                return ctl_error(EXIT_CODE_NO_MATCH,
                                 "It is not among the units that Units= in profilerd.conf matches, "
                                 "or systemd does not know it.",
                                 "'profilerctl status --all' lists the units.",
                                 "profilerd knows no unit %s.", patterns[0]);
        if (c->json != JSON_MODE_OFF)
                return print_json(c, s);

        ctl_start_output(c);
        if (patterns) {
                for (size_t i = 0; i < s->n_units; i++) {
                        r = unit_status_print(c, &s->units[i]);
                        if (r < 0)
                                return ctl_error_errno(r, NULL, "The status cannot be shown.");
                }
                return EXIT_CODE_OK;
        }

        forget_old_load(c, s);
        if (s->n_units > 0)
                qsort(s->units, s->n_units, sizeof(*s->units), compare_load);
        print_header(c, s);
        r = print_table(c, s, n_hidden);
        if (r < 0)
                return ctl_error_errno(r, NULL, "The status cannot be shown.");
        hint_poor_names(c, s);
        return EXIT_CODE_OK;
}

int verb_status(const Ctl *c, char **names) {
        _cleanup_(strv_freep) char **patterns = NULL;
        _cleanup_(ctl_bus_freep) CtlBus *b = NULL;
        _cleanup_(status_done) Status s = {};
        int r, error;

        r = ctl_complete_names(names, &patterns);
        if (r != 0)
                return r;
        r = ctl_bus_new(&b);
        if (r < 0)
                return ctl_oom();

        error = ctl_bus_get_status(b, &s.daemon);
        s.running = error >= 0;
        if (error >= 0)
                error = ctl_bus_list_units(b, &s.units, &s.n_units);
        if (error < 0 && error != -EHOSTDOWN)
                return ctl_bus_error(b, error, "Asking for the status");

        r = read_store(c, &s, c->directory ?: ctl_store_directory(s.daemon.store_path));
        if (r < 0)
                return ctl_oom();
        if (error >= 0)
                return print_running(c, &s, patterns);

        if (c->json != JSON_MODE_OFF)
                (void) print_json(c, &s);
        else
                print_store(c, &s);
        return ctl_bus_error(b, error, "Asking for the status");
}
