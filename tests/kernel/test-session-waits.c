/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions that look at where threads wait */

#include "session-fixture.h"

#include <signal.h>
#include <sys/prctl.h>

#include "basic/log.h"

#define CONFIG "[Profilerd]\nFrequency=99\nInterval=30min\n[Storage]\nKeepFree=0\n"
#define OFFCPU CONFIG_TYPE(WINDOW_OFF_CPU)
#define CPU    CONFIG_TYPE(WINDOW_CPU)

enum { NAP_MSEC = 20 };

/* ---- who waits ---- */

static void nap(void) {
        const struct timespec span = { .tv_nsec = NAP_MSEC * 1000000L };

        nanosleep(&span, NULL);
}

static void nap_and_nap(void) {
        for (;;)
                nap();
}

static void half_awake(void) {
        for (;;) {
                usec_t end = now_usec(CLOCK_MONOTONIC) + NAP_MSEC * USEC_PER_MSEC;

                while (now_usec(CLOCK_MONOTONIC) < end)
                        ;
                nap();
        }
}

/* For good, once SIGUSR1 has come. */
static void wait_for_good(void) {
        sigset_t set;
        int signal;

        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        sigprocmask(SIG_BLOCK, &set, NULL);
        sigwait(&set, &signal);
        for (;;)
                pause();
}

typedef struct Sleeper {
        char cgroup[256];
        pid_t pid;
} Sleeper;

static Sleeper sleeper_new(const char *name, void (*work)(void)) {
        Sleeper s;

        cgroup_make(name, s.cgroup);
        s.pid = cgroup_spawn(s.cgroup, work);
        usleep(100000);
        return s;
}

static void sleeper_done(Sleeper *s) {
        reap(s->pid);
        cgroup_remove(s->cgroup);
}

/* ---- what was seen ---- */

static Session *watch(Profiling *p, SessionRequest q, unsigned types) {
        q.types = types;
        return start(p, q);
}

/* Of samples with this state. */
static int64_t sum_of(Profile *p, size_t value, const char *state) {
        int64_t sum = 0;

        for (size_t i = 0; i < profile_n_samples(p); i++) {
                ProfileSample sample;
                const char *found = "";

                profile_get_sample(p, i, &sample);
                for (size_t k = 0; k < sample.n_labels; k++)
                        if (streq(sample.labels[k].key, "state"))
                                found = sample.labels[k].string;
                if (streq(found, state))
                        sum += sample.values[value];
        }
        return sum;
}

static void assert_sleeps_all_the_time(Profile *profile, nsec_t elapsed_nsec) {
        assert_int_equal(profile_find_value_type(profile, "offcpu"), 1);
        assert_int_equal(profile_find_value_type(profile, "cpu"), -ENOENT);
        assert_in_range(profile_total(profile, 1), elapsed_nsec * 7 / 10, elapsed_nsec * 11 / 10);
        assert_int_equal(profile_total(profile, 1), sum_of(profile, 1, "S"));
        assert_true(count_samples_in(profile, "nap") > 10);
}

static void assert_text_has(Session *s, SessionFormat format, const char *word) {
        _cleanup_close_ int fd = session_result_open(&s->result, format);
        _cleanup_free_ char *text = NULL;

        assert_return_code(fd, -fd);
        assert_return_code(read_full_fd(fd, 64 << 20, &text, NULL), 0);
        if (!strstr(text, word))
                fail_msg("no '%s' in: %.2000s", word, text);
}

/* ---- targets ---- */

static void test_waits_are_those_of_the_target(void **state) {
        static const char *const targets[] = { "%d", "cgroup:", "host" };
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        Sleeper sleeper = sleeper_new("/sleeper", nap_and_nap);
        Sleeper other = sleeper_new("/other-sleeper", nap_and_nap);
        Session *s[3];
        usec_t begin = now_usec(CLOCK_MONOTONIC);

        s[0] = watch(p, request_of(targets[0], &sleeper.pid), OFFCPU);
        s[1] = watch(p, request_of(targets[1], sleeper.cgroup), OFFCPU);
        s[2] = watch(p, request_of(targets[2], NULL), OFFCPU);
        profiling_run(p, USEC_PER_SEC);
        begin = now_usec(CLOCK_MONOTONIC) - begin;
        for (unsigned i = 0; i < ELEMENTSOF(s); i++)
                session_registry_stop(manager_get_sessions(p->manager), s[i]);
        for (unsigned i = 0; i < ELEMENTSOF(s); i++)
                run_until_over(p, s[i]);
        sleeper_done(&sleeper);
        sleeper_done(&other);
        for (unsigned i = 0; i < ELEMENTSOF(s); i++) {
                _cleanup_(profile_freep) Profile *profile = result_of(s[i]);

                assert_int_equal(profile_total(profile, 0), s[i]->samples);
                assert_int_equal(profile_total(profile, 1), s[i]->waits_nsec);
                assert_int_equal(s[i]->cpu_nsec, 0);
                assert_int_equal(s[i]->lost, 0);
                if (i < 2)
                        assert_sleeps_all_the_time(profile, begin * NSEC_PER_USEC);
                else
                        assert_true(profile_total(profile, 1) >
                                    (int64_t) (2 * begin * NSEC_PER_USEC));
        }
        assert_text_has(s[0], SESSION_FORMAT_FOLDED, "nap;");
        assert_text_has(s[0], SESSION_FORMAT_JSON, "offcpu");
}

static void test_a_wait_that_goes_on_counts_up_to_the_end(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        Sleeper sleeper = sleeper_new("/for-good", wait_for_good);
        _cleanup_(profile_freep) Profile *profile = NULL;
        Session *s, *again;

        s = watch(p, request_of("%d", &sleeper.pid), OFFCPU);
        kill(sleeper.pid, SIGUSR1);
        profiling_run(p, USEC_PER_SEC);
        stop(p, s);
        again = watch(p, request_of("%d", &sleeper.pid), OFFCPU);
        profiling_run(p, USEC_PER_SEC / 4);
        stop(p, again);
        sleeper_done(&sleeper);
        profile = result_of(s);
        assert_in_range(profile_total(profile, 1), NSEC_PER_SEC * 8 / 10, 2 * NSEC_PER_SEC);
        assert_true(count_samples_in(profile, "pause") > 0);
        /* It has not blocked since, and nothing is left of what was known. */
        assert_int_equal(again->samples, 0);
}

static void test_both_types_have_a_value_each(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        Sleeper sleeper = sleeper_new("/half", half_awake);
        _cleanup_(profile_freep) Profile *profile = NULL;
        int64_t used;
        Session *s;

        s = watch(p, request_of("%d", &sleeper.pid), CPU | OFFCPU);
        used = (int64_t) cgroup_usage_nsec(sleeper.cgroup);
        profiling_run(p, 2 * USEC_PER_SEC);
        used = (int64_t) cgroup_usage_nsec(sleeper.cgroup) - used;
        stop(p, s);
        sleeper_done(&sleeper);
        profile = result_of(s);
        assert_int_equal(profile_find_value_type(profile, "cpu"), 1);
        assert_int_equal(profile_find_value_type(profile, "offcpu"), 2);
        assert_int_equal(profile_total(profile, 1), s->cpu_nsec);
        assert_int_equal(profile_total(profile, 2), s->waits_nsec);
        assert_int_equal(sum_of(profile, 1, ""), s->cpu_nsec);
        assert_int_equal(sum_of(profile, 2, "S"), s->waits_nsec);
        assert_in_range(s->cpu_nsec, used * 6 / 10, used * 14 / 10);
        assert_true(s->waits_nsec > NSEC_PER_SEC / 5);
        assert_text_has(s, SESSION_FORMAT_FOLDED, "cpu;");
        assert_text_has(s, SESSION_FORMAT_FOLDED, "offcpu;");
}

/* ---- who may see it ---- */

static void nap_as_nobody(void) {
        if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
                _exit(1);
        (void) prctl(PR_SET_DUMPABLE, 1);
        nap_and_nap();
}

static void test_who_is_restricted_sees_his_own_waits_only(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);
        Sleeper own = sleeper_new("/own-waits", nap_as_nobody), others = own;
        SessionRequest q = request_of("cgroup:", own.cgroup);
        _cleanup_(profile_freep) Profile *profile = NULL;
        Session *s;

        others.pid = cgroup_spawn(own.cgroup, nap_and_nap);
        q.restricted = true;
        q.uid = 65534;
        q.kernel = false;
        s = watch(p, q, OFFCPU);
        profiling_run(p, USEC_PER_SEC);
        stop(p, s);
        reap(others.pid);
        sleeper_done(&own);
        profile = result_of(s);
        assert_in_range(profile_total(profile, 1), NSEC_PER_SEC / 2, NSEC_PER_SEC * 3 / 2);
        for (size_t i = 0; i < profile_n_samples(profile); i++) {
                ProfileSample sample;

                profile_get_sample(profile, i, &sample);
                for (size_t k = 0; k < sample.n_labels; k++)
                        if (streq(sample.labels[k].key, "pid"))
                                assert_int_equal(sample.labels[k].number, own.pid);
        }
}

/* ---- beside the units ---- */

static void test_the_units_waits_are_right_while_sessions_run(void **state) {
        _cleanup_(profiling_freep) Profiling *p = profiling_new();
        Sleeper sleeper = sleeper_new("/unit-sleeper", nap_and_nap);
        _cleanup_(profile_freep) Profile *profile = NULL;
        _cleanup_(stored_done) Stored stored = {};
        usec_t begin;
        Session *s;

        profiling_configure(p, "profilerd.conf", CONFIG);
        profiling_configure(p, "units.d/10-sleeper.conf",
                            "[Match]\nUnit=sleeper.service\n[Profile]\nType=offcpu\n");
        profiling_start(p);
        profiling_report(p, "sleeper.service", sleeper.cgroup, 1, sleeper.pid);
        begin = now_usec(CLOCK_MONOTONIC);
        s = watch(p, request_of("host", NULL), CPU | OFFCPU);
        profiling_run(p, USEC_PER_SEC);
        stop(p, s);
        s = watch(p, request_of("%d", &sleeper.pid), OFFCPU);
        profiling_run(p, USEC_PER_SEC);
        session_registry_cancel(manager_get_sessions(p->manager), s);
        profiling_flush(p, NULL);
        begin = now_usec(CLOCK_MONOTONIC) - begin;
        sleeper_done(&sleeper);
        stored = profiling_list(p, "sleeper.service");
        assert_int_equal(stored.n, 1);
        assert_string_equal(stored.entries[0].type, "offcpu");
        profile = stored_read(&stored, 0);
        assert_sleeps_all_the_time(profile, begin * NSEC_PER_USEC);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_waits_are_those_of_the_target),
                cmocka_unit_test(test_a_wait_that_goes_on_counts_up_to_the_end),
                cmocka_unit_test(test_both_types_have_a_value_each),
                cmocka_unit_test(test_who_is_restricted_sees_his_own_waits_only),
                cmocka_unit_test(test_the_units_waits_are_right_while_sessions_run),
        };
        const char *missing = missing_for_kernel_tests();

        if (missing) {
                printf("1..0 # SKIP needs %s\n", missing);
                return EXIT_SKIPPED;
        }
        log_set_max_level(LOG_CRIT);
        block_sigchld();
        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
