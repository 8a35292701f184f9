/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of What a Client Gets */

#include "unit-test.h"
#include "web/web-response.h"

static void refuse(WebResponse *r, WebAudience audience) {
        *r = (WebResponse){ .audience = audience };
        assert_return_code(web_fail(r, 404, "Because \"so\".", "Do <this>.", "No '%s'.", "x"), 0);
        assert_int_equal(r->status, 404);
}

static void test_scripts_get_an_object(void **state) {
        _cleanup_(web_response_done) WebResponse r = {};

        (void) state;
        refuse(&r, WEB_AUDIENCE_SCRIPT);
        assert_string_equal(r.type, "application/json");
        assert_string_equal(r.body, "{\"error\":{\"what\":\"No 'x'.\",\"why\":\"Because "
                                    "\\\"so\\\".\",\"do\":\"Do \\u003cthis\\u003e.\"}}\n");
}

static void test_pprof_prints_lines(void **state) {
        _cleanup_(web_response_done) WebResponse r = {};

        (void) state;
        refuse(&r, WEB_AUDIENCE_PPROF);
        assert_string_equal(r.type, "text/plain; charset=utf-8");
        assert_string_equal(r.body, "No 'x'.\nBecause \"so\".\nDo <this>.\n");
        assert_string_equal(r.headers[0].name, "X-Go-Pprof");
}

static void test_people_get_a_page_without_foreign_markup(void **state) {
        _cleanup_(web_response_done) WebResponse r = {};

        (void) state;
        refuse(&r, WEB_AUDIENCE_PERSON);
        assert_non_null(strstr(r.body, "Do &#60;this"));
        assert_null(strstr(r.body, "<this>"));
}

static void test_a_header_stays_on_its_line(void **state) {
        _cleanup_(web_response_done) WebResponse r = {};

        (void) state;
        web_response_add_header(&r, "X", "a\r\nSet-Cookie: %s", "b");
        assert_string_equal(r.headers[0].value, "a  Set-Cookie: b");
}

static void test_a_cut_text_is_still_utf8(void **state) {
        _cleanup_(web_response_done) WebResponse r = { .audience = WEB_AUDIENCE_SCRIPT };
        char name[4096];

        (void) state;
        for (size_t i = 0; i + 2 < sizeof(name); i += 2)
                memcpy(name + i, "\xc3\xa4", 3);
        assert_return_code(web_fail(&r, 404, NULL, NULL, "x%s", name), 0);
        assert_non_null(strstr(r.body, "\"why\":null"));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_scripts_get_an_object),
                cmocka_unit_test(test_pprof_prints_lines),
                cmocka_unit_test(test_people_get_a_page_without_foreign_markup),
                cmocka_unit_test(test_a_header_stays_on_its_line),
                cmocka_unit_test(test_a_cut_text_is_still_utf8),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
