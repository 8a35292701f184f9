/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks by Tables, measured
 *
 * What the kernel says a sample of a program without frame pointers takes, its tables loaded; and
 * beside it what perf needs in user space for a sample of the same program with a copy of its
 * stack, where perf is installed.
 */

#include <bpf/bpf.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "capture/sampler.h"
#include "capture/unwind-loader.h"
#include "figures.h"
#include "process/maps.h"
#include "program-time.h"
#include "tests/kernel/cgroup-fixture.h"
#include "tests/kernel/index-fixture.h"

enum {
        ROUNDS = 5,
        WARM_HZ = 9999,
        WARM_USEC = 300 * 1000,
        SAMPLE_NSEC_MAX = 5400, /* 0.8 of what a scheme of map look-ups takes for 46 frames */
};
#define DEPTH "39"

typedef struct Bench {
        sd_event *event;
        Sampler *sampler;
        UnwindLoader *loader;
        FileTable *files;
        char cgroup[256];
        pid_t task;
        uint64_t n_samples, n_frames, n_complete;
} Bench;

static void on_sample(const struct sample_record *record,
                      const uint64_t *frames,
                      nsec_t weight_nsec,
                      void *userdata) {
        Bench *b = userdata;

        b->n_samples++;
        b->n_frames += record->n_user;
        b->n_complete += record->stack_end == STACK_END_COMPLETE;
}

static void on_process(const ProcessRecord *record, void *userdata) {
}

static void on_nothing(void *userdata) {
}

static void load_tables(Bench *b) {
        _cleanup_(mapping_set_unrefp) MappingSet *mappings = NULL;
        _cleanup_close_ int fd = -EBADF;
        char path[64];
        size_t refused;

        snprintf(path, sizeof(path), "/proc/%d", (int) b->task);
        fd = open(path, O_PATH | O_CLOEXEC);
        assert_int_equal(maps_read(fd, b->files, &mappings, &refused), 0);
        for (size_t i = 0; i < mapping_set_size(mappings); i++)
                give_index(mapping_set_get(mappings, i)->file);
        assert_int_equal(unwind_loader_set_process(b->loader, b->task, mappings), 1);
}

static void set_up(Bench *b) {
        const SamplerOptions options = { .frequency_hz = 1 };
        const SamplerCallbacks callbacks = { on_sample, on_process, on_nothing, on_nothing };
        char path[512];

        assert_return_code(sd_event_new(&b->event), 0);
        assert_return_code(sampler_new(&b->sampler, b->event, &options, &callbacks, b, NULL), 0);
        assert_return_code(unwind_loader_new(&b->loader, sampler_get_unwind_segments_fd(b->sampler),
                                             sampler_get_unwind_processes_fd(b->sampler), 64 << 20),
                           0);
        assert_return_code(file_table_new(&b->files), 0);
        cgroup_make("/walk", b->cgroup);
        snprintf(path, sizeof(path), "%s/split-bare", getenv("TEST_PROGRAMS") ?: ".");
        b->task = cgroup_enter_child(b->cgroup);
        if (b->task == 0) {
                execl(path, path, DEPTH, "1000", NULL);
                _exit(127);
        }
        usleep(200000);
        load_tables(b);
        assert_return_code(sampler_set_target(b->sampler, cgroup_id_of(b->cgroup), 0, SHARE_ALL),
                           0);
}

static void tear_down(Bench *b) {
        reap(b->task);
        cgroup_remove(b->cgroup);
        unwind_loader_free(b->loader);
        file_table_free(b->files);
        sampler_free(b->sampler);
        sd_event_unref(b->event);
}

static void drain(void *userdata) {
        sampler_drain(userdata);
}

/* Nanoseconds of one sample. */
static double measure(Bench *b) {
        return program_nsec(sampler_get_program_fd(b->sampler), b->task, WARM_HZ, WARM_USEC, drain,
                            b->sampler);
}

static double children_usec(void) {
        struct rusage u;

        getrusage(RUSAGE_CHILDREN, &u);
        return (double) (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
               (double) (u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* Recording and unwinding, as perf does it later. */
static void measure_perf(const Bench *b) {
        char command[512];
        double before = children_usec();
        unsigned n = 0;
        FILE *f;

        snprintf(
                command, sizeof(command),
                "perf record -q --call-graph dwarf -F 199 -p %d -o /tmp/profilerd-bench.data sleep "
                "2 2>/dev/null && perf script -i /tmp/profilerd-bench.data -F ip 2>/dev/null | "
                "grep -c '^$'; rm -f /tmp/profilerd-bench.data",
                (int) b->task);
        f = popen(command, "re");
        if (!f)
                return;
        if (fscanf(f, "%u", &n) != 1)
                n = 0;
        pclose(f);
        if (n > 0)
                figure("perf-dwarf-sample", (children_usec() - before) / n, "us");
}

int main(void) {
        const char *missing = missing_for_kernel_tests();
        double nsec[ROUNDS], frames;
        Bench b = {};
        bool failed;
        int stats;

        if (missing) {
                printf("skipped: needs %s\n", missing);
                return EXIT_SKIPPED;
        }
        stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
        assert_return_code(stats, errno);
        set_up(&b);
        for (unsigned i = 0; i < ROUNDS; i++)
                nsec[i] = measure(&b);
        frames = (double) b.n_frames / (double) MAX(b.n_samples, UINT64_C(1));
        failed = figure_at_most("walk-by-tables", median(nsec, ROUNDS), "ns", SAMPLE_NSEC_MAX);
        figure("walk-by-tables-frames", frames, "frames");
        figure("walk-by-tables-of-one-frame", median(nsec, ROUNDS) / frames, "ns");
        figure("walk-by-tables-complete", 100.0 * (double) b.n_complete / (double) b.n_samples,
               "%");
        measure_perf(&b);
        tear_down(&b);
        close(stats);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
