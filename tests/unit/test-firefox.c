/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of Firefox Profiler's Format */

#include "export-fixture.h"

#include "profile/firefox.h"

enum { SAMPLES };

static json_t *encode(ReportFixture *f) {
        _cleanup_free_ char *text = NULL;
        size_t size;

        assert_return_code(firefox_encode(f->profile, SAMPLES, "title", &text, &size), 0);
        profile_free(f->profile);
        return parse_json(text, size);
}

static const json_t *thread_of(const json_t *j) {
        return json_array_get(json_object_get(j, "threads"), 0);
}

/* All columns of a table have its length; text is not a column. */
static void check_table(const json_t *thread, const char *name) {
        json_t *table = json_object_get(thread, name);
        size_t length = (size_t) json_integer_value(json_object_get(table, "length"));
        const char *key;
        json_t *column;

        json_object_foreach(table, key, column) {
                if (json_is_array(column) && json_array_size(column) != length)
                        fail_msg("%s.%s has %zu rows instead of %zu", name, key,
                                 json_array_size(column), length);
        }
}

static void test_all_columns_of_a_table_are_as_long_as_it(void **state) {
        static const char *const tables[] = { "samples",      "stackTable",    "frameTable",
                                              "funcTable",    "resourceTable", "markers",
                                              "nativeSymbols" };
        ReportFixture f;
        json_t *j;

        (void) state;
        export_fixture_init(&f);
        j = encode(&f);
        for (size_t i = 0; i < ELEMENTSOF(tables); i++)
                check_table(thread_of(j), tables[i]);
        json_decref(j);
}

static void test_a_stack_is_one_sample_with_its_count_as_weight(void **state) {
        const json_t *samples;
        ReportFixture f;
        json_t *j;

        (void) state;
        export_fixture_init(&f);
        j = encode(&f);
        samples = json_object_get(thread_of(j), "samples");
        assert_int_equal(json_integer_value(json_object_get(samples, "length")), 3);
        assert_int_equal(json_sum(json_object_get(samples, "weight")), 12);
        assert_string_equal(json_string_value(json_object_get(samples, "weightType")), "samples");
        json_decref(j);
}

static void test_a_stack_comes_after_its_prefix(void **state) {
        const json_t *prefixes;
        ReportFixture f;
        json_t *j;

        (void) state;
        export_fixture_init(&f);
        j = encode(&f);
        prefixes = json_object_get(json_object_get(thread_of(j), "stackTable"), "prefix");
        assert_true(json_is_null(json_array_get(prefixes, 0)));
        for (size_t i = 1; i < json_array_size(prefixes); i++)
                assert_true((size_t) json_integer_value(json_array_get(prefixes, i)) < i);
        json_decref(j);
}

static void test_hostile_names_are_only_strings(void **state) {
        ReportFixture f;

        (void) state;
        hostile_fixture_init(&f);
        json_decref(encode(&f));
}

static void test_a_negative_value_is_refused(void **state) {
        char *text = NULL;
        ReportFixture f;
        size_t size;

        (void) state;
        negative_fixture_init(&f);
        assert_int_equal(firefox_encode(f.profile, SAMPLES, "x", &text, &size), -EDOM);
        profile_free(f.profile);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_columns_of_a_table_are_as_long_as_it),
                cmocka_unit_test(test_a_stack_is_one_sample_with_its_count_as_weight),
                cmocka_unit_test(test_a_stack_comes_after_its_prefix),
                cmocka_unit_test(test_hostile_names_are_only_strings),
                cmocka_unit_test(test_a_negative_value_is_refused),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
