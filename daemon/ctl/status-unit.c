/* SPDX-License-Identifier: Apache-2.0 */
/* One Unit in Full */

#include <fcntl.h>
#include <inttypes.h>

#include "basic/string-util.h"
#include "ctl/report-print.h"
#include "ctl/status-unit.h"
#include "profile/pprof.h"
#include "profile/profile-quality.h"
#include "profile/profile-report.h"
#include "view/format.h"

enum {
        TOP_FUNCTIONS = 3,
};

/* The store of the daemon may be elsewhere than where --directory= points. */
static int read_last_profile(const UnitStatus *u, Profile **ret) {
        if (isempty(u->last_profile_path))
                return -ENOENT;
        return pprof_read_file(AT_FDCWD, u->last_profile_path, ret, NULL);
}

static int print_top(const Ctl *c, const UnitStatus *u) {
        _cleanup_(profile_freep) Profile *p = NULL;
        ReportRow *rows;
        int64_t total;
        size_t n;
        int r, value_type;

        /* It may be gone, or not for this user to read: the rest is shown all the same. */
        r = read_last_profile(u, &p);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        value_type = profile_find_value_type(p, "cpu");
        if (value_type < 0)
                return 0;

        r = profile_report_rows(p, value_type, REPORT_BY_FUNCTION, &rows, &n);
        if (r < 0)
                return r;
        total = profile_total(p, value_type);
        for (size_t i = 0; i < MIN(n, (size_t) TOP_FUNCTIONS); i++) {
                _cleanup_free_ char *name = NULL;

                name = format_text(rows[i].name, c->all ? 0 : FORMAT_NAME_COLUMNS,
                                   c->terminal.utf8);
                printf("%14s %6s  %s%s  %s\n", i == 0 ? "Top functions:" : "",
                       FORMAT_SHARE_FINE(rows[i].self, total), rows[i].kernel ? "[k] " : "",
                       name ?: "?", rows[i].binary);
        }
        report_rows_free(rows, n);
        return 0;
}

static void print_stacks(const UnitStatus *u) {
        uint64_t stacks = unit_status_user_stacks(u);

        printf("%14s %s complete", "Stacks:", FORMAT_SHARE(u->stacks_complete, stacks));
        if (stacks > 0)
                printf(" of %s, %s truncated, %s broken", FORMAT_COUNT(stacks),
                       FORMAT_COUNT(u->stacks_truncated), FORMAT_COUNT(u->stacks_broken));
        if (u->stacks_guessed > 0)
                printf("; %s in part by frame pointer", FORMAT_SHARE(u->stacks_guessed, stacks));
        if (u->stacks_none > 0)
                printf("; %s samples without user stack", FORMAT_COUNT(u->stacks_none));
        putchar('\n');
        if (u->broken.n > 0) {
                printf("%14s", "Broken:");
                report_print_reasons(&u->broken, stacks, " ");
                putchar('\n');
        }
}

int unit_status_print(const Ctl *c, const UnitStatus *u) {
        const char *state = unit_status_display_state(u, c->now_usec);
        bool well = streq(state, "active") || streq(state, "idle");

        printf("%s%s%s %s\n", terminal_color(&c->terminal, well ? TERMINAL_GREEN : TERMINAL_YELLOW),
               terminal_text(&c->terminal, "●", "*"), terminal_color(&c->terminal, TERMINAL_NORMAL),
               u->name);
        printf("%14s %s", "State:", state);
        if (!isempty(u->error))
                printf(" (%s)", u->error);
        if (!isempty(u->active_state))
                printf(", unit is %s", u->active_state);
        putchar('\n');
        if (!isempty(u->control_group))
                printf("%14s %s\n", "CGroup:", u->control_group);
        if (u->main_pid > 0)
                printf("%14s %" PRIu32 "\n", "Main PID:", u->main_pid);
        if (u->invocation_id[0] != '\0')
                printf("%14s %s\n", "Invocation:", u->invocation_id);
        printf("%14s %" PRIu32 " Hz, one profile every %s\n", "Sampling:", u->frequency_hz,
               FORMAT_SPAN(u->interval_usec));
        printf("%14s %s samples, %s lost, %s profiles (%s)\n", "So far:", FORMAT_COUNT(u->samples),
               FORMAT_COUNT(u->lost), FORMAT_COUNT(u->profiles), FORMAT_BYTES(u->profile_bytes));
        printf("%14s %s named\n", "Symbols:", FORMAT_SHARE(u->frames_named, u->frames));
        print_stacks(u);

        if (u->last_profile_usec == 0)
                return 0;
        printf("%14s %s (%s), %s, %s samples, %s cores\n",
               "Last profile:", FORMAT_TIME(u->last_profile_usec, FORMAT_TIME_FULL),
               FORMAT_AGO(c->now_usec, u->last_profile_usec),
               FORMAT_SPAN(u->last_profile_duration_usec), FORMAT_COUNT(u->last_profile_samples),
               FORMAT_CORES(u->last_profile_cpu_nsec, u->last_profile_duration_usec));
        printf("%14s %s\n", "File:", u->last_profile_path ?: "-");
        return print_top(c, u);
}
