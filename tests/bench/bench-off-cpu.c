/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Off-CPU Sampling, measured
 *
 * What the kernel says the program takes for each switch (BPF_ENABLE_STATS), while two tasks wake
 * each other as fast as they can, which is the worst that a host can do to it.
 */

#include <bpf/bpf.h>

#include "capture/off-cpu.h"
#include "figures.h"
#include "tests/kernel/cgroup-fixture.h"

enum {
        ROUNDS = 5,
        ROUND_USEC = 300 * 1000,
        WARM_UP_USEC = 100 * 1000, /* what may be taken at once is taken */
        DRAIN_USEC = 10 * 1000,
        DEFAULT_HZ = 200,
        ALL_HZ = 100 * 1000 * 1000,

        PASSED_OVER_ADDED_NSEC_MAX = 150,
};

typedef enum Kind {
        KIND_OTHERS, /* the tasks are of no target */
        KIND_DEFAULT,
        KIND_ALL, /* each wait is a sample */
        _KIND_MAX,
} Kind;

typedef struct Bench {
        sd_event *event;
        Sampler *sampler;
        OffCpu *off_cpu;
        char cgroup[256];
        pid_t task;
        uint64_t n_samples;
} Bench;

static void on_sample(const struct sample_record *record,
                      const uint64_t *frames,
                      nsec_t weight_nsec,
                      void *userdata) {
        Bench *b = userdata;

        b->n_samples += record->n_user > 0;
}

static void on_process(const ProcessRecord *record, void *userdata) {
}

static void on_nothing(void *userdata) {
}

static void echo(int from, int to) {
        char c;

        while (read(from, &c, 1) == 1 && write(to, &c, 1) == 1)
                ;
        _exit(0);
}

static void play_ping_pong(void) {
        int there[2], back[2];

        if (pipe(there) < 0 || pipe(back) < 0 || write(there[1], "x", 1) != 1)
                _exit(1);
        if (fork() == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                echo(there[0], back[1]);
        }
        echo(back[0], there[1]);
}

static void set_up(Bench *b) {
        const SamplerOptions options = { .frequency_hz = 1 };
        const SamplerCallbacks callbacks = { on_sample, on_process, on_nothing, on_nothing };
        const OffCpuOptions off_cpu_options = { .samples_max_hz = DEFAULT_HZ };
        const char *step;

        assert_return_code(sd_event_new(&b->event), 0);
        assert_return_code(sampler_new(&b->sampler, b->event, &options, &callbacks, b, NULL), 0);
        assert_return_code(off_cpu_new(&b->off_cpu, b->sampler, &off_cpu_options, &step), 0);
        cgroup_make("/bench", b->cgroup);
        b->task = cgroup_spawn(b->cgroup, play_ping_pong);
        usleep(100000);
}

static void tear_down(Bench *b) {
        reap(b->task);
        usleep(100000); /* the other task follows */
        cgroup_remove(b->cgroup);
        off_cpu_free(b->off_cpu);
        sampler_free(b->sampler);
        sd_event_unref(b->event);
}

static void get_runs(const Bench *b, uint64_t *ret_nsec, uint64_t *ret_n) {
        struct bpf_prog_info info = {};
        uint32_t size = sizeof(info);

        assert_return_code(bpf_obj_get_info_by_fd(off_cpu_get_program_fd(b->off_cpu), &info, &size),
                           errno);
        *ret_nsec = info.run_time_ns;
        *ret_n = info.run_cnt;
}

static void run_for(Bench *b, usec_t usec) {
        usec_t end = now_usec(CLOCK_MONOTONIC) + usec;

        while (now_usec(CLOCK_MONOTONIC) < end) {
                usleep(DRAIN_USEC);
                sampler_drain(b->sampler);
        }
}

/* Nanoseconds for each switch; *ret_sampled is the share of waits that were sampled. */
static double measure(Bench *b, Kind kind, double *ret_sampled) {
        const OffCpuOptions options = { .samples_max_hz = kind == KIND_ALL ? ALL_HZ : DEFAULT_HZ };
        uint64_t id = cgroup_id_of(b->cgroup), nsec_before, nsec, n_before, n, samples_before;

        off_cpu_set_options(b->off_cpu, &options);
        if (kind != KIND_OTHERS)
                assert_return_code(off_cpu_set_target(b->off_cpu, id, 0, true), 0);
        run_for(b, WARM_UP_USEC);
        samples_before = b->n_samples;
        get_runs(b, &nsec_before, &n_before);
        run_for(b, ROUND_USEC);
        get_runs(b, &nsec, &n);
        off_cpu_remove_target(b->off_cpu, id);
        assert_true(n > n_before);
        *ret_sampled = (double) (b->n_samples - samples_before) / (double) (n - n_before);
        return (double) (nsec - nsec_before) / (double) (n - n_before);
}

int main(void) {
        double nsec[_KIND_MAX][ROUNDS], sampled[_KIND_MAX][ROUNDS], middle[_KIND_MAX], all, few;
        const char *missing = missing_for_kernel_tests();
        bool failed = false;
        Bench b = {};
        int stats;

        if (missing) {
                printf("needs %s\n", missing);
                return EXIT_SKIPPED;
        }
        stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
        assert_return_code(stats, errno);
        set_up(&b);
        for (int round = 0; round < ROUNDS; round++)
                for (int kind = 0; kind < _KIND_MAX; kind++)
                        nsec[kind][round] = measure(&b, (Kind) kind, &sampled[kind][round]);
        for (int kind = 0; kind < _KIND_MAX; kind++)
                middle[kind] = median(nsec[kind], ROUNDS);
        all = median(sampled[KIND_ALL], ROUNDS);
        few = median(sampled[KIND_DEFAULT], ROUNDS);
        tear_down(&b);
        close(stats);

        figure("off-cpu,-switch-of-others", middle[KIND_OTHERS], "ns");
        failed |= figure_at_most("off-cpu,-added-by-a-target-at-200-Hz",
                                 middle[KIND_DEFAULT] - middle[KIND_OTHERS], "ns",
                                 PASSED_OVER_ADDED_NSEC_MAX);
        figure("off-cpu,-of-its-waits-sampled", 100 * few, "%");
        figure("off-cpu,-one-sampled-wait", (middle[KIND_ALL] - middle[KIND_OTHERS]) / all, "ns");
        return failed;
}
