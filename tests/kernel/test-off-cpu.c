/* SPDX-License-Identifier: Apache-2.0 */
/* Off-CPU Sampling, for real */

#include "cgroup-fixture.h"

#include <fcntl.h>
#include <pthread.h>

#include "capture/map-memory.h"
#include "capture/off-cpu.h"
#include "capture/wait-table.h"

enum { TARGET = 3, SLEEP_MSEC = 20, ROUNDS = 25, LONG_MSEC = 1100, PINGS = 200000 };

typedef struct Bed {
        sd_event *event;
        Sampler *sampler;
        OffCpu *off_cpu;
        WaitTable *waits;
        uint64_t n_begun, n_ended, n_with_stack, n_uninterruptible, n_on_cpu;
        uint64_t waited_nsec, stands_for_nsec, shortest_nsec;
        uint64_t n_long, n_long_for_more; /* of LONG_MSEC at least; that stand for others too */
} Bed;

static void on_sample(const struct sample_record *record,
                      const uint64_t *frames,
                      nsec_t weight_nsec,
                      void *userdata) {
        const struct sample_record *ended;
        Bed *b = userdata;

        if (!(record->flags & SAMPLE_OFF_CPU)) {
                b->n_on_cpu++;
                return;
        }
        assert_int_equal(record->target, TARGET);
        assert_int_equal(weight_nsec, record->period);
        if (!(record->flags & SAMPLE_WAIT_END)) {
                b->n_begun++;
                assert_return_code(wait_table_begin(b->waits, record), 0);
                return;
        }
        ended = wait_table_end(b->waits, record);
        if (!ended)
                return;
        b->n_ended++;
        b->n_with_stack += ended->n_kernel > 0 && ended->n_user > 0;
        b->n_uninterruptible += !!(ended->flags & SAMPLE_UNINTERRUPTIBLE);
        b->waited_nsec += ended->elapsed_ns;
        b->stands_for_nsec += ended->period;
        b->shortest_nsec = MIN(b->shortest_nsec, ended->elapsed_ns);
        if (ended->elapsed_ns >= LONG_MSEC * UINT64_C(1000000)) {
                b->n_long++;
                b->n_long_for_more += ended->period != ended->elapsed_ns;
        }
}

static void on_process(const ProcessRecord *record, void *userdata) {
}

static void on_nothing(void *userdata) {
}

static Bed *bed_new(const OffCpuOptions *options) {
        static const SamplerCallbacks callbacks = {
                .on_sample = on_sample,
                .on_process = on_process,
                .on_records_lost = on_nothing,
                .on_drained = on_nothing,
        };
        const SamplerOptions sampler_options = { .frequency_hz = 99 };
        Bed *b = calloc(1, sizeof(*b));
        const char *step = "?";
        int r;

        assert_non_null(b);
        b->shortest_nsec = UINT64_MAX;
        assert_return_code(sd_event_new(&b->event), 0);
        assert_return_code(wait_table_new(&b->waits), 0);
        r = sampler_new(&b->sampler, b->event, &sampler_options, &callbacks, b, &step);
        if (r < 0)
                fail_msg("%s: %s", step, strerror(-r));
        r = off_cpu_new(&b->off_cpu, b->sampler, options, &step);
        if (r < 0)
                fail_msg("%s: %s", step, strerror(-r));
        return b;
}

static Bed *bed_free(Bed *b) {
        off_cpu_free(b->off_cpu);
        sampler_free(b->sampler);
        wait_table_free(b->waits);
        sd_event_unref(b->event);
        free(b);
        return NULL;
}
DEFINE_CLEANUP(Bed *, bed_free);

static void sleep_msec(unsigned msec) {
        const struct timespec span = { msec / 1000, msec % 1000 * 1000000L };

        nanosleep(&span, NULL);
}

static void sleep_often(void) {
        for (int i = 0; i < ROUNDS; i++)
                sleep_msec(SLEEP_MSEC);
}

static void sleep_briefly_and_often(void) {
        for (int i = 0; i < 20000; i++)
                sleep_msec(0);
}

static void *ping(void *fds) {
        char c;

        for (int i = 0; i < PINGS; i++)
                if (write(((int *) fds)[1], "x", 1) != 1 || read(((int *) fds)[2], &c, 1) != 1)
                        break;
        return NULL;
}

/* Two threads that wake each other as fast as they can. */
static void play_ping_pong(void) {
        int there[2], back[2], fds[3];
        pthread_t thread;
        char c;

        if (pipe(there) < 0 || pipe(back) < 0)
                _exit(1);
        fds[1] = there[1];
        fds[2] = back[0];
        if (pthread_create(&thread, NULL, ping, fds) != 0)
                _exit(1);
        for (int i = 0; i < PINGS; i++)
                if (read(there[0], &c, 1) != 1 || write(back[1], "x", 1) != 1)
                        break;
        pthread_join(thread, NULL);
}

static void sleep_long_beside_ping_pong(void) {
        pid_t pid = fork();

        if (pid == 0)
                for (;;)
                        play_ping_pong();
        for (int i = 0; i < 3; i++)
                sleep_msec(LONG_MSEC);
        if (pid < 0 || kill(pid, SIGKILL) < 0 || waitpid(pid, NULL, 0) != pid)
                _exit(1);
}

static void write_to_the_disk(void) {
        char path[] = "/var/tmp/off-cpu-XXXXXX", block[4096] = "x";
        int fd = mkstemp(path);

        if (fd < 0 || unlink(path) < 0)
                _exit(1);
        for (int i = 0; i < 100; i++)
                if (write(fd, block, sizeof(block)) != sizeof(block) || fsync(fd) < 0)
                        _exit(1);
}

/* Runs work() to its end, and takes what is left in the ring. */
static void run(Bed *b, const char *cgroup, void (*work)(void)) {
        pid_t pid = cgroup_enter_child(cgroup);
        int status;

        if (pid == 0) {
                work();
                _exit(0);
        }
        while (waitpid(pid, &status, WNOHANG) == 0)
                assert_true(sd_event_run(b->event, 10 * USEC_PER_MSEC) >= 0);
        assert_int_equal(status, 0);
        sampler_drain(b->sampler);
}

static void watch(Bed *b, bool is_target, void (*work)(void)) {
        char cgroup[256];
        uint64_t id;

        cgroup_make("/waits", cgroup);
        id = cgroup_id_of(cgroup);
        if (is_target)
                assert_return_code(off_cpu_set_target(b->off_cpu, id, TARGET, true), 0);
        run(b, cgroup, work);
        off_cpu_remove_target(b->off_cpu, id);
        cgroup_remove(cgroup);
}

static void test_waits_add_up_to_the_time_that_was_slept(void **state) {
        const OffCpuOptions options = { .samples_max_hz = 1000, .threshold_nsec = 1000000 };
        _cleanup_(bed_freep) Bed *b = bed_new(&options);
        nsec_t slept = (nsec_t) ROUNDS * SLEEP_MSEC * 1000000;

        watch(b, true, sleep_often);
        /* A timer may expire while its thread is still preempted on the way to sleep. */
        assert_in_range(b->n_ended, ROUNDS - 2, ROUNDS + 3);
        assert_int_equal(b->n_with_stack, b->n_ended);
        assert_int_equal(b->stands_for_nsec, b->waited_nsec);
        assert_in_range(b->waited_nsec, slept / ROUNDS * (ROUNDS - 2), 2 * slept);
        assert_int_equal(b->n_on_cpu, 0); /* the cgroup is no target of that kind */
}

static void test_waits_below_the_threshold_do_not_count(void **state) {
        const OffCpuOptions options = { .samples_max_hz = 10000, .threshold_nsec = 5000000 };
        _cleanup_(bed_freep) Bed *b = bed_new(&options);

        watch(b, true, sleep_briefly_and_often);
        assert_true(b->n_begun > 100);
        assert_true(b->n_ended * 20 < b->n_begun);
        assert_true(b->n_ended == 0 || b->shortest_nsec >= 5000000);
}

static void test_many_waits_are_sampled_and_stand_for_all(void **state) {
        const OffCpuOptions options = { .samples_max_hz = 400 };
        _cleanup_(bed_freep) Bed *b = bed_new(&options);
        uint64_t before = now_usec(CLOCK_MONOTONIC), elapsed;
        unsigned n_cpus = (unsigned) sysconf(_SC_NPROCESSORS_ONLN);

        watch(b, true, play_ping_pong);
        elapsed = (now_usec(CLOCK_MONOTONIC) - before) * NSEC_PER_USEC;
        print_message("# %llu of %d waits sampled in %.2f s, standing for %.2f s\n",
                      (unsigned long long) b->n_ended, 2 * PINGS, (double) elapsed / 1e9,
                      (double) b->stands_for_nsec / 1e9);
        /* Four seconds' worth at once, then at most twice the limit. */
        assert_in_range(b->n_begun, 10, 400 * n_cpus * (4 + 2 * (elapsed / NSEC_PER_SEC + 2)));
        assert_true(b->stands_for_nsec > 3 * b->waited_nsec);
        /* Two threads cannot wait for longer than all the time there was. */
        assert_in_range(b->stands_for_nsec, elapsed / 10, 3 * elapsed);
}

/* As when a program starts. */
static void test_a_short_burst_is_taken_whole(void **state) {
        const OffCpuOptions options = { .samples_max_hz = 10 };
        _cleanup_(bed_freep) Bed *b = bed_new(&options);

        watch(b, true, sleep_often);
        assert_in_range(b->n_ended, ROUNDS - 2, ROUNDS + 3);
        assert_int_equal(b->stands_for_nsec, b->waited_nsec);
}

static void test_a_long_wait_beside_many_short_ones_stands_for_itself(void **state) {
        const OffCpuOptions options = { .samples_max_hz = 50 };
        _cleanup_(bed_freep) Bed *b = bed_new(&options);

        watch(b, true, sleep_long_beside_ping_pong);
        assert_true(b->stands_for_nsec > 2 * b->waited_nsec);
        /* The first may have followed another wait of its thread, the others did not. */
        assert_in_range(b->n_long, 2, 3);
        assert_in_range(b->n_long_for_more, 0, b->n_long - 2);
}

static void test_a_wait_for_the_disk_is_told_from_sleep(void **state) {
        const OffCpuOptions options = { .samples_max_hz = 10000 };
        _cleanup_(bed_freep) Bed *b = bed_new(&options);

        watch(b, true, write_to_the_disk);
        assert_true(b->n_uninterruptible > 10);
}

static void test_its_memory_is_what_the_kernel_charges_for_its_maps(void **state) {
        const OffCpuOptions options = { .samples_max_hz = 1000 };
        _cleanup_(bed_freep) Bed *b = bed_new(&options);
        uint64_t bytes = off_cpu_get_bpf_memory_bytes(b->off_cpu);

        assert_in_range(bytes, 512 << 10, 16 << 20);
        assert_int_equal(map_memory_bytes(-1), 0);
}

static void test_what_is_no_target_is_not_looked_at(void **state) {
        const OffCpuOptions options = { .samples_max_hz = 1000 };
        _cleanup_(bed_freep) Bed *b = bed_new(&options);

        watch(b, false, sleep_often);
        assert_int_equal(b->n_begun, 0);
}

int main(void) {
        const char *missing = missing_for_kernel_tests();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_waits_add_up_to_the_time_that_was_slept),
                cmocka_unit_test(test_waits_below_the_threshold_do_not_count),
                cmocka_unit_test(test_many_waits_are_sampled_and_stand_for_all),
                cmocka_unit_test(test_a_short_burst_is_taken_whole),
                cmocka_unit_test(test_a_long_wait_beside_many_short_ones_stands_for_itself),
                cmocka_unit_test(test_a_wait_for_the_disk_is_told_from_sleep),
                cmocka_unit_test(test_its_memory_is_what_the_kernel_charges_for_its_maps),
                cmocka_unit_test(test_what_is_no_target_is_not_looked_at),
        };

        if (missing) {
                printf("1..0 # SKIP needs %s\n", missing);
                return EXIT_SKIPPED;
        }
        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
