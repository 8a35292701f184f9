/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Retry Policy */

#include "unit-test.h"
#include "upload/retry.h"

static void test_each_status_has_its_class(void **state) {
        static const struct {
                unsigned status;
                UploadVerdict verdict;
        } cases[] = {
                { 200, UPLOAD_SENT },          { 204, UPLOAD_SENT },
                { 301, UPLOAD_MISCONFIGURED }, { 400, UPLOAD_REJECTED },
                { 401, UPLOAD_UNAUTHORIZED },  { 403, UPLOAD_UNAUTHORIZED },
                { 404, UPLOAD_MISCONFIGURED }, { 405, UPLOAD_MISCONFIGURED },
                { 408, UPLOAD_RETRY },         { 413, UPLOAD_TOO_LARGE },
                { 422, UPLOAD_REJECTED },      { 425, UPLOAD_RETRY },
                { 429, UPLOAD_RETRY },         { 500, UPLOAD_RETRY },
                { 501, UPLOAD_MISCONFIGURED }, { 503, UPLOAD_RETRY },
                { 505, UPLOAD_MISCONFIGURED }, { 507, UPLOAD_RETRY },
                { 0, UPLOAD_MISCONFIGURED },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(retry_judge_status(cases[i].status), cases[i].verdict);
}

static void test_what_waiting_does_not_mend_is_misconfigured(void **state) {
        assert_int_equal(retry_judge_error(-EKEYREJECTED), UPLOAD_MISCONFIGURED);
        assert_int_equal(retry_judge_error(-EINVAL), UPLOAD_MISCONFIGURED);
        assert_int_equal(retry_judge_error(-EHOSTUNREACH), UPLOAD_RETRY);
        assert_int_equal(retry_judge_error(-ECONNREFUSED), UPLOAD_RETRY);
        assert_int_equal(retry_judge_error(-ETIMEDOUT), UPLOAD_RETRY);
}

static void test_delays_double_up_to_a_limit_with_full_jitter(void **state) {
        usec_t ceiling = RETRY_DELAY_MIN_USEC;

        for (unsigned n = 1; n < 80; n++) {
                assert_int_equal(retry_delay(UPLOAD_RETRY, n, 0, 0), 0);
                assert_int_equal(retry_delay(UPLOAD_RETRY, n, 0, ceiling), ceiling);
                assert_int_equal(retry_delay(UPLOAD_RETRY, n, 0, ceiling + 1), 0);
                ceiling = MIN(2 * ceiling, RETRY_DELAY_MAX_USEC);
        }
}

static void test_what_the_server_asks_for_is_kept_within_reason(void **state) {
        assert_int_equal(retry_delay(UPLOAD_RETRY, 9, 30 * USEC_PER_SEC, 0), 30 * USEC_PER_SEC);
        assert_true(retry_delay(UPLOAD_RETRY, 9, 30 * USEC_PER_SEC, UINT64_MAX) <=
                    31 * USEC_PER_SEC);
        assert_int_equal(retry_delay(UPLOAD_RETRY, 1, 1, 0), RETRY_AFTER_MIN_USEC);
        assert_int_equal(retry_delay(UPLOAD_RETRY, 1, USEC_PER_DAY, 0), RETRY_AFTER_MAX_USEC);
        assert_int_equal(retry_delay(UPLOAD_RETRY, 1, USEC_INFINITY, 0), RETRY_AFTER_MAX_USEC);
}

static void test_a_server_that_refuses_us_is_asked_slowly(void **state) {
        assert_int_equal(retry_delay(UPLOAD_UNAUTHORIZED, 1, 0, 0), RETRY_UNAUTHORIZED_MIN_USEC);
        assert_int_equal(retry_delay(UPLOAD_MISCONFIGURED, 1, 0, 0), RETRY_UNAUTHORIZED_MIN_USEC);
        for (uint64_t random = 0; random < 1000; random++)
                assert_true(retry_delay(UPLOAD_UNAUTHORIZED, 50, 0, random * 7919771) <=
                            RETRY_DELAY_MAX_USEC);
}

static void test_another_profile_is_the_probe_every_other_time_once_one_is_suspect(void **state) {
        for (unsigned n = 0; n < RETRY_SUSPECT_FAILURES; n++)
                assert_int_equal(retry_pick_probe(n, 10), 0);
        assert_int_equal(retry_pick_probe(RETRY_SUSPECT_FAILURES, 10), 1);
        assert_int_equal(retry_pick_probe(RETRY_SUSPECT_FAILURES + 1, 10), 0);
        assert_int_equal(retry_pick_probe(RETRY_SUSPECT_FAILURES, 1), 0);
}

/* A server that is down for a week makes no profile poisonous. */
static void test_a_profile_is_poison_only_while_others_pass(void **state) {
        assert_false(retry_is_poison(1000000, 0));
        assert_false(retry_is_poison(RETRY_POISON_FAILURES - 1, 5));
        assert_true(retry_is_poison(RETRY_POISON_FAILURES, 1));
}

static void test_a_fleet_is_spread_over_the_delay(void **state) {
        unsigned n[10] = {};

        for (unsigned i = 0; i < 1000; i++) {
                usec_t t = retry_spread(10 * USEC_PER_SEC, &i, sizeof(i), "target");

                assert_true(t < 10 * USEC_PER_SEC);
                assert_int_equal(t, retry_spread(10 * USEC_PER_SEC, &i, sizeof(i), "target"));
                n[t / USEC_PER_SEC]++;
        }
        for (size_t i = 0; i < ELEMENTSOF(n); i++)
                assert_in_range(n[i], 50, 160);
        assert_int_equal(retry_spread(0, "x", 1, "target"), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_status_has_its_class),
                cmocka_unit_test(test_what_waiting_does_not_mend_is_misconfigured),
                cmocka_unit_test(test_delays_double_up_to_a_limit_with_full_jitter),
                cmocka_unit_test(test_what_the_server_asks_for_is_kept_within_reason),
                cmocka_unit_test(test_a_server_that_refuses_us_is_asked_slowly),
                cmocka_unit_test(
                        test_another_profile_is_the_probe_every_other_time_once_one_is_suspect),
                cmocka_unit_test(test_a_profile_is_poison_only_while_others_pass),
                cmocka_unit_test(test_a_fleet_is_spread_over_the_delay),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
