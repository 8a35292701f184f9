/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Beside Perf
 *
 * Two threads without frame pointers, profiled at the same time and at the same rate by profilerd
 * and by `perf record --call-graph dwarf`, up to names on disk: CPU time in user space for each
 * sample, bytes written, and how many stacks reach the start of their thread. The walk itself, in
 * interrupts, is measured by bench-walk; what perf copies there is not counted either.
 */

#include <sys/resource.h>
#include <sys/wait.h>

#include "basic/log.h"
#include "figures.h"
#include "profile/profile-quality.h"
#include "tests/kernel/stored-fixture.h"

enum { COMPLETE_PERCENT_MIN = 99 };

#define SECONDS       "6"
#define RECORD_USEC   (6 * USEC_PER_SEC)
#define SETTLE        (2 * USEC_PER_SEC) /* indexes are made */
#define CPU_SHARE_MAX 0.06               /* of perf's */
#define DATA          "/tmp/profilerd-bench-perf.data"
#define CONFIG        "[Profilerd]\nInterval=1h\n[Storage]\nKeepFree=0\n"

typedef struct Result {
        double samples, usec, bytes, complete;
} Result;

static double cpu_usec(int who) {
        struct rusage u;

        getrusage(who, &u);
        return (double) (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
               (double) (u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static bool has_perf(void) {
        return system("perf --version > /dev/null 2>&1") == 0;
}

static pid_t start_perf(pid_t target) {
        pid_t pid = fork();
        char number[16];
        sigset_t none;

        snprintf(number, sizeof(number), "%d", (int) target);
        if (pid == 0) {
                /* It waits for SIGCHLD, which is blocked here. */
                sigemptyset(&none);
                sigprocmask(SIG_SETMASK, &none, NULL);
                execlp("perf", "perf", "record", "-q", "-e", "cpu-clock", "-F", "99",
                       "--call-graph", "dwarf", "-o", DATA, "-p", number, "--", "sleep", SECONDS,
                       NULL);
                _exit(127);
        }
        return pid;
}

/* Of each sample an empty line ends what was found; the outermost function is in front of it. */
static void read_script(Result *ret) {
        char line[4096], outermost[4096] = "";
        FILE *f = popen("perf script -i " DATA " -F ip,sym 2> /dev/null", "re");

        assert_non_null(f);
        while (fgets(line, sizeof(line), f)) {
                if (line[0] != '\n') {
                        snprintf(outermost, sizeof(outermost), "%s", line);
                        continue;
                }
                ret->samples++;
                ret->complete += strstr(outermost, "_start") || strstr(outermost, "clone") ||
                                 strstr(outermost, "start_thread");
        }
        pclose(f);
}

/* perf's CPU time is that of its record and its script, which children are. */
static Result finish_perf(pid_t pid, double children_before) {
        Result result = {};
        struct stat st;
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_return_code(stat(DATA, &st), errno);
        result.bytes = (double) st.st_size;
        read_script(&result);
        unlink(DATA);
        result.usec = cpu_usec(RUSAGE_CHILDREN) - children_before;
        return result;
}

static Result result_of_profile(const Profiling *p) {
        _cleanup_(stored_done) Stored s = profiling_list(p, "perf.service");
        Profile *profile = stored_read(&s, s.n - 1);
        Result result = { .bytes = (double) s.entries[s.n - 1].size_bytes };
        ProfileNotes notes = {};

        profile_notes_add(&notes, profile);
        result.samples = (double) notes.samples;
        result.complete = (double) notes.stacks_complete;
        profile_free(profile);
        return result;
}

static void print(const char *who, const char *depth, const Result *r) {
        char name[64];

        snprintf(name, sizeof(name), "%s-complete-of-%s-frames", who, depth);
        figure(name, 100 * r->complete / r->samples, "%");
        snprintf(name, sizeof(name), "%s-cpu-at-%s-frames", who, depth);
        figure(name, r->usec / r->samples, "us/sample");
        snprintf(name, sizeof(name), "%s-writes-at-%s-frames", who, depth);
        figure(name, r->bytes / r->samples, "bytes/sample");
}

/* True: a target was missed. */
static bool measure(Profiling *p, uint8_t invocation, const char *depth, const char *frames) {
        double before, children;
        char cgroup[256], path[512];
        Result ours, perfs;
        pid_t pid, perf;

        cgroup_make("/perf", cgroup);
        pid = cgroup_exec(cgroup, program_path("split-bare", path), depth, "1000", "2");
        profiling_report(p, "perf.service", cgroup, invocation, pid);
        profiling_run(p, SETTLE);
        profiling_flush(p, NULL);

        children = cpu_usec(RUSAGE_CHILDREN);
        before = cpu_usec(RUSAGE_SELF);
        perf = start_perf(pid);
        profiling_run(p, RECORD_USEC);
        profiling_flush(p, NULL);
        before = cpu_usec(RUSAGE_SELF) - before;
        ours = result_of_profile(p);
        ours.usec = before;
        perfs = finish_perf(perf, children);

        reap(pid);
        cgroup_remove(cgroup);
        profiling_report(p, "perf.service", "", 0, 0);
        if (perfs.samples == 0 || ours.samples == 0)
                return true;
        print("profilerd", frames, &ours);
        print("perf-dwarf", frames, &perfs);
        return ours.complete * 100 < COMPLETE_PERCENT_MIN * ours.samples ||
               figure_at_most("profilerd-cpu-beside-perf-dwarf",
                              ours.usec / ours.samples / (perfs.usec / perfs.samples), "times",
                              CPU_SHARE_MAX);
}

int main(void) {
        const char *missing = missing_for_kernel_tests();
        _cleanup_(profiling_freep) Profiling *p = NULL;
        bool failed;

        if (!missing && !has_perf())
                missing = "perf: apt-get install linux-perf";
        if (missing) {
                printf("skipped: needs %s\n", missing);
                return EXIT_SKIPPED;
        }
        log_set_max_level(LOG_WARNING);
        block_sigchld();
        p = profiling_started(CONFIG);
        failed = measure(p, 1, "39", "44");
        failed |= measure(p, 2, "110", "115");
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
