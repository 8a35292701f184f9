/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Counts of a Profile */

#include "profile/profile-counts.h"
#include "unit-test.h"

static Profile *make(const char *const *comments) {
        static const ProfileValueType types[] = { { "samples", "count" } };
        Profile *p;

        assert_return_code(profile_new(&p, types, 1), 0);
        for (; *comments; comments++)
                assert_return_code(profile_add_comment(p, *comments), 0);
        return p;
}

static void test_counts_add_up_and_words_stay(void **state) {
        _cleanup_(profile_freep) Profile *p = NULL, *q = NULL;
        ProfileCounts counts = {};

        p = make((const char *[]){ "unit: a.service", "samples: 3", "stacks-none: 1", NULL });
        q = make((const char *[]){ "unit: a.service", "samples: 4", "by hand", NULL });
        profile_counts_add(&counts, p);
        profile_counts_add(&counts, q);
        profile_counts_add_value(&counts, "windows", 2);
        assert_return_code(profile_merge(p, q), 0);
        assert_return_code(profile_counts_apply(&counts, p), 0);

        assert_int_equal(profile_n_comments(p), 5);
        assert_string_equal(profile_get_comment(p, 0), "unit: a.service");
        assert_string_equal(profile_get_comment(p, 1), "by hand");
        assert_string_equal(profile_get_comment(p, 2), "samples: 7");
        assert_string_equal(profile_get_comment(p, 3), "stacks-none: 1");
        assert_string_equal(profile_get_comment(p, 4), "windows: 2");
}

static void test_what_is_no_count_is_left_alone(void **state) {
        _cleanup_(profile_freep) Profile *p = NULL;
        ProfileCounts counts = {};

        p = make((const char *[]){ "a: 1b", "b: -1", ": 1", "c:1", "d: 99999999999999999999999",
                                   "span: 5 us", "session: 3", NULL });
        profile_counts_add(&counts, p);
        assert_int_equal(counts.n, 0);
        assert_return_code(profile_counts_apply(&counts, p), 0);
        assert_int_equal(profile_n_comments(p), 7);
}

static void test_sums_stop_at_the_end(void **state) {
        ProfileCounts counts = {};

        profile_counts_add_value(&counts, "n", UINT64_MAX);
        profile_counts_add_value(&counts, "n", 1);
        assert_int_equal(counts.counts[0].value, UINT64_MAX);
        for (unsigned i = 0; i < 2 * PROFILE_COUNTS_MAX; i++) {
                char key[16];

                snprintf(key, sizeof(key), "key%u", i);
                profile_counts_add_value(&counts, key, 1);
        }
        assert_int_equal(counts.n, PROFILE_COUNTS_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_counts_add_up_and_words_stay),
                cmocka_unit_test(test_what_is_no_count_is_left_alone),
                cmocka_unit_test(test_sums_stop_at_the_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
