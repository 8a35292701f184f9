/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of speedscope's File Format */

#include "export-fixture.h"

#include "profile/speedscope.h"

enum { SAMPLES, CPU };

static json_t *encode(ReportFixture *f) {
        _cleanup_free_ char *text = NULL;
        size_t size;

        assert_return_code(speedscope_encode(f->profile, CPU, "title", &text, &size), 0);
        profile_free(f->profile);
        assert_null(strstr(text, "</"));
        return parse_json(text, size);
}

static const json_t *profile_of(const json_t *j, size_t i) {
        return json_array_get(json_object_get(j, "profiles"), i);
}

static void test_each_type_of_value_is_a_profile(void **state) {
        ReportFixture f;
        json_t *j;

        (void) state;
        export_fixture_init(&f);
        j = encode(&f);
        assert_int_equal(json_array_size(json_object_get(j, "profiles")), 2);
        assert_int_equal(json_integer_value(json_object_get(j, "activeProfileIndex")), CPU);
        assert_string_equal(json_string_value(json_object_get(profile_of(j, SAMPLES), "unit")),
                            "none");
        assert_string_equal(json_string_value(json_object_get(profile_of(j, CPU), "unit")),
                            "nanoseconds");
        json_decref(j);
}

static void test_weights_belong_to_samples_and_add_up_to_the_end(void **state) {
        const json_t *p, *frames;
        ReportFixture f;
        json_t *j;

        (void) state;
        export_fixture_init(&f);
        j = encode(&f);
        frames = json_object_get(json_object_get(j, "shared"), "frames");
        p = profile_of(j, CPU);
        assert_int_equal(json_array_size(json_object_get(p, "samples")),
                         json_array_size(json_object_get(p, "weights")));
        assert_int_equal(json_sum(json_object_get(p, "weights")), 120);
        assert_int_equal(json_integer_value(json_object_get(p, "endValue")), 120);
        for (size_t i = 0; i < json_array_size(json_object_get(p, "samples")); i++) {
                const json_t *stack = json_array_get(json_object_get(p, "samples"), i);

                for (size_t k = 0; k < json_array_size(stack); k++)
                        assert_true((size_t) json_integer_value(json_array_get(stack, k)) <
                                    json_array_size(frames));
                /* The root first. */
                assert_string_equal(
                        json_string_value(json_object_get(
                                json_array_get(frames, (size_t) json_integer_value(
                                                               json_array_get(stack, 0))),
                                "name")),
                        "main");
        }
        json_decref(j);
}

static void test_hostile_names_are_only_names(void **state) {
        const json_t *frames;
        bool found = false;
        ReportFixture f;
        json_t *j;

        (void) state;
        hostile_fixture_init(&f);
        j = encode(&f);
        frames = json_object_get(json_object_get(j, "shared"), "frames");
        for (size_t i = 0; i < json_array_size(frames); i++)
                found = found ||
                        streq(json_string_value(json_object_get(json_array_get(frames, i), "name")),
                              HOSTILE_SCRIPT);
        assert_true(found);
        json_decref(j);
}

static void test_a_negative_value_is_refused(void **state) {
        char *text = NULL;
        ReportFixture f;
        size_t size;

        (void) state;
        negative_fixture_init(&f);
        assert_int_equal(speedscope_encode(f.profile, CPU, "x", &text, &size), -EDOM);
        assert_null(text);
        profile_free(f.profile);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_type_of_value_is_a_profile),
                cmocka_unit_test(test_weights_belong_to_samples_and_add_up_to_the_end),
                cmocka_unit_test(test_hostile_names_are_only_names),
                cmocka_unit_test(test_a_negative_value_is_refused),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
