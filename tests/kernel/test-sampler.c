/* SPDX-License-Identifier: Apache-2.0 */
/* Sampler: the BPF program and the events, for real */

#include "sampler-fixture.h"

#include <sys/syscall.h>

enum { RUN_MSEC = 1000, FREQUENCY_HZ = 199, SLOTS = 8 };

/* What one test has seen. */
typedef struct Seen {
        uint64_t samples[SLOTS], weight_nsec[SLOTS];
        uint64_t in_user, with_kernel, complete, deep;
        pid_t last_pid;
        uint64_t last_cgroup, last_time_ns;
        uint64_t unordered, forks, mappings;
        pid_t expected_child;
} Seen;

static void on_sample(const struct sample_record *record,
                      const uint64_t *frames,
                      nsec_t weight_nsec,
                      void *userdata) {
        Seen *seen = userdata;

        assert_in_range(record->target, 0, SLOTS - 1);
        seen->samples[record->target]++;
        seen->weight_nsec[record->target] += weight_nsec;
        seen->in_user += !!(record->flags & SAMPLE_IN_USER);
        seen->with_kernel += record->n_kernel > 0;
        seen->complete += record->stack_end == STACK_END_COMPLETE;
        seen->deep += record->n_user >= 10;
        seen->unordered += record->time_ns < seen->last_time_ns;
        seen->last_time_ns = record->time_ns;
        seen->last_pid = (pid_t) record->pid;
        seen->last_cgroup = record->cgroup_id;
        for (int i = 0; i < record->n_kernel; i++)
                assert_true((int64_t) frames[i] < 0);
        for (int i = 0; i < record->n_user; i++)
                assert_true((int64_t) frames[record->n_kernel + i] >= 0);
}

static void on_process(const ProcessRecord *record, void *userdata) {
        Seen *seen = userdata;

        seen->forks += record->kind == PROCESS_RECORD_FORK && record->parent == getpid();
        seen->mappings += record->kind == PROCESS_RECORD_MMAP;
}

static void on_records_lost(void *userdata) {
}

static void on_drained(void *userdata) {
}

static const SamplerCallbacks callbacks = {
        .on_sample = on_sample,
        .on_process = on_process,
        .on_records_lost = on_records_lost,
        .on_drained = on_drained,
};

static int stop(sd_event_source *source, uint64_t usec, void *userdata) {
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

/* Whatever happens by itself. */
static void rest(sd_event *event, unsigned msec) {
        uint64_t now, end = now_usec(CLOCK_MONOTONIC) + msec * USEC_PER_MSEC;

        while ((now = now_usec(CLOCK_MONOTONIC)) < end)
                assert_true(sd_event_run(event, end - now) >= 0);
}

static void run(sd_event *event, Sampler *s, unsigned msec) {
        assert_return_code(sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC,
                                                      msec * USEC_PER_MSEC, 1, stop, NULL),
                           0);
        while (sd_event_get_state(event) != SD_EVENT_FINISHED)
                assert_true(sd_event_run(event, UINT64_MAX) >= 0);
        sampler_drain(s);
}

typedef struct Bed {
        sd_event *event;
        Sampler *sampler;
        Seen seen;
} Bed;

static Bed *bed_new(void) {
        Bed *b = calloc(1, sizeof(*b));

        assert_non_null(b);
        assert_return_code(sd_event_new(&b->event), 0);
        b->sampler = start_sampler(b->event, FREQUENCY_HZ, &callbacks, &b->seen);
        return b;
}

static Bed *bed_free(Bed *b) {
        sampler_free(b->sampler);
        sd_event_unref(b->event);
        free(b);
        return NULL;
}
DEFINE_CLEANUP(Bed *, bed_free);

static uint64_t run_until_used(Bed *b, const char *cgroup, uint64_t nsec) {
        return run_sampler_until_used(b->event, b->sampler, cgroup, nsec);
}

/* ---- work ---- */

static __attribute__((noinline)) void descend(int depth) {
        if (depth > 0)
                descend(depth - 1);
        else
                spin();
        __asm__ volatile("" ::: "memory");
}

static void spin_deep(void) {
        descend(20);
}

static void spin_deeper_than_a_record(void) {
        descend(SAMPLE_USER_FRAMES_MAX + 50);
}

static void call_the_kernel(void) {
        char buffer[65536];
        int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

        for (;;)
                if (read(fd, buffer, sizeof(buffer)) < 0)
                        _exit(1);
}

/* ---- tests ---- */

static void test_a_target_is_sampled_at_its_frequency(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new();
        char cgroup[256];
        pid_t pid;
        uint64_t used;

        cgroup_make("/a", cgroup);
        pid = cgroup_spawn(cgroup, spin);
        usleep(50000);
        assert_int_equal(sampler_set_target(b->sampler, cgroup_id_of(cgroup), 3, SHARE_ALL), 0);
        used = run_until_used(b, cgroup, 3 * NSEC_PER_SEC / 2);
        reap(pid);
        cgroup_remove(cgroup);

        /* The weight of all samples is the CPU time that the cgroup used. */
        assert_true(b->seen.samples[3] > 0);
        assert_in_range(b->seen.weight_nsec[3], used * 8 / 10, used * 12 / 10);
        assert_int_equal(b->seen.last_pid, pid);
        assert_true(b->seen.in_user > b->seen.samples[3] / 2);
        assert_int_equal(b->seen.unordered, 0);
}

static void test_what_is_no_target_is_not_sampled(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new();
        char target[256], other[256];
        pid_t pid;

        cgroup_make("/target", target);
        cgroup_make("/other", other);
        pid = cgroup_spawn(other, spin);
        assert_int_equal(sampler_set_target(b->sampler, cgroup_id_of(target), 0, SHARE_ALL), 0);
        run(b->event, b->sampler, RUN_MSEC / 2);
        reap(pid);
        cgroup_remove(other);
        cgroup_remove(target);
        for (int i = 0; i < SLOTS; i++)
                assert_int_equal(b->seen.samples[i], 0);
}

static void test_a_task_in_a_cgroup_below_belongs_to_the_target(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new();
        char parent[256], child[256];
        pid_t pid;

        cgroup_make("/p", parent);
        cgroup_make("/p/c", child);
        pid = cgroup_spawn(child, spin);
        assert_int_equal(sampler_set_target(b->sampler, cgroup_id_of(parent), 1, SHARE_ALL), 0);
        usleep(20000);
        run(b->event, b->sampler, RUN_MSEC / 2);
        assert_true(b->seen.samples[1] > 0);
        assert_int_equal(b->seen.last_cgroup, cgroup_id_of(child));
        reap(pid);
        cgroup_remove(child);
        cgroup_remove(parent);
}

static void test_the_deepest_target_wins(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new();
        char parent[256], child[256];
        pid_t pid;

        cgroup_make("/p", parent);
        cgroup_make("/p/c", child);
        pid = cgroup_spawn(child, spin);
        usleep(20000);
        assert_int_equal(sampler_set_target(b->sampler, cgroup_id_of(parent), 1, SHARE_ALL), 0);
        assert_int_equal(sampler_set_target(b->sampler, cgroup_id_of(child), 2, SHARE_ALL), 0);
        run(b->event, b->sampler, RUN_MSEC / 2);
        assert_true(b->seen.samples[2] > 0);
        assert_int_equal(b->seen.samples[1], 0);
        reap(pid);
        cgroup_remove(child);
        cgroup_remove(parent);
}

static void test_an_excluded_cgroup_is_left_out_of_its_parent(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new();
        char parent[256], child[256];
        pid_t pid;

        cgroup_make("/p", parent);
        cgroup_make("/p/c", child);
        pid = cgroup_spawn(child, spin);
        usleep(20000);
        assert_int_equal(sampler_set_target(b->sampler, cgroup_id_of(child), 2, 0), 0);
        assert_int_equal(sampler_set_target(b->sampler, cgroup_id_of(parent), 1, SHARE_ALL), 0);
        run(b->event, b->sampler, RUN_MSEC / 2);
        assert_int_equal(b->seen.samples[1] + b->seen.samples[2], 0);
        reap(pid);
        cgroup_remove(child);
        cgroup_remove(parent);
}

/* The verdict on a cgroup is remembered per CPU: a change must reach every CPU at once. */
static void test_a_removed_target_is_not_sampled_any_more(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new();
        char cgroup[256];
        pid_t pid;

        cgroup_make("/a", cgroup);
        pid = cgroup_spawn(cgroup, spin);
        usleep(20000);
        assert_int_equal(sampler_set_target(b->sampler, cgroup_id_of(cgroup), 1, SHARE_ALL), 0);
        run(b->event, b->sampler, RUN_MSEC / 2);
        assert_true(b->seen.samples[1] > 0);

        sampler_remove_target(b->sampler, cgroup_id_of(cgroup));
        sampler_drain(b->sampler);
        b->seen = (Seen){};
        usleep(300000);
        sampler_drain(b->sampler);
        assert_int_equal(b->seen.samples[1], 0);
        reap(pid);
        cgroup_remove(cgroup);
}

static void test_half_of_the_events_weigh_twice_as_much(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new();
        char cgroup[256];
        uint64_t used;
        pid_t pid;

        cgroup_make("/a", cgroup);
        pid = cgroup_spawn(cgroup, spin);
        usleep(50000);
        assert_int_equal(sampler_set_target(b->sampler, cgroup_id_of(cgroup), 0, SHARE_ALL / 2), 0);
        used = run_until_used(b, cgroup, 3 * NSEC_PER_SEC / 2);
        reap(pid);
        cgroup_remove(cgroup);
        assert_in_range(b->seen.weight_nsec[0], used * 8 / 10, used * 12 / 10);
        assert_in_range(b->seen.samples[0], used * FREQUENCY_HZ / NSEC_PER_SEC * 4 / 10,
                        used * FREQUENCY_HZ / NSEC_PER_SEC * 6 / 10);
}

static void test_deep_stacks_are_walked_by_frame_pointer(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new();
        char cgroup[256];
        pid_t pid;

        cgroup_make("/a", cgroup);
        pid = cgroup_spawn(cgroup, spin_deep);
        usleep(20000);
        assert_int_equal(sampler_set_target(b->sampler, cgroup_id_of(cgroup), 0, SHARE_ALL), 0);
        run(b->event, b->sampler, RUN_MSEC / 2);
        assert_true(b->seen.samples[0] > 0);
        assert_true(b->seen.deep > b->seen.samples[0] * 9 / 10);
        reap(pid);
        cgroup_remove(cgroup);
}

static void on_truncated(const struct sample_record *record,
                         const uint64_t *frames,
                         nsec_t weight_nsec,
                         void *userdata) {
        Seen *seen = userdata;

        seen->samples[0]++;
        seen->deep += record->stack_end == STACK_END_TRUNCATED &&
                      record->n_user == SAMPLE_USER_FRAMES_MAX;
}

static void test_a_stack_beyond_the_record_says_that_it_is_truncated(void **state) {
        const SamplerOptions options = { .frequency_hz = FREQUENCY_HZ };
        _cleanup_(sampler_freep) Sampler *s = NULL;
        SamplerCallbacks truncated = callbacks;
        sd_event *event = NULL;
        char cgroup[256];
        Seen seen = {};
        pid_t pid;

        truncated.on_sample = on_truncated;
        assert_return_code(sd_event_new(&event), 0);
        assert_int_equal(sampler_new(&s, event, &options, &truncated, &seen, NULL), 0);
        cgroup_make("/a", cgroup);
        pid = cgroup_spawn(cgroup, spin_deeper_than_a_record);
        usleep(20000);
        assert_int_equal(sampler_set_target(s, cgroup_id_of(cgroup), 0, SHARE_ALL), 0);
        run(event, s, RUN_MSEC / 2);
        assert_true(seen.samples[0] > 0);
        assert_true(seen.deep > seen.samples[0] * 9 / 10);
        reap(pid);
        cgroup_remove(cgroup);
        s = sampler_free(s);
        sd_event_unref(event);
}

static void test_kernel_and_user_frames_come_together(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new();
        char cgroup[256];
        pid_t pid;

        cgroup_make("/a", cgroup);
        pid = cgroup_spawn(cgroup, call_the_kernel);
        usleep(20000);
        assert_int_equal(sampler_set_target(b->sampler, cgroup_id_of(cgroup), 0, SHARE_ALL), 0);
        run(b->event, b->sampler, RUN_MSEC / 2);
        assert_true(b->seen.with_kernel > b->seen.samples[0] / 2);
        reap(pid);
        cgroup_remove(cgroup);
}

static void test_forks_and_mappings_are_reported(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new();
        pid_t pid;

        pid = fork();
        if (pid == 0) {
                execl("/bin/true", "true", NULL);
                _exit(1);
        }
        waitpid(pid, NULL, 0);
        sampler_drain(b->sampler);
        assert_true(b->seen.forks >= 1);
        assert_true(b->seen.mappings >= 2); /* the program and its loader */
}

static void test_the_frequency_can_be_changed(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new();
        uint64_t used, expected;
        char cgroup[256];
        pid_t pid;

        cgroup_make("/a", cgroup);
        pid = cgroup_spawn(cgroup, spin);
        usleep(50000);
        assert_int_equal(sampler_set_frequency(b->sampler, 1000), 0);
        assert_int_equal(sampler_set_target(b->sampler, cgroup_id_of(cgroup), 0, SHARE_ALL), 0);
        used = run_until_used(b, cgroup, 3 * NSEC_PER_SEC / 2);
        reap(pid);
        cgroup_remove(cgroup);
        expected = used / 1000000;
        assert_in_range(b->seen.samples[0], expected * 8 / 10, expected * 12 / 10);
        assert_in_range(b->seen.weight_nsec[0], used * 8 / 10, used * 12 / 10);
}

static void test_nothing_is_lost_at_1000_hz(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new();
        SamplerLoss loss;
        char cgroup[256];
        pid_t pids[2];

        cgroup_make("/a", cgroup);
        assert_int_equal(sampler_set_frequency(b->sampler, 1000), 0);
        for (size_t i = 0; i < ELEMENTSOF(pids); i++)
                pids[i] = cgroup_spawn(cgroup, spin_deep);
        assert_int_equal(sampler_set_target(b->sampler, cgroup_id_of(cgroup), 0, SHARE_ALL), 0);
        run(b->event, b->sampler, RUN_MSEC);
        sampler_get_loss(b->sampler, &loss);
        for (size_t i = 0; i < ELEMENTSOF(pids); i++)
                reap(pids[i]);
        cgroup_remove(cgroup);
        assert_true(b->seen.samples[0] > 100);
        for (int i = 0; i < _LOSS_MAX; i++)
                assert_int_equal(loss.samples[i], 0);
        assert_int_equal(loss.malformed + loss.records + loss.queue, 0);
}

/* Nobody looks at the ring while nothing runs that is a target. */
static void test_the_first_sample_after_a_rest_wakes_at_once(void **state) {
        enum { REST_MSEC = 2500 };
        _cleanup_(bed_freep) Bed *b = bed_new();
        uint64_t begin, id;
        char cgroup[256];
        pid_t pid;

        cgroup_make("/a", cgroup);
        id = cgroup_id_of(cgroup);
        pid = cgroup_spawn(cgroup, spin);
        rest(b->event, REST_MSEC);
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(sampler_set_target(b->sampler, id, 1, SHARE_ALL), 0);
                begin = now_usec(CLOCK_MONOTONIC);
                b->seen.samples[1] = 0;
                while (b->seen.samples[1] == 0)
                        assert_true(sd_event_run(b->event, UINT64_MAX) >= 0);
                assert_true(now_usec(CLOCK_MONOTONIC) - begin < 500 * USEC_PER_MSEC);
                sampler_remove_target(b->sampler, id);
                rest(b->event, REST_MSEC + i * 100);
        }
        reap(pid);
        cgroup_remove(cgroup);
}

/* A drain that comes too late loses samples, and says how many. */
static void test_a_full_ring_is_counted(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new();
        SamplerLoss loss;
        char cgroup[256];
        pid_t pids[2];

        cgroup_make("/a", cgroup);
        assert_int_equal(sampler_set_frequency(b->sampler, 1000), 0);
        for (size_t i = 0; i < ELEMENTSOF(pids); i++)
                pids[i] = cgroup_spawn(cgroup, spin_deeper_than_a_record);
        assert_int_equal(sampler_set_target(b->sampler, cgroup_id_of(cgroup), 0, SHARE_ALL), 0);
        usleep(1500000);
        sampler_drain(b->sampler);
        sampler_get_loss(b->sampler, &loss);
        for (size_t i = 0; i < ELEMENTSOF(pids); i++)
                reap(pids[i]);
        cgroup_remove(cgroup);
        assert_true(b->seen.samples[0] > 100);
        assert_true(loss.samples[LOSS_RING_FULL] > 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_target_is_sampled_at_its_frequency),
                cmocka_unit_test(test_what_is_no_target_is_not_sampled),
                cmocka_unit_test(test_a_task_in_a_cgroup_below_belongs_to_the_target),
                cmocka_unit_test(test_the_deepest_target_wins),
                cmocka_unit_test(test_an_excluded_cgroup_is_left_out_of_its_parent),
                cmocka_unit_test(test_a_removed_target_is_not_sampled_any_more),
                cmocka_unit_test(test_half_of_the_events_weigh_twice_as_much),
                cmocka_unit_test(test_deep_stacks_are_walked_by_frame_pointer),
                cmocka_unit_test(test_a_stack_beyond_the_record_says_that_it_is_truncated),
                cmocka_unit_test(test_kernel_and_user_frames_come_together),
                cmocka_unit_test(test_forks_and_mappings_are_reported),
                cmocka_unit_test(test_the_frequency_can_be_changed),
                cmocka_unit_test(test_nothing_is_lost_at_1000_hz),
                cmocka_unit_test(test_the_first_sample_after_a_rest_wakes_at_once),
                cmocka_unit_test(test_a_full_ring_is_counted),
        };
        const char *missing = missing_for_kernel_tests();

        if (missing) {
                printf("1..0 # SKIP needs %s\n", missing);
                return EXIT_SKIPPED;
        }
        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
