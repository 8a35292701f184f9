/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: from a request to its result, with real samples */

#include "session-fixture.h"

#include <signal.h>

#include "basic/log.h"
#include "profile/profile-report.h"

#define CONFIG     "[Profilerd]\nFrequency=99\nInterval=30min\n"
#define STORAGE    "[Storage]\nKeepFree=0\n"
#define SHORT_USEC (700 * USEC_PER_MSEC)

/* ---- fixture ---- */

/* Half of its time is in spend_half(). */
typedef struct Work {
        char cgroup[256];
        pid_t pid;
} Work;

static Work work_new(const char *name) {
        char path[512];
        Work w;

        cgroup_make(name, w.cgroup);
        w.pid = cgroup_exec(w.cgroup, program_path("split", path), "3", "1000", NULL);
        usleep(50000);
        return w;
}

static void work_done(Work *w) {
        reap(w->pid);
        cgroup_remove(w->cgroup);
}

static void run_until_used(Profiling *p, const char *cgroup, uint64_t nsec) {
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + USEC_PER_MINUTE;
        uint64_t end = cgroup_usage_nsec(cgroup) + nsec;

        while (cgroup_usage_nsec(cgroup) < end && now_usec(CLOCK_MONOTONIC) < deadline)
                assert_true(sd_event_run(p->event, 50 * USEC_PER_MSEC) >= 0);
}

static bool has_comment(const Profile *p, const char *comment) {
        for (size_t i = 0; i < profile_n_comments(p); i++)
                if (streq(profile_get_comment(p, i), comment))
                        return true;
        return false;
}

static void assert_is_of_split(Profile *profile, const Session *s) {
        uint64_t total = (uint64_t) profile_total(profile, 0);

        assert_int_equal(total, s->samples);
        assert_true(total > 20);
        assert_in_range(count_samples_in(profile, "spend_half"), total * 3 / 10, total * 7 / 10);
}

/* ---- targets ---- */

static void test_a_cgroup_is_recorded_with_names(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG STORAGE);
        _cleanup_(profile_freep) Profile *profile = NULL;
        _cleanup_(work_done) Work w = work_new("/recorded");
        ProfileHeader h;
        Session *s;

        s = start(p, request_of("cgroup:", w.cgroup));
        run_until_used(p, w.cgroup, NSEC_PER_SEC);
        stop(p, s);
        assert_int_equal(s->state, SESSION_FINISHED);
        profile = result_of(s);
        assert_is_of_split(profile, s);
        profile_get_header(profile, &h);
        assert_int_equal(h.period, NSEC_PER_SEC / 199);
        assert_true(has_comment(profile, "session: 1"));
        assert_null(s->stored_path);
        assert_int_equal(s->lost, 0);
}

static void test_a_process_is_recorded_until_it_ends(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG STORAGE);
        _cleanup_(profile_freep) Profile *profile = NULL;
        Work w = work_new("/process"), other = work_new("/other");
        Session *s;

        s = start(p, request_of("%d", &w.pid));
        run_until_used(p, w.cgroup, NSEC_PER_SEC / 2);
        work_done(&w);
        run_until_over(p, s); /* of its own accord, long before its time */
        work_done(&other);
        profile = result_of(s);
        assert_is_of_split(profile, s);
        for (size_t i = 0; i < profile_n_samples(profile); i++) {
                ProfileSample sample;

                profile_get_sample(profile, i, &sample);
                for (size_t k = 0; k < sample.n_labels; k++)
                        if (streq(sample.labels[k].key, "pid"))
                                assert_int_equal(sample.labels[k].number, w.pid);
        }
}

static void spawn_and_wait(void) {
        char path[512];
        pid_t pid = fork();

        if (pid == 0) {
                execl(program_path("split", path), path, "3", "0.2", NULL);
                _exit(127);
        }
        waitpid(pid, NULL, 0);
}

static void test_children_belong_to_a_process_only_if_they_are_asked_for(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG STORAGE);
        Session *with, *without;
        char cgroup[256];
        SessionRequest q;
        uint64_t used;
        pid_t pid;

        cgroup_make("/children", cgroup);
        pid = cgroup_spawn(cgroup, spawn_and_wait);
        q = request_of("%d", &pid);
        q.children = true;
        with = start(p, q);
        without = start(p, request_of("%d", &pid));
        used = cgroup_usage_nsec(cgroup);
        run_until_used(p, cgroup, NSEC_PER_SEC);
        used = cgroup_usage_nsec(cgroup) - used;
        stop(p, with);
        stop(p, without);
        reap(pid);
        cgroup_remove(cgroup);
        assert_in_range(with->cpu_nsec, used * 8 / 10, used * 12 / 10);
        assert_true(without->cpu_nsec < used / 4);
}

static void test_the_host_is_everything(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG STORAGE);
        _cleanup_(work_done) Work w = work_new("/host");
        _cleanup_(profile_freep) Profile *profile = NULL;
        Session *s;

        s = start(p, request_of("host", NULL));
        run_until_used(p, w.cgroup, NSEC_PER_SEC / 2);
        stop(p, s);
        profile = result_of(s);
        assert_true(count_samples_in(profile, "spend_half") > 10);
        assert_string_equal(s->request.unit, "-.slice");
}

/* systemd makes another cgroup with the same name. */
static void test_a_unit_that_starts_anew_is_followed(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG STORAGE);
        Work w = work_new("/again");
        uint64_t before;
        Session *s;

        s = start(p, request_of("cgroup:", w.cgroup));
        run_until_used(p, w.cgroup, NSEC_PER_SEC / 5);
        work_done(&w);
        profiling_run(p, SHORT_USEC);
        assert_int_equal(s->cgroup_id, 0);
        before = s->samples;
        w = work_new("/again");
        run_until_used(p, w.cgroup, NSEC_PER_SEC / 2);
        stop(p, s);
        work_done(&w);
        assert_true(s->samples > before + 20);
}

/* ---- what is seen ---- */

static void test_the_kernel_is_left_out_where_it_is_not_wanted(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG STORAGE);
        SessionRequest q = request_of("host", NULL);
        _cleanup_(profile_freep) Profile *profile = NULL;
        _cleanup_(work_done) Work w = work_new("/user");
        Session *s;

        q.kernel = false;
        s = start(p, q);
        run_until_used(p, w.cgroup, NSEC_PER_SEC / 2);
        stop(p, s);
        profile = result_of(s);
        assert_true(s->samples > 0);
        for (uint32_t i = 0; i < profile_n_locations(profile); i++) {
                ProfileLocation location;

                profile_get_location(profile, i, &location);
                assert_true(location.address < UINT64_C(1) << 56);
        }
}

static void test_who_is_restricted_sees_his_own_processes_only(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG STORAGE);
        _cleanup_(work_done) Work w = work_new("/roots");
        SessionRequest mine = request_of("cgroup:", w.cgroup),
                       foreign = request_of("cgroup:", w.cgroup);
        Session *s, *f;

        mine.restricted = foreign.restricted = true;
        mine.uid = getuid();
        foreign.uid = 65534;
        s = start(p, mine);
        f = start(p, foreign);
        run_until_used(p, w.cgroup, NSEC_PER_SEC / 2);
        stop(p, s);
        stop(p, f);
        assert_true(s->samples > 20);
        assert_int_equal(f->samples, 0);
        assert_int_equal(f->lost, 0);
}

static void drop_and_spin(uid_t uid, int start_fd, int ready_fd) {
        char byte;

        if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
                _exit(1);
        (void) write(ready_fd, "", 1);
        (void) read(start_fd, &byte, 1);
        (void) prctl(PR_SET_DUMPABLE, 1);
        for (;;)
                ;
}

/* Its samples are the user's, but what is known of its mappings is from when it was not his. */
static void test_mappings_of_who_gained_privileges_are_not_shown(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG STORAGE);
        SessionRequest q, all;
        char cgroup[256], byte;
        int start_pipe[2], ready[2];
        Session *s, *everything;
        pid_t pid;

        assert_return_code(pipe2(start_pipe, O_CLOEXEC), errno);
        assert_return_code(pipe2(ready, O_CLOEXEC), errno);
        cgroup_make("/gained", cgroup);
        pid = cgroup_enter_child(cgroup);
        if (pid == 0)
                drop_and_spin(65534, start_pipe[0], ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        q = request_of("cgroup:", cgroup);
        all = request_of("cgroup:", cgroup);
        q.restricted = true;
        q.uid = 65534;
        s = start(p, q); /* which reads them */
        everything = start(p, all);
        assert_int_equal(write(start_pipe[1], "", 1), 1);
        run_until_used(p, cgroup, NSEC_PER_SEC / 2);
        stop(p, s);
        stop(p, everything);
        reap(pid);
        cgroup_remove(cgroup);
        for (unsigned i = 0; i < 2; i++) {
                close(start_pipe[i]);
                close(ready[i]);
        }
        assert_true(everything->samples > 20);
        assert_int_equal(s->samples, 0);
}

/* ---- ends ---- */

static void test_time_ends_it(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG STORAGE);
        _cleanup_(work_done) Work w = work_new("/time");
        SessionRequest q = request_of("cgroup:", w.cgroup);
        Session *s;

        q.duration_usec = USEC_PER_SEC;
        q.store = true;
        s = start(p, q);
        run_until_over(p, s);
        assert_int_equal(s->state, SESSION_FINISHED);
        assert_in_range(s->ended_usec - s->started_monotonic, USEC_PER_SEC, 2 * USEC_PER_SEC);
        assert_int_equal(session_get_elapsed(s), USEC_PER_SEC);
        assert_non_null(s->stored_path);
        assert_int_equal(access(s->stored_path, R_OK), 0);
        assert_non_null(strstr(s->stored_path, "/cpu-session."));
}

static void test_a_cancelled_session_has_no_result(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG STORAGE);
        Session *s;

        s = start(p, request_of("host", NULL));
        profiling_run(p, 200000);
        session_registry_cancel(manager_get_sessions(p->manager), s);
        assert_int_equal(s->state, SESSION_CANCELLED);
        assert_int_equal(session_result_open(&s->result, SESSION_FORMAT_PPROF), -ENODATA);
        session_registry_stop(manager_get_sessions(p->manager), s);
        assert_int_equal(s->state, SESSION_CANCELLED);
}

static void test_results_go_after_their_retention(void **state) {
        _cleanup_(profiling_freep) Profiling *p =
                profiling_started(CONFIG STORAGE "[Sessions]\nSessionResultRetentionSec=1s\n");
        SessionRegistry *t = manager_get_sessions(p->manager);
        Session *s;
        uint64_t id;

        s = start(p, request_of("host", NULL));
        id = s->id;
        profiling_run(p, 200000);
        stop(p, s);
        assert_ptr_equal(session_registry_find(t, id), s);
        profiling_run(p, 2 * USEC_PER_SEC);
        assert_null(session_registry_find(t, id));
        assert_null(session_registry_next(t, NULL));
}

/* ---- limits ---- */

static int try(Profiling *p, uid_t uid, unsigned hz, usec_t duration) {
        SessionRequest q = request_of("host", NULL);
        const char *reason;
        Session *s;

        q.uid = uid;
        q.frequency_hz = hz;
        q.duration_usec = duration;
        return session_registry_start(manager_get_sessions(p->manager), &q, &s, &reason);
}

static void test_limits_are_kept_for_each_user_and_for_all(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(
                CONFIG STORAGE "[Sessions]\nMaxSessions=3\nMaxSessionsPerUser=2\n"
                               "MaxSessionFrequency=500\nMaxSessionDurationSec=10s\n");

        assert_int_equal(try(p, 1, 501, USEC_PER_SEC), -ERANGE);
        assert_int_equal(try(p, 1, 0, USEC_PER_SEC), -ERANGE);
        assert_int_equal(try(p, 1, 99, USEC_PER_SEC - 1), -ERANGE);
        assert_int_equal(try(p, 1, 99, 10 * USEC_PER_SEC + 1), -ERANGE);
        assert_int_equal(try(p, 1, 99, 10 * USEC_PER_SEC), 0);
        assert_int_equal(try(p, 1, 500, 10 * USEC_PER_SEC), 0);
        assert_int_equal(try(p, 1, 99, 10 * USEC_PER_SEC), -EUSERS);
        assert_int_equal(try(p, 2, 99, 10 * USEC_PER_SEC), 0);
        assert_int_equal(try(p, 3, 99, 10 * USEC_PER_SEC), -EBUSY);
}

static void test_a_user_keeps_so_many_results_and_no_more(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG STORAGE);
        SessionRegistry *t = manager_get_sessions(p->manager);
        size_t n = 0;

        for (unsigned i = 0; i < SESSION_RESULTS_PER_USER_MAX + 5; i++) {
                assert_int_equal(try(p, 1, 99, USEC_PER_SEC), 0);
                for (Session *s = session_registry_next(t, NULL); s;
                     s = session_registry_next(t, s))
                        if (!session_is_over(s)) {
                                session_registry_cancel(t, s);
                                break;
                        }
        }
        for (Session *s = session_registry_next(t, NULL); s; s = session_registry_next(t, s))
                n++;
        assert_int_equal(n, SESSION_RESULTS_PER_USER_MAX);
}

/* ---- the stream ---- */

static void test_folded_pieces_add_up_to_the_result(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG STORAGE);
        _cleanup_(work_done) Work w = work_new("/stream");
        SessionRequest q = request_of("cgroup:", w.cgroup);
        _cleanup_fclose_ FILE *f = NULL;
        unsigned long long sum = 0, n;
        char line[8192];
        size_t pieces = 0;
        int ends[2];
        Session *s;

        assert_return_code(pipe2(ends, O_CLOEXEC), errno);
        q.stream_fd = ends[1];
        s = start(p, q);
        run_until_used(p, w.cgroup, NSEC_PER_SEC);
        stop(p, s);
        profiling_run(p, 100000);
        f = fdopen(ends[0], "r");
        assert_non_null(f);
        while (fgets(line, sizeof(line), f)) { /* to the end of the file: the pipe is closed */
                const char *space = strrchr(line, ' ');

                assert_non_null(space);
                assert_int_equal(sscanf(space, " %llu", &n), 1);
                sum += n;
                pieces++;
        }
        assert_int_equal(sum, s->samples);
        assert_true(pieces > 4);
        assert_int_equal(s->stream_dropped, 0);
}

static void test_a_reader_that_never_reads_loses_only_what_is_his(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG STORAGE);
        _cleanup_(profile_freep) Profile *profile = NULL;
        _cleanup_(work_done) Work w = work_new("/deaf");
        SessionRequest q = request_of("cgroup:", w.cgroup);
        _cleanup_close_ int reader = -EBADF;
        int ends[2];
        Session *s;

        assert_return_code(pipe2(ends, O_CLOEXEC), errno);
        assert_return_code(fcntl(ends[1], F_SETPIPE_SZ, 4096), errno);
        reader = ends[0];
        q.stream_fd = ends[1];
        q.stream_format = SESSION_FORMAT_PPROF;
        s = start(p, q);
        run_until_used(p, w.cgroup, NSEC_PER_SEC);
        stop(p, s);
        profile = result_of(s);
        assert_is_of_split(profile, s);
}

/* ---- beside the units ---- */

static void test_the_units_profile_is_right_while_sessions_run(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG STORAGE);
        _cleanup_(profile_freep) Profile *profile = NULL;
        _cleanup_(work_done) Work w = work_new("/beside");
        SessionRequest q = request_of("host", NULL);
        _cleanup_(stored_done) Stored stored = {};
        uint64_t used, samples;
        Session *s;

        profiling_report(p, "beside.service", w.cgroup, 1, w.pid);
        used = cgroup_usage_nsec(w.cgroup);
        q.frequency_hz = 1000;
        s = start(p, q);
        run_until_used(p, w.cgroup, 2 * NSEC_PER_SEC);
        profiling_flush(p, NULL);
        used = cgroup_usage_nsec(w.cgroup) - used;
        stop(p, s);
        stored = profiling_list(p, "beside.service");
        assert_int_equal(stored.n, 1);
        profile = stored_read(&stored, 0);
        samples = (uint64_t) profile_total(profile, 0);
        assert_in_range(samples, used / (NSEC_PER_SEC / 99) * 85 / 100,
                        used / (NSEC_PER_SEC / 99) * 115 / 100);
        assert_in_range((uint64_t) profile_total(profile, 1), used * 85 / 100, used * 115 / 100);
        assert_true(s->samples > samples * 8);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_cgroup_is_recorded_with_names),
                cmocka_unit_test(test_a_process_is_recorded_until_it_ends),
                cmocka_unit_test(test_children_belong_to_a_process_only_if_they_are_asked_for),
                cmocka_unit_test(test_the_host_is_everything),
                cmocka_unit_test(test_a_unit_that_starts_anew_is_followed),
                cmocka_unit_test(test_the_kernel_is_left_out_where_it_is_not_wanted),
                cmocka_unit_test(test_who_is_restricted_sees_his_own_processes_only),
                cmocka_unit_test(test_mappings_of_who_gained_privileges_are_not_shown),
                cmocka_unit_test(test_time_ends_it),
                cmocka_unit_test(test_a_cancelled_session_has_no_result),
                cmocka_unit_test(test_results_go_after_their_retention),
                cmocka_unit_test(test_limits_are_kept_for_each_user_and_for_all),
                cmocka_unit_test(test_a_user_keeps_so_many_results_and_no_more),
                cmocka_unit_test(test_folded_pieces_add_up_to_the_result),
                cmocka_unit_test(test_a_reader_that_never_reads_loses_only_what_is_his),
                cmocka_unit_test(test_the_units_profile_is_right_while_sessions_run),
        };
        const char *missing = missing_for_kernel_tests();

        if (missing) {
                printf("1..0 # SKIP needs %s\n", missing);
                return EXIT_SKIPPED;
        }
        log_set_max_level(LOG_CRIT);
        (void) signal(SIGPIPE, SIG_IGN);
        block_sigchld();
        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
