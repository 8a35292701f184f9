/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First Sample, measured
 *
 * Time from the start of a unit's program until a flushed profile on the disk has a sample with
 * the name of one of the program's functions: with an empty cache of indexes, and with a warm one.
 */

#include "basic/log.h"
#include "figures.h"
#include "tests/kernel/stored-fixture.h"

#define CONFIG   "[Profilerd]\nInterval=1h\n[Storage]\nKeepFree=0\n"
#define DEADLINE (30 * USEC_PER_SEC)
#define STEP     (5 * USEC_PER_MSEC)
#define COLD_MAX 3.0
#define WARM_MAX 1.0

static bool is_named(const Profiling *p) {
        _cleanup_(stored_done) Stored s = profiling_list(p, "start.service");
        _cleanup_(profile_freep) Profile *profile = NULL;

        if (s.n == 0)
                return false;
        profile = stored_read(&s, s.n - 1);
        return count_samples_in(profile, "descend") > 0;
}

static double measure(Profiling *p, uint8_t invocation) {
        usec_t begin = now_usec(CLOCK_MONOTONIC), end;
        char cgroup[256], path[512];
        ManagerStatistics s, before;
        pid_t pid;

        manager_get_statistics(p->manager, &before);
        cgroup_make("/start", cgroup);
        pid = cgroup_exec(cgroup, program_path("split", path), "39", "1000", NULL);
        profiling_report(p, "start.service", cgroup, invocation, pid);
        do {
                assert_true(now_usec(CLOCK_MONOTONIC) < begin + DEADLINE);
                do {
                        profiling_run(p, STEP);
                        manager_get_statistics(p->manager, &s);
                } while (s.samples == before.samples);
                profiling_flush(p, NULL);
        } while (!is_named(p));
        end = now_usec(CLOCK_MONOTONIC);
        reap(pid);
        cgroup_remove(cgroup);
        profiling_report(p, "start.service", "", 0, 0);
        return (double) (end - begin) / 1e6;
}

int main(void) {
        const char *missing = missing_for_kernel_tests();
        bool failed = false;
        double cold[3], warm[5];

        if (missing) {
                printf("skipped: needs %s\n", missing);
                return EXIT_SKIPPED;
        }
        log_set_max_level(LOG_WARNING);
        block_sigchld();
        for (size_t i = 0; i < ELEMENTSOF(cold); i++) {
                _cleanup_(profiling_freep) Profiling *p = profiling_started(CONFIG);

                cold[i] = measure(p, 1);
                for (uint8_t k = 0; i == 0 && k < ELEMENTSOF(warm); k++)
                        warm[k] = measure(p, k + 2);
        }
        failed |= figure_at_most("start-to-named-sample-cold-cache", median(cold, ELEMENTSOF(cold)),
                                 "s", COLD_MAX);
        failed |= figure_at_most("start-to-named-sample-warm-cache", median(warm, ELEMENTSOF(warm)),
                                 "s", WARM_MAX);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
