/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of Strings */

#include "unit-test.h"

#include "basic/string-util.h"

static void test_a_suffix_is_at_the_end_and_not_longer(void **state) {
        assert_true(endswith("a.service", ".service"));
        assert_true(endswith(".service", ".service"));
        assert_true(endswith("a", ""));
        assert_false(endswith("service", ".service"));
        assert_false(endswith("a.service.d", ".service"));
}

static void test_a_replaced_string_may_be_a_part_of_the_old_one(void **state) {
        _cleanup_free_ char *s = NULL;

        assert_int_equal(free_and_strdup(&s, "whole"), 0);
        assert_int_equal(free_and_strdup(&s, s + 2), 0);
        assert_string_equal(s, "ole");
        assert_int_equal(free_and_strdup(&s, NULL), 0);
        assert_null(s);
}

static void test_white_space_goes_at_both_ends_only(void **state) {
        char text[] = " \t a b\n ", blank[] = " \t\n", empty[] = "";

        assert_string_equal(strstrip(text), "a b");
        assert_string_equal(strstrip(blank), "");
        assert_string_equal(strstrip(empty), "");
}

static void test_words_are_split_as_a_shell_does(void **state) {
        static const char *const words[] = {
                "plain", "two words", "it's", "a\\b", "joined up", "", "\"", "\\",
        };
        const char *p = "plain \"two words\"  \"it's\" 'a\\b'\tjoi'ned u'p '' \\\" \\";
        char *word;

        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                assert_int_equal(extract_word(&p, &word), 1);
                assert_string_equal(word, words[i]);
                free(word);
        }
        assert_int_equal(extract_word(&p, &word), 0);
        assert_int_equal(extract_word(&p, &word), 0);
}

static void test_an_open_quote_is_refused(void **state) {
        static const char *const texts[] = { "\"a", "'a", "a'", "\"a\\\"", "'\\" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                const char *p = texts[i];
                char *word = NULL;

                assert_int_equal(extract_word(&p, &word), -EINVAL);
                assert_null(word);
        }
}

/* RFC 3629: neither overlong forms, nor surrogates, nor what lies above U+10FFFF. */
static void test_only_one_form_of_a_character_is_valid(void **state) {
        static const char *const good[] = {
                "", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf",
        };
        static const char *const bad[] = {
                "\x80",
                "\xc0\xaf",
                "\xc1\xbf",
                "\xe0\x9f\xbf",
                "\xed\xa0\x80",
                "\xf0\x8f\xbf\xbf",
                "\xf4\x90\x80\x80",
                "\xf5\x80\x80\x80",
                "\xc2",
                "\xe2\x82",
                "\xf0\x9f\x98",
                "\xc2"
                "a",
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(utf8_is_valid(good[i], strlen(good[i])));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(utf8_is_valid(bad[i], strlen(bad[i])));
        assert_false(utf8_is_valid("\xe2\x82\xac", 2));
}

static void assert_sanitized(const char *s, size_t max, const char *expected) {
        _cleanup_free_ char *copy = utf8_sanitize(s, max);

        assert_non_null(copy);
        assert_string_equal(copy, expected);
}

static void test_what_a_terminal_would_obey_is_replaced(void **state) {
        assert_sanitized("caf\xc3\xa9", SIZE_MAX, "caf\xc3\xa9");
        assert_sanitized("a\x1b[31m\x7f\n", SIZE_MAX, "a?[31m??");
        assert_sanitized("\xff\xc3", SIZE_MAX, "??");
}

static void test_a_character_that_is_cut_is_replaced(void **state) {
        assert_sanitized("caf\xc3\xa9", 5, "caf\xc3\xa9");
        assert_sanitized("caf\xc3\xa9", 4, "caf?");
        assert_sanitized("caf", 0, "");
}

static void test_a_list_owns_copies(void **state) {
        _cleanup_(strv_freep) char **l = NULL, **copy = NULL;
        char word[] = "one";

        assert_int_equal(strv_length(NULL), 0);
        assert_false(strv_contains(NULL, "one"));
        assert_int_equal(strv_extend(&l, word), 0);
        assert_int_equal(strv_extend(&l, "two"), 0);
        word[0] = 'X';
        assert_int_equal(strv_length(l), 2);
        assert_true(strv_contains(l, "one"));
        assert_false(strv_contains(l, "on"));

        copy = strv_copy(l);
        assert_non_null(copy);
        assert_string_equal(copy[1], "two");
        assert_ptr_not_equal(copy[1], l[1]);
        assert_null(copy[2]);
        l = strv_free(l);
        assert_null(l);
}

static void test_a_copy_of_no_list_is_an_empty_one(void **state) {
        _cleanup_(strv_freep) char **copy = strv_copy(NULL);

        assert_non_null(copy);
        assert_null(copy[0]);
}

/* SamplingRatio= chooses units by it: on every host, and after every update, the same ones. */
static void test_a_hash_is_the_same_everywhere(void **state) {
        assert_true(hash_bytes("nginx.service", 13, 0) == hash_bytes("nginx.service", 13, 0));
        assert_true(hash_bytes("nginx.service", 13, 0) != hash_bytes("nginx.service", 13, 1));
        assert_true(hash_bytes("nginx.service", 13, 0) != hash_bytes("nginx.servicf", 13, 0));
        assert_true(hash_bytes("", 0, 0) == UINT64_C(0x8570e250fe4c2473));
        assert_true(hash_bytes("nginx.service", 13, 0) == UINT64_C(0x1f684189723e16db));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_suffix_is_at_the_end_and_not_longer),
                cmocka_unit_test(test_a_replaced_string_may_be_a_part_of_the_old_one),
                cmocka_unit_test(test_white_space_goes_at_both_ends_only),
                cmocka_unit_test(test_words_are_split_as_a_shell_does),
                cmocka_unit_test(test_an_open_quote_is_refused),
                cmocka_unit_test(test_only_one_form_of_a_character_is_valid),
                cmocka_unit_test(test_what_a_terminal_would_obey_is_replaced),
                cmocka_unit_test(test_a_character_that_is_cut_is_replaced),
                cmocka_unit_test(test_a_list_owns_copies),
                cmocka_unit_test(test_a_copy_of_no_list_is_an_empty_one),
                cmocka_unit_test(test_a_hash_is_the_same_everywhere),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
