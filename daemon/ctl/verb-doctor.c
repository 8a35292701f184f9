/* SPDX-License-Identifier: Apache-2.0 */
/* profilerctl doctor: why is the data poor, and what to do? */

#include <fcntl.h>
#include <inttypes.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "ctl/ctl-bus.h"
#include "ctl/ctl-error.h"
#include "ctl/ctl-store.h"
#include "ctl/doctor-stacks.h"
#include "ctl/host-checks.h"
#include "ctl/symbols-advice.h"
#include "profile/pprof.h"
#include "profile/profile-quality.h"
#include "view/format.h"

enum {
        NAMED_PERCENT_MIN = 80, /* below: worth a warning */
        COMPLETE_PERCENT_MIN = 80,
        FRAMES_JUDGED_MIN = 100, /* fewer say nothing */
        DISK_FREE_PERCENT_MIN = 5,
};

static bool is_poor(uint64_t part, uint64_t whole, unsigned percent) {
        return whole >= FRAMES_JUDGED_MIN && (double) part * 100 < (double) whole * percent;
}

static void check_paranoid(Findings *f, CtlBus *b) {
        _cleanup_free_ char *state = NULL;
        int level, r;

        r = host_read_paranoid("", &level);
        if (r < 0) {
                findings_add(f, FINDING_FAIL, "boot a kernel built with CONFIG_PERF_EVENTS=y.",
                             "kernel.perf_event_paranoid cannot be read: %s", strerror(-r));
                return;
        }
        if (level < PARANOID_NEEDS_OPENER) {
                findings_add(f, FINDING_OK, NULL, "kernel.perf_event_paranoid=%d", level);
                return;
        }

        r = ctl_bus_get_unit_state(b, "profilerd-open.socket", &state);
        if (r < 0)
                findings_add(f, FINDING_WARN, "run 'systemctl status profilerd-open.socket'.",
                             "kernel.perf_event_paranoid=%d needs profilerd-open.socket, whose "
                             "state is unknown",
                             level);
        else if (streq(state, "active"))
                findings_add(f, FINDING_OK, NULL,
                             "kernel.perf_event_paranoid=%d, profilerd-open.socket is active",
                             level);
        else
                findings_add(f, FINDING_FAIL, "systemctl enable --now profilerd-open.socket",
                             "kernel.perf_event_paranoid=%d needs profilerd-open.socket, which is "
                             "%s",
                             level, state);
}

static void check_losses(Findings *f, const DaemonStatus *d) {
        if (d->lost == 0)
                findings_add(f, FINDING_OK, NULL, "%s samples, none lost",
                             FORMAT_COUNT(d->samples));
        for (size_t i = 0; i < d->n_losses; i++) {
                const DaemonLoss *l = &d->losses[i];

                if (l->count > 0)
                        findings_add(f, FINDING_WARN, NULL, "lost %s (%s): %s",
                                     FORMAT_COUNT(l->count), l->reason, l->help);
        }
        if (d->profiles_dropped > 0)
                findings_add(f, FINDING_FAIL,
                             "make room on the disk, or lower MaxUse= and raise KeepFree= in "
                             "profilerd.conf.",
                             "%s profiles could not be stored and were dropped",
                             FORMAT_COUNT(d->profiles_dropped));
}

static void check_store(Findings *f, const Ctl *c, const DaemonStatus *d) {
        const char *directory = c->directory ?: ctl_store_directory(d->store_path);
        _cleanup_(store_freep) Store *s = NULL;
        StoreSummary summary = {};
        struct statvfs fs;
        int r;

        r = store_open_reader(&s, directory);
        if (r >= 0)
                r = ctl_store_summarize(s, NULL, NULL, &summary);
        if (r < 0) {
                findings_add(f, r == -ENOENT ? FINDING_FAIL : FINDING_WARN,
                             r == -EACCES ? "run as root, or as a member of the group 'adm'."
                                          : NULL,
                             "store %s: %s", directory, strerror(-r));
                return;
        }
        findings_add(f, FINDING_OK, NULL, "store %s holds %s in %s profiles of %s units", directory,
                     FORMAT_BYTES(summary.use_bytes), FORMAT_COUNT(summary.n_profiles),
                     FORMAT_COUNT(summary.n_units));

        if (fstatvfs(store_get_fd(s), &fs) < 0 || fs.f_blocks == 0)
                return;
        if ((double) fs.f_bavail * 100 < (double) fs.f_blocks * DISK_FREE_PERCENT_MIN)
                findings_add(f, FINDING_WARN,
                             "make room: old profiles go first, then new ones are dropped.",
                             "the disk of %s is almost full: %s free", directory,
                             FORMAT_BYTES((uint64_t) fs.f_bavail * fs.f_frsize));
}

/* As 'profilerctl symbols' says it. NULL: it says nothing. */
static char *find_remedy(Profile *p, const ProfileMapping *m, const char *unit) {
        _cleanup_free_ char *package = NULL;
        char *advice = NULL;
        SymbolsRow *rows;
        size_t n;

        if (profile_symbols(p, profile_default_value_type(p), &rows, &n) < 0)
                return NULL;
        for (size_t i = 0; i < n && !advice; i++) {
                if (!streq(rows[i].file, m->filename) || !streq(rows[i].build_id, m->build_id))
                        continue;
                if (symbols_row_is_file(&rows[i]))
                        (void) symbols_find_package(rows[i].file, &package);
                advice = symbols_advise(&rows[i], rows, n, package, unit);
        }
        symbols_rows_free(rows, n);
        return advice;
}

/* Which file has the frames without a name? Says so if the last profile tells. */
static bool blame_mapping(Findings *f, const UnitStatus *u) {
        _cleanup_(profile_freep) Profile *p = NULL;
        _cleanup_free_ char *fix = NULL;
        ProfileFrames frames;
        ProfileMapping m;
        uint32_t mapping;

        if (isempty(u->last_profile_path) ||
            pprof_read_file(AT_FDCWD, u->last_profile_path, &p, NULL) < 0 ||
            profile_worst_mapping(p, &mapping, &frames) < 0)
                return false;
        profile_get_mapping(p, mapping, &m);
        if (profile_mapping_is_kernel(&m))
                return false;

        fix = find_remedy(p, &m, u->name);
        if (!fix)
                return false;
        findings_add(f, FINDING_WARN, fix, "%s: %s of the frames in %s have no name", u->name,
                     FORMAT_SHARE(frames.frames - frames.named, frames.frames),
                     isempty(m.filename) ? "code that is no file" : m.filename);
        return true;
}

static void check_unit(Findings *f, const UnitStatus *u) {
        uint64_t stacks = unit_status_user_stacks(u);
        size_t n_before = f->n;

        if (streq(u->state, "failed"))
                findings_add(f, FINDING_FAIL, "see 'journalctl -u profilerd'.",
                             "%s cannot be sampled: %s", u->name,
                             isempty(u->error) ? "unknown reason" : u->error);
        if (streq(u->state, "not-found"))
                findings_add(f, FINDING_WARN,
                             "correct Units= in profilerd.conf, or install the unit.",
                             "%s is configured, but systemd does not know it", u->name);
        if (is_poor(u->frames_named, u->frames, NAMED_PERCENT_MIN) && !blame_mapping(f, u))
                findings_add(f, FINDING_WARN,
                             "run 'profilerctl symbols UNIT': it says for each file what to do.",
                             "%s: only %s of the frames have a name", u->name,
                             FORMAT_SHARE(u->frames_named, u->frames));
        if (!doctor_check_stacks(f, u) && is_poor(u->stacks_complete, stacks, COMPLETE_PERCENT_MIN))
                findings_add(f, FINDING_WARN,
                             "run 'profilerctl flush', then this again: the last profile tells "
                             "where they end.",
                             "%s: only %s of the stacks are complete (%s broken, %s too deep)",
                             u->name, FORMAT_SHARE(u->stacks_complete, stacks),
                             FORMAT_SHARE(u->stacks_broken, stacks),
                             FORMAT_SHARE(u->stacks_truncated, stacks));
        if (f->n == n_before && u->frames >= FRAMES_JUDGED_MIN)
                findings_add(f, FINDING_OK, NULL,
                             "%s: %s of the frames named, %s of the stacks complete", u->name,
                             FORMAT_SHARE(u->frames_named, u->frames),
                             FORMAT_SHARE(u->stacks_complete, stacks));
}

/* 0 or an exit code. */
static int check_units(Findings *f, CtlBus *b, char **patterns) {
        UnitStatus *units;
        size_t n, n_matched = 0;
        int r;

        r = ctl_bus_list_units(b, &units, &n);
        if (r < 0)
                return ctl_bus_error(b, r, "Listing the units");

        for (size_t i = 0; i < n; i++) {
                const char *const names[] = { units[i].name, NULL };

                if (patterns && !unit_patterns_match((const char *const *) patterns, names))
                        continue;
                n_matched++;
                check_unit(f, &units[i]);
        }
        unit_statuses_free(units, n);

        if (patterns && n_matched == 0)
                return ctl_error(EXIT_CODE_NO_MATCH,
                                 "It is not among the units that Units= in profilerd.conf matches.",
                                 "'profilerctl status --all' lists the units.",
                                 "profilerd knows no unit %s.", patterns[0]);
        if (!patterns && n_matched == 0)
                findings_add(f, FINDING_WARN,
                             "set Units= in profilerd.conf, then 'profilerctl reload'.",
                             "no unit is to be profiled");
        return 0;
}

static void check_host(Findings *f, CtlBus *b) {
        struct utsname name;

        if (uname(&name) < 0)
                snprintf(name.release, sizeof(name.release), "?");
        host_check_kernel(f, "", name.release);
        host_check_cgroups(f, "");
        check_paranoid(f, b);
        host_check_kernel_names(f, "");
}

int verb_doctor(const Ctl *c, char **names) {
        _cleanup_(strv_freep) char **patterns = NULL;
        _cleanup_(daemon_status_done) DaemonStatus d = {};
        _cleanup_(findings_done) Findings f = {};
        _cleanup_(ctl_bus_freep) CtlBus *b = NULL;
        int r, running;

        r = ctl_complete_names(names, &patterns);
        if (r != 0)
                return r;
        r = ctl_bus_new(&b);
        if (r < 0)
                return ctl_oom();

        check_host(&f, b);
        running = ctl_bus_get_status(b, &d);
        if (running >= 0) {
                findings_add(&f, FINDING_OK, NULL,
                             "profilerd %s is %s, sampling with %s at %" PRIu32 " Hz",
                             d.version ?: "?", d.state ?: "?", d.event ?: "?", d.frequency_hz);
                check_losses(&f, &d);
        } else if (running == -EHOSTDOWN)
                findings_add(&f, FINDING_FAIL, "systemctl enable --now profilerd",
                             "profilerd is not running%s%s", ctl_bus_get_message(b) ? ": " : "",
                             ctl_bus_get_message(b) ?: "");
        else
                return ctl_bus_error(b, running, "Asking for the status");

        check_store(&f, c, &d);
        if (running >= 0) {
                r = check_units(&f, b, patterns);
                if (r != 0)
                        return r;
        }

        r = findings_print(&f, c);
        return r == EXIT_CODE_FAILURE && running == -EHOSTDOWN ? EXIT_CODE_NOT_RUNNING : r;
}
