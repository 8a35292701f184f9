/* SPDX-License-Identifier: Apache-2.0 */
/* Manager */

#include <systemd/sd-daemon.h>

#include "basic/cgroup-util.h"
#include "basic/log.h"
#include "basic/self.h"
#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "config-file.h"
#include "host-check.h"
#include "journal.h"
#include "manager-losses.h"
#include "manager.h"
#include "open/open-protocol.h"
#include "paths.h"
#include "profiler.h"
#include "runtime-settings.h"
#include "session-registry.h"
#include "store/store-pins.h"
#include "triggers.h"
#include "unit-registry.h"

#define STATUS_USEC       (10 * USEC_PER_SEC)
#define HOUSEKEEPING_USEC (5 * USEC_PER_MINUTE)

struct Manager {
        sd_event *event;
        ManagerPaths paths;
        ManagerCallbacks callbacks;
        void *userdata;
        const char *state;
        usec_t started_usec;

        Config *config;
        Store *store;
        UnitRegistry *units;
        Profiler *profiler;
        SessionRegistry *sessions;
        Triggers *triggers;

        sd_event_source *status_source;
        usec_t housekept_usec; /* CLOCK_MONOTONIC */
        uint64_t profiles, profile_bytes, profiles_dropped;
        uint64_t status_samples; /* at the last status line */
        usec_t status_usec;
        bool known; /* the first status line with all units is out */
        Journal journal;
        ManagerLoss losses[MANAGER_LOSSES_MAX]; /* as of the last call for them */
};

/* ---- what goes out ---- */

static void unit_changed(Manager *m, Unit *u) {
        if (m->callbacks.on_unit_changed)
                m->callbacks.on_unit_changed(m, u, m->userdata);
}

static void set_state(Manager *m, const char *state) {
        m->state = state;
        if (m->callbacks.on_state_changed)
                m->callbacks.on_state_changed(m, m->userdata);
}

static void publish_patterns(Manager *m) {
        _cleanup_free_ const char **patterns = NULL;

        patterns = config_get_patterns(m->config);
        if (!patterns)
                log_oom();
        else if (m->callbacks.on_patterns)
                m->callbacks.on_patterns(m, patterns, m->userdata);
}

/* Who has waited for the start sees at once what came of it. */
static void notify_first_status(Manager *m) {
        ManagerStatistics s;

        if (m->known || !m->profiler)
                return;
        m->known = true;
        manager_get_statistics(m, &s);
        (void) sd_notifyf(false, "STATUS=Profiling %zu of %zu units at %u Hz", s.n_profiled,
                          s.n_units, m->config->frequency_hz);
}

/* ---- stored profiles ---- */

static void count_profile(Unit *u, const WrittenProfile *w) {
        u->counters.frames += w->names.frames;
        u->counters.named += w->names.named;
        u->counters.profiles++;
        u->counters.profile_bytes += w->size_bytes;
        u->last_profile_usec = window_get_start(w->closed->window) + w->closed->duration_usec;
        u->last_profile_duration_usec = w->closed->duration_usec;
        u->last_profile_samples = w->totals.samples;
        u->last_profile_cpu_nsec = w->totals.weight_nsec;
        (void) free_and_strdup(&u->last_profile_path, w->path);
}

static void on_written(const WrittenProfile *w, Unit *u, void *userdata) {
        Manager *m = userdata;

        journal_profile(&m->journal, w);
        if (w->error < 0) {
                m->profiles_dropped++;
                return;
        }
        m->profiles++;
        m->profile_bytes += w->size_bytes;
        if (!u)
                return;

        count_profile(u, w);
        if (m->callbacks.on_profile_written)
                m->callbacks.on_profile_written(m, u, w->path, window_get_start(w->closed->window),
                                                w->closed->duration_usec, w->totals.samples,
                                                m->userdata);
        unit_changed(m, u);
}

/* ---- units ---- */

static void judge_unit(Manager *m, Unit *u, const char *load_state) {
        uint64_t cgroup_id = 0, before = u->cgroup_id;
        int r = 0;

        if (!isempty(u->control_group))
                r = cgroup_get_id(u->control_group, &cgroup_id);
        if (r == -ENOENT) /* between systemd's word and ours it went away: the next word tells */
                r = 0;
        if (r >= 0)
                r = profiler_set_target(m->profiler, u, cgroup_id);

        u->error = MIN(r, 0);
        if (r < 0)
                u->state = UNIT_FAILED;
        else if (!u->settings.enabled)
                u->state = UNIT_EXCLUDED;
        else if (u->cgroup_id != 0)
                u->state = UNIT_PROFILED;
        else
                u->state = load_state && streq(load_state, "not-found") ? UNIT_NOT_FOUND
                                                                        : UNIT_INACTIVE;

        if (u->cgroup_id != before && m->sessions)
                session_registry_follow_cgroups(m->sessions);
        if (u->state == UNIT_PROFILED && u->cgroup_id != before)
                profiler_learn_processes(m->profiler, u->control_group);
        if (m->triggers) /* a start only where we were there to see it */
                triggers_tell(m->triggers, u, m->known && u->cgroup_id != before);
        /* Who stops a unit wants to see what it did, not wait for the end of the interval. Its last
         * samples may be all in the ring yet, and its slot be another unit's when they are read. */
        if (before != 0 && u->cgroup_id == 0) {
                profiler_drain(m->profiler);
                profiler_close_windows(m->profiler, u);
        }
}

static int make_unit(Manager *m, const UnitInfo *info, Unit **ret) {
        _cleanup_(unit_freep) Unit *u = NULL;
        int r;

        r = unit_new(&u, m, info->name);
        if (r < 0)
                return r;
        r = unit_registry_put(m->units, u);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(u);
        return 0;
}

/* The samples of another invocation go into a profile of their own. */
static void end_invocation(Manager *m, Unit *u, sd_id128_t next) {
        if (sd_id128_equal(u->invocation_id, next))
                return;
        profiler_drain(m->profiler);
        profiler_close_windows(m->profiler, u);
        u->invocation_id = next;
        for (int type = 0; type < _WINDOW_TYPE_MAX; type++)
                u->windows[type].since_usec = now_usec(CLOCK_REALTIME);
}

int manager_unit_changed(Manager *m, const UnitInfo *info) {
        Unit *u = unit_registry_find(m->units, info->name);
        UnitState before = u ? u->state : UNIT_INACTIVE;
        sd_id128_t invocation;
        bool is_new = !u;
        int r;

        if (is_new) {
                r = make_unit(m, info, &u);
                if (r < 0)
                        return log_warning_errno(r, "Failed to take up unit %s, ignoring: %m",
                                                 info->name);
        }
        u->seen = true;
        /* The cgroup of a restarted unit knows its invocation before the bus tells. */
        invocation = info->invocation_id;
        if (!isempty(info->control_group))
                (void) cgroup_get_invocation_id(info->control_group, &invocation);
        /* A unit that has ended keeps its id until it starts again. */
        if (!sd_id128_is_null(invocation))
                end_invocation(m, u, invocation);
        r = unit_set_info(u, info);
        if (r >= 0)
                r = unit_apply_config(u, m->config);
        if (r < 0)
                return log_oom();
        judge_unit(m, u, info->load_state);

        journal_unit_state(&m->journal, u, before, now_usec(CLOCK_MONOTONIC));
        if (is_new && m->callbacks.on_unit_added)
                m->callbacks.on_unit_added(m, u, m->userdata);
        else if (!is_new)
                unit_changed(m, u);
        return 0;
}

static void forget_unit(Manager *m, Unit *u) {
        journal_unit_gone(u);
        /* The target goes before the last drain: the next unit may get the slot, and not samples of
         * this one. */
        if (m->profiler) {
                (void) profiler_set_target(m->profiler, u, 0);
                profiler_drain(m->profiler);
                profiler_close_windows(m->profiler, u);
                profiler_forget_unit(m->profiler, u);
        }
        if (m->triggers)
                triggers_forget(m->triggers, u);
        if (m->callbacks.on_unit_removed)
                m->callbacks.on_unit_removed(m, u, m->userdata);
        unit_registry_remove(m->units, u);
        unit_free(u);
}

void manager_unit_gone(Manager *m, const char *name) {
        Unit *u = unit_registry_find(m->units, name);

        if (u)
                forget_unit(m, u);
}

void manager_sync_begin(Manager *m) {
        _cleanup_free_ Unit **units = NULL;
        size_t n;

        if (unit_registry_list(m->units, &units, &n) < 0)
                return;
        for (size_t i = 0; i < n; i++)
                units[i]->seen = false;
}

void manager_sync_end(Manager *m) {
        _cleanup_free_ Unit **units = NULL;
        size_t n;

        if (unit_registry_list(m->units, &units, &n) < 0)
                return;
        for (size_t i = 0; i < n; i++)
                if (!units[i]->seen)
                        forget_unit(m, units[i]);
        notify_first_status(m);
}

Unit *manager_find_unit(Manager *m, const char *name) {
        return unit_registry_find(m->units, name);
}

int manager_list_units(Manager *m, Unit ***ret, size_t *ret_n) {
        return unit_registry_list(m->units, ret, ret_n);
}

/* ---- configuration ---- */

/* The newest complaint as "file:line: sentence", which the caller of a failed reload gets to see.
 */
static void on_complaint(const char *file, unsigned line, const char *sentence, void *userdata) {
        _cleanup_free_ char *text = NULL;
        char **last = userdata;

        text = config_complaint_format(file, line, sentence);
        if (!text)
                return;
        journal_config_line(file, line, text);
        free(*last);
        *last = TAKE_PTR(text);
}

static int load_config(Manager *m, Config **ret, char **ret_reason) {
        _cleanup_free_ char *complaint = NULL;
        int r;

        r = m->paths.config ? config_load_file(ret, m->paths.config, on_complaint, &complaint)
                            : config_load(ret, m->paths.root, on_complaint, &complaint);
        if (r < 0 && ret_reason)
                *ret_reason = TAKE_PTR(complaint);
        return r;
}

/* All units draw on one event for each CPU, so it runs at the highest frequency that any wants. */
static unsigned highest_frequency(const Config *c) {
        unsigned highest = c->frequency_hz;

        for (size_t i = 0; i < c->n_unit_files; i++)
                highest = MAX(highest, c->unit_files[i].frequency_hz);
        return highest;
}

static void apply_config(Manager *m) {
        _cleanup_free_ Unit **units = NULL;
        size_t n;

        if (unit_registry_list(m->units, &units, &n) < 0) {
                log_oom();
                return;
        }
        for (size_t i = 0; i < n; i++) {
                bool not_found = units[i]->state == UNIT_NOT_FOUND;

                (void) unit_apply_config(units[i], m->config);
                judge_unit(m, units[i], not_found ? "not-found" : NULL);
                unit_changed(m, units[i]);
        }
}

static void apply_off_cpu(Manager *m) {
        const OffCpuOptions options = {
                .threshold_nsec = m->config->off_cpu_threshold_usec * NSEC_PER_USEC,
                .samples_max_hz = m->config->off_cpu_frequency_hz,
        };
        bool wanted = config_wants_type(m->config, WINDOW_OFF_CPU) && !streq(m->state, "paused");
        const char *step;
        int r;

        r = profiler_set_off_cpu(m->profiler, &options, wanted, &step);
        if (r < 0)
                log_warning_errno(r,
                                  "There will be no profiles of type offcpu, as %s failed, "
                                  "ignoring: %m",
                                  step);
}

/* What is wrong with a file has been said, and costs triggers only. */
static void load_triggers(Manager *m) {
        _cleanup_free_ char *complaint = NULL;
        int r;

        if (m->paths.config) /* that file alone */
                return;
        r = triggers_load(m->triggers, m->paths.root, on_complaint, &complaint);
        if (r < 0)
                log_warning_errno(r, "Failed to load the triggers, going on without: %m");
}

int manager_reload(Manager *m, char **ret_reason) {
        _cleanup_(config_freep) Config *fresh = NULL;
        _cleanup_free_ Unit **units = NULL;
        _cleanup_free_ char *reason = NULL;
        Config *old;
        size_t n;
        int r;

        r = load_config(m, &fresh, &reason);
        if (r < 0) {
                journal_config_refused(r, reason, true);
                if (ret_reason)
                        *ret_reason = TAKE_PTR(reason);
                return r;
        }
        r = profiler_set_frequency(m->profiler, highest_frequency(fresh));
        if (r < 0)
                return log_error_errno(r, "Failed to change the sampling frequency: %m");

        /* What was sampled under the old settings keeps the old labels. */
        profiler_drain(m->profiler);
        r = unit_registry_list(m->units, &units, &n);
        if (r < 0)
                return log_oom();
        for (size_t i = 0; i < n; i++)
                profiler_close_windows(m->profiler, units[i]);

        old = m->config;
        m->config = TAKE_PTR(fresh);
        store_set_limits(m->store, &m->config->storage);
        session_registry_set_limits(m->sessions, &m->config->sessions);
        profiler_set_lines(m->profiler, m->config->lines);
        profiler_set_unwind_memory_max(m->profiler, m->config->unwind_memory_max_bytes);
        profiler_look_for_names(m->profiler);
        apply_off_cpu(m);
        apply_config(m);
        config_free(old);
        load_triggers(m);
        publish_patterns(m);
        journal_config_loaded(m->config);
        return 0;
}

int manager_set(Manager *m, const char *unit, char *const *assignments, char **ret_reason) {
        int r;

        if (m->paths.config)
                return -EOPNOTSUPP;
        r = runtime_settings_write(m->paths.root, m->config, unit, assignments, ret_reason);
        return r < 0 ? r : manager_reload(m, ret_reason);
}

/* ---- triggers ---- */

static void on_triggered(const char *unit,
                         const char *trigger,
                         const char *reason,
                         const Session *session,
                         void *userdata) {
        Manager *m = userdata;

        if (m->callbacks.on_triggered)
                m->callbacks.on_triggered(m, unit, trigger, reason, session, m->userdata);
}

int manager_trigger(
        Manager *m, const char *trigger, const char *unit, Session **ret, const char **ret_reason) {
        return triggers_fire(m->triggers, trigger, unit, ret, ret_reason);
}

/* ---- flushing ---- */

int manager_flush(Manager *m, const char *pattern, ManagerFlushed callback, void *userdata) {
        _cleanup_free_ Unit **units = NULL;
        bool matched = !pattern;
        size_t n;
        int r;

        profiler_drain(m->profiler);
        r = unit_registry_list(m->units, &units, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                const char *names[] = { units[i]->name, NULL }, *patterns[] = { pattern, NULL };

                if (pattern && !unit_patterns_match(patterns, names))
                        continue;
                matched = true;
                profiler_close_windows(m->profiler, units[i]);
        }
        if (!matched)
                return -ENOENT;
        return profiler_notify_stored(m->profiler, callback, m, userdata);
}

/* ---- pausing ---- */

static void close_all_windows(Manager *m) {
        _cleanup_free_ Unit **units = NULL;
        size_t n;

        profiler_drain(m->profiler);
        if (unit_registry_list(m->units, &units, &n) < 0)
                return;
        for (size_t i = 0; i < n; i++)
                profiler_close_windows(m->profiler, units[i]);
}

int manager_set_paused(Manager *m, bool paused) {
        const char *state = paused ? "paused" : "running";
        int r;

        if (streq(m->state, state))
                return 0;
        r = profiler_set_paused(m->profiler, paused);
        if (r < 0)
                return r;
        session_registry_set_paused(m->sessions, paused);
        if (paused)
                close_all_windows(m);
        m->state = state;
        apply_off_cpu(m);
        if (!paused)
                apply_config(m); /* targets, for what looks at waits is new */
        journal_paused(paused);
        (void) sd_notifyf(false, "STATUS=%s",
                          paused ? "Paused; 'profilerctl resume' goes on" : "Profiling again");
        set_state(m, state);
        return 1;
}

int manager_encode_open(Manager *m, const char *unit, uint8_t **ret, size_t *ret_size) {
        Unit *u = manager_find_unit(m, unit);

        return u ? profiler_encode_open(m->profiler, u, ret, ret_size) : -ENOENT;
}

/* ---- life ---- */

static void notify_status(Manager *m, const ManagerStatistics *s, usec_t now) {
        usec_t elapsed = MAX(now - m->status_usec, (usec_t) 1);
        double rate;

        if (streq(m->state, "paused"))
                return;
        rate = (double) (s->samples - m->status_samples) * (double) USEC_PER_MINUTE /
               (double) elapsed;

        (void) sd_notifyf(false,
                          "STATUS=Profiling %zu of %zu units at %u Hz, %.0f samples/min, %llu lost",
                          s->n_profiled, s->n_units, m->config->frequency_hz, rate,
                          (unsigned long long) s->lost);
        m->status_samples = s->samples;
        m->status_usec = now;
}

static void tell_journal(Manager *m, const ManagerStatistics *s, usec_t now) {
        const ManagerLoss *losses;
        ProfilerStatistics profiler;
        StoreVacuum vacuumed;
        size_t n;

        n = manager_get_losses(m, &losses);
        journal_losses(&m->journal, losses, n, s->samples, now);
        store_get_vacuumed(m->store, &vacuumed);
        journal_vacuumed(&m->journal, &vacuumed, now);
        profiler_get_statistics(m->profiler, &profiler);
        journal_workers(&m->journal, &profiler.indexes);
        journal_unwind(&m->journal, &profiler.unwind);
}

static int on_status(sd_event_source *source, uint64_t usec, void *userdata) {
        usec_t now = now_usec(CLOCK_MONOTONIC);
        Manager *m = userdata;
        ManagerStatistics s;
        int r;

        profiler_retry_tables(m->profiler);
        manager_get_statistics(m, &s);
        notify_status(m, &s, now);
        tell_journal(m, &s, now);
        if (now >= m->housekept_usec + HOUSEKEEPING_USEC) {
                m->housekept_usec = now;
                profiler_housekeep(m->profiler);
                r = store_vacuum(m->store, NULL);
                if (r < 0)
                        log_debug_errno(r, "Failed to vacuum the store, ignoring: %m");
        }
        r = sd_event_source_set_time(source, now + STATUS_USEC);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int start_profiler(Manager *m) {
        const char *step = "starting", *missing;
        int r;

        missing = host_check();
        if (missing) {
                journal_host_lacks(0, NULL, missing);
                return -EOPNOTSUPP;
        }
        r = profiler_new(&m->profiler, m->event, &m->paths, m->units, m->store,
                         highest_frequency(m->config), m->config->unwind_memory_max_bytes,
                         m->config->lines, on_written, m, &step);
        if (r < 0) {
                journal_host_lacks(r, step, host_explain(step, r));
                return r == -ENOMEM ? r : -EOPNOTSUPP;
        }
        apply_off_cpu(m);
        r = session_registry_new(&m->sessions, m->event, m->profiler, m->store,
                                 &m->config->sessions);
        if (r < 0)
                return log_oom();
        session_registry_set_callbacks(m->sessions, &m->callbacks.sessions, m->userdata);
        r = triggers_new(&m->triggers, m->event, m->paths.open_socket, m->units, m->profiler,
                         m->sessions, on_triggered, m);
        if (r < 0)
                return log_oom();
        return 0;
}

int manager_start(Manager *m) {
        _cleanup_free_ char *reason = NULL;
        int r;

        r = load_config(m, &m->config, &reason);
        if (r < 0) {
                journal_config_refused(r, reason, false);
                return r == -ENOMEM ? r : -EBADMSG; /* only the administrator can mend it */
        }
        r = store_open(&m->store, m->paths.store, &m->config->storage);
        if (r < 0)
                return log_error_errno(r, "Failed to open the store '%s': %m", m->paths.store);
        r = store_set_pins(m->store, UPLOAD_STATE_DIR "/" STORE_PINS_NAME);
        if (r < 0)
                return log_oom();
        r = start_profiler(m);
        if (r < 0)
                return r;

        r = sd_event_add_time_relative(m->event, &m->status_source, CLOCK_MONOTONIC, STATUS_USEC,
                                       USEC_PER_SEC, on_status, m);
        if (r < 0)
                return log_error_errno(r, "Failed to add a timer: %m");

        load_triggers(m);
        m->started_usec = now_usec(CLOCK_REALTIME);
        m->status_usec = now_usec(CLOCK_MONOTONIC);
        set_state(m, "running");
        publish_patterns(m);
        journal_started(profiler_get_event_name(m->profiler), highest_frequency(m->config));
        return 0;
}

void manager_stop(Manager *m) {
        ManagerStatistics s;

        if (!m->profiler)
                return;
        set_state(m, "stopping");
        session_registry_finish(m->sessions);
        profiler_finish(m->profiler);
        manager_get_statistics(m, &s);
        journal_stopped(&s);
}

int manager_new(Manager **ret, sd_event *event, const ManagerPaths *paths) {
        _cleanup_(manager_freep) Manager *m = NULL;
        int r;

        m = calloc(1, sizeof(*m));
        if (!m)
                return -ENOMEM;
        m->event = sd_event_ref(event);
        m->state = "starting";
        m->paths = (ManagerPaths){
                .store = paths->store ? paths->store : STATE_DIR,
                .cache = paths->cache ? paths->cache : CACHE_DIR,
                .worker = paths->worker ? paths->worker : LIBEXEC_DIR "/profilerd-elf",
                .open_socket = paths->open_socket ? paths->open_socket : OPEN_SOCKET_PATH,
                .config = paths->config,
                .root = paths->root,
        };
        r = unit_registry_new(&m->units);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;
        sd_event_source_disable_unref(m->status_source);
        triggers_free(m->triggers);
        session_registry_free(m->sessions);
        unit_registry_free(m->units);
        profiler_free(m->profiler);
        store_free(m->store);
        config_free(m->config);
        sd_event_unref(m->event);
        free(m);
        return NULL;
}

void manager_set_callbacks(Manager *m, const ManagerCallbacks *callbacks, void *userdata) {
        m->callbacks = *callbacks;
        m->userdata = userdata;
        if (m->sessions)
                session_registry_set_callbacks(m->sessions, &callbacks->sessions, userdata);
}

/* ---- state ---- */

SessionRegistry *manager_get_sessions(Manager *m) {
        return m->sessions;
}

const Config *manager_get_config(const Manager *m) {
        return m->config;
}

const char *manager_get_state(const Manager *m) {
        return m->state;
}

usec_t manager_get_started_usec(const Manager *m) {
        return m->started_usec;
}

const char *manager_get_event_name(const Manager *m) {
        return profiler_get_event_name(m->profiler);
}

const char *manager_get_store_path(const Manager *m) {
        return m->paths.store;
}

size_t manager_get_losses(Manager *m, const ManagerLoss **ret) {
        ProfilerStatistics s;

        profiler_get_statistics(m->profiler, &s);
        *ret = m->losses;
        return manager_losses_list(&s, m->losses);
}

static void count_units(Manager *m, ManagerStatistics *ret) {
        _cleanup_free_ Unit **units = NULL;
        size_t n;

        if (unit_registry_list(m->units, &units, &n) < 0)
                return;
        ret->n_units = n;
        for (size_t i = 0; i < n; i++)
                ret->n_profiled += units[i]->state == UNIT_PROFILED;
}

void manager_get_statistics(Manager *m, ManagerStatistics *ret) {
        const ManagerLoss *losses;
        StoreVacuum vacuumed;
        ProfilerStatistics s;

        profiler_get_statistics(m->profiler, &s);
        store_get_vacuumed(m->store, &vacuumed);
        *ret = (ManagerStatistics){
                .samples = s.samples,
                .cpu_nsec = s.cpu_nsec,
                .profiles = m->profiles,
                .profile_bytes = m->profile_bytes,
                .profiles_dropped = m->profiles_dropped,
                .store_use_bytes = store_get_use_bytes(m->store),
                .store_removed = vacuumed.n_removed,
                .memory_bytes = self_resident_bytes(),
                .bpf_memory_bytes = s.bpf_memory_bytes,
                .cpu_usage_nsec = self_cpu_nsec(),
                .n_descriptors = self_descriptors(),
                .n_processes = s.processes.n_processes,
                .n_files = s.processes.n_files,
                .n_workers = s.indexes.n_running,
                .n_files_queued = s.indexes.n_queued,
        };
        count_units(m, ret);
        for (size_t n = manager_get_losses(m, &losses); n > 0; n--)
                if (losses[n - 1].samples)
                        ret->lost += losses[n - 1].count;
}
