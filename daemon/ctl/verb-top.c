/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profilerctl top: what runs now
 *
 * Without a name the units, by what they have used since the last picture; with one the functions
 * of a unit, from the window that is open.
 */

#include <inttypes.h>

#include "basic/parse.h"
#include "basic/string-util.h"
#include "ctl/ctl-bus.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-store.h"
#include "ctl/live-profile.h"
#include "ctl/report-print.h"
#include "ctl/screen.h"
#include "ctl/table.h"
#include "profile/pprof.h"
#include "profile/profile-quality.h"
#include "view/format.h"

#define TOP_DELAY_DEFAULT (2 * USEC_PER_SEC)
#define TOP_DELAY_MIN     (100 * USEC_PER_MSEC)
#define TOP_DELAY_MAX     (1 * USEC_PER_HOUR)

enum {
        TOP_LINES_AROUND = 4, /* of a picture, beside the rows */
        TOP_ROWS_MIN = 3,
        TOP_LINES_DEFAULT = 20, /* rows where there is no terminal */
};

typedef struct TopUnit {
        char *name;
        uint64_t cpu_nsec, samples, frames, frames_named; /* of the interval, but for frames */
} TopUnit;

typedef struct Top {
        const Ctl *ctl;
        CtlBus *bus;
        Screen *screen;
        char *unit; /* NULL: all */
        usec_t delay_usec;
        bool by_cumulative, frozen;
        usec_t drawn_usec; /* CLOCK_MONOTONIC; 0: no picture yet */

        UnitStatus *units; /* at the last picture */
        size_t n_units;
        LiveProfile live;
        Profile *fresh; /* of the interval; NULL: nothing */
} Top;

static void top_done(Top *t) {
        unit_statuses_free(t->units, t->n_units);
        live_profile_done(&t->live);
        profile_free(t->fresh);
        screen_free(t->screen);
        ctl_bus_free(t->bus);
        free(t->unit);
}

static size_t rows_to_show(const Top *t, size_t n) {
        unsigned rows = screen_get_rows(t->screen);
        size_t max = t->ctl->n_lines;

        if (rows > 0)
                max = MAX(rows, (unsigned) (TOP_LINES_AROUND + TOP_ROWS_MIN)) - TOP_LINES_AROUND;
        else if (max == CTL_LINES_DEFAULT)
                max = TOP_LINES_DEFAULT;
        return max > 0 ? MIN(n, max) : n;
}

static void print_footer(const Top *t, size_t shown, size_t n, const char *what, const char *keys) {
        if (screen_get_rows(t->screen) > 0)
                printf("%s%zu of %zu %s.  Keys: %s%s",
                       terminal_color(&t->ctl->terminal, TERMINAL_GREY), shown, n, what, keys,
                       terminal_color(&t->ctl->terminal, TERMINAL_NORMAL));
        else
                putchar('\n');
}

static void print_clock(const Top *t, usec_t elapsed) {
        printf("%s, %s%s", FORMAT_TIME(now_usec(CLOCK_REALTIME), FORMAT_TIME_CLOCK),
               FORMAT_SPAN(elapsed / USEC_PER_MSEC * USEC_PER_MSEC), t->frozen ? ", frozen" : "");
}

/* ---- units ---- */

static int compare_units(const void *a, const void *b) {
        const TopUnit *x = a, *y = b;

        if (x->cpu_nsec != y->cpu_nsec)
                return x->cpu_nsec > y->cpu_nsec ? -1 : 1;
        return strcmp(x->name, y->name);
}

static const UnitStatus *find_unit(const UnitStatus *units, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (streq(units[i].name, name))
                        return &units[i];
        return NULL;
}

/* Only those that did something. */
static size_t subtract_units(const Top *t, const UnitStatus *now, size_t n, TopUnit *ret) {
        size_t n_busy = 0;

        for (size_t i = 0; i < n; i++) {
                const UnitStatus *before = find_unit(t->units, t->n_units, now[i].name);

                if (!before || now[i].samples <= before->samples)
                        continue;
                ret[n_busy++] = (TopUnit){
                        .name = now[i].name,
                        .cpu_nsec = now[i].cpu_profiled_nsec - before->cpu_profiled_nsec,
                        .samples = now[i].samples - before->samples,
                        .frames = now[i].frames,
                        .frames_named = now[i].frames_named,
                };
        }
        qsort(ret, n_busy, sizeof(*ret), compare_units);
        return n_busy;
}

static int print_units_json(const TopUnit *units, size_t n, usec_t elapsed) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;

        if (json_output_new(&j) < 0)
                return -ENOMEM;
        json_add_count(j, "time_usec", now_usec(CLOCK_REALTIME));
        json_add_count(j, "duration_usec", elapsed);
        json_open_array(j, "units");
        for (size_t i = 0; i < n; i++) {
                json_open_object(j, NULL);
                json_add_string(j, "unit", units[i].name);
                json_add_count(j, "cpu_nsec", units[i].cpu_nsec);
                json_add_count(j, "samples", units[i].samples);
                json_close(j);
        }
        json_close(j);
        return json_output_print(j, JSON_MODE_SHORT, stdout);
}

static int print_units(Top *t, const TopUnit *units, size_t n, usec_t elapsed) {
        size_t shown = rows_to_show(t, n);
        _cleanup_(table_freep) Table *table = NULL;
        uint64_t cpu_nsec = 0;
        int r;

        for (size_t i = 0; i < n; i++)
                cpu_nsec += units[i].cpu_nsec;
        screen_clear(t->screen);
        printf("All units, %s cores, ", FORMAT_CORES(cpu_nsec, elapsed));
        print_clock(t, elapsed);
        printf("\n");

        r = table_new(&table, &t->ctl->terminal, t->ctl->legend);
        if (r >= 0)
                r = table_add_column(table, "CPU", TABLE_RIGHT);
        if (r >= 0)
                r = table_add_column(table, "SAMPLES", TABLE_RIGHT);
        if (r >= 0)
                r = table_add_column(table, "SYMBOLS", TABLE_RIGHT);
        if (r >= 0)
                r = table_add_column(table, "UNIT", TABLE_TRUNCATE);
        for (size_t i = 0; r >= 0 && i < shown; i++)
                r = table_add_row(table,
                                  (const char *const[]){
                                          FORMAT_CORES(units[i].cpu_nsec, elapsed),
                                          FORMAT_COUNT(units[i].samples),
                                          FORMAT_SHARE(units[i].frames_named, units[i].frames),
                                          units[i].name,
                                  });
        if (r >= 0)
                r = table_print(table, stdout);
        print_footer(t, shown, n, n == 1 ? "busy unit" : "busy units", "q quit, p freeze");
        return r;
}

static int show_units(Top *t, usec_t elapsed) {
        _cleanup_free_ TopUnit *busy = NULL;
        UnitStatus *now;
        size_t n, n_busy;
        int r;

        r = ctl_bus_list_units(t->bus, &now, &n);
        if (r < 0)
                return r;
        busy = calloc(n + 1, sizeof(*busy));
        if (!busy) {
                unit_statuses_free(now, n);
                return -ENOMEM;
        }
        r = 0;
        if (elapsed > 0) {
                n_busy = subtract_units(t, now, n, busy);
                r = t->ctl->json != JSON_MODE_OFF ? print_units_json(busy, n_busy, elapsed)
                                                  : print_units(t, busy, n_busy, elapsed);
        }
        unit_statuses_free(t->units, t->n_units);
        t->units = now;
        t->n_units = n;
        return r;
}

/* ---- the functions of a unit ---- */

static int compare_cumulative(const void *a, const void *b) {
        const ReportRow *x = a, *y = b;

        if (x->cumulative != y->cumulative)
                return x->cumulative > y->cumulative ? -1 : 1;
        return x->self != y->self ? (x->self > y->self ? -1 : 1) : strcmp(x->name, y->name);
}

static int read_live(Top *t) {
        _cleanup_free_ uint8_t *data = NULL;
        Profile *now = NULL;
        size_t size;
        int r;

        r = ctl_bus_get_open_profile(t->bus, t->unit, &data, &size);
        if (r < 0)
                return r;
        if (size > 0) {
                r = pprof_decode(data, size, &now, NULL);
                if (r < 0)
                        return r;
        }
        t->fresh = profile_free(t->fresh);
        return live_profile_advance(&t->live, now, &t->fresh);
}

static void print_unit_header(const Top *t, usec_t elapsed, size_t value_type) {
        int64_t total = t->fresh ? profile_total(t->fresh, value_type) : 0;
        ProfileFrames frames = {};

        if (t->fresh)
                profile_count_frames(t->fresh, &frames);
        screen_clear(t->screen);
        printf("%s, %s cores, %s named, ", t->unit, FORMAT_CORES((uint64_t) MAX(total, 0), elapsed),
               FORMAT_SHARE(frames.named, frames.frames));
        print_clock(t, elapsed);
        printf("\n");
}

static int print_unit_json(const Top *t, const ReportRow *rows, size_t n, usec_t elapsed) {
        _cleanup_(json_output_freep) JsonOutput *j = NULL;

        if (json_output_new(&j) < 0)
                return -ENOMEM;
        json_add_string(j, "unit", t->unit);
        json_add_count(j, "time_usec", now_usec(CLOCK_REALTIME));
        json_add_count(j, "duration_usec", elapsed);
        report_add_json_rows(t->ctl, j, rows, n, rows_to_show(t, n));
        return json_output_print(j, JSON_MODE_SHORT, stdout);
}

static int show_unit(Top *t, usec_t elapsed, bool again) {
        ReportRow *rows = NULL;
        size_t n = 0, n_busy = 0, value_type = 0;
        int r;

        if (!again) {
                r = read_live(t);
                if (r < 0)
                        return r;
        }
        if (elapsed == 0)
                return 0;
        if (t->fresh) {
                value_type = profile_default_value_type(t->fresh);
                r = profile_report_rows(t->fresh, value_type, t->ctl->by, &rows, &n);
                if (r < 0)
                        return r;
                if (t->by_cumulative)
                        qsort(rows, n, sizeof(*rows), compare_cumulative);
                while (n_busy < n && (rows[n_busy].self > 0 || rows[n_busy].cumulative > 0))
                        n_busy++;
        }
        if (t->ctl->json != JSON_MODE_OFF)
                r = print_unit_json(t, rows, n_busy, elapsed);
        else {
                size_t shown = rows_to_show(t, n_busy);

                print_unit_header(t, elapsed, value_type);
                r = report_print_table(t->ctl, rows, shown, shown,
                                       t->fresh ? profile_total(t->fresh, value_type) : 0);
                print_footer(t, shown, n_busy, "rows",
                             "q quit, s by self, c by callees too, p freeze");
        }
        report_rows_free(rows, n);
        return r;
}

/* ---- the loop ---- */

static int draw(Top *t, bool again) {
        usec_t now = now_usec(CLOCK_MONOTONIC),
               elapsed = t->drawn_usec > 0 ? now - t->drawn_usec : 0;
        int r;

        r = t->unit ? show_unit(t, elapsed, again) : again ? 0 : show_units(t, elapsed);
        if (r < 0)
                return r;
        if (!again)
                t->drawn_usec = now;
        return fflush(stdout) == EOF ? negative_errno() : 0;
}

/* 1: the picture is to be drawn anew, of what is known. */
static int on_key(Top *t, int key) {
        switch (key) {
        case 's':
        case 'c':
                t->by_cumulative = key == 'c';
                return 1;
        case 'p':
                t->frozen = !t->frozen;
                return 1;
        default:
                return 0;
        }
}

/* Until the next picture is due. SCREEN_KEY_QUIT: the end. */
static int wait_for_next(Top *t) {
        usec_t until = now_usec(CLOCK_MONOTONIC) + t->delay_usec;

        for (;;) {
                usec_t now = now_usec(CLOCK_MONOTONIC);
                int key, r;

                if (now >= until && !t->frozen)
                        return 0;
                key = screen_wait(t->screen, t->frozen ? t->delay_usec : until - now);
                if (key < 0 || key == SCREEN_KEY_QUIT)
                        return key;
                r = on_key(t, key) > 0 ? draw(t, true) : 0;
                if (r < 0)
                        return r;
        }
}

static int run(Top *t) {
        size_t n_left = t->ctl->n_newest; /* 0: no end */
        int r;

        do {
                r = wait_for_next(t);
                if (r == 0)
                        r = draw(t, false);
        } while (r == 0 && (n_left == 0 || --n_left > 0));
        return r;
}

/* 0 or an exit code. */
static int parse_top(const Ctl *c, Top *t) {
        t->delay_usec = TOP_DELAY_DEFAULT;
        if (c->delay && (parse_timespan(c->delay, &t->delay_usec) < 0 ||
                         t->delay_usec < TOP_DELAY_MIN || t->delay_usec > TOP_DELAY_MAX))
                return ctl_error(EXIT_CODE_USAGE, "It is 100ms at least, and an hour at most.",
                                 "Write '2s' or '500ms'.", "Invalid --delay=%s.", c->delay);
        if (c->sort && !streq(c->sort, "self") && !streq(c->sort, "cum"))
                return ctl_error(EXIT_CODE_USAGE, NULL, "Write 'self' or 'cum'.",
                                 "Invalid --sort=%s.", c->sort);
        t->by_cumulative = c->sort && streq(c->sort, "cum");
        return 0;
}

int verb_top(const Ctl *c, char **names) {
        _cleanup_(top_done) Top t = { .ctl = c };
        _cleanup_(strv_freep) char **units = NULL;
        int r;

        r = parse_top(c, &t);
        if (r != 0)
                return r;
        r = ctl_complete_names(names, &units);
        if (r != 0)
                return r;
        if (units && strpbrk(units[0], "*?["))
                return ctl_error(EXIT_CODE_USAGE, "It shows one unit, or all.",
                                 "'profilerctl top' shows all.", "'%s' is a pattern.", units[0]);
        if (units) {
                t.unit = strdup(units[0]);
                if (!t.unit)
                        return ctl_oom();
        }
        r = ctl_bus_new(&t.bus);
        if (r < 0)
                return ctl_oom();
        /* Before the screen is taken: what cannot work says so where it can be read. */
        r = draw(&t, false);
        if (r >= 0)
                r = screen_new(&t.screen, c->terminal.is_tty && c->json == JSON_MODE_OFF);
        if (r >= 0)
                r = run(&t);
        t.screen = screen_free(t.screen);
        if (r == -ENOENT)
                return ctl_error(EXIT_CODE_NO_MATCH, ctl_bus_get_message(t.bus),
                                 "'profilerctl status --all' lists the units.",
                                 "There is nothing to see of %s.", t.unit);
        return r < 0 ? ctl_bus_error(t.bus, r, "Watching") : EXIT_CODE_OK;
}
