/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of a Profile as JSON */

#include "export-fixture.h"

#include "profile/profile-json.h"

static json_t *encode(ReportFixture *f) {
        _cleanup_free_ char *text = NULL;
        size_t size;

        assert_return_code(profile_json_encode(f->profile, &text, &size), 0);
        profile_free(f->profile);
        return parse_json(text, size);
}

static void test_samples_point_to_locations_and_these_to_mappings(void **state) {
        const json_t *samples, *locations, *mappings;
        ReportFixture f;
        json_t *j;

        (void) state;
        export_fixture_init(&f);
        j = encode(&f);
        samples = json_object_get(j, "samples");
        locations = json_object_get(j, "locations");
        mappings = json_object_get(j, "mappings");
        assert_int_equal(json_array_size(samples), 4);
        for (size_t i = 0; i < json_array_size(samples); i++) {
                const json_t *stack = json_object_get(json_array_get(samples, i), "stack");

                for (size_t k = 0; k < json_array_size(stack); k++) {
                        size_t l = (size_t) json_integer_value(json_array_get(stack, k));

                        assert_true(l < json_array_size(locations));
                        assert_true((size_t) json_integer_value(json_object_get(
                                            json_array_get(locations, l), "mapping")) <
                                    json_array_size(mappings));
                }
        }
        json_decref(j);
}

static void test_labels_are_texts_and_numbers(void **state) {
        const json_t *labels;
        ReportFixture f;
        json_t *j;

        (void) state;
        export_fixture_init(&f);
        j = encode(&f);
        labels = json_object_get(json_array_get(json_object_get(j, "samples"), 0), "labels");
        assert_int_equal(json_integer_value(json_object_get(labels, "pid")), 1);
        assert_string_equal(json_string_value(json_object_get(labels, "thread")), "a");
        json_decref(j);
}

static void test_hostile_names_are_only_strings(void **state) {
        ReportFixture f;
        json_t *j;

        (void) state;
        hostile_fixture_init(&f);
        j = encode(&f);
        assert_string_equal(json_string_value(json_array_get(json_object_get(j, "comments"), 0)),
                            HOSTILE_SCRIPT);
        json_decref(j);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_samples_point_to_locations_and_these_to_mappings),
                cmocka_unit_test(test_labels_are_texts_and_numbers),
                cmocka_unit_test(test_hostile_names_are_only_strings),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
