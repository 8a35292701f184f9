/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Compacting History */

#include "ctl-fixture.h"
#include "ctl/ctl-compact.h"
#include "profile/profile-quality.h"
#include "unit-test.h"

/* Of a day that is over, at its beginning; the fixture's clock stands at midnight. */
#define DAY_AGO (3 * 24 * 60)

static void store_window(CtlFixture *f, unsigned ago, unsigned invocation) {
        _cleanup_(store_freep) Store *s = NULL;
        StoreLimits limits = { UINT64_MAX, 0, USEC_INFINITY };
        usec_t start = CTL_FIXTURE_NOW - ago * USEC_PER_MINUTE;
        StoreEntry e = {
                .unit = (char *) "a.service",
                .type = (char *) "cpu",
                .start_usec = start,
                .duration_usec = USEC_PER_MINUTE,
        };
        _cleanup_free_ uint8_t *data = NULL;
        ReportFixture r;
        char line[64];
        size_t size;

        report_fixture_init(&r, start, USEC_PER_MINUTE);
        report_fixture_add(&r, 1, "main", 42, FRAME_WORK, FRAME_MAIN, -1);
        snprintf(line, sizeof(line), "invocation-id: %032x", invocation);
        assert_return_code(profile_add_comment(r.profile, line), 0);
        assert_return_code(profile_add_comment(r.profile, "samples: 1"), 0);
        assert_return_code(pprof_encode(r.profile, &data, &size), 0);
        assert_return_code(store_open(&s, f->directory, &limits), 0);
        assert_return_code(store_write(s, &e, data, size, NULL), 0);
        profile_free(r.profile);
}

static CompactResult compact(CtlFixture *f, usec_t now) {
        const CompactRequest q = { .now_usec = now,
                                   .after_usec = USEC_PER_DAY,
                                   .room_bytes = UINT64_MAX };
        _cleanup_(store_freep) Store *s = NULL;
        CompactResult done;

        assert_return_code(store_open_reader(&s, f->directory), 0);
        assert_return_code(compact_store(s, NULL, &q, &done), 0);
        return done;
}

static void test_starts_that_ran_long_stay_apart(void **state) {
        CtlFixture *f = *state;

        for (unsigned i = 0; i < 60; i++)
                store_window(f, DAY_AGO - i, i < 40);
        assert_int_equal(compact(f, CTL_FIXTURE_NOW).n_written, 2);
}

/* What a timer starts every minute would never become less. */
static void test_short_starts_go_together(void **state) {
        CtlFixture *f = *state;

        for (unsigned i = 0; i < 60; i++)
                store_window(f, DAY_AGO - i, i);
        assert_int_equal(compact(f, CTL_FIXTURE_NOW).n_written, 1);
}

static void test_an_hour_that_is_not_over_waits(void **state) {
        CtlFixture *f = *state;

        for (unsigned i = 0; i < 60; i++)
                store_window(f, DAY_AGO - i, 1);
        assert_int_equal(
                compact(f, CTL_FIXTURE_NOW - (DAY_AGO - 24 * 60 - 59) * USEC_PER_MINUTE).n_written,
                0);
        assert_int_equal(
                compact(f, CTL_FIXTURE_NOW - (DAY_AGO - 24 * 60 - 60) * USEC_PER_MINUTE).n_written,
                1);
}

static void test_an_hour_says_what_its_windows_said(void **state) {
        _cleanup_(profile_freep) Profile *p = NULL;
        _cleanup_(store_freep) Store *s = NULL;
        ProfileNotes notes = {};
        CtlFixture *f = *state;
        StoreEntry *entries;
        ProfileHeader h;
        size_t n;

        /* Idle in between: ten windows of an hour. */
        for (unsigned i = 0; i < 60; i += 6)
                store_window(f, DAY_AGO - i, 1);
        assert_int_equal(compact(f, CTL_FIXTURE_NOW).n_replaced, 10);
        assert_return_code(store_open_reader(&s, f->directory), 0);
        assert_return_code(store_list(s, NULL, NULL, 0, USEC_INFINITY, &entries, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(entries[0].level, STORE_HOUR);
        assert_int_equal(entries[0].duration_usec, 55 * USEC_PER_MINUTE);
        assert_return_code(pprof_read_file(store_get_fd(s), entries[0].path, &p, NULL), 0);
        profile_get_header(p, &h);
        assert_int_equal(h.duration_nsec, 10 * USEC_PER_MINUTE * NSEC_PER_USEC);
        assert_int_equal(profile_get_span_usec(p), 55 * USEC_PER_MINUTE);
        assert_string_equal(profile_get_note(p, "windows"), "10");
        profile_notes_add(&notes, p);
        assert_int_equal(notes.samples, 10);
        store_entries_free(entries, n);
}

/* Nothing is read again and again because it could not be made less. */
static void test_what_was_done_is_left_alone(void **state) {
        CtlFixture *f = *state;
        CompactResult done;

        store_window(f, DAY_AGO, 1);
        assert_int_equal(compact(f, CTL_FIXTURE_NOW).n_written, 1);
        done = compact(f, CTL_FIXTURE_NOW);
        assert_int_equal(done.n_written, 0);
        assert_int_equal(done.n_removed, 0);
        /* By the clock of the file system, which is far ahead of the fixture's. */
        done = compact(f, now_usec(CLOCK_REALTIME) + COMPACT_GRACE_USEC + USEC_PER_MINUTE);
        assert_int_equal(done.n_removed, 1);
        assert_int_equal(done.n_written, 1); /* a day by now */
}

/* Once the day is there, what the hour replaced would come back into sight beside it. */
static void test_a_pinned_window_of_an_hour_holds_up_the_day(void **state) {
        CtlFixture *f = *state;
        _cleanup_(store_pins_freep) StorePins *pins = NULL;
        _cleanup_(store_freep) Store *s = NULL;
        CompactRequest q = { .after_usec = USEC_PER_DAY, .room_bytes = UINT64_MAX };
        CompactResult done;

        store_window(f, DAY_AGO, 1);
        store_window(f, DAY_AGO - 1, 1);
        assert_int_equal(compact(f, CTL_FIXTURE_NOW).n_written, 1);

        assert_return_code(store_pins_new(&pins), 0);
        assert_return_code(store_pins_put(pins, "a.service",
                                          CTL_FIXTURE_NOW - (DAY_AGO - 1) * USEC_PER_MINUTE,
                                          USEC_INFINITY),
                           0);
        q.now_usec = now_usec(CLOCK_REALTIME) + COMPACT_GRACE_USEC + USEC_PER_MINUTE;
        q.pins = pins;
        assert_return_code(store_open_reader(&s, f->directory), 0);
        assert_return_code(compact_store(s, NULL, &q, &done), 0);
        assert_int_equal(done.n_removed, 1);
        assert_int_equal(done.n_written, 0);
}

/* Where there is no room for both, the daemon would remove the oldest history for the parts. */
static void test_parts_do_not_stay_where_there_is_no_room(void **state) {
        CtlFixture *f = *state;
        _cleanup_(store_freep) Store *s = NULL;
        CompactRequest q = { .now_usec = CTL_FIXTURE_NOW, .after_usec = USEC_PER_DAY };
        StoreEntry *entries;
        CompactResult done;
        size_t n;

        for (unsigned i = 0; i < 60; i++)
                store_window(f, DAY_AGO - i, 1);
        assert_return_code(store_open_reader(&s, f->directory), 0);
        assert_return_code(compact_store(s, NULL, &q, &done), 0);
        assert_int_equal(done.n_written, 1);
        assert_int_equal(done.n_removed, 60);
        assert_return_code(store_list_all(s, NULL, NULL, 0, USEC_INFINITY, &entries, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(entries[0].level, STORE_HOUR);
        store_entries_free(entries, n);
}

static void test_a_time_that_cannot_come_is_never(void **state) {
        CtlFixture *f = *state;
        const CompactRequest q = { .now_usec = CTL_FIXTURE_NOW, .after_usec = USEC_INFINITY };
        _cleanup_(store_freep) Store *s = NULL;
        CompactResult done;

        store_window(f, DAY_AGO, 1);
        assert_return_code(store_open_reader(&s, f->directory), 0);
        assert_return_code(compact_store(s, NULL, &q, &done), 0);
        assert_int_equal(done.n_written, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ctl_fixture_setup, ctl_fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_starts_that_ran_long_stay_apart),
                TEST(test_short_starts_go_together),
                TEST(test_an_hour_that_is_not_over_waits),
                TEST(test_an_hour_says_what_its_windows_said),
                TEST(test_what_was_done_is_left_alone),
                TEST(test_a_pinned_window_of_an_hour_holds_up_the_day),
                TEST(test_parts_do_not_stay_where_there_is_no_room),
                TEST(test_a_time_that_cannot_come_is_never),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
