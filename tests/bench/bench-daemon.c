/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Daemon, measured
 *
 * CPU time of the daemon for each sample, end to end: draining, following processes, adding up,
 * naming, and writing pprof, with both stacks and the kernel's part of it as /proc counts them.
 * The workload is two busy threads with 44 user frames.
 */

#include <sys/resource.h>

#include "basic/log.h"
#include "figures.h"
#include "tests/kernel/profiling-fixture.h"

enum {
        WINDOWS = 2,
        SAMPLE_USEC_MAX = 8,
};
#define DEPTH    "39" /* and the frames down to main(): 44 */
#define THREADS  "2"
#define DEADLINE (30 * USEC_PER_SEC)
#define STORAGE  "[Storage]\nKeepFree=0\n"

static double cpu_usec(void) {
        struct rusage u;

        getrusage(RUSAGE_SELF, &u);
        return (double) (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
               (double) (u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void run_until_written(Profiling *p, uint64_t n) {
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + DEADLINE;

        while (p->n_written < n) {
                assert_true(now_usec(CLOCK_MONOTONIC) < deadline);
                assert_true(sd_event_run(p->event, USEC_PER_SEC) >= 0);
        }
}

typedef struct Moment {
        double cpu_usec;
        usec_t now;
        ManagerStatistics statistics;
} Moment;

static Moment moment_now(Profiling *p) {
        Moment m = { .cpu_usec = cpu_usec(), .now = now_usec(CLOCK_MONOTONIC) };

        manager_get_statistics(p->manager, &m.statistics);
        return m;
}

/* From one written profile to another, so that whole windows are counted. */
static double measure(Profiling *p, uint64_t n_windows, Moment *ret_before, Moment *ret_after) {
        run_until_written(p, p->n_written + 1);
        *ret_before = moment_now(p);
        run_until_written(p, p->n_written + n_windows);
        *ret_after = moment_now(p);
        return (ret_after->cpu_usec - ret_before->cpu_usec) /
               (double) (ret_after->statistics.samples - ret_before->statistics.samples);
}

int main(void) {
        const char *missing = missing_for_kernel_tests();
        _cleanup_(profiling_freep) Profiling *p = NULL;
        char cgroup[256], path[512];
        Moment before, after;
        bool failed = false;
        double each;
        pid_t pid;

        if (missing) {
                printf("skipped: needs %s\n", missing);
                return EXIT_SKIPPED;
        }
        log_set_max_level(LOG_WARNING);
        block_sigchld();
        p = profiling_started("[Profilerd]\nFrequency=1000\nInterval=5s\n" STORAGE);
        cgroup_make("/daemon", cgroup);
        pid = cgroup_exec(cgroup, program_path("split", path), DEPTH, "1000", THREADS);
        profiling_report(p, "daemon.service", cgroup, 1, pid);

        each = measure(p, WINDOWS, &before, &after);
        failed |= figure_at_most("daemon-cpu-at-1000hz", each, "us/sample", SAMPLE_USEC_MAX);
        figure("daemon-profile",
               (double) (after.statistics.profile_bytes - before.statistics.profile_bytes) /
                       WINDOWS / 1e3,
               "kB/profile");
        figure("daemon-samples-lost-at-1000hz", (double) after.statistics.lost, "samples");

        profiling_configure(p, "profilerd.conf",
                            "[Profilerd]\nFrequency=99\nInterval=10s\n" STORAGE);
        assert_int_equal(manager_reload(p->manager, NULL), 0);
        each = measure(p, 1, &before, &after);
        figure("daemon-cpu-at-99hz", each, "us/sample");
        figure("daemon-cpu-at-99hz-both-cpus-busy",
               (after.cpu_usec - before.cpu_usec) / (double) (after.now - before.now) * 100,
               "%-of-a-core");

        reap(pid);
        cgroup_remove(cgroup);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
