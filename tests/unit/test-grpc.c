/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: gRPC, one message each way */

#include "basic/string-util.h"
#include "unit-test.h"
#include "upload/grpc.h"
#include "upload/target.h"

static UploadVerdict judge(int status, bool strict, const char *message) {
        const UploadResponse r = { .status = 200, .grpc_status = status, .grpc_message = message };
        UploadJudgement j;

        grpc_judge(&r, strict, &j);
        return j.verdict;
}

static void test_a_message_has_its_length_before_it(void **state) {
        const UploadTarget t = { .url = (char *) "http://h:1", .timeout_usec = 1500000 };
        _cleanup_(upload_request_done) UploadRequest r = { .body = "hello", .body_size = 5 };

        assert_return_code(grpc_finish_request(&r, &t, "/p.S/M"), 0);
        assert_int_equal(r.body_size, 10);
        assert_memory_equal(r.body, "\0\0\0\0\5hello", 10);
        assert_string_equal(r.url, "http://h:1/p.S/M");
        assert_true(r.http2);
        assert_true(strv_contains(r.headers, "Content-Type: application/grpc+proto"));
        assert_true(strv_contains(r.headers, "TE: trailers"));
        assert_true(strv_contains(r.headers, "grpc-timeout: 2S"));
}

static void test_a_frame_is_taken_apart_or_refused(void **state) {
        const uint8_t *message;
        size_t size;

        assert_return_code(grpc_parse_frame("\0\0\0\0\2ab", 7, &message, &size), 0);
        assert_int_equal(size, 2);
        assert_memory_equal(message, "ab", 2);
        assert_return_code(grpc_parse_frame("", 0, &message, &size), 0);
        assert_int_equal(size, 0);
        assert_int_equal(grpc_parse_frame("\0\0\0\0", 4, &message, &size), -EBADMSG);
        assert_int_equal(grpc_parse_frame("\0\0\0\0\3ab", 7, &message, &size), -EBADMSG);
        assert_int_equal(grpc_parse_frame("\0\xff\xff\xff\xff"
                                          "ab",
                                          7, &message, &size),
                         -EBADMSG);
        assert_int_equal(grpc_parse_frame("\1\0\0\0\2ab", 7, &message, &size), -EBADMSG);
}

/* The table of the specification of OTLP. */
static void test_strictly_only_what_is_named_is_tried_again(void **state) {
        static const UploadVerdict verdicts[] = {
                UPLOAD_SENT,          UPLOAD_RETRY,         UPLOAD_REJECTED, UPLOAD_REJECTED,
                UPLOAD_RETRY,         UPLOAD_MISCONFIGURED, UPLOAD_REJECTED, UPLOAD_UNAUTHORIZED,
                UPLOAD_RETRY,         UPLOAD_REJECTED,      UPLOAD_RETRY,    UPLOAD_RETRY,
                UPLOAD_MISCONFIGURED, UPLOAD_REJECTED,      UPLOAD_RETRY,    UPLOAD_RETRY,
                UPLOAD_UNAUTHORIZED,  UPLOAD_REJECTED,
        };

        for (int i = 0; i < (int) ELEMENTSOF(verdicts); i++)
                assert_int_equal(judge(i, true, NULL), verdicts[i]);
}

static void test_otherwise_an_invalid_argument_is_the_end_and_a_failure_is_not(void **state) {
        assert_int_equal(judge(3, false, NULL), UPLOAD_REJECTED);
        assert_int_equal(judge(11, false, NULL), UPLOAD_REJECTED);
        assert_int_equal(judge(2, false, NULL), UPLOAD_RETRY);
        assert_int_equal(judge(13, false, NULL), UPLOAD_RETRY);
}

static void test_too_large_is_not_too_much(void **state) {
        assert_int_equal(judge(8, true, "Received message larger than max (5 vs. 4)"),
                         UPLOAD_TOO_LARGE);
        assert_int_equal(judge(8, true, "quota"), UPLOAD_RETRY);
}

static void test_a_status_of_http_stands_in(void **state) {
        static const struct {
                unsigned http;
                UploadVerdict verdict;
        } cases[] = {
                { 401, UPLOAD_UNAUTHORIZED },  { 403, UPLOAD_UNAUTHORIZED },
                { 404, UPLOAD_MISCONFIGURED }, { 429, UPLOAD_RETRY },
                { 502, UPLOAD_RETRY },         { 503, UPLOAD_RETRY },
                { 504, UPLOAD_RETRY },         { 400, UPLOAD_RETRY },
                { 500, UPLOAD_RETRY },         { 200, UPLOAD_MISCONFIGURED },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const UploadResponse r = { .status = cases[i].http, .grpc_status = -1 };
                UploadJudgement j;

                grpc_judge(&r, false, &j);
                assert_int_equal(j.verdict, cases[i].verdict);
        }
}

static void test_the_reason_has_name_and_words(void **state) {
        const UploadResponse r = { .status = 200, .grpc_status = 14, .grpc_message = "busy\x1b" };
        UploadJudgement j;
        char buffer[16];

        grpc_judge(&r, false, &j);
        assert_string_equal(j.reason, "UNAVAILABLE: busy?");
        assert_string_equal(grpc_status_name(99, buffer), "status 99");
        assert_string_equal(grpc_status_name(16, buffer), "UNAUTHENTICATED");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_message_has_its_length_before_it),
                cmocka_unit_test(test_a_frame_is_taken_apart_or_refused),
                cmocka_unit_test(test_strictly_only_what_is_named_is_tried_again),
                cmocka_unit_test(
                        test_otherwise_an_invalid_argument_is_the_end_and_a_failure_is_not),
                cmocka_unit_test(test_too_large_is_not_too_much),
                cmocka_unit_test(test_a_status_of_http_stands_in),
                cmocka_unit_test(test_the_reason_has_name_and_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
