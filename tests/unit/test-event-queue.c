/* SPDX-License-Identifier: Apache-2.0 */
/* Event Queue */

#include "capture/event-queue.h"
#include "unit-test.h"

typedef struct Seen {
        uint64_t times[16];
        bool samples[16];
        char paths[16][32];
        size_t n;
} Seen;

static void on_event(const struct sample_record *sample,
                     const ProcessRecord *record,
                     void *userdata) {
        Seen *seen = userdata;

        assert_true(!sample != !record);
        seen->samples[seen->n] = sample;
        seen->times[seen->n] = sample ? sample->time_ns : record->time_nsec;
        if (record)
                snprintf(seen->paths[seen->n], sizeof(seen->paths[0]), "%s", record->path);
        seen->n++;
}

static void add_sample(EventQueue *q, uint64_t time) {
        struct sample_record record = { .time_ns = time, .share = SHARE_ALL };

        assert_int_equal(event_queue_add_sample(q, &record, sizeof(record)), 0);
}

static void add_record(EventQueue *q, uint64_t time, const char *path) {
        ProcessRecord record = { .kind = PROCESS_RECORD_MMAP, .time_nsec = time, .path = path };

        assert_int_equal(event_queue_add_record(q, &record), 0);
}

static void test_events_come_out_in_time_order(void **state) {
        _cleanup_(event_queue_freep) EventQueue *q = NULL;
        Seen seen = {};

        assert_int_equal(event_queue_new(&q), 0);
        add_sample(q, 30);
        add_sample(q, 10);
        add_record(q, 20, "/a/path");
        event_queue_dispatch(q, on_event, &seen);

        assert_int_equal(seen.n, 3);
        assert_int_equal(seen.times[0], 10);
        assert_int_equal(seen.times[1], 20);
        assert_string_equal(seen.paths[1], "/a/path");
        assert_int_equal(seen.times[2], 30);
}

static void test_a_sample_that_does_not_fit_its_size_is_refused(void **state) {
        _cleanup_(event_queue_freep) EventQueue *q = NULL;
        struct {
                struct sample_record record;
                uint64_t frames[2];
        } s = { .record = { .share = SHARE_ALL, .n_kernel = 1, .n_user = 1 } };

        assert_int_equal(event_queue_new(&q), 0);
        assert_int_equal(event_queue_add_sample(q, &s.record, sizeof(s)), 0);
        for (size_t size = 0; size < sizeof(s); size++)
                assert_int_equal(event_queue_add_sample(q, &s.record, size), -EBADMSG);
        s.record.n_copied = 8;
        assert_int_equal(event_queue_add_sample(q, &s.record, sizeof(s)), -EBADMSG);
        s.record.n_copied = 0;
        s.record.share = 0;
        assert_int_equal(event_queue_add_sample(q, &s.record, sizeof(s)), -EBADMSG);
}

static void test_a_mapping_comes_before_a_sample_of_the_same_time(void **state) {
        _cleanup_(event_queue_freep) EventQueue *q = NULL;
        Seen seen = {};

        assert_int_equal(event_queue_new(&q), 0);
        add_sample(q, 5);
        add_record(q, 5, "");
        event_queue_dispatch(q, on_event, &seen);
        assert_false(seen.samples[0]);
        assert_true(seen.samples[1]);
}

static void test_dispatching_empties_the_queue(void **state) {
        _cleanup_(event_queue_freep) EventQueue *q = NULL;
        Seen seen = {};

        assert_int_equal(event_queue_new(&q), 0);
        add_sample(q, 1);
        event_queue_dispatch(q, on_event, &seen);
        event_queue_dispatch(q, on_event, &seen);
        assert_int_equal(seen.n, 1);
}

static void test_a_full_queue_refuses_and_keeps_what_it_has(void **state) {
        static char path[4096];
        _cleanup_(event_queue_freep) EventQueue *q = NULL;
        ProcessRecord record = { .path = path };
        size_t n = 0;
        int r;

        memset(path, 'x', sizeof(path) - 1);
        assert_int_equal(event_queue_new(&q), 0);
        while ((r = event_queue_add_record(q, &record)) == 0)
                n++;
        assert_int_equal(r, -E2BIG);
        assert_in_range(n, EVENT_QUEUE_BYTES_MAX / 8192, EVENT_QUEUE_BYTES_MAX / 4096);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_events_come_out_in_time_order),
                cmocka_unit_test(test_a_sample_that_does_not_fit_its_size_is_refused),
                cmocka_unit_test(test_a_mapping_comes_before_a_sample_of_the_same_time),
                cmocka_unit_test(test_dispatching_empties_the_queue),
                cmocka_unit_test(test_a_full_queue_refuses_and_keeps_what_it_has),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
