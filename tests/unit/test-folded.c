/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of Folded Stacks */

#include "export-fixture.h"

#include "profile/folded.h"

enum { SAMPLES, CPU };

static void test_each_stack_is_a_line_with_its_value(void **state) {
        _cleanup_free_ char *text = NULL;
        ReportFixture f;
        size_t size;

        (void) state;
        export_fixture_init(&f);
        assert_return_code(folded_encode(f.profile, CPU, &text, &size), 0);
        profile_free(f.profile);
        assert_int_equal(size, strlen(text));
        assert_string_equal(text, "main;work 60\n"
                                  "main;work;copy_[k] 50\n"
                                  "main;[libz.so.1] 10\n");
}

static void test_names_cannot_make_lines_or_frames(void **state) {
        _cleanup_free_ char *text = NULL;
        size_t size, n_lines = 0, n_frames = 0;
        ReportFixture f;

        (void) state;
        hostile_fixture_init(&f);
        assert_return_code(folded_encode(f.profile, SAMPLES, &text, &size), 0);
        profile_free(f.profile);
        for (const char *s = text; *s != '\0'; s++) {
                n_lines += *s == '\n';
                n_frames += *s == ';';
                assert_true(*s == '\n' || (unsigned char) *s >= 0x20);
        }
        assert_int_equal(n_lines, 2);
        assert_int_equal(n_frames, 3);
        assert_non_null(strstr(text, "one:two three?four"));
        assert_non_null(strstr(text, "[none] 1\n"));
}

static void test_a_negative_value_is_refused(void **state) {
        char *text = NULL;
        ReportFixture f;
        size_t size;

        (void) state;
        negative_fixture_init(&f);
        assert_int_equal(folded_encode(f.profile, CPU, &text, &size), -EDOM);
        assert_null(text);
        profile_free(f.profile);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_stack_is_a_line_with_its_value),
                cmocka_unit_test(test_names_cannot_make_lines_or_frames),
                cmocka_unit_test(test_a_negative_value_is_refused),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
