/* SPDX-License-Identifier: Apache-2.0 */
/* Losses */

#include "basic/string-util.h"
#include "journal.h"
#include "manager-losses.h"
#include "unit-test.h"

static uint64_t lost_samples(const ProfilerStatistics *s) {
        ManagerLoss losses[MANAGER_LOSSES_MAX];
        uint64_t lost = 0;

        for (size_t i = manager_losses_list(s, losses); i > 0; i--)
                lost += losses[i - 1].samples ? losses[i - 1].count : 0;
        return lost;
}

static void test_each_reason_is_told_once_with_help(void **state) {
        const ProfilerStatistics none = {};
        ManagerLoss losses[MANAGER_LOSSES_MAX];
        size_t n = manager_losses_list(&none, losses);

        assert_true(n > 0);
        assert_true(n <= JOURNAL_LOSSES_MAX); /* or the journal would keep silent of some */
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(losses[i].count, 0);
                assert_true(endswith(losses[i].help, "."));
                for (size_t j = 0; j < i; j++)
                        assert_string_not_equal(losses[i].reason, losses[j].reason);
        }
}

static void test_no_lost_sample_is_forgotten(void **state) {
        const ProfilerStatistics s = {
                .sampler_loss = { .queue = 1, .malformed = 10 },
                .lost_without_unit = 100,
                .lost_window_full = 1000,
                .lost_unwritten = 10000,
                .waits_evicted = 100000,
        };

        assert_int_equal(lost_samples(&s), 111111);
}

/* Sessions bring samples of their own: what they lose is missing in no stored profile. */
static void test_what_sessions_lose_is_no_sample_of_a_unit(void **state) {
        ProfilerStatistics s = {};

        s.sampler_loss.samples[LOSS_SESSIONS] = 5;
        s.sampler_loss.samples[LOSS_RING_FULL] = 3;
        assert_int_equal(lost_samples(&s), 3);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_reason_is_told_once_with_help),
                cmocka_unit_test(test_no_lost_sample_is_forgotten),
                cmocka_unit_test(test_what_sessions_lose_is_no_sample_of_a_unit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
