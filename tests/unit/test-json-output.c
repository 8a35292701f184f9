/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the JSON Output */

#include "unit-test.h"
#include "view/json-output.h"

static char *print(JsonOutput *j, JsonMode mode) {
        char *text = NULL;
        size_t size;
        FILE *f;

        f = open_memstream(&text, &size);
        assert_non_null(f);
        assert_return_code(json_output_print(j, mode, f), 0);
        fclose(f);
        json_output_free(j);
        return text;
}

static void test_short_is_one_line_in_the_order_of_writing(void **state) {
        JsonOutput *j;
        char *text;

        (void) state;
        assert_return_code(json_output_new(&j), 0);
        json_add_string(j, "unit", "nginx.service");
        json_open_array(j, "list");
        json_add_integer(j, NULL, -1);
        json_open_object(j, NULL);
        json_add_bool(j, "yes", true);
        json_add_null(j, "none");
        json_close(j);
        json_close(j);
        json_add_count(j, "after", 7);
        text = print(j, JSON_MODE_SHORT);
        assert_string_equal(text, "{\"unit\":\"nginx.service\",\"list\":[-1,{\"yes\":true,\"none\":"
                                  "null}],\"after\":7}\n");
        free(text);
}

static void test_counts_saturate(void **state) {
        JsonOutput *j;
        char *text;

        (void) state;
        assert_return_code(json_output_new(&j), 0);
        json_add_count(j, "n", UINT64_MAX);
        text = print(j, JSON_MODE_SHORT);
        assert_string_equal(text, "{\"n\":9223372036854775807}\n");
        free(text);
}

static void test_what_is_no_utf8_stays_readable(void **state) {
        JsonOutput *j;
        char *text;

        (void) state;
        assert_return_code(json_output_new(&j), 0);
        json_add_string(j, "a", "x\xffy\"");
        json_add_string(j, "b", NULL);
        text = print(j, JSON_MODE_SHORT);
        assert_string_equal(text, "{\"a\":\"x?y\\\"\",\"b\":null}\n");
        free(text);
}

static void test_modes_have_names(void **state) {
        (void) state;
        assert_int_equal(json_mode_from_string("off"), JSON_MODE_OFF);
        assert_int_equal(json_mode_from_string("short"), JSON_MODE_SHORT);
        assert_int_equal(json_mode_from_string("pretty"), JSON_MODE_PRETTY);
        assert_true(json_mode_from_string("long") < 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_short_is_one_line_in_the_order_of_writing),
                cmocka_unit_test(test_counts_saturate),
                cmocka_unit_test(test_what_is_no_utf8_stays_readable),
                cmocka_unit_test(test_modes_have_names),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
