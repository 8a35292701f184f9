/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the Text Writer */

#include "unit-test.h"

#include "profile/text-writer.h"

static char *take(TextWriter *w) {
        char *text;

        assert_return_code(text_writer_take(w, &text, NULL), 0);
        return text;
}

static void test_what_is_added_stands_in_the_text(void **state) {
        _cleanup_(text_writer_done) TextWriter w = {};
        _cleanup_free_ char *text = NULL;

        (void) state;
        text_add(&w, "a");
        text_add_bytes(&w, "bcd", 2);
        text_addf(&w, "%d-%s", 42, "");
        text = take(&w);
        assert_string_equal(text, "abc42-");
}

static void test_nothing_is_an_empty_text(void **state) {
        _cleanup_(text_writer_done) TextWriter w = {};
        _cleanup_free_ char *text = NULL;

        (void) state;
        text = take(&w);
        assert_string_equal(text, "");
}

static void test_json_cannot_be_left(void **state) {
        _cleanup_(text_writer_done) TextWriter w = {};
        _cleanup_free_ char *text = NULL;

        (void) state;
        text_add_json(&w, "a\"\\\n</script>&\x7f\xc3\xa4");
        text = take(&w);
        assert_string_equal(text,
                            "\"a\\\"\\\\\\u000a\\u003c/script\\u003e\\u0026\\u007f\xc3\xa4\"");
}

static void test_markup_cannot_be_left(void **state) {
        _cleanup_(text_writer_done) TextWriter w = {};
        _cleanup_free_ char *text = NULL;

        (void) state;
        text_add_markup(&w, "<a b='c\" d>&\n");
        text = take(&w);
        assert_string_equal(text, "&#60;a b=&#39;c&#34; d&#62;&#38;?");
}

static void test_the_limit_is_a_failure_that_stays(void **state) {
        _cleanup_(text_writer_done) TextWriter w = {};
        char *text = NULL;

        (void) state;
        text_add(&w, "a");
        w.size = TEXT_WRITER_MAX;
        text_add(&w, "b");
        w.size = 1;
        text_add(&w, "c");
        assert_int_equal(text_writer_take(&w, &text, NULL), -EFBIG);
        assert_null(text);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_added_stands_in_the_text),
                cmocka_unit_test(test_nothing_is_an_empty_text),
                cmocka_unit_test(test_json_cannot_be_left),
                cmocka_unit_test(test_markup_cannot_be_left),
                cmocka_unit_test(test_the_limit_is_a_failure_that_stays),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
