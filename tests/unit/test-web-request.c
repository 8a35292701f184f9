/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of What a Client Asks for */

#include "unit-test.h"
#include "web/web-request.h"

static void check(const char *target, int expected) {
        _cleanup_(web_request_done) WebRequest r = {};

        assert_int_equal(web_request_parse(target, &r), expected);
}

static void test_path_and_query_are_decoded(void **state) {
        _cleanup_(web_request_done) WebRequest r = {};

        (void) state;
        assert_return_code(
                web_request_parse("/unit/a%40b+c?from=-1h&x=a+b%26c&empty=&bare&&y=1&y=2", &r), 0);
        assert_string_equal(r.path, "/unit/a@b+c");
        assert_string_equal(web_request_get(&r, "from"), "-1h");
        assert_string_equal(web_request_get(&r, "x"), "a b&c");
        assert_string_equal(web_request_get(&r, "empty"), "");
        assert_string_equal(web_request_get(&r, "bare"), "");
        assert_string_equal(web_request_get(&r, "y"), "1");
        assert_null(web_request_get(&r, "none"));
}

static void test_what_no_name_can_hold_is_refused(void **state) {
        (void) state;
        check("/", 0);
        check("", -EINVAL);
        check("http://x/", -EINVAL);
        check("/%", -EINVAL);
        check("/%4", -EINVAL);
        check("/%zz", -EINVAL);
        check("/a%00b", -EINVAL);
        check("/a%0d%0ab", -EINVAL);
        check("/?a=%1b", -EINVAL);
        check("/%ff", -EINVAL);
        check("/%c3%a4", 0);
        check("/#x", -EINVAL);
}

static void test_limits_are_kept(void **state) {
        char target[WEB_TARGET_MAX + 2];

        (void) state;
        memset(target, 'a', sizeof(target));
        target[0] = '/';
        target[WEB_TARGET_MAX] = '\0';
        check(target, 0);
        target[WEB_TARGET_MAX] = 'a';
        target[WEB_TARGET_MAX + 1] = '\0';
        check(target, -E2BIG);

        strcpy(target, "/?");
        for (int i = 0; i < WEB_PARAMETERS_MAX; i++)
                strcat(target, "a&");
        check(target, 0);
        strcat(target, "a");
        check(target, -E2BIG);
}

static void test_only_our_names_are_ours(void **state) {
        static char *const names[] = { (char *) "profiles.example.org", NULL };
        static const char *const ours[] = { "localhost", "LocalHost:8080", "127.0.0.1:7071",
                                            "[::1]", "[::1]:80" };
        static const char *const others[] = {
                "",           "evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
                "localhost:", "localhost:x",  "localhost:80@evil",      "[::1",
                "[::1]x",     "127.0.0.2",    "localhost:123456",       "profiles.example.org",
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(ours); i++)
                assert_true(web_host_is_ours(ours[i], NULL));
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                assert_false(web_host_is_ours(others[i], NULL));
        assert_false(web_host_is_ours(NULL, names));
        assert_true(web_host_is_ours("Profiles.example.org:443", names));
}

static void test_a_cookie_is_found_among_others(void **state) {
        char value[8];

        (void) state;
        assert_true(web_cookie_find("a=1; token=abc; b=2", "token", value, sizeof(value)));
        assert_string_equal(value, "abc");
        assert_false(web_cookie_find("xtoken=abc", "token", value, sizeof(value)));
        assert_false(web_cookie_find("token", "token", value, sizeof(value)));
        assert_false(web_cookie_find(NULL, "token", value, sizeof(value)));
        assert_false(web_cookie_find("token=12345678", "token", value, sizeof(value)));
}

static void test_gzip_is_sent_to_who_takes_it(void **state) {
        static const char *const yes[] = { "gzip",   "br, gzip",       "br;q=1.0, GZIP;q=0.5", "*",
                                           "x-gzip", "gzip ; q=0.001", "identity;q=0, *;q=1" };
        static const char *const no[] = { "",        "br",        "gzip;q=0",       "gzip; q=0.000",
                                          "*;q=0.0", "gzipped",   "gzip;q=0, *",    "identity",
                                          ",",       "xgzip, br", "br;v=gzip, *;q=" };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(yes); i++)
                assert_true(web_accepts_gzip(yes[i]));
        for (size_t i = 0; i < ELEMENTSOF(no); i++)
                assert_false(web_accepts_gzip(no[i]));
        assert_false(web_accepts_gzip(NULL));
}

static void test_a_token_is_the_same_or_not(void **state) {
        (void) state;
        assert_true(web_token_is_equal("abc", "abc"));
        assert_false(web_token_is_equal("abd", "abc"));
        assert_false(web_token_is_equal("ab", "abc"));
        assert_false(web_token_is_equal("abcd", "abc"));
        assert_false(web_token_is_equal("", "abc"));
        assert_false(web_token_is_equal(NULL, "abc"));
}

static void test_what_is_escaped_comes_back(void **state) {
        _cleanup_(web_request_done) WebRequest r = {};
        const char *name = "a b&c=d/e?f#g%h\\x2d\"<>+\xc3\xa4";
        _cleanup_free_ char *escaped = web_escape(name), *target = NULL;

        (void) state;
        assert_null(strpbrk(escaped, " &=/?#\\\"<>+"));
        assert_true(asprintf(&target, "/?x=%s", escaped) > 0);
        assert_return_code(web_request_parse(target, &r), 0);
        assert_string_equal(web_request_get(&r, "x"), name);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_path_and_query_are_decoded),
                cmocka_unit_test(test_what_no_name_can_hold_is_refused),
                cmocka_unit_test(test_limits_are_kept),
                cmocka_unit_test(test_only_our_names_are_ours),
                cmocka_unit_test(test_a_cookie_is_found_among_others),
                cmocka_unit_test(test_gzip_is_sent_to_who_takes_it),
                cmocka_unit_test(test_a_token_is_the_same_or_not),
                cmocka_unit_test(test_what_is_escaped_comes_back),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
