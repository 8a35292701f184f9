/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Wait Table */

#include "capture/wait-table.h"
#include "unit-test.h"

typedef struct Begin {
        struct sample_record record;
        uint64_t frames[3];
} Begin;

static WaitTable *new_table(void) {
        WaitTable *t;

        assert_int_equal(wait_table_new(&t), 0);
        return t;
}

static void begin(WaitTable *t, uint32_t tid, uint32_t target, uint64_t time_ns) {
        const Begin b = {
                .record = {
                        .time_ns = time_ns,
                        .tid = tid,
                        .target = target,
                        .n_kernel = 1,
                        .n_user = 2,
                        .flags = SAMPLE_OFF_CPU,
                        .period = 2 << 8, /* it stands for two */
                },
                .frames = { time_ns + 1, time_ns + 2, time_ns + 3 },
        };

        assert_int_equal(wait_table_begin(t, &b.record), 0);
}

static const struct sample_record *end(WaitTable *t, uint32_t tid, uint64_t from, uint64_t to) {
        const struct sample_record e = {
                .time_ns = to,
                .elapsed_ns = to - from,
                .period = 1,
                .tid = tid,
                .flags = SAMPLE_OFF_CPU | SAMPLE_WAIT_END,
        };

        return wait_table_end(t, &e);
}

static void test_a_wait_has_the_stack_of_its_beginning_and_the_time_of_its_end(void **state) {
        _cleanup_(wait_table_freep) WaitTable *t = new_table();
        const struct sample_record *r;
        const uint64_t *frames;

        begin(t, 7, 1, 100);
        begin(t, 8, 1, 110);
        r = end(t, 7, 100, 400);
        assert_non_null(r);
        assert_int_equal(r->time_ns, 400);
        assert_int_equal(r->elapsed_ns, 300);
        assert_int_equal(r->period, 600);
        assert_int_equal(r->n_user, 2);
        frames = (const uint64_t *) (r + 1);
        assert_int_equal(frames[0], 101);
        assert_int_equal(frames[2], 103);
        assert_int_equal(wait_table_size(t), 1);
}

static void test_a_wait_ends_once(void **state) {
        _cleanup_(wait_table_freep) WaitTable *t = new_table();

        begin(t, 7, 1, 100);
        assert_non_null(end(t, 7, 100, 200));
        assert_null(end(t, 7, 100, 200));
}

static void test_the_end_of_another_wait_is_not_taken(void **state) {
        _cleanup_(wait_table_freep) WaitTable *t = new_table();

        begin(t, 7, 1, 100);
        assert_null(end(t, 7, 90, 200));
        assert_null(end(t, 8, 100, 200));
        assert_non_null(end(t, 7, 100, 200));
}

static void test_a_short_wait_is_forgotten(void **state) {
        _cleanup_(wait_table_freep) WaitTable *t = new_table();
        const struct sample_record e = { .time_ns = 101, .elapsed_ns = 1, .tid = 7 };

        begin(t, 7, 1, 100);
        assert_null(wait_table_end(t, &e));
        assert_int_equal(wait_table_size(t), 0);
}

static void test_a_thread_waits_for_one_thing_at_a_time(void **state) {
        _cleanup_(wait_table_freep) WaitTable *t = new_table();

        begin(t, 7, 1, 100);
        begin(t, 7, 1, 150);
        assert_int_equal(wait_table_size(t), 1);
        assert_null(end(t, 7, 100, 200));
        assert_non_null(end(t, 7, 150, 200));
}

static void test_waits_of_a_target_that_is_gone_are_forgotten(void **state) {
        _cleanup_(wait_table_freep) WaitTable *t = new_table();

        begin(t, 7, 1, 100);
        begin(t, 8, 2, 100);
        wait_table_forget_target(t, 1);
        assert_int_equal(wait_table_size(t), 1);
        assert_non_null(end(t, 8, 100, 200));
}

static void test_the_oldest_wait_makes_room_and_is_counted(void **state) {
        _cleanup_(wait_table_freep) WaitTable *t = new_table();

        for (uint32_t tid = 1; tid <= WAIT_TABLE_MAX + 2; tid++)
                begin(t, tid, 1, tid);
        assert_int_equal(wait_table_size(t), WAIT_TABLE_MAX);
        assert_int_equal(wait_table_get_evicted(t), 2);
        assert_null(end(t, 2, 2, 1 << 20));
        assert_non_null(end(t, 3, 3, 1 << 20));
}

static void add_up(const struct sample_record *record, void *userdata) {
        uint64_t *sums = userdata;

        sums[0]++;
        sums[1] += record->elapsed_ns;
        sums[2] += record->period;
        assert_int_equal(record->sessions, 2);
}

static void begin_of_sessions(WaitTable *t, uint32_t tid, uint64_t sessions, uint64_t time_ns) {
        const struct sample_record record = {
                .time_ns = time_ns,
                .tid = tid,
                .period = 2 << 8, /* it stands for two */
                .sessions = sessions,
                .flags = SAMPLE_OFF_CPU,
        };

        assert_int_equal(wait_table_begin(t, &record), 0);
}

static void test_waits_of_a_session_end_with_it(void **state) {
        _cleanup_(wait_table_freep) WaitTable *t = new_table();
        uint64_t sums[3] = {};

        begin(t, 7, 1, 100);
        begin_of_sessions(t, 7, 1, 100);
        begin_of_sessions(t, 7, 2, 100);
        begin_of_sessions(t, 8, 2, 200);
        begin_of_sessions(t, 9, 2, 550); /* too short to count */
        wait_table_end_session(t, 1, 600, 100, add_up, sums);
        assert_int_equal(sums[0], 2);
        assert_int_equal(sums[1], 500 + 400);
        assert_int_equal(sums[2], 2 * (500 + 400));
        assert_int_equal(wait_table_size(t), 2);
        assert_non_null(end(t, 7, 100, 700)); /* of the target */
        assert_null(end(t, 8, 200, 700));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(
                        test_a_wait_has_the_stack_of_its_beginning_and_the_time_of_its_end),
                cmocka_unit_test(test_a_wait_ends_once),
                cmocka_unit_test(test_the_end_of_another_wait_is_not_taken),
                cmocka_unit_test(test_a_short_wait_is_forgotten),
                cmocka_unit_test(test_a_thread_waits_for_one_thing_at_a_time),
                cmocka_unit_test(test_waits_of_a_target_that_is_gone_are_forgotten),
                cmocka_unit_test(test_the_oldest_wait_makes_room_and_is_counted),
                cmocka_unit_test(test_waits_of_a_session_end_with_it),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
