/* SPDX-License-Identifier: Apache-2.0 */
/* How a User Stack Ended */

#include "stack-end.h"
#include "unit-test.h"

static void test_every_end_has_a_name_of_its_own(void **state) {
        (void) state;
        for (unsigned i = 0; i < _STACK_END_MAX; i++)
                for (unsigned j = 0; j < i; j++)
                        assert_string_not_equal(stack_end_to_string(i), stack_end_to_string(j));
        assert_string_equal(stack_end_to_string(_STACK_END_MAX), "unknown");
}

static void test_what_ended_well_is_not_broken(void **state) {
        (void) state;
        assert_false(stack_end_is_broken(STACK_END_NONE));
        assert_false(stack_end_is_broken(STACK_END_COMPLETE));
        assert_false(stack_end_is_broken(STACK_END_TRUNCATED));
        assert_true(stack_end_is_broken(STACK_END_NOT_LOADED));
        assert_true(stack_end_is_broken(STACK_END_NO_PROGRESS));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_end_has_a_name_of_its_own),
                cmocka_unit_test(test_what_ended_well_is_not_broken),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
