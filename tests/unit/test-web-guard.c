/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of Who May Ask */

#include "unit-test.h"
#include "web/web-guard.h"

#define TOKEN "0123456789abcdef0123456789abcdef"

/* The status of the refusal, 0: it may go on. */
static unsigned ask(const char *token,
                    const char *target,
                    const WebHeaders *headers,
                    WebResponse *response) {
        _cleanup_(web_request_done) WebRequest request = {};
        WebGuard guard = { .token = token };
        WebHeaders h = *headers;
        int r;

        h.method = h.method ?: "GET";
        h.host = h.host ?: "localhost";
        *response = (WebResponse){};
        assert_return_code(web_request_parse(target, &request), 0);
        response->audience = web_audience(request.path);
        r = web_guard_check(&guard, &h, &request, response);
        assert_return_code(r, 0);
        return r > 0 ? 0 : response->status;
}

static unsigned status_of(const char *token, const char *target, const WebHeaders *headers) {
        _cleanup_(web_response_done) WebResponse response = {};

        return ask(token, target, headers, &response);
}

static const char *header_of(const WebResponse *r, const char *name) {
        for (size_t i = 0; i < r->n_headers; i++)
                if (streq(r->headers[i].name, name))
                        return r->headers[i].value;
        return NULL;
}

#define STATUS(token, target, ...) status_of(token, target, &(WebHeaders){ __VA_ARGS__ })

static void test_only_reading_is_known(void **state) {
        (void) state;
        assert_int_equal(STATUS(NULL, "/", .method = "GET"), 0);
        assert_int_equal(STATUS(NULL, "/", .method = "HEAD"), 0);
        assert_int_equal(STATUS(NULL, "/", .method = "POST"), 405);
        assert_int_equal(STATUS(NULL, "/", .method = "OPTIONS"), 405);
        assert_int_equal(STATUS(NULL, "/api/0/profiles", .method = "POST"), 405);
        assert_int_equal(STATUS(NULL, "/api/0/profiles/symbolz", .method = "POST"), 0);
        assert_int_equal(STATUS(NULL, "/symbolz", .method = "DELETE"), 405);
}

static void test_a_strange_name_is_misdirected(void **state) {
        (void) state;
        assert_int_equal(STATUS(NULL, "/", .host = "evil.example"), 421);
        assert_int_equal(STATUS(TOKEN, "/?token=" TOKEN, .host = "evil.example"), 421);
        assert_int_equal(STATUS(NULL, "/", .host = "localhost:8080"), 0);
}

static void test_another_site_may_only_link_to_pages(void **state) {
        (void) state;
        assert_int_equal(
                STATUS(NULL, "/unit/x", .fetch_site = "cross-site", .fetch_mode = "navigate"), 0);
        assert_int_equal(
                STATUS(NULL, "/unit/x", .fetch_site = "cross-site", .fetch_mode = "no-cors"), 403);
        assert_int_equal(STATUS(NULL, "/unit/x", .fetch_site = "cross-site"), 403);
        assert_int_equal(STATUS(NULL, "/unit/x", .fetch_site = "same-site", .fetch_mode = "cors"),
                         403);
        assert_int_equal(STATUS(NULL, "/unit/x", .fetch_site = "same-origin", .fetch_mode = "cors"),
                         0);
        assert_int_equal(STATUS(NULL, "/unit/x", .fetch_site = "none", .fetch_mode = "navigate"),
                         0);
        assert_int_equal(STATUS(NULL, "/debug/pprof/profile", .fetch_site = "cross-site",
                                .fetch_mode = "navigate"),
                         403);
        assert_int_equal(
                STATUS(NULL, "/unit/x?now=1", .fetch_site = "cross-site", .fetch_mode = "navigate"),
                403);
        assert_int_equal(
                STATUS(NULL, "/api/v1/tree", .fetch_site = "cross-site", .fetch_mode = "navigate"),
                403);
        assert_int_equal(
                STATUS(NULL, "/download", .fetch_site = "cross-site", .fetch_mode = "navigate"),
                403);
}

static void test_a_token_becomes_a_cookie(void **state) {
        _cleanup_(web_response_done) WebResponse r = {};
        WebHeaders h = { .host = "127.0.0.1:7071" };

        (void) state;
        assert_int_equal(ask(TOKEN, "/unit/a@b?from=-1h&token=" TOKEN "&to=now", &h, &r), 303);
        assert_string_equal(header_of(&r, "Location"), "/unit/a@b?from=-1h&to=now");
        assert_string_equal(header_of(&r, "Set-Cookie"),
                            "profilerd_7071=" TOKEN "; Path=/; HttpOnly; SameSite=Strict");
        h.cookie = "x=1; profilerd_7071=" TOKEN;
        assert_int_equal(status_of(TOKEN, "/", &h), 0);
        h.cookie = "profilerd_7072=" TOKEN;
        assert_int_equal(status_of(TOKEN, "/", &h), 403);
        h.cookie = "profilerd_7071=" TOKEN "0";
        assert_int_equal(status_of(TOKEN, "/", &h), 403);
}

static void test_without_the_token_nobody_is_answered(void **state) {
        (void) state;
        assert_int_equal(STATUS(TOKEN, "/"), 403);
        assert_int_equal(STATUS(TOKEN, "/?token="), 403);
        assert_int_equal(STATUS(TOKEN, "/?token=0123"), 403);
        assert_int_equal(STATUS(TOKEN, "/assets/page.css"), 403);
        /* Tools have no cookies. */
        assert_int_equal(STATUS(TOKEN, "/debug/pprof/profile?token=" TOKEN), 0);
        assert_int_equal(STATUS(TOKEN, "/api/v1/status?token=" TOKEN), 0);
}

static void test_a_redirection_stays_here(void **state) {
        _cleanup_(web_response_done) WebResponse r = {};
        WebHeaders h = {};

        (void) state;
        assert_int_equal(ask(TOKEN, "//evil.example/x?token=" TOKEN, &h, &r), 303);
        assert_string_equal(header_of(&r, "Location"), "/evil.example/x");
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_only_reading_is_known),
                cmocka_unit_test(test_a_strange_name_is_misdirected),
                cmocka_unit_test(test_another_site_may_only_link_to_pages),
                cmocka_unit_test(test_a_token_becomes_a_cookie),
                cmocka_unit_test(test_without_the_token_nobody_is_answered),
                cmocka_unit_test(test_a_redirection_stays_here),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
