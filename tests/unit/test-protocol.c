/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Upload Protocols, request by request and answer by answer */

#include "basic/string-util.h"
#include "unit-test.h"
#include "upload/protocol.h"
#include "upload/target.h"

static void assert_header(const UploadRequest *r, const char *expected) {
        for (char **h = r->headers; h && *h; h++)
                if (streq(*h, expected))
                        return;
        print_error("no header '%s'\n", expected);
        fail();
}

static bool has_header(const UploadRequest *r, const char *start) {
        for (char **h = r->headers; h && *h; h++)
                if (startswith(*h, start))
                        return true;
        return false;
}

static UploadVerdict judge(const char *protocol, unsigned status, const char *body) {
        const UploadTarget t = { .protocol = upload_protocol_find(protocol) };
        const UploadResponse r = {
                .status = status, .grpc_status = -1, .body = body, .body_size = strlen(body)
        };
        UploadJudgement j;

        t.protocol->judge(&t, &r, &j);
        return j.verdict;
}

static void test_secrets_and_headers_are_common(void **state) {
        char *headers[] = { (char *) "X-Scope-OrgID: team", NULL };
        const UploadTarget t = { .protocol = upload_protocol_find("http"), .headers = headers };
        UploadSource s = { .digest = "abc", .token = "t0k3n" };
        _cleanup_(upload_request_done) UploadRequest bearer = {}, basic = {}, pair = {};

        assert_return_code(t.protocol->build(&t, &s, &bearer), 0);
        assert_header(&bearer, "Authorization: Bearer t0k3n");
        assert_header(&bearer, "X-Scope-OrgID: team");
        assert_header(&bearer, "Idempotency-Key: abc");
        assert_string_equal(bearer.method, "PUT");

        s = (UploadSource){ .digest = "abc", .user = "Aladdin", .password = "open sesame" };
        assert_return_code(t.protocol->build(&t, &s, &basic), 0);
        assert_header(&basic, "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        s = (UploadSource){ .digest = "abc", .password = "Aladdin:open sesame" };
        assert_return_code(t.protocol->build(&t, &s, &pair), 0);
        assert_header(&pair, "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

static void test_no_answer_is_judged_by_its_error(void **state) {
        const UploadTarget t = { .protocol = upload_protocol_find("http") };
        UploadJudgement j;

        t.protocol->judge(&t, &(UploadResponse){ .error = -ECONNREFUSED, .text = "refused" }, &j);
        assert_int_equal(j.verdict, UPLOAD_RETRY);
        assert_string_equal(j.reason, "refused");
        t.protocol->judge(&t, &(UploadResponse){ .error = -EKEYREJECTED, .text = "bad" }, &j);
        assert_int_equal(j.verdict, UPLOAD_MISCONFIGURED);
}

static void test_the_reason_has_the_words_of_the_server(void **state) {
        static const struct {
                const char *body, *reason;
        } cases[] = {
                { "", "HTTP status 422" },
                { "{\"code\":\"x\",\"message\" : \"too \\\"old\\\"\"}",
                  "HTTP status 422: too \"old\"" },
                { "{\"code\":400,\"error\":\"no samples\"}\n", "HTTP status 422: no samples" },
                { "plain words\n", "HTTP status 422: plain words" },
                { "<html>no</html>", "HTTP status 422" },
                { "bad\x1b[31m\xff", "HTTP status 422: bad?[31m?" },
                { "\"message", "HTTP status 422: \"message" },
                { "\"message\":\"cut", "HTTP status 422: cut" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                UploadJudgement j;

                upload_judge_http(&(UploadResponse){ .status = 422,
                                                     .body = cases[i].body,
                                                     .body_size = strlen(cases[i].body) },
                                  &j);
                assert_string_equal(j.reason, cases[i].reason);
                assert_int_equal(j.verdict, UPLOAD_REJECTED);
        }
}

static void test_http_knows_its_special_cases(void **state) {
        assert_int_equal(judge("http", 201, ""), UPLOAD_SENT);
        assert_int_equal(judge("http", 412, ""), UPLOAD_SENT);
        assert_int_equal(judge("http", 409, ""), UPLOAD_MISCONFIGURED);
}

static void test_profefe_encodes_labels_twice(void **state) {
        const UploadTarget t = { .protocol = upload_protocol_find("profefe"),
                                 .url = (char *) "http://h:1" };
        const StoreEntry cpu = { .unit = (char *) "a b.service", .type = (char *) "cpu" };
        const StoreEntry off = { .unit = (char *) "a b.service", .type = (char *) "off-cpu" };
        _cleanup_(label_set_done) LabelSet labels = {};
        _cleanup_(upload_request_done) UploadRequest first = {}, second = {};
        UploadSource s = { .entry = &cpu, .labels = &labels, .data = "x", .size = 1 };

        assert_return_code(label_set_put(&labels, "service_name", "a b"), 0);
        assert_return_code(label_set_put(&labels, "k", "1,2=3%"), 0);
        assert_return_code(t.protocol->build(&t, &s, &first), 0);
        assert_string_equal(first.url, "http://h:1/api/0/profiles?service=a%20b&type=cpu"
                                       "&labels=k%3D1%252C2%253D3%2525");
        assert_string_equal(first.method, "POST");
        s.entry = &off;
        assert_return_code(t.protocol->build(&t, &s, &second), 0);
        assert_string_equal(second.url, "http://h:1/api/0/profiles?service=a%20b&type=other"
                                        "&labels=k%3D1%252C2%253D3%2525%2Cprofile%3Doff-cpu");
}

static void test_profefe_must_name_what_it_stored(void **state) {
        assert_int_equal(judge("profefe", 200, "{\"code\":200,\"body\":{\"id\":\"x1\"}}"),
                         UPLOAD_SENT);
        assert_int_equal(judge("profefe", 200, ""), UPLOAD_MISCONFIGURED);
        assert_int_equal(judge("profefe", 200, "<html>"), UPLOAD_MISCONFIGURED);
        assert_int_equal(judge("profefe", 400, "{\"code\":400,\"error\":\"x\"}"), UPLOAD_REJECTED);
        assert_int_equal(judge("profefe", 500, "{}"), UPLOAD_RETRY);
}

static void test_s3_signs_and_sends_no_secret(void **state) {
        const UploadTarget t = { .protocol = upload_protocol_find("s3"),
                                 .region = (char *) "eu-west-1" };
        const UploadSource s = { .digest = "d1", .password = "ID:SECRET", .session_token = "tok" };
        _cleanup_(upload_request_done) UploadRequest r = {};

        r.url = strdup("https://s3.example:443/bucket/x.pb.gz");
        assert_return_code(t.protocol->build(&t, &s, &r), 0);
        assert_header(&r, "x-amz-content-sha256: d1");
        assert_header(&r, "x-amz-date: 19700101T000000Z");
        assert_header(&r, "x-amz-security-token: tok");
        assert_true(has_header(
                &r, "Authorization: AWS4-HMAC-SHA256 Credential=ID/19700101/eu-west-1/s3/"));
        for (char **h = r.headers; *h; h++)
                assert_null(strstr(*h, "SECRET"));
}

static void test_s3_needs_both_halves_of_the_key(void **state) {
        static const char *const passwords[] = { NULL, "nocolon", ":x" };
        const UploadTarget t = { .protocol = upload_protocol_find("s3"), .region = (char *) "r" };

        for (size_t i = 0; i < ELEMENTSOF(passwords); i++) {
                const UploadSource s = { .digest = "d1", .password = passwords[i] };
                _cleanup_(upload_request_done) UploadRequest r = {};

                r.url = strdup("https://h/x");
                assert_int_equal(t.protocol->build(&t, &s, &r), -EINVAL);
        }
}

static void test_s3_codes_beat_the_status(void **state) {
        assert_int_equal(judge("s3", 200, ""), UPLOAD_SENT);
        assert_int_equal(judge("s3", 400, "<Error><Code>RequestTimeout</Code>"), UPLOAD_RETRY);
        assert_int_equal(judge("s3", 400, "<Error><Code>ExpiredToken</Code>"), UPLOAD_UNAUTHORIZED);
        assert_int_equal(judge("s3", 403, "<Code>RequestTimeTooSkewed</Code>"),
                         UPLOAD_UNAUTHORIZED);
        assert_int_equal(judge("s3", 400, "<Code>AuthorizationHeaderMalformed</Code>"),
                         UPLOAD_MISCONFIGURED);
        assert_int_equal(judge("s3", 404, "<Code>NoSuchBucket</Code>"), UPLOAD_MISCONFIGURED);
        assert_int_equal(judge("s3", 503, "<Code>SlowDown</Code>"), UPLOAD_RETRY);
        assert_int_equal(judge("s3", 400, "<Code>"), UPLOAD_REJECTED);
}

static void test_other_protocols_do_not_exist(void **state) {
        assert_null(upload_protocol_find("ftp"));
        assert_null(upload_protocol_find(""));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_secrets_and_headers_are_common),
                cmocka_unit_test(test_no_answer_is_judged_by_its_error),
                cmocka_unit_test(test_the_reason_has_the_words_of_the_server),
                cmocka_unit_test(test_http_knows_its_special_cases),
                cmocka_unit_test(test_profefe_encodes_labels_twice),
                cmocka_unit_test(test_profefe_must_name_what_it_stored),
                cmocka_unit_test(test_s3_signs_and_sends_no_secret),
                cmocka_unit_test(test_s3_needs_both_halves_of_the_key),
                cmocka_unit_test(test_s3_codes_beat_the_status),
                cmocka_unit_test(test_other_protocols_do_not_exist),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
