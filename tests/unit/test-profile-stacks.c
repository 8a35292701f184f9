/* SPDX-License-Identifier: Apache-2.0 */
/* Where Stacks Ended: which file and reason cost how many */

#include "report-fixture.h"

#include "profile/profile-stacks.h"

/* A sample of two frames, leaf first, that was taken count times. reason: NULL for a whole stack.
 */
static void add(ReportFixture *f, int64_t count, const char *reason, int leaf, int outermost) {
        const ProfileLabel label = { .key = PROFILE_STACK_END_LABEL, .string = reason };
        const uint32_t stack[] = { f->frames[leaf], f->frames[outermost] };
        const int64_t values[] = { count, count * 10 };

        assert_return_code(profile_add_sample(f->profile, &(ProfileSample){ .locations = stack,
                                                                            .n_locations = 2,
                                                                            .values = values,
                                                                            .labels = &label,
                                                                            .n_labels = !!reason }),
                           0);
}

static void test_stacks_are_counted_by_reason_and_outermost_file(void **state) {
        _cleanup_free_ ProfileBrokenStacks *kinds = NULL;
        ProfileMapping m;
        ReportFixture f;
        uint64_t all;
        size_t n;

        (void) state;
        report_fixture_init(&f, 0, 0);
        add(&f, 90, NULL, FRAME_WORK, FRAME_MAIN);
        add(&f, 2, "no-table", FRAME_WORK, FRAME_NONAME);
        add(&f, 3, "no-table", FRAME_MAIN, FRAME_NONAME);
        add(&f, 4, "no-rule", FRAME_NONAME, FRAME_WORK);
        add(&f, 1, "no-rule", FRAME_WORK, FRAME_NONAME);

        assert_return_code(profile_count_broken_stacks(f.profile, &kinds, &n, &all), 0);
        assert_int_equal(all, 100);
        assert_int_equal(n, 3);
        assert_int_equal(kinds[0].stacks, 5);
        assert_string_equal(kinds[0].reason, "no-table");
        profile_get_mapping(f.profile, kinds[0].mapping, &m);
        assert_string_equal(m.filename, "/usr/lib/libz.so.1");
        assert_int_equal(kinds[1].stacks, 4);
        assert_string_equal(kinds[1].reason, "no-rule");
        profile_get_mapping(f.profile, kinds[1].mapping, &m);
        assert_string_equal(m.filename, "/usr/bin/worker");
        assert_int_equal(kinds[2].stacks, 1);
        profile_free(f.profile);
}

static void test_whole_stacks_are_no_kind(void **state) {
        _cleanup_free_ ProfileBrokenStacks *kinds = NULL;
        ReportFixture f;
        uint64_t all;
        size_t n;

        (void) state;
        report_fixture_init(&f, 0, 0);
        add(&f, 7, NULL, FRAME_WORK, FRAME_MAIN);
        assert_return_code(profile_count_broken_stacks(f.profile, &kinds, &n, &all), 0);
        assert_int_equal(n, 0);
        assert_int_equal(all, 7);
        profile_free(f.profile);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stacks_are_counted_by_reason_and_outermost_file),
                cmocka_unit_test(test_whole_stacks_are_no_kind),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
