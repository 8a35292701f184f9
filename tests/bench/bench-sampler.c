/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BPF Program, measured
 *
 * What the kernel says each run takes (BPF_ENABLE_STATS), in rounds that alternate with the floor
 * programs so that whatever else the machine does falls on all of them. The programs run on events
 * of one busy task: warm at a rate that no configuration allows, cold at the default one.
 */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sched.h>

#include "capture/sampler.h"
#include "figures.h"
#include "floor.skel.h"
#include "program-time.h"
#include "tests/kernel/cgroup-fixture.h"

enum {
        ROUNDS = 5,
        WARM_HZ = 9999,
        WARM_USEC = 250 * 1000,
        COLD_HZ = 99,
        COLD_USEC = 2 * 1000 * 1000,
        MANY_TARGETS = 1000,

        MISS_ADDED_NSEC_MAX = 60,
};
#define HIT_RATIO_MAX 1.25
/* With the frames of the chain down to main(): 44 in all. */
#define DEPTH "39"

typedef enum Kind {
        KIND_NOTHING,
        KIND_BOTH_STACKS,
        KIND_MISS,      /* of one target */
        KIND_MISS_MANY, /* of MANY_TARGETS */
        KIND_HIT,
        _KIND_MAX,
} Kind;

typedef struct Bench {
        sd_event *event;
        Sampler *sampler;
        struct floor_bpf *floor;
        struct ring_buffer *floor_ring;
        char cgroup[256];
        pid_t task;

        uint64_t n_samples, n_frames;
} Bench;

static void on_sample(const struct sample_record *record,
                      const uint64_t *frames,
                      nsec_t weight_nsec,
                      void *userdata) {
        Bench *b = userdata;

        b->n_samples++;
        b->n_frames += record->n_user;
}

static void on_process(const ProcessRecord *record, void *userdata) {
}

static void on_nothing(void *userdata) {
}

static int on_floor_record(void *userdata, void *data, size_t size) {
        return 0;
}

static void set_up(Bench *b) {
        const SamplerOptions options = { .frequency_hz = 1 };
        const SamplerCallbacks callbacks = { on_sample, on_process, on_nothing, on_nothing };
        char path[512];

        assert_return_code(sd_event_new(&b->event), 0);
        assert_return_code(sampler_new(&b->sampler, b->event, &options, &callbacks, b, NULL), 0);
        b->floor = floor_bpf__open_and_load();
        assert_non_null(b->floor);
        b->floor_ring =
                ring_buffer__new(bpf_map__fd(b->floor->maps.stacks), on_floor_record, NULL, NULL);
        assert_non_null(b->floor_ring);

        cgroup_make("/bench", b->cgroup);
        snprintf(path, sizeof(path), "%s/split", getenv("TEST_PROGRAMS") ?: ".");
        b->task = cgroup_enter_child(b->cgroup);
        if (b->task == 0) {
                execl(path, path, DEPTH, "1000", NULL);
                _exit(127);
        }
        usleep(100000);
}

static void tear_down(Bench *b) {
        reap(b->task);
        cgroup_remove(b->cgroup);
        ring_buffer__free(b->floor_ring);
        floor_bpf__destroy(b->floor);
        sampler_free(b->sampler);
        sd_event_unref(b->event);
}

/* Cgroup ids that no cgroup has. */
static void set_other_targets(Bench *b, size_t n) {
        for (size_t i = 0; i < n; i++)
                assert_return_code(sampler_set_target(b->sampler, UINT64_C(1) << 60 | i,
                                                      (uint32_t) i + 1, SHARE_ALL),
                                   0);
}

static void remove_other_targets(Bench *b, size_t n) {
        for (size_t i = 0; i < n; i++)
                sampler_remove_target(b->sampler, UINT64_C(1) << 60 | i);
}

static void drain(void *userdata) {
        Bench *b = userdata;

        sampler_drain(b->sampler);
        ring_buffer__consume(b->floor_ring);
}

static double measure_program(Bench *b, int program_fd, unsigned frequency_hz, usec_t duration) {
        return program_nsec(program_fd, b->task, frequency_hz, duration, drain, b);
}

static double measure(Bench *b, Kind kind, unsigned frequency_hz, usec_t duration) {
        size_t n_targets = kind == KIND_MISS_MANY ? MANY_TARGETS : 1;
        int program_fd = sampler_get_program_fd(b->sampler);
        double nsec;

        switch (kind) {
        case KIND_NOTHING:
                program_fd = bpf_program__fd(b->floor->progs.nothing);
                break;
        case KIND_BOTH_STACKS:
                program_fd = bpf_program__fd(b->floor->progs.both_stacks);
                break;
        case KIND_MISS:
        case KIND_MISS_MANY:
                set_other_targets(b, n_targets);
                nsec = measure_program(b, program_fd, frequency_hz, duration);
                remove_other_targets(b, n_targets);
                return nsec;
        case KIND_HIT:
                assert_return_code(
                        sampler_set_target(b->sampler, cgroup_id_of(b->cgroup), 0, SHARE_ALL), 0);
                nsec = measure_program(b, program_fd, frequency_hz, duration);
                sampler_remove_target(b->sampler, cgroup_id_of(b->cgroup));
                return nsec;
        case _KIND_MAX:
                break;
        }
        return measure_program(b, program_fd, frequency_hz, duration);
}

static bool measure_warm(Bench *b) {
        double nsec[_KIND_MAX][ROUNDS], middle[_KIND_MAX];
        bool failed = false;

        for (unsigned i = 0; i < ROUNDS; i++)
                for (Kind k = 0; k < _KIND_MAX; k++)
                        nsec[k][i] = measure(b, k, WARM_HZ, WARM_USEC);
        for (Kind k = 0; k < _KIND_MAX; k++)
                middle[k] = median(nsec[k], ROUNDS);

        figure("bpf-empty-program", middle[KIND_NOTHING], "ns");
        failed |= figure_at_most("bpf-miss-over-empty", middle[KIND_MISS] - middle[KIND_NOTHING],
                                 "ns", MISS_ADDED_NSEC_MAX);
        failed |= figure_at_most("bpf-miss-of-1000-targets-over-empty",
                                 middle[KIND_MISS_MANY] - middle[KIND_NOTHING], "ns",
                                 MISS_ADDED_NSEC_MAX);
        figure("bpf-hit", middle[KIND_HIT], "ns");
        figure("bpf-hit-user-frames",
               (double) b->n_frames / (double) MAX(b->n_samples, UINT64_C(1)), "frames");
        failed |=
                figure_at_most("bpf-hit-over-kernel-helper",
                               middle[KIND_HIT] / middle[KIND_BOTH_STACKS], "times", HIT_RATIO_MAX);
        return failed;
}

static void measure_cold(Bench *b) {
        figure("bpf-empty-program-at-99hz", measure(b, KIND_NOTHING, COLD_HZ, COLD_USEC), "ns");
        figure("bpf-miss-at-99hz", measure(b, KIND_MISS, COLD_HZ, COLD_USEC), "ns");
        figure("bpf-hit-at-99hz", measure(b, KIND_HIT, COLD_HZ, COLD_USEC), "ns");
}

int main(void) {
        const char *missing = missing_for_kernel_tests();
        SamplerLoss loss;
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
        failed = measure_warm(&b);
        measure_cold(&b);
        sampler_get_loss(b.sampler, &loss);
        figure("bpf-samples-lost", (double) loss.samples[LOSS_RING_FULL], "samples");
        tear_down(&b);
        close(stats);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
