/* SPDX-License-Identifier: Apache-2.0 */
/* Dump of the Manager */

#include <inttypes.h>

#include "basic/string-util.h"
#include "manager-dump.h"
#include "paths.h"
#include "window.h"

static void put_text(FILE *f, const char *name, const char *value) {
        fprintf(f, "  %s: %s\n", name, isempty(value) ? "-" : value);
}

static void put_count(FILE *f, const char *name, uint64_t value) {
        fprintf(f, "  %s: %" PRIu64 "\n", name, value);
}

/* UTC: the daemon's time zone is nobody's. */
static void put_time(FILE *f, const char *name, usec_t usec) {
        time_t seconds = (time_t) (usec / USEC_PER_SEC);
        char text[32] = "-";
        struct tm tm;

        if (usec > 0 && gmtime_r(&seconds, &tm))
                (void) strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%SZ", &tm);
        fprintf(f, "  %s: %s\n", name, text);
}

static void put_seconds(FILE *f, const char *name, double seconds) {
        fprintf(f, "  %s: %.3fs\n", name, seconds);
}

/* ---- the manager ---- */

static void put_limit(FILE *f, const char *name, uint64_t value, uint64_t none) {
        if (value == none)
                put_text(f, name, "none");
        else
                put_count(f, name, value);
}

/* One by one, not as --check-config prints it: a setting that is added may be a secret. */
static void dump_config(const Config *c, FILE *f) {
        fputs("\nConfiguration\n", f);
        for (char **unit = c->units; unit && *unit; unit++)
                put_text(f, "Units", *unit);
        put_count(f, "Frequency", c->frequency_hz);
        put_seconds(f, "Interval", (double) c->interval_usec / (double) USEC_PER_SEC);
        fprintf(f, "  Sampling ratio: %g\n", c->sampling_ratio);
        put_limit(f, "Bytes in use at most", c->storage.max_use_bytes, UINT64_MAX);
        put_limit(f, "Bytes to keep free", c->storage.keep_free_bytes, 0);
        put_limit(f, "Retention in microseconds", c->storage.max_retention_usec, USEC_INFINITY);
        put_limit(f, "Compact after microseconds", c->compact_after_usec, USEC_INFINITY);
        for (size_t i = 0; i < c->n_unit_files; i++)
                put_text(f, "File of units", c->unit_files[i].path);
}

static void dump_statistics(const ManagerStatistics *s, FILE *f) {
        const struct {
                const char *name;
                uint64_t value;
        } counts[] = {
                { "Samples", s->samples },
                { "Samples lost", s->lost },
                { "Profiles written", s->profiles },
                { "Profiles dropped", s->profiles_dropped },
                { "Bytes of profiles", s->profile_bytes },
                { "Bytes in the store", s->store_use_bytes },
                { "Profiles removed", s->store_removed },
                { "Units", s->n_units },
                { "Units profiled", s->n_profiled },
                { "Processes", s->n_processes },
                { "Files", s->n_files },
                { "Files queued", s->n_files_queued },
                { "Workers", s->n_workers },
                { "Resident bytes", s->memory_bytes },
                { "Bytes of BPF maps", s->bpf_memory_bytes },
                { "Descriptors", s->n_descriptors },
        };

        fputs("\nCounters\n", f);
        for (size_t i = 0; i < ELEMENTSOF(counts); i++)
                put_count(f, counts[i].name, counts[i].value);
        put_seconds(f, "CPU time profiled", (double) s->cpu_nsec / (double) NSEC_PER_SEC);
        put_seconds(f, "CPU time used", (double) s->cpu_usage_nsec / (double) NSEC_PER_SEC);
}

static void dump_losses(Manager *m, FILE *f) {
        const ManagerLoss *losses;
        size_t n;

        fputs("\nLosses\n", f);
        n = manager_get_losses(m, &losses);
        for (size_t i = 0; i < n; i++)
                put_count(f, losses[i].reason, losses[i].count);
}

/* ---- units ---- */

static void dump_window(const Window *w, FILE *f) {
        WindowTotals totals;

        window_get_totals(w, &totals);
        put_time(f, "Window since", window_get_start(w));
        put_count(f, "Window samples", totals.samples);
        put_count(f, "Window places", window_n_places(w));
        fprintf(f, "  Window waits for indexes: %s\n", window_is_pending(w) ? "yes" : "no");
}

static void dump_settings(const UnitSettings *s, FILE *f) {
        put_text(f, "Enabled", s->enabled ? "yes" : "no");
        put_count(f, "Frequency", s->frequency_hz);
        put_seconds(f, "Interval", (double) s->interval_usec / (double) USEC_PER_SEC);
        for (size_t i = 0; i < s->n_labels; i++)
                fprintf(f, "  Label: %s=%s\n", s->labels[i].key, s->labels[i].value);
}

static void dump_counters(const UnitCounters *c, FILE *f) {
        put_count(f, "Samples", c->samples);
        put_count(f, "Samples lost", c->lost);
        put_seconds(f, "CPU time profiled", (double) c->cpu_nsec / (double) NSEC_PER_SEC);
        put_count(f, "Waits", c->waits);
        put_seconds(f, "Time waited", (double) c->waits_nsec / (double) NSEC_PER_SEC);
        fprintf(f, "  Stacks: %" PRIu64 " broken, %" PRIu64 " guessed\n", c->stacks.broken,
                c->stacks.guessed);
        for (unsigned i = 0; i < _STACK_END_MAX; i++)
                if (c->stacks.ends[i] > 0)
                        fprintf(f, "  Stacks that ended %s: %" PRIu64 "\n", stack_end_to_string(i),
                                c->stacks.ends[i]);
        fprintf(f, "  Frames named: %" PRIu64 " of %" PRIu64 "\n", c->named, c->frames);
        put_count(f, "Profiles written", c->profiles);
        put_count(f, "Bytes of profiles", c->profile_bytes);
}

static void dump_unit(const Unit *u, FILE *f) {
        char id[SD_ID128_STRING_MAX];

        fprintf(f, "\nUnit %s\n", u->name);
        put_text(f, "State", unit_state_to_string(u->state));
        if (u->state == UNIT_FAILED)
                put_text(f, "Error", strerrordesc_np(-u->error));
        put_text(f, "Active state", u->active_state);
        put_text(f, "Control group", u->control_group);
        put_count(f, "Control group id", u->cgroup_id);
        put_text(f, "Invocation", sd_id128_to_string(u->invocation_id, id));
        put_count(f, "Main process", (uint64_t) u->main_pid);
        put_count(f, "Slot", u->slot);
        for (char **alias = u->aliases; alias && *alias; alias++)
                put_text(f, "Alias", *alias);
        dump_settings(&u->settings, f);
        for (int type = 0; type < _WINDOW_TYPE_MAX; type++)
                if (u->windows[type].window)
                        dump_window(u->windows[type].window, f);
        dump_counters(&u->counters, f);
        put_text(f, "Last profile", u->last_profile_path);
        put_time(f, "Last profile until", u->last_profile_usec);
}

int manager_dump(Manager *m, FILE *f) {
        _cleanup_free_ Unit **units = NULL;
        ManagerStatistics s;
        size_t n;
        int r;

        manager_get_statistics(m, &s);
        r = manager_list_units(m, &units, &n);
        if (r < 0)
                return r;

        fputs("profilerd " VERSION "\n", f);
        put_time(f, "Now", now_usec(CLOCK_REALTIME));
        put_time(f, "Started", manager_get_started_usec(m));
        put_text(f, "State", manager_get_state(m));
        put_text(f, "Event", manager_get_event_name(m));
        put_text(f, "Store", manager_get_store_path(m));
        dump_config(manager_get_config(m), f);
        dump_statistics(&s, f);
        dump_losses(m, f);
        for (size_t i = 0; i < n; i++)
                dump_unit(units[i], f);

        if (fflush(f) != 0)
                return negative_errno();
        return ferror(f) ? -EIO : 0;
}
