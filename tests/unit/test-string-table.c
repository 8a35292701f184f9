/* SPDX-License-Identifier: Apache-2.0 */
/* String Table */

#include "profile/string-table.h"
#include "unit-test.h"

/* pprof readers reject a file whose string 0 is not empty. */
static void test_index_zero_is_the_empty_string(void **state) {
        _cleanup_(string_table_freep) StringTable *t = NULL;
        uint32_t index = 7;

        assert_return_code(string_table_new(&t), errno);
        assert_int_equal(string_table_size(t), 1);
        assert_string_equal(string_table_get(t, 0), "");
        assert_int_equal(string_table_intern(t, "", &index), 0);
        assert_int_equal(index, 0);
}

static void test_equal_strings_have_one_index(void **state) {
        _cleanup_(string_table_freep) StringTable *t = NULL;
        char copy[] = "main";
        uint32_t a, b, c;

        assert_return_code(string_table_new(&t), errno);
        assert_int_equal(string_table_intern(t, "main", &a), 1);
        assert_int_equal(string_table_intern(t, "mai", &b), 1);
        assert_int_equal(string_table_intern(t, copy, &c), 0);
        assert_int_equal(a, 1);
        assert_int_equal(b, 2);
        assert_int_equal(c, a);

        copy[0] = 'x'; /* the table has its own copy */
        assert_string_equal(string_table_get(t, c), "main");
}

static void test_indices_are_dense_and_strings_stay_where_they_are(void **state) {
        _cleanup_(string_table_freep) StringTable *t = NULL;
        const char *first;
        uint32_t index;

        assert_return_code(string_table_new(&t), errno);
        assert_int_equal(string_table_intern(t, "first", &index), 1);
        first = string_table_get(t, index);

        for (uint32_t i = 0; i < 20000; i++) {
                char s[32];

                snprintf(s, sizeof(s), "function_%u", i);
                assert_int_equal(string_table_intern(t, s, &index), 1);
                assert_int_equal(index, i + 2);
        }
        assert_ptr_equal(string_table_get(t, 1), first);
        assert_string_equal(string_table_get(t, 20001), "function_19999");
        assert_int_equal(string_table_size(t), 20002);
}

static void test_an_unknown_index_is_null(void **state) {
        _cleanup_(string_table_freep) StringTable *t = NULL;

        assert_return_code(string_table_new(&t), errno);
        assert_null(string_table_get(t, 1));
        assert_null(string_table_get(t, UINT32_MAX));
}

static void test_a_string_of_a_megabyte_is_kept_whole(void **state) {
        _cleanup_(string_table_freep) StringTable *t = NULL;
        _cleanup_free_ char *s = NULL;
        uint32_t index;

        s = malloc(1 << 20);
        assert_non_null(s);
        memset(s, 'x', 1 << 20);
        s[(1 << 20) - 1] = '\0';

        assert_return_code(string_table_new(&t), errno);
        assert_int_equal(string_table_intern(t, s, &index), 1);
        assert_string_equal(string_table_get(t, index), s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_index_zero_is_the_empty_string),
                cmocka_unit_test(test_equal_strings_have_one_index),
                cmocka_unit_test(test_indices_are_dense_and_strings_stay_where_they_are),
                cmocka_unit_test(test_an_unknown_index_is_null),
                cmocka_unit_test(test_a_string_of_a_megabyte_is_kept_whole),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
