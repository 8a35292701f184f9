/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions, measured
 *
 * From the request to the first sample; what a session at 99 Hz takes from what it looks at, as the
 * kernel counts the program's run time; and what one of the whole busy host at 1000 Hz holds in
 * memory, up to its result. $SESSION_SECONDS: how long the last one runs, 20 if it is not set.
 */

#include <bpf/bpf.h>

#include "basic/log.h"
#include "figures.h"
#include "session-registry.h"
#include "tests/kernel/profiling-fixture.h"

enum {
        ROUNDS = 11,
        STARTED_MSEC_MAX = 100,
        MEMORY_MB_MAX = 50,
        BUSY = 3, /* units with busy threads, more than there are CPUs */
        SECONDS = 20,
        COST_USEC = 5 * 1000 * 1000,
};
#define SLOWDOWN_PERCENT_MAX 1
#define DEPTH                "39"

/* ---- sessions ---- */

static Session *start(Profiling *p, const char *target, unsigned frequency_hz) {
        SessionRequest q = SESSION_REQUEST_NONE;
        const char *reason = "?";
        Session *s;

        assert_return_code(session_request_parse_target(&q, target, -EBADF, &reason), 0);
        q.frequency_hz = frequency_hz;
        q.duration_usec = 10 * USEC_PER_MINUTE;
        q.kernel = q.user = true;
        assert_return_code(
                session_registry_start(manager_get_sessions(p->manager), &q, &s, &reason), 0);
        return s;
}

static bool measure_start(Profiling *p, const char *target) {
        double msec[ROUNDS];

        for (unsigned i = 0; i < ROUNDS; i++) {
                usec_t begin = now_usec(CLOCK_MONOTONIC);
                Session *s = start(p, target, 99);

                while (s->samples == 0)
                        assert_true(sd_event_run(p->event, USEC_PER_SEC) >= 0);
                msec[i] = (double) (now_usec(CLOCK_MONOTONIC) - begin) / USEC_PER_MSEC;
                session_registry_cancel(manager_get_sessions(p->manager), s);
                profiling_run(p, 300 * USEC_PER_MSEC);
        }
        return figure_at_most("session-first-sample", median(msec, ROUNDS), "ms", STARTED_MSEC_MAX);
}

/* ---- what it costs ---- */

/* Of the program, since it was loaded. */
static uint64_t run_time_of(const char *name) {
        uint32_t id = 0;

        while (bpf_prog_get_next_id(id, &id) == 0) {
                struct bpf_prog_info info = {};
                uint32_t size = sizeof(info);
                int fd = bpf_prog_get_fd_by_id(id);
                bool found;

                if (fd < 0)
                        continue;
                found = bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && streq(info.name, name) &&
                        info.run_cnt > 0;
                close(fd);
                if (found)
                        return info.run_time_ns;
        }
        return 0;
}

static bool measure_slowdown(Profiling *p, const char *target, const char *cgroup) {
        int statistics = bpf_enable_stats(BPF_STATS_RUN_TIME);
        uint64_t used = cgroup_usage_nsec(cgroup), before, spent;
        Session *s;

        assert_return_code(statistics, errno);
        s = start(p, target, 99);
        profiling_run(p, USEC_PER_SEC); /* tables and caches are warm */
        before = run_time_of("on_session");
        used = cgroup_usage_nsec(cgroup);
        profiling_run(p, COST_USEC);
        spent = run_time_of("on_session") - before;
        used = cgroup_usage_nsec(cgroup) - used;
        session_registry_cancel(manager_get_sessions(p->manager), s);
        close(statistics);
        return figure_at_most("session-slowdown-at-99hz", (double) spent / (double) used * 100, "%",
                              SLOWDOWN_PERCENT_MAX);
}

/* ---- what it holds ---- */

/* Of /proc/self/status, kB. */
static double memory_of(const char *key) {
        _cleanup_free_ char *text = NULL;
        const char *line;

        assert_return_code(read_full_file_at(AT_FDCWD, "/proc/self/status", 1 << 16, &text, NULL),
                           0);
        line = strstr(text, key);
        assert_non_null(line);
        return strtod(line + strlen(key), NULL);
}

static void forget_peak(void) {
        int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

        assert_return_code(fd, errno);
        assert_int_equal(write(fd, "5", 1), 1);
        close(fd);
}

static bool measure_memory(Profiling *p) {
        const char *seconds = getenv("SESSION_SECONDS");
        double before, peak;
        bool failed;
        Session *s;

        profiling_run(p, 2 * USEC_PER_SEC);
        forget_peak();
        before = memory_of("VmRSS:");
        s = start(p, "host", 1000);
        profiling_run(p, (seconds ? strtoul(seconds, NULL, 10) : SECONDS) * USEC_PER_SEC);
        session_registry_stop(manager_get_sessions(p->manager), s);
        while (!session_is_over(s))
                assert_true(sd_event_run(p->event, USEC_PER_SEC) >= 0);
        peak = memory_of("VmHWM:");
        assert_int_equal(s->state, SESSION_FINISHED);
        failed = figure_at_most("session-memory-at-1000hz", (peak - before) / 1024, "MB",
                                MEMORY_MB_MAX);
        figure("session-samples", (double) s->samples, "samples");
        figure("session-samples-lost", (double) s->lost, "samples");
        figure("session-result", (double) s->result.size_bytes / 1e3, "kB");
        return failed;
}

int main(void) {
        const char *missing = missing_for_kernel_tests();
        _cleanup_(profiling_freep) Profiling *p = NULL;
        char cgroups[BUSY][256], path[512], target[300];
        bool failed = false;
        pid_t pids[BUSY];

        if (missing) {
                printf("skipped: needs %s\n", missing);
                return EXIT_SKIPPED;
        }
        log_set_max_level(LOG_WARNING);
        block_sigchld();
        p = profiling_started("[Profilerd]\nInterval=1h\n[Sessions]\nMaxSessionDurationSec=1h\n"
                              "[Storage]\nKeepFree=0\n");
        for (unsigned i = 0; i < BUSY; i++) {
                char name[16];

                snprintf(name, sizeof(name), "/s%u", i);
                cgroup_make(name, cgroups[i]);
                pids[i] = cgroup_exec(cgroups[i], program_path("split", path), DEPTH, "10000",
                                      i == 0 ? "1" : "2");
                if (i > 0)
                        continue;
                /* Of one busy thread. */
                profiling_run(p, USEC_PER_SEC);
                snprintf(target, sizeof(target), "cgroup:%s", cgroups[0]);
                failed |= measure_start(p, target);
                failed |= measure_slowdown(p, target, cgroups[0]);
        }
        failed |= measure_memory(p);
        for (unsigned i = 0; i < BUSY; i++) {
                reap(pids[i]);
                cgroup_remove(cgroups[i]);
        }
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
