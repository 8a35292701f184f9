/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory and Rest, measured
 *
 * What the daemon holds and does while nothing happens: with one unit, with a thousand idle
 * processes in it, and with a hundred idle units.
 */

#include <sys/resource.h>

#include "basic/log.h"
#include "figures.h"
#include "tests/kernel/profiling-fixture.h"

enum {
        UNITS = 100,
        IDLE_USEC = 10 * 1000 * 1000,

        RESIDENT_MB_MAX = 8,
        PROCESSES_MB_MAX = 1,
        BPF_MB_MAX = 24,
};
#define PROCESSES        "1000"
#define IDLE_PERCENT_MAX 0.1
#define CONFIG           "[Profilerd]\nInterval=1h\n[Storage]\nKeepFree=0\n"

static double cpu_usec(void) {
        struct rusage u;

        getrusage(RUSAGE_SELF, &u);
        return (double) (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
               (double) (u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static bool measure_idle(Profiling *p) {
        double before;
        char name[64];

        /* Cgroups that exist; that they are empty makes no difference to us. */
        for (unsigned i = 0; i < UNITS; i++) {
                char cgroup[256];

                snprintf(name, sizeof(name), "/%u", i);
                cgroup_make(name, cgroup);
                snprintf(name, sizeof(name), "%u.service", i);
                profiling_report(p, name, cgroup, 1, 0);
        }
        profiling_run(p, USEC_PER_SEC);
        before = cpu_usec();
        profiling_run(p, IDLE_USEC);
        before = cpu_usec() - before;
        for (unsigned i = 0; i < UNITS; i++) {
                snprintf(name, sizeof(name), "%u.service", i);
                cgroup_remove(manager_find_unit(p->manager, name)->control_group);
        }
        return figure_at_most("idle-cpu-with-100-units", before / IDLE_USEC * 100, "%-of-a-core",
                              IDLE_PERCENT_MAX);
}

/* A unit of so many idle processes, as if it had started before the daemon: all are looked at. */
typedef struct Crowd {
        char cgroup[256];
        pid_t pid;
        ManagerStatistics statistics; /* with it */
} Crowd;

static void crowd_start(Profiling *p, Crowd *c, const char *name, const char *n) {
        char path[512], unit[64];

        snprintf(path, sizeof(path), "/%s", name);
        cgroup_make(path, c->cgroup);
        snprintf(unit, sizeof(unit), "%s.service", name);
        c->pid = cgroup_exec(c->cgroup, program_path("idle", path), n, NULL, NULL);
        profiling_run(p, USEC_PER_SEC);
        profiling_report(p, unit, c->cgroup, 2, c->pid);
        profiling_run(p, USEC_PER_SEC);
        manager_get_statistics(p->manager, &c->statistics);
}

static void crowd_stop(const Crowd *c) {
        reap(c->pid);
        usleep(200000); /* its children die with it */
        cgroup_remove(c->cgroup);
}

int main(void) {
        const char *missing = missing_for_kernel_tests();
        _cleanup_(profiling_freep) Profiling *p = NULL;
        char cgroup[256];
        Crowd few = {}, many = {};
        ManagerStatistics one;
        bool failed = false;

        if (missing) {
                printf("skipped: needs %s\n", missing);
                return EXIT_SKIPPED;
        }
        log_set_max_level(LOG_WARNING);
        block_sigchld();
        p = profiling_started(CONFIG);
        cgroup_make("/memory", cgroup);
        profiling_report(p, "memory.service", cgroup, 1, 0);
        profiling_run(p, USEC_PER_SEC);
        manager_get_statistics(p->manager, &one);
        failed |= figure_at_most("memory-resident-with-1-unit", (double) one.memory_bytes / 1e6,
                                 "MB", RESIDENT_MB_MAX);
        failed |= figure_at_most("memory-of-bpf-maps", (double) one.bpf_memory_bytes / 1e6, "MB",
                                 BPF_MB_MAX);

        /* The first brings the tables of the files that they share, the others only themselves. */
        crowd_start(p, &few, "few", "1");
        figure("memory-of-2-idle-processes",
               ((double) few.statistics.memory_bytes - (double) one.memory_bytes) / 1e6, "MB");
        figure("memory-of-their-tables",
               (double) (few.statistics.bpf_memory_bytes - one.bpf_memory_bytes) / 1e6, "MB");
        crowd_start(p, &many, "many", PROCESSES);
        figure("processes-known", (double) many.statistics.n_processes, "processes");
        failed |= figure_at_most("memory-of-1000-idle-processes",
                                 ((double) many.statistics.memory_bytes -
                                  (double) few.statistics.memory_bytes +
                                  (double) many.statistics.bpf_memory_bytes -
                                  (double) few.statistics.bpf_memory_bytes) /
                                         1e6,
                                 "MB", PROCESSES_MB_MAX);
        failed |= measure_idle(p);

        crowd_stop(&many);
        crowd_stop(&few);
        cgroup_remove(cgroup);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
