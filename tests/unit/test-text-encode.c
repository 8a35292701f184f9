/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Bytes as Text */

#include "basic/string-util.h"
#include "unit-test.h"
#include "upload/text-encode.h"

static void assert_text(char *text, const char *expected) {
        assert_string_equal(text, expected);
        free(text);
}

/* The examples of RFC 4648. */
static void test_base64(void **state) {
        static const char *const pairs[][2] = {
                { "", "" },
                { "f", "Zg==" },
                { "fo", "Zm8=" },
                { "foo", "Zm9v" },
                { "foob", "Zm9vYg==" },
                { "fooba", "Zm9vYmE=" },
                { "foobar", "Zm9vYmFy" },
        };

        for (size_t i = 0; i < ELEMENTSOF(pairs); i++)
                assert_text(base64_encode(pairs[i][0], strlen(pairs[i][0])), pairs[i][1]);
        assert_text(base64_encode("\xff\xef\xbe", 3), "/+++");
}

static void test_percent_encoding_leaves_only_what_is_unreserved(void **state) {
        assert_text(percent_encode("aZ09-._~", ""), "aZ09-._~");
        assert_text(percent_encode("a/b c@\\x2d\xc3\xa4%", ""), "a%2Fb%20c%40%5Cx2d%C3%A4%25");
        assert_text(percent_encode("a/b", "/"), "a/b");
}

static void test_percent_decoding_keeps_what_is_none(void **state) {
        assert_text(percent_decode("a%20b%2Fc%c3%A4"), "a b/c\xc3\xa4");
        assert_text(percent_decode("100%"), "100%");
        assert_text(percent_decode("%zz%4"), "%zz%4");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_base64),
                cmocka_unit_test(test_percent_encoding_leaves_only_what_is_unreserved),
                cmocka_unit_test(test_percent_decoding_keeps_what_is_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
