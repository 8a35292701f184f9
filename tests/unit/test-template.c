/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Templates */

#include "unit-test.h"
#include "upload/template.h"

static const TemplateWord words[] = { { "unit", "a@b/c.service" },
                                      { "up", ".." },
                                      { "none", NULL } };

static int expand(const char *template, bool encode, char **ret) {
        return template_expand(template, words, ELEMENTSOF(words), encode, ret);
}

static void test_words_are_replaced(void **state) {
        _cleanup_free_ char *text = NULL;

        assert_return_code(expand("x={unit}, {none}{unit}", false, &text), 0);
        assert_string_equal(text, "x=a@b/c.service, a@b/c.service");
}

static void test_a_value_is_one_segment_of_a_url(void **state) {
        _cleanup_free_ char *text = NULL;

        assert_return_code(expand("https://h/{unit}/{up}/x", true, &text), 0);
        assert_string_equal(text, "https://h/a%40b%2Fc.service/%2E%2E/x");
}

static void test_what_makes_no_sense_is_refused(void **state) {
        char *text;

        assert_int_equal(expand("{unit", false, &text), -EINVAL);
        assert_int_equal(expand("unit}", false, &text), -EINVAL);
        assert_int_equal(expand("{un{it}", false, &text), -EINVAL);
        assert_int_equal(expand("{}", false, &text), -ENOENT);
        assert_int_equal(expand("{units}", false, &text), -ENOENT);
}

static void test_the_result_has_a_limit(void **state) {
        char *template = malloc(8 * TEMPLATE_RESULT_MAX), *text;

        assert_non_null(template);
        template[0] = '\0';
        for (size_t i = 0; i < TEMPLATE_RESULT_MAX; i++)
                strcpy(template + 6 * i, "{unit}");
        assert_int_equal(expand(template, true, &text), -E2BIG);
        free(template);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words_are_replaced),
                cmocka_unit_test(test_a_value_is_one_segment_of_a_url),
                cmocka_unit_test(test_what_makes_no_sense_is_refused),
                cmocka_unit_test(test_the_result_has_a_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
