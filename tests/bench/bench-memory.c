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

int main(void) {
        const char *missing = missing_for_kernel_tests();
        _cleanup_(profiling_freep) Profiling *p = NULL;
        char cgroup[256], path[512];
        ManagerStatistics one, many;
        bool failed = false;
        pid_t pid;

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

        /* As if the unit had started before the daemon: all its processes are looked at. */
        manager_unit_gone(p->manager, "memory.service");
        pid = cgroup_exec(cgroup, program_path("idle", path), PROCESSES, NULL, NULL);
        profiling_run(p, USEC_PER_SEC);
        profiling_report(p, "memory.service", cgroup, 2, pid);
        profiling_run(p, USEC_PER_SEC);
        manager_get_statistics(p->manager, &many);
        figure("processes-known", (double) many.n_processes, "processes");
        failed |= figure_at_most("memory-of-1000-idle-processes",
                                 ((double) many.memory_bytes - (double) one.memory_bytes) / 1e6,
                                 "MB", PROCESSES_MB_MAX);
        failed |= measure_idle(p);

        reap(pid);
        usleep(200000); /* its children die with it */
        cgroup_remove(cgroup);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
