/* SPDX-License-Identifier: Apache-2.0 */
/* Unit Names */

#include "basic/string-util.h"
#include "basic/unit-name.h"
#include "unit-test.h"

#define NAMES(...)                \
        (const char *const[]) {   \
                __VA_ARGS__, NULL \
        }

static void test_short_names_are_completed(void **state _unused_) {
        static const struct {
                const char *word, *pattern;
        } rows[] = {
                { "nginx", "nginx.service" },
                { "nginx.service", "nginx.service" },
                { "my.app", "my.app.service" },
                { "web-[12]", "web-[12].service" },
                { "system.slice", "system.slice" },
                { "session-2.scope", "session-2.scope" },
                { "-.slice", "-.slice" },
                { "nginx*", "nginx*" },
                { "*", "*" },
                { "*.service", "*.service" },
                { "app.s*", "app.s*" },
                { "web@", "web@*.service" },
                { "web@.service", "web@*.service" },
                { "web@1", "web@1.service" },
                { "user@.slice", "user@*.slice" },
                { "dev-disk-by\\x2duuid.swap", "dev-disk-by\\x2duuid.swap" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *pattern = NULL;

                assert_int_equal(unit_pattern_complete(rows[i].word, &pattern), 0);
                assert_string_equal(pattern, rows[i].pattern);
        }
}

static void test_impossible_names_are_refused(void **state _unused_) {
        static const char *const words[] = { "",    ".service", "a/b",         "/",          "a b",
                                             "a=b", "a\nb",     "a,b.service", "caf\303\251" };
        char *pattern = NULL, name[UNIT_NAME_MAX + 2];

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                assert_int_equal(unit_pattern_complete(words[i], &pattern), -EINVAL);

        /* The suffix counts, too. */
        memset(name, 'a', sizeof(name));
        name[UNIT_NAME_MAX - strlen(".service") + 1] = '\0';
        assert_int_equal(unit_pattern_complete(name, &pattern), -EINVAL);
        assert_null(pattern);

        name[UNIT_NAME_MAX - strlen(".service")] = '\0';
        assert_int_equal(unit_pattern_complete(name, &pattern), 0);
        assert_int_equal(strlen(pattern), UNIT_NAME_MAX);
        free(pattern);
}

static void test_words_keep_their_backslashes(void **state _unused_) {
        static const char *const words[] = { "a\\x2db.service", "c d", "e'f", "" };
        const char *text = "  a\\x2db.service \t'c d' e'f  \"\" ";

        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                _cleanup_free_ char *word = NULL;

                assert_int_equal(unit_name_extract(&text, &word), 1);
                assert_string_equal(word, words[i]);
        }
        assert_int_equal(unit_name_extract(&text, NULL), 0);
}

static void test_a_quote_needs_its_end(void **state _unused_) {
        static const char *const texts[] = { "'abc", "\"", "'a'b", "\"a\"'b'" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                const char *text = texts[i];

                assert_int_equal(unit_name_extract(&text, NULL), -EINVAL);
        }
}

static void test_a_pattern_may_match_any_of_the_names(void **state _unused_) {
        const char *const *names = NAMES("dbus-broker.service", "dbus.service");

        assert_true(unit_patterns_match(NAMES("nginx.service", "dbus.service"), names));
        assert_true(unit_patterns_match(NAMES("dbus-*.service"), names));
        assert_true(unit_patterns_match(NAMES("*"), names));
        assert_false(unit_patterns_match(NAMES("dbus"), names));
        assert_false(unit_patterns_match(NAMES("*.socket"), names));
        assert_false(unit_patterns_match(NULL, names));
        assert_true(unit_patterns_match(NAMES("a\\x2db.service"), NAMES("a\\x2db.service")));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_short_names_are_completed),
                cmocka_unit_test(test_impossible_names_are_refused),
                cmocka_unit_test(test_words_keep_their_backslashes),
                cmocka_unit_test(test_a_quote_needs_its_end),
                cmocka_unit_test(test_a_pattern_may_match_any_of_the_names),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
