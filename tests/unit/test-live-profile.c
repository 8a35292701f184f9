/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Live Profile */

#include "ctl/live-profile.h"
#include "profile/profile-quality.h"
#include "report-fixture.h"
#include "unit-test.h"

static Profile *window(usec_t start, int64_t count, int64_t more) {
        ReportFixture f;

        report_fixture_init(&f, start, USEC_PER_SEC);
        report_fixture_add(&f, count, "main", 42, FRAME_WORK, FRAME_MAIN, -1);
        if (more > 0)
                report_fixture_add(&f, more, "main", 42, FRAME_COPY, FRAME_WORK, FRAME_MAIN, -1);
        return f.profile;
}

static int64_t advance(LiveProfile *l, Profile *now) {
        _cleanup_(profile_freep) Profile *fresh = NULL;

        assert_return_code(live_profile_advance(l, now, &fresh), 0);
        return fresh ? profile_total(fresh, 0) : -1;
}

static void test_what_is_new_is_the_difference(void **state) {
        _cleanup_(live_profile_done) LiveProfile l = {};

        assert_int_equal(advance(&l, window(7, 10, 0)), -1);
        assert_int_equal(advance(&l, window(7, 12, 3)), 5);
        assert_int_equal(advance(&l, window(7, 12, 3)), 0);
}

static void test_of_another_window_all_is_new(void **state) {
        _cleanup_(live_profile_done) LiveProfile l = {};

        assert_int_equal(advance(&l, window(7, 10, 0)), -1);
        assert_int_equal(advance(&l, window(8, 4, 0)), 4);
        assert_int_equal(advance(&l, window(8, 5, 0)), 1);
}

static void test_without_a_window_nothing_is_new(void **state) {
        _cleanup_(live_profile_done) LiveProfile l = {};

        assert_int_equal(advance(&l, NULL), -1);
        assert_int_equal(advance(&l, NULL), -1);
        assert_int_equal(advance(&l, window(7, 11, 0)), 11);
        assert_int_equal(advance(&l, window(7, 12, 0)), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_new_is_the_difference),
                cmocka_unit_test(test_of_another_window_all_is_new),
                cmocka_unit_test(test_without_a_window_nothing_is_new),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
