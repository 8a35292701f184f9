/* SPDX-License-Identifier: Apache-2.0 */
/* Events of Sessions: what the kernel delivers for them */

#include "sampler-fixture.h"

#include "process/process-image.h"

enum { FREQUENCY_HZ = 99, UNIT_SLOT = 3, PIDS = 64 };
#define USED_NSEC (NSEC_PER_SEC)

/* What one test has seen, by session. */
typedef struct Seen {
        uint64_t samples[SESSIONS_MAX], weight_nsec[SESSIONS_MAX];
        uint64_t unit_samples, unit_weight_nsec;
        uint64_t records; /* of sessions */
        uint32_t owner;
        pid_t pids[PIDS];
        size_t n_pids;
} Seen;

static void see_pid(Seen *seen, pid_t pid) {
        for (size_t i = 0; i < seen->n_pids; i++)
                if (seen->pids[i] == pid)
                        return;
        if (seen->n_pids < PIDS)
                seen->pids[seen->n_pids++] = pid;
}

static bool has_seen(const Seen *seen, pid_t pid) {
        for (size_t i = 0; i < seen->n_pids; i++)
                if (seen->pids[i] == pid)
                        return true;
        return false;
}

static void on_sample(const struct sample_record *record,
                      const uint64_t *frames,
                      nsec_t weight_nsec,
                      void *userdata) {
        Seen *seen = userdata;

        if (record->sessions == 0) {
                assert_int_equal(record->target, UNIT_SLOT);
                seen->unit_samples++;
                seen->unit_weight_nsec += weight_nsec;
                return;
        }
        seen->records++;
        seen->owner = record->owner;
        see_pid(seen, (pid_t) record->pid);
        for (unsigned i = 0; i < SESSIONS_MAX; i++)
                if (record->sessions >> i & 1) {
                        seen->samples[i]++;
                        seen->weight_nsec[i] += weight_nsec;
                }
}

static void on_process(const ProcessRecord *record, void *userdata) {
}

static void on_nothing(void *userdata) {
}

typedef struct Bed {
        sd_event *event;
        Sampler *sampler;
        SessionEvents *sessions; /* the sampler's */
        Seen seen;
} Bed;

static Bed *bed_new(void) {
        const SamplerCallbacks callbacks = { on_sample, on_process, on_nothing, on_nothing };
        Bed *b = calloc(1, sizeof(*b));

        assert_non_null(b);
        assert_return_code(sd_event_new(&b->event), 0);
        b->sampler = start_sampler(b->event, FREQUENCY_HZ, &callbacks, &b->seen);
        b->sessions = sampler_get_sessions(b->sampler);
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

/* Children that spin for a while, one after the other. */
static void fork_children(void) {
        pid_t pid = fork();

        if (pid == 0) {
                for (int i = 0; i < 20; i++)
                        spin();
                _exit(0);
        }
        waitpid(pid, NULL, 0);
}

static uint64_t start_tick_of(pid_t pid) {
        _cleanup_(file_table_freep) FileTable *files = NULL;
        ProcessImage image;
        uint64_t tick;

        assert_return_code(file_table_new(&files), 0);
        assert_return_code(process_image_read(pid, NULL, files, &image), 0);
        tick = image.start_tick;
        process_image_done(&image);
        return tick;
}

static void assert_accounts_for(const Bed *b, unsigned session, uint64_t used) {
        assert_in_range(b->seen.weight_nsec[session], used * 85 / 100, used * 115 / 100);
}

static void test_a_session_of_a_cgroup_accounts_for_its_cpu_time(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new();
        char cgroup[256], other[256];
        pid_t pid, stranger;
        uint64_t used, id;

        cgroup_make("/s", cgroup);
        cgroup_make("/o", other);
        id = cgroup_id_of(cgroup);
        pid = cgroup_spawn(cgroup, spin);
        stranger = cgroup_spawn(other, spin);
        assert_return_code(session_events_start(b->sessions, 5, SESSION_SCOPE_CGROUPS, 199), 0);
        assert_return_code(session_events_add_cgroup(b->sessions, 5, id), 0);
        used = run_until_used(b, cgroup, USED_NSEC);
        session_events_stop(b->sessions, 5);
        sampler_drain(b->sampler);

        assert_accounts_for(b, 5, used);
        assert_in_range(b->seen.samples[5], used / (NSEC_PER_SEC / 199) * 8 / 10,
                        used / (NSEC_PER_SEC / 199) * 12 / 10);
        assert_true(has_seen(&b->seen, pid));
        assert_false(has_seen(&b->seen, stranger));
        assert_int_equal(b->seen.owner, getuid());

        b->seen = (Seen){};
        (void) run_until_used(b, cgroup, USED_NSEC / 10);
        assert_int_equal(b->seen.records, 0); /* it was stopped */
        reap(pid);
        reap(stranger);
        cgroup_remove(other);
        cgroup_remove(cgroup);
}

static void test_sessions_of_one_frequency_share_their_samples(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new();
        char parent[256], cgroup[256];
        uint64_t used;
        pid_t pid;

        cgroup_make("/p", parent);
        cgroup_make("/p/c", cgroup);
        pid = cgroup_spawn(cgroup, spin);
        assert_return_code(session_events_start(b->sessions, 0, SESSION_SCOPE_CGROUPS, 199), 0);
        assert_return_code(session_events_start(b->sessions, 63, SESSION_SCOPE_CGROUPS, 199), 0);
        assert_return_code(session_events_start(b->sessions, 7, SESSION_SCOPE_CGROUPS, 50), 0);
        assert_return_code(session_events_add_cgroup(b->sessions, 0, cgroup_id_of(cgroup)), 0);
        assert_return_code(session_events_add_cgroup(b->sessions, 7, cgroup_id_of(cgroup)), 0);
        assert_return_code(session_events_add_cgroup(b->sessions, 63, cgroup_id_of(parent)), 0);
        used = run_until_used(b, cgroup, USED_NSEC);
        reap(pid);
        cgroup_remove(cgroup);
        cgroup_remove(parent);

        assert_accounts_for(b, 0, used);
        assert_accounts_for(b, 63, used);
        assert_accounts_for(b, 7, used);
        assert_int_equal(b->seen.samples[0], b->seen.samples[63]);
        assert_int_equal(b->seen.records, b->seen.samples[0] + b->seen.samples[7]);
        assert_in_range(b->seen.samples[7], b->seen.samples[0] / 5, b->seen.samples[0] / 3);
}

static void test_the_units_counts_stay_right_while_a_fast_session_runs(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new();
        SamplerLoss loss;
        char cgroup[256];
        uint64_t used;
        pid_t pid;

        cgroup_make("/u", cgroup);
        pid = cgroup_spawn(cgroup, spin);
        assert_return_code(
                sampler_set_target(b->sampler, cgroup_id_of(cgroup), UNIT_SLOT, SHARE_ALL), 0);
        assert_return_code(session_events_start(b->sessions, 1, SESSION_SCOPE_HOST, 1000), 0);
        used = run_until_used(b, cgroup, 2 * USED_NSEC);
        sampler_get_loss(b->sampler, &loss);
        reap(pid);
        cgroup_remove(cgroup);

        assert_in_range(b->seen.unit_weight_nsec, used * 85 / 100, used * 115 / 100);
        assert_in_range(b->seen.unit_samples, used / (NSEC_PER_SEC / FREQUENCY_HZ) * 85 / 100,
                        used / (NSEC_PER_SEC / FREQUENCY_HZ) * 115 / 100);
        assert_true(b->seen.samples[1] >= used / NSEC_PER_SEC * 800);
        assert_true(b->seen.n_pids > 1); /* the whole host */
        assert_false(has_seen(&b->seen, 0));
        assert_int_equal(loss.samples[LOSS_RING_FULL], 0);
}

static void test_a_process_that_has_not_started_then_is_another_one(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new();
        char cgroup[256];
        uint64_t tick;
        pid_t pid;

        cgroup_make("/r", cgroup);
        pid = cgroup_spawn(cgroup, spin);
        tick = start_tick_of(pid);
        assert_return_code(session_events_start(b->sessions, 2, SESSION_SCOPE_PROCESSES, 199), 0);
        assert_return_code(session_events_start(b->sessions, 3, SESSION_SCOPE_PROCESSES, 499), 0);
        assert_int_equal(session_events_add_process(b->sessions, 2, pid, tick - 3, false), 1);
        (void) run_until_used(b, cgroup, USED_NSEC / 5);
        assert_int_equal(b->seen.records, 0);

        assert_int_equal(session_events_add_process(b->sessions, 3, pid, tick, false), 1);
        assert_int_equal(session_events_add_process(b->sessions, 3, pid, tick, false), 0);
        (void) run_until_used(b, cgroup, USED_NSEC / 5);
        assert_true(b->seen.samples[3] > 0);
        assert_int_equal(b->seen.samples[2], 0);
        assert_true(session_events_has_processes(b->sessions, 3));
        session_events_forget_process(b->sessions, pid); /* it lives: late news */
        assert_true(session_events_has_processes(b->sessions, 3));
        reap(pid);
        session_events_forget_process(b->sessions, pid);
        assert_false(session_events_has_processes(b->sessions, 3));
        cgroup_remove(cgroup);
}

static void test_children_are_followed_from_their_first_instruction(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new();
        char cgroup[256];
        uint64_t used;
        pid_t pid;

        cgroup_make("/f", cgroup);
        pid = cgroup_spawn(cgroup, fork_children);
        assert_return_code(session_events_start(b->sessions, 4, SESSION_SCOPE_PROCESSES, 499), 0);
        assert_return_code(session_events_start(b->sessions, 6, SESSION_SCOPE_PROCESSES, 499), 0);
        assert_int_equal(session_events_add_process(b->sessions, 4, pid, start_tick_of(pid), true),
                         1);
        assert_int_equal(session_events_add_process(b->sessions, 6, pid, start_tick_of(pid), false),
                         1);
        used = run_until_used(b, cgroup, USED_NSEC);
        reap(pid);
        cgroup_remove(cgroup);

        assert_accounts_for(b, 4, used);
        assert_true(b->seen.n_pids > 3);
        assert_true(b->seen.samples[6] < b->seen.samples[4] / 4); /* the parent only waits */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_session_of_a_cgroup_accounts_for_its_cpu_time),
                cmocka_unit_test(test_sessions_of_one_frequency_share_their_samples),
                cmocka_unit_test(test_the_units_counts_stay_right_while_a_fast_session_runs),
                cmocka_unit_test(test_a_process_that_has_not_started_then_is_another_one),
                cmocka_unit_test(test_children_are_followed_from_their_first_instruction),
        };
        const char *missing = missing_for_kernel_tests();

        if (missing) {
                printf("1..0 # SKIP needs %s\n", missing);
                return EXIT_SKIPPED;
        }
        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
