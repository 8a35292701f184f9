/* SPDX-License-Identifier: Apache-2.0 */
/* Profiler and Manager: from a running program to a stored profile, with real BPF */

#include <dirent.h>
#include <math.h>

#include "basic/log.h"
#include "tests/kernel/stored-fixture.h"

/* Long windows, so that a profile is one test's own; KeepFree= would look at the host's disk. */
#define STORAGE "[Storage]\nKeepFree=0\n"
#define CONFIG  "[Profilerd]\nFrequency=499\nInterval=1h\n" STORAGE

enum { RUN_USEC = 2000000, SHORT_USEC = 700000 };

/* split in a cgroup of its own, as a unit. */
typedef struct Work {
        char cgroup[256];
        pid_t pid;
} Work;

static void work_start(Work *w, const char *cgroup, const char *threads) {
        char path[512];

        cgroup_make(cgroup, w->cgroup);
        w->pid = cgroup_exec(w->cgroup, program_path("split", path), "12", "1000", threads);
}

static void work_stop(Work *w) {
        reap(w->pid);
        cgroup_remove(w->cgroup);
}

static Profile *read_only_profile(const Profiling *p, const char *unit) {
        _cleanup_(stored_done) Stored s = profiling_list(p, unit);

        assert_int_equal(s.n, 1);
        return stored_read(&s, 0);
}

static void assert_note(const Profile *p, const char *key, const char *value) {
        const char *note = profile_get_note(p, key);

        assert_non_null(note);
        assert_string_equal(note, value);
}

/* ---- one profile ---- */

/* Within four standard deviations of a share among n samples. */
static void assert_share(Profile *p, const char *function, double share) {
        double n = (double) profile_total(p, 0),
               measured = (double) count_samples_in(p, function) / n;
        double deviation = sqrt(share * (1 - share) / n);

        if (fabs(measured - share) > 4 * deviation)
                fail_msg("%s: %.3f of %.0f samples instead of %.2f", function, measured, n, share);
}

static void assert_labels(Profile *p, pid_t pid) {
        for (size_t i = 0; i < profile_n_samples(p); i++) {
                ProfileSample s;
                bool has_tid = false, has_team = false;

                profile_get_sample(p, i, &s);
                for (size_t k = 0; k < s.n_labels; k++) {
                        if (streq(s.labels[k].key, "thread"))
                                assert_non_null(s.labels[k].string);
                        if (streq(s.labels[k].key, "pid"))
                                assert_int_equal(s.labels[k].number, pid);
                        has_tid = has_tid || streq(s.labels[k].key, "tid");
                        has_team = has_team || (streq(s.labels[k].key, "team") &&
                                                streq(s.labels[k].string, "blue"));
                }
                assert_true(has_tid && has_team);
        }
}

static void assert_header(Profile *p, usec_t begin) {
        int64_t begin_nsec = (int64_t) (begin * NSEC_PER_USEC);
        int64_t end_nsec = (int64_t) (now_usec(CLOCK_REALTIME) * NSEC_PER_USEC);
        ProfileHeader h;

        profile_get_header(p, &h);
        assert_int_equal(h.period, NSEC_PER_SEC / 499);
        assert_string_equal(h.period_type.type, "cpu");
        assert_string_equal(h.period_type.unit, "nanoseconds");
        assert_in_range(h.time_nsec, begin_nsec, end_nsec);
        assert_in_range(h.time_nsec + h.duration_nsec, begin_nsec + RUN_USEC * INT64_C(1000),
                        end_nsec);
}

static void assert_main_mapping(Profile *p, const char *path) {
        ProfileMapping m;

        assert_true(profile_n_mappings(p) > 0);
        profile_get_mapping(p, 0, &m);
        assert_string_equal(m.filename, path);
        assert_true(strlen(m.build_id) >= 16);
        assert_true(m.start < m.limit);
}

/* Within 3 % or so many standard deviations of the number of samples. */
static void assert_total(Profile *p, uint64_t used_nsec, double deviations) {
        double measured = (double) profile_total(p, 1), used = (double) used_nsec;
        double error = fmax(0.03, deviations / sqrt((double) profile_total(p, 0)));

        if (fabs(measured - used) > error * used)
                fail_msg("%.3f s in the profile, %.3f s in cpu.stat", measured / 1e9, used / 1e9);
}

static void test_a_program_of_known_shares_comes_out_right(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_new();
        _cleanup_(profile_freep) Profile *profile = NULL;
        usec_t begin = now_usec(CLOCK_REALTIME);
        char path[512], host[256] = "";
        ManagerStatistics s;
        uint64_t used;
        Work w;

        profiling_configure(p, "profilerd.conf", CONFIG);
        profiling_configure(p, "units.d/10-split.conf",
                            "[Match]\nUnit=split.service\n[Profile]\nLabels=team=blue\n");
        profiling_start(p);
        cgroup_make("/split", w.cgroup);
        profiling_report(p, "split.service", w.cgroup, 1, 0);
        work_start(&w, "/split", "2");
        profiling_report(p, "split.service", w.cgroup, 1, w.pid);
        profiling_run(p, RUN_USEC);
        kill(w.pid, SIGKILL);
        waitpid(w.pid, NULL, 0);
        used = cgroup_usage_nsec(w.cgroup);
        profiling_flush(p, NULL);
        cgroup_remove(w.cgroup);
        assert_int_equal(p->flush_error, 0);
        assert_int_equal(p->n_flushed, 1);
        assert_int_equal(p->n_written, 1);

        profile = read_only_profile(p, "split.service");
        assert_share(profile, "spend_half", 0.5);
        assert_share(profile, "spend_third", 0.3);
        assert_share(profile, "spend_fifth", 0.2);
        assert_true(count_samples_in(profile, "work") >
                    (uint64_t) profile_total(profile, 0) * 97 / 100);
        assert_total(profile, used, 2);
        assert_labels(profile, w.pid);
        assert_header(profile, begin);
        assert_main_mapping(profile, program_path("split", path));

        (void) gethostname(host, sizeof(host) - 1);
        assert_note(profile, "unit", "split.service");
        assert_note(profile, "invocation-id", "01000000000000000000000000000000");
        assert_note(profile, "host", host);
        assert_note(profile, "lost-samples", "0");
        assert_non_null(profile_get_note(profile, "boot-id"));
        manager_get_statistics(p->manager, &s);
        assert_int_equal(s.lost, 0);
        assert_int_equal(s.samples, profile_total(profile, 0));
        assert_int_equal(s.cpu_nsec, profile_total(profile, 1));
}

/* The innermost frame in user space. false: there is none. */
static bool find_user_leaf(const Profile *p, const ProfileSample *s, ProfileLocation *ret) {
        for (size_t i = 0; i < s->n_locations; i++) {
                profile_get_location(p, s->locations[i], ret);
                if ((int64_t) ret->address >= 0)
                        return true;
        }
        return false;
}

/* While a program is replaced by another its registers are still those of the old one. */
static bool is_in_exec(const Profile *p, const ProfileSample *s) {
        for (size_t i = 0; i < s->n_locations; i++)
                if (strstr(frame_name(p, s, i), "execve"))
                        return true;
        return false;
}

/* A process that is gone before its first sample is read is understood all the same, by what the
 * kernel reported of it. */
static void test_short_lived_processes_are_all_accounted_for(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        _cleanup_(profile_freep) Profile *profile = NULL;
        uint64_t used, n_mapped = 0, n_user = 0;
        char cgroup[256], path[512];
        pid_t pid;

        cgroup_make("/storm", cgroup);
        profiling_report(p, "storm.service", cgroup, 1, 0);
        pid = cgroup_exec(cgroup, program_path("fork-storm", path), NULL, NULL, NULL);
        profiling_run(p, RUN_USEC);
        reap(pid);
        usleep(50000); /* the last child */
        used = cgroup_usage_nsec(cgroup);
        profiling_flush(p, NULL);
        cgroup_remove(cgroup);

        profile = read_only_profile(p, "storm.service");
        assert_total(profile, used, 4); /* an event hits or misses each of them */
        for (size_t i = 0; i < profile_n_samples(profile); i++) {
                ProfileLocation leaf;
                ProfileSample s;

                profile_get_sample(profile, i, &s);
                assert_true(s.n_locations > 0);
                if (!find_user_leaf(profile, &s, &leaf) || is_in_exec(profile, &s))
                        continue;
                n_user += (uint64_t) s.values[0];
                n_mapped += leaf.mapping == PROFILE_NONE ? 0 : (uint64_t) s.values[0];
        }
        assert_true(n_user > 20);
        if (n_mapped < n_user * 9 / 10)
                fail_msg("%llu of %llu user stacks begin in a file", (unsigned long long) n_mapped,
                         (unsigned long long) n_user);
}

static void copy_program(const char *name, const char *to) {
        _cleanup_free_ char *data = NULL;
        _cleanup_close_ int fd = -EBADF;
        char path[512];
        size_t size;

        assert_return_code(
                read_full_file_at(AT_FDCWD, program_path(name, path), 1 << 24, &data, &size), 0);
        fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
        assert_return_code(fd, errno);
        assert_return_code(write_all(fd, data, size), 0);
}

static void test_a_deleted_program_still_has_its_names(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        _cleanup_(profile_freep) Profile *profile = NULL;
        char path[256];
        Work w;

        snprintf(path, sizeof(path), "%s/deleted", p->directory);
        copy_program("split", path);
        cgroup_make("/deleted", w.cgroup);
        w.pid = cgroup_exec(w.cgroup, path, "3", "1000", NULL);
        usleep(100000);
        assert_return_code(unlink(path), errno);
        profiling_report(p, "deleted.service", w.cgroup, 1, w.pid);
        profiling_run(p, SHORT_USEC);
        profiling_flush(p, NULL);
        work_stop(&w);

        profile = read_only_profile(p, "deleted.service");
        assert_true(count_samples_in(profile, "spend_half") > 0);
        assert_main_mapping(profile, path);
}

static void test_a_process_of_a_cgroup_below_belongs_to_the_unit(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        _cleanup_(profile_freep) Profile *profile = NULL;
        char parent[256];
        Work w;

        cgroup_make("/delegated", parent);
        profiling_report(p, "delegated.service", parent, 1, 0);
        work_start(&w, "/delegated/below", NULL);
        profiling_run(p, SHORT_USEC);
        profiling_flush(p, NULL);
        work_stop(&w);
        cgroup_remove(parent);

        profile = read_only_profile(p, "delegated.service");
        assert_true(count_samples_in(profile, "spend_half") > 0);
}

/* ---- windows ---- */

static void test_another_invocation_has_another_profile(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        _cleanup_(stored_done) Stored s = {};
        Work w;

        for (uint8_t invocation = 1; invocation <= 2; invocation++) {
                work_start(&w, "/again", NULL);
                profiling_report(p, "again.service", w.cgroup, invocation, w.pid);
                profiling_run(p, SHORT_USEC);
                work_stop(&w);
        }
        profiling_flush(p, NULL);

        s = profiling_list(p, "again.service");
        assert_int_equal(s.n, 2);
        assert_true(s.entries[0].start_usec + s.entries[0].duration_usec <=
                    s.entries[1].start_usec);
        for (size_t i = 0; i < s.n; i++) {
                _cleanup_(profile_freep) Profile *profile = stored_read(&s, i);

                assert_note(profile, "invocation-id",
                            i == 0 ? "01000000000000000000000000000000"
                                   : "02000000000000000000000000000000");
                assert_true(count_samples_in(profile, "spend_half") > 0);
        }
}

static void test_the_window_of_a_unit_that_stopped_is_stored(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        _cleanup_(profile_freep) Profile *profile = NULL;
        Work w;

        work_start(&w, "/stops", NULL);
        profiling_report(p, "stops.service", w.cgroup, 1, w.pid);
        profiling_run(p, SHORT_USEC);
        work_stop(&w);
        profiling_report(p, "stops.service", "", 0, 0);
        assert_int_equal(manager_find_unit(p->manager, "stops.service")->state, UNIT_INACTIVE);
        profiling_flush(p, NULL);

        profile = read_only_profile(p, "stops.service");
        assert_note(profile, "invocation-id", "01000000000000000000000000000000");
        assert_true(count_samples_in(profile, "spend_half") > 0);
}

static void test_the_window_of_a_unit_that_is_gone_is_stored(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        _cleanup_(profile_freep) Profile *profile = NULL;
        Work w;

        work_start(&w, "/gone", NULL);
        profiling_report(p, "gone.service", w.cgroup, 1, w.pid);
        profiling_run(p, SHORT_USEC);
        work_stop(&w);
        manager_unit_gone(p->manager, "gone.service");
        assert_null(manager_find_unit(p->manager, "gone.service"));
        profiling_flush(p, NULL);

        profile = read_only_profile(p, "gone.service");
        assert_true(profile_total(profile, 0) > 0);
}

/* Slots in the kernel's records are used again. */
static void test_a_unit_has_no_samples_of_the_one_before_it(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        _cleanup_(stored_done) Stored s = {};
        char cgroup[256];
        Work w;

        work_start(&w, "/first", "2");
        profiling_report(p, "first.service", w.cgroup, 1, w.pid);
        profiling_run(p, SHORT_USEC);
        cgroup_make("/second", cgroup);
        for (unsigned i = 0; i < 20; i++) {
                manager_unit_gone(p->manager, "first.service");
                profiling_report(p, "second.service", cgroup, 1, 0);
                profiling_run(p, 2000);
                manager_unit_gone(p->manager, "second.service");
                profiling_report(p, "first.service", w.cgroup, 1, w.pid);
                profiling_run(p, 2000);
        }
        profiling_flush(p, NULL);
        work_stop(&w);
        cgroup_remove(cgroup);
        s = profiling_list(p, "second.service");
        assert_int_equal(s.n, 0);
}

static void test_what_systemd_does_not_report_any_more_is_forgotten(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        Work w;

        work_start(&w, "/kept", NULL);
        profiling_report(p, "kept.service", w.cgroup, 1, w.pid);
        profiling_report(p, "lost.service", "", 0, 0);
        manager_sync_begin(p->manager);
        profiling_report(p, "kept.service", w.cgroup, 1, w.pid);
        manager_sync_end(p->manager);
        work_stop(&w);
        assert_non_null(manager_find_unit(p->manager, "kept.service"));
        assert_null(manager_find_unit(p->manager, "lost.service"));
}

static void test_windows_are_aligned_to_the_interval(void **state) {
        _cleanup_(profiling_freep) Profiling *p =
                profiling_started("[Profilerd]\nFrequency=199\nInterval=1s\n" STORAGE);
        _cleanup_(stored_done) Stored s = {};
        Work w;

        work_start(&w, "/aligned", NULL);
        profiling_report(p, "aligned.service", w.cgroup, 1, w.pid);
        /* The first waits for its names. */
        for (int i = 0; i < 20 && s.n < 3; i++) {
                profiling_run(p, USEC_PER_SEC);
                stored_done(&s);
                s = profiling_list(p, "aligned.service");
        }
        work_stop(&w);

        assert_in_range(s.n, 3, 22);
        for (size_t i = 0; i < s.n; i++) {
                usec_t end = s.entries[i].start_usec + s.entries[i].duration_usec;

                assert_int_equal(end % USEC_PER_SEC, 0);
                if (i > 0)
                        assert_int_equal(s.entries[i].start_usec % USEC_PER_SEC, 0);
        }
}

static void test_a_unit_without_samples_writes_nothing(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        _cleanup_(stored_done) Stored s = {};
        char cgroup[256];

        cgroup_make("/idle", cgroup);
        profiling_report(p, "idle.service", cgroup, 1, 0);
        profiling_run(p, SHORT_USEC);
        profiling_flush(p, NULL);
        cgroup_remove(cgroup);
        assert_int_equal(p->n_flushed, 0);
        s = profiling_list(p, "idle.service");
        assert_int_equal(s.n, 0);
}

static void test_a_flush_is_for_the_units_that_match(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        _cleanup_(stored_done) Stored a = {}, b = {};
        Work w, v;

        work_start(&w, "/a", NULL);
        work_start(&v, "/b", NULL);
        profiling_report(p, "a.service", w.cgroup, 1, w.pid);
        profiling_report(p, "b.service", v.cgroup, 2, v.pid);
        profiling_run(p, SHORT_USEC);
        assert_int_equal(manager_flush(p->manager, "c*", profiling_on_flushed, p), -ENOENT);
        profiling_flush(p, "a.*");
        a = profiling_list(p, "a.service");
        b = profiling_list(p, "b.service");
        assert_int_equal(a.n, 1);
        assert_int_equal(b.n, 0);
        work_stop(&w);
        work_stop(&v);
}

static void test_stopping_writes_the_open_windows(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        _cleanup_(profile_freep) Profile *profile = NULL;
        Work w;

        work_start(&w, "/stopped", NULL);
        profiling_report(p, "stopped.service", w.cgroup, 1, w.pid);
        profiling_run(p, SHORT_USEC);
        profiling_stop(p);
        work_stop(&w);
        profile = read_only_profile(p, "stopped.service");
        assert_true(profile_total(profile, 0) > 0);
}

/* ---- units and their settings ---- */

static void test_a_unit_may_have_a_frequency_of_its_own(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_new();
        _cleanup_(profile_freep) Profile *profile = NULL;
        ProfileHeader h;
        uint64_t used;
        Work w;

        profiling_configure(p, "profilerd.conf", CONFIG);
        profiling_configure(p, "units.d/rare.conf",
                            "[Match]\nUnit=rare.service\n[Profile]\nFrequency=100\n");
        profiling_start(p);
        cgroup_make("/rare", w.cgroup);
        profiling_report(p, "rare.service", w.cgroup, 1, 0);
        work_start(&w, "/rare", "2");
        profiling_run(p, RUN_USEC);
        kill(w.pid, SIGKILL);
        waitpid(w.pid, NULL, 0);
        used = cgroup_usage_nsec(w.cgroup);
        profiling_flush(p, NULL);
        cgroup_remove(w.cgroup);

        profile = read_only_profile(p, "rare.service");
        profile_get_header(profile, &h);
        assert_int_equal(h.period, NSEC_PER_SEC / 100);
        assert_in_range(profile_total(profile, 0), used / 10000000 * 8 / 10,
                        used / 10000000 * 12 / 10 + 2);
        assert_total(profile, used, 2);
}

static void test_a_unit_that_is_not_enabled_is_not_sampled(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_new();
        ManagerStatistics s;
        Work w;

        profiling_configure(p, "profilerd.conf", CONFIG);
        profiling_configure(p, "units.d/never.conf",
                            "[Match]\nUnit=never.service\n[Profile]\nEnable=no\n");
        profiling_start(p);
        work_start(&w, "/never", NULL);
        profiling_report(p, "never.service", w.cgroup, 1, w.pid);
        profiling_run(p, SHORT_USEC);
        work_stop(&w);
        assert_int_equal(manager_find_unit(p->manager, "never.service")->state, UNIT_EXCLUDED);
        manager_get_statistics(p->manager, &s);
        assert_int_equal(s.samples, 0);
        assert_int_equal(s.n_profiled, 0);
}

static void test_a_cgroup_that_went_away_is_no_failure(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        const UnitInfo unknown = {
                .name = "typo.service",
                .load_state = "not-found",
                .active_state = "inactive",
                .control_group = "",
        };

        profiling_report(p, "short.service", "/profilerd-test-no-such-cgroup", 1, 1);
        assert_int_equal(manager_find_unit(p->manager, "short.service")->state, UNIT_INACTIVE);
        assert_int_equal(manager_unit_changed(p->manager, &unknown), 0);
        assert_int_equal(manager_find_unit(p->manager, "typo.service")->state, UNIT_NOT_FOUND);
}

static void test_a_reload_takes_the_new_settings_into_force(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        _cleanup_(stored_done) Stored s = {};
        Work w;

        work_start(&w, "/reload", NULL);
        profiling_report(p, "reload.service", w.cgroup, 1, w.pid);
        profiling_run(p, SHORT_USEC);
        profiling_configure(p, "profilerd.conf",
                            "[Profilerd]\nFrequency=100\nInterval=30min\n" STORAGE);
        assert_int_equal(manager_reload(p->manager, NULL), 0);
        profiling_run(p, SHORT_USEC);
        profiling_flush(p, NULL);
        work_stop(&w);

        s = profiling_list(p, "reload.service");
        assert_int_equal(s.n, 2);
        for (size_t i = 0; i < s.n; i++) {
                _cleanup_(profile_freep) Profile *profile = stored_read(&s, i);
                int64_t total, count, period = i == 0 ? NSEC_PER_SEC / 499 : NSEC_PER_SEC / 100;
                ProfileHeader h;

                profile_get_header(profile, &h);
                assert_int_equal(h.period, period);
                count = profile_total(profile, 0);
                total = profile_total(profile, 1);
                assert_true(count > 0);
                assert_in_range(total, count * period * 95 / 100, count * period * 105 / 100);
        }
}

static void test_a_broken_configuration_leaves_the_old_one_in_force(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        _cleanup_(profile_freep) Profile *profile = NULL;
        _cleanup_free_ char *reason = NULL;
        Work w;

        work_start(&w, "/broken", NULL);
        profiling_report(p, "broken.service", w.cgroup, 1, w.pid);
        profiling_run(p, SHORT_USEC);
        profiling_configure(p, "profilerd.conf", "[Profilerd\nFrequency=1\n");
        assert_int_equal(manager_reload(p->manager, &reason), -EBADMSG);
        assert_non_null(reason);
        assert_non_null(strstr(reason, "profilerd.conf"));
        assert_int_equal(manager_get_config(p->manager)->frequency_hz, 499);
        profiling_run(p, SHORT_USEC);
        profiling_flush(p, NULL);
        work_stop(&w);
        profile = read_only_profile(p, "broken.service");
        assert_true(profile_total(profile, 0) > 0);
}

/* ---- when things go wrong ---- */

static void test_profiles_that_cannot_be_stored_are_counted_until_they_can(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(
                "[Profilerd]\nFrequency=499\nInterval=1h\n[Storage]\nKeepFree=0\nMaxUse=1K\n");
        _cleanup_(stored_done) Stored stored = {};
        ManagerStatistics s;
        Work w;

        work_start(&w, "/full", NULL);
        profiling_report(p, "full.service", w.cgroup, 1, w.pid);
        profiling_run(p, SHORT_USEC);
        profiling_flush(p, NULL);
        assert_int_equal(p->flush_error, -EFBIG);
        assert_int_equal(p->n_flushed, 0);
        manager_get_statistics(p->manager, &s);
        assert_int_equal(s.profiles, 0);
        assert_int_equal(s.profiles_dropped, 1);
        assert_true(s.lost > 0);
        assert_int_equal(manager_find_unit(p->manager, "full.service")->counters.lost, s.lost);

        profiling_configure(p, "profilerd.conf", CONFIG);
        assert_int_equal(manager_reload(p->manager, NULL), 0);
        profiling_run(p, SHORT_USEC);
        profiling_flush(p, NULL);
        work_stop(&w);
        assert_int_equal(p->flush_error, 0);
        stored = profiling_list(p, "full.service");
        assert_in_range(stored.n, 1, 2); /* also what was open at the reload */
}

/* Without a worker there are no names; addresses and the CPU time are there all the same. */
static void test_a_worker_that_fails_costs_names_only(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_new();
        _cleanup_(profile_freep) Profile *profile = NULL;
        char *worker = strdup(getenv("PROFILERD_ELF") ?: "");
        Work w;

        assert_non_null(worker);
        setenv("PROFILERD_ELF", "/bin/false", 1);
        profiling_configure(p, "profilerd.conf", CONFIG);
        profiling_start(p);
        setenv("PROFILERD_ELF", worker, 1);
        free(worker);
        work_start(&w, "/nameless", NULL);
        profiling_report(p, "nameless.service", w.cgroup, 1, w.pid);
        profiling_run(p, SHORT_USEC);
        profiling_flush(p, NULL);
        work_stop(&w);
        profile = read_only_profile(p, "nameless.service");
        assert_true(profile_total(profile, 0) > 0);
        assert_int_equal(count_samples_in(profile, "spend_half"), 0);
}

static size_t count_descriptors(void) {
        struct dirent *entry;
        size_t n = 0;
        DIR *dir;

        dir = opendir("/proc/self/fd");
        assert_non_null(dir);
        while ((entry = readdir(dir)))
                n++;
        closedir(dir);
        return n;
}

static void test_starts_and_stops_leave_no_descriptor_behind(void **state) {
        size_t before = 0, after;

        for (unsigned i = 0; i < 3; i++) {
                _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
                Work w;

                work_start(&w, "/fd", NULL);
                profiling_report(p, "fd.service", w.cgroup, 1, w.pid);
                profiling_run(p, SHORT_USEC / 2);
                work_stop(&w);
                profiling_stop(p);
                p = profiling_free(p);
                after = count_descriptors();
                if (i == 0) /* what libraries keep for themselves */
                        before = after;
                assert_int_equal(after, before);
        }
}

/* Restarts of units are what a daemon sees for months. */
static void test_restarts_leave_no_descriptor_behind(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        size_t before = 0;

        for (uint8_t i = 1; i <= 12; i++) {
                Work w;

                work_start(&w, "/restart", NULL);
                profiling_report(p, "restart.service", w.cgroup, i, w.pid);
                profiling_run(p, 100000);
                work_stop(&w);
                profiling_report(p, "restart.service", "", 0, 0);
                profiling_flush(p, NULL);
                if (i == 2)
                        before = count_descriptors();
        }
        /* A worker may have been at work when they were counted first. */
        assert_in_range(count_descriptors(), 1, before);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_program_of_known_shares_comes_out_right),
                cmocka_unit_test(test_short_lived_processes_are_all_accounted_for),
                cmocka_unit_test(test_a_deleted_program_still_has_its_names),
                cmocka_unit_test(test_a_process_of_a_cgroup_below_belongs_to_the_unit),
                cmocka_unit_test(test_another_invocation_has_another_profile),
                cmocka_unit_test(test_the_window_of_a_unit_that_stopped_is_stored),
                cmocka_unit_test(test_the_window_of_a_unit_that_is_gone_is_stored),
                cmocka_unit_test(test_a_unit_has_no_samples_of_the_one_before_it),
                cmocka_unit_test(test_what_systemd_does_not_report_any_more_is_forgotten),
                cmocka_unit_test(test_windows_are_aligned_to_the_interval),
                cmocka_unit_test(test_a_unit_without_samples_writes_nothing),
                cmocka_unit_test(test_a_flush_is_for_the_units_that_match),
                cmocka_unit_test(test_stopping_writes_the_open_windows),
                cmocka_unit_test(test_a_unit_may_have_a_frequency_of_its_own),
                cmocka_unit_test(test_a_unit_that_is_not_enabled_is_not_sampled),
                cmocka_unit_test(test_a_cgroup_that_went_away_is_no_failure),
                cmocka_unit_test(test_a_reload_takes_the_new_settings_into_force),
                cmocka_unit_test(test_a_broken_configuration_leaves_the_old_one_in_force),
                cmocka_unit_test(test_profiles_that_cannot_be_stored_are_counted_until_they_can),
                cmocka_unit_test(test_a_worker_that_fails_costs_names_only),
                cmocka_unit_test(test_starts_and_stops_leave_no_descriptor_behind),
                cmocka_unit_test(test_restarts_leave_no_descriptor_behind),
        };
        const char *missing = missing_for_kernel_tests();

        if (missing) {
                printf("1..0 # SKIP needs %s\n", missing);
                return EXIT_SKIPPED;
        }
        log_set_max_level(LOG_CRIT); /* what fails here fails on purpose */
        block_sigchld();
        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
