/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unwind memory is used again under running programs
 *
 * A process is sampled as fast as the kernel can, while the tables that lead up its stack are taken
 * away, and others, which would lead astray, are put into the same memory. A walk that began before
 * may end early; it must never come to a frame that there was not.
 */

#include "cgroup-fixture.h"

#include <bpf/bpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "capture/sampler.h"
#include "capture/unwind-loader.h"
#include "process/maps.h"
#include "tests/kernel/index-fixture.h"

enum {
        HZ = 20000,
        SOMEBODY = 1, /* a process that is not sampled */
        RETURNS_MAX = 256,
        SHIFT = 64, /* bytes of code: another function's frame, or another part of the same */
};
#define BUDGET     (UINT64_C(1) << 20)
#define KNOWN_USEC (500 * USEC_PER_MSEC)
#define CHURN_USEC (2 * USEC_PER_SEC)
#define DEPTH      "40"

typedef struct Bed {
        sd_event *event;
        Sampler *sampler;
        UnwindLoader *loader;
        FileTable *files;
        MappingSet *right, *astray;
        char cgroup[256];
        pid_t task;
        int event_fd;

        bool learning;
        uint64_t returns[RETURNS_MAX]; /* return addresses that there are */
        size_t n_returns;
        size_t n_complete, n_early, n_wrong;
} Bed;

static bool is_known(const Bed *b, uint64_t address) {
        for (size_t i = 0; i < b->n_returns; i++)
                if (b->returns[i] == address)
                        return true;
        return false;
}

static void on_sample(const struct sample_record *record,
                      const uint64_t *frames,
                      nsec_t weight_nsec,
                      void *userdata) {
        const uint64_t *user = frames + record->n_kernel;
        Bed *b = userdata;

        b->n_complete += record->stack_end == STACK_END_COMPLETE;
        b->n_early += record->stack_end != STACK_END_COMPLETE;
        /* What is guessed where no table is loaded is another matter. */
        for (size_t i = 1; i < record->n_user && !(record->flags & SAMPLE_GUESSED); i++) {
                if (is_known(b, user[i]))
                        continue;
                if (!b->learning)
                        b->n_wrong++;
                else if (record->stack_end == STACK_END_COMPLETE && b->n_returns < RETURNS_MAX)
                        b->returns[b->n_returns++] = user[i];
        }
}

static void on_process(const ProcessRecord *record, void *userdata) {
}

static void on_nothing(void *userdata) {
}

/* The same mappings, and each of them as if it were of another place in its file. */
static MappingSet *lead_astray(const MappingSet *right) {
        MappingSet *s;

        assert_int_equal(mapping_set_new(&s), 0);
        for (size_t i = 0; i < mapping_set_size(right); i++) {
                Mapping m = *mapping_set_get(right, i);

                m.end -= SHIFT;
                m.offset += SHIFT;
                if (m.end > m.start)
                        assert_int_equal(mapping_set_add(&s, &m), 0);
        }
        return s;
}

static void start_task(Bed *b) {
        struct perf_event_attr attr = {
                .type = PERF_TYPE_SOFTWARE,
                .size = sizeof(attr),
                .config = PERF_COUNT_SW_CPU_CLOCK,
                .freq = 1,
                .sample_freq = HZ,
        };
        _cleanup_close_ int fd = -EBADF;
        char path[512];
        size_t refused;

        cgroup_make("/reuse", b->cgroup);
        snprintf(path, sizeof(path), "%s/split-bare", getenv("TEST_PROGRAMS") ?: ".");
        b->task = cgroup_enter_child(b->cgroup);
        if (b->task == 0) {
                execl(path, path, DEPTH, "1000", NULL);
                _exit(127);
        }
        usleep(200000);

        snprintf(path, sizeof(path), "/proc/%d", (int) b->task);
        fd = open(path, O_PATH | O_CLOEXEC);
        assert_int_equal(maps_read(fd, b->files, &b->right, &refused), 0);
        for (size_t i = 0; i < mapping_set_size(b->right); i++)
                give_index(mapping_set_get(b->right, i)->file);
        b->astray = lead_astray(b->right);
        assert_return_code(sampler_set_target(b->sampler, cgroup_id_of(b->cgroup), 0, SHARE_ALL),
                           0);
        b->event_fd =
                (int) syscall(SYS_perf_event_open, &attr, b->task, -1, -1, PERF_FLAG_FD_CLOEXEC);
        assert_return_code(b->event_fd, errno);
        assert_return_code(
                ioctl(b->event_fd, PERF_EVENT_IOC_SET_BPF, sampler_get_program_fd(b->sampler)),
                errno);
}

static void bed_init(Bed *b) {
        const SamplerCallbacks callbacks = { on_sample, on_process, on_nothing, on_nothing };
        const SamplerOptions options = { .frequency_hz = 1 };

        assert_return_code(sd_event_new(&b->event), 0);
        assert_return_code(sampler_new(&b->sampler, b->event, &options, &callbacks, b, NULL), 0);
        assert_return_code(unwind_loader_new(&b->loader, sampler_get_unwind_segments_fd(b->sampler),
                                             sampler_get_unwind_processes_fd(b->sampler), BUDGET),
                           0);
        assert_return_code(file_table_new(&b->files), 0);
        start_task(b);
}

static void bed_done(Bed *b) {
        close(b->event_fd);
        reap(b->task);
        cgroup_remove(b->cgroup);
        unwind_loader_free(b->loader);
        mapping_set_unref(b->right);
        mapping_set_unref(b->astray);
        file_table_free(b->files);
        sampler_free(b->sampler);
        sd_event_unref(b->event);
}

static void test_a_walk_never_sees_memory_that_is_used_again(void **state) {
        Bed b = { .learning = true };
        usec_t end;
        size_t n = 0;

        bed_init(&b);
        assert_int_equal(unwind_loader_set_process(b.loader, b.task, b.right), 1);
        end = now_usec(CLOCK_MONOTONIC) + KNOWN_USEC;
        while (now_usec(CLOCK_MONOTONIC) < end) {
                usleep(1000);
                sampler_drain(b.sampler);
        }
        assert_true(b.n_returns > 3 && b.n_returns < RETURNS_MAX);
        b.learning = false;

        end = now_usec(CLOCK_MONOTONIC) + CHURN_USEC;
        for (; now_usec(CLOCK_MONOTONIC) < end; n++) {
                unwind_loader_remove_process(b.loader, b.task);
                (void) unwind_loader_set_process(b.loader, SOMEBODY, b.astray);
                unwind_loader_remove_process(b.loader, SOMEBODY);
                (void) unwind_loader_set_process(b.loader, b.task, b.right);
                if (n % 16 == 0)
                        sampler_drain(b.sampler);
        }
        sampler_drain(b.sampler);
        print_message(
                "# %zu changes, %zu complete stacks, %zu that ended early, %zu wrong frames\n", n,
                b.n_complete, b.n_early, b.n_wrong);
        assert_true(n > 20);
        assert_true(b.n_complete > 100);
        assert_int_equal(b.n_wrong, 0);
        bed_done(&b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_walk_never_sees_memory_that_is_used_again),
        };
        const char *missing = missing_for_kernel_tests();

        if (missing) {
                printf("1..0 # SKIP needs %s\n", missing);
                return EXIT_SKIPPED;
        }
        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
