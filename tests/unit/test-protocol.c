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

/* ---- what is made of the parts of a profile ---- */

typedef struct Bed {
        Profile *profile;
        StoreEntry entry;
        LabelSet labels;
        UploadSource source;
        UploadRequest request;
} Bed;

static void bed_done(Bed *b) {
        profile_free(b->profile);
        label_set_done(&b->labels);
        upload_request_done(&b->request);
}

/* The labels are a=b and service_name=s, the data is "DATA". */
static void bed_init(Bed *b, const char *value_type, const char *period_type) {
        const ProfileValueType types[] = { { value_type, "nanoseconds" } };
        const ProfileHeader h = { .time_nsec = 1, .period_type = { period_type, "nanoseconds" } };
        const int64_t value = 9;

        *b = (Bed){ .entry = { .unit = (char *) "s.service", .type = (char *) "cpu" } };
        assert_return_code(profile_new(&b->profile, types, 1), 0);
        assert_return_code(profile_set_header(b->profile, &h), 0);
        assert_return_code(profile_add_sample(b->profile, &(ProfileSample){ .values = &value }), 0);
        assert_return_code(label_set_put(&b->labels, "a", "b"), 0);
        assert_return_code(label_set_put(&b->labels, "service_name", "s"), 0);
        b->source = (UploadSource){
                .entry = &b->entry,
                .data = "DATA",
                .size = 4,
                .profile = b->profile,
                .n_parts = 1,
                .labels = &b->labels,
                .digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        };
}

#define assert_body(b, text)                                                    \
        do {                                                                    \
                assert_int_equal((b)->request.body_size, sizeof(text) - 1);     \
                assert_memory_equal((b)->request.body, text, sizeof(text) - 1); \
        } while (false)

static void test_pyroscope_gets_a_push_request(void **state) {
        const UploadTarget t = { .protocol = upload_protocol_find("pyroscope"),
                                 .url = (char *) "https://h" };
        _cleanup_(bed_done) Bed b;

        bed_init(&b, "cpu", "cpu");
        assert_return_code(t.protocol->build(&t, &b.source, &b.request), 0);
        assert_string_equal(b.request.url, "https://h/push.v1.PusherService/Push");
        assert_header(&b.request, "Content-Type: application/proto");
        assert_header(&b.request, "Connect-Protocol-Version: 1");
        assert_false(b.request.http2);
        assert_body(&b, "\x0a\x62"
                        "\x0a\x17\x0a\x08__name__\x12\x0bprocess_cpu"
                        "\x0a\x11\x0a\x0cservice_name\x12\x01s"
                        "\x0a\x06\x0a\x01"
                        "a\x12\x01"
                        "b"
                        "\x12\x2c\x0a\x04"
                        "DATA"
                        "\x12\x24"
                        "01234567-89ab-5def-8123-456789abcdef");
}

static void test_pyroscope_gets_no_more_labels_than_it_takes(void **state) {
        const UploadTarget t = { .protocol = upload_protocol_find("pyroscope"),
                                 .url = (char *) "https://h" };
        _cleanup_(bed_done) Bed b;
        size_t n = 0;

        bed_init(&b, "cpu", "cpu");
        for (unsigned i = 0; i < 50; i++) {
                char name[16];

                snprintf(name, sizeof(name), "x%u", i);
                assert_return_code(label_set_put(&b.labels, name, "LABEL"), 0);
        }
        assert_return_code(t.protocol->build(&t, &b.source, &b.request), 0);
        for (const char *p = b.request.body, *end = p + b.request.body_size;
             (p = memmem(p, (size_t) (end - p), "LABEL", 5)); p++)
                n++;
        assert_int_equal(n, 30 - 3);
}

static void test_names_that_an_engine_refuses_are_not_sent(void **state) {
        static const char *const names[][2] = {
                { "off-cpu", "cpu" }, { "cpu", "" }, { "cpu", "a b" }, { "", "cpu" }
        };
        static const char *const protocols[] = { "pyroscope", "parca" };

        for (size_t i = 0; i < ELEMENTSOF(names) * ELEMENTSOF(protocols); i++) {
                const UploadTarget t = { .protocol = upload_protocol_find(protocols[i % 2]),
                                         .url = (char *) "https://h" };
                _cleanup_(bed_done) Bed b;

                bed_init(&b, names[i / 2][0], names[i / 2][1]);
                assert_int_equal(t.protocol->build(&t, &b.source, &b.request), -EINVAL);
        }
}

static void test_codes_of_connect_beat_the_status(void **state) {
        assert_int_equal(judge("pyroscope", 200, ""), UPLOAD_SENT);
        assert_int_equal(judge("pyroscope", 200, "<html>"), UPLOAD_MISCONFIGURED);
        assert_int_equal(judge("pyroscope", 422, "{\"code\":\"unknown\"}"), UPLOAD_RETRY);
        assert_int_equal(judge("pyroscope", 409, "{\"code\":\"aborted\"}"), UPLOAD_RETRY);
        assert_int_equal(judge("pyroscope", 400, "{\"code\":\"invalid_argument\"}"),
                         UPLOAD_REJECTED);
        assert_int_equal(judge("pyroscope", 422, "too old"), UPLOAD_REJECTED);
        assert_int_equal(judge("pyroscope", 429, "{\"code\":\"resource_exhausted\"}"),
                         UPLOAD_RETRY);
        assert_int_equal(
                judge("pyroscope", 400,
                      "{\"code\":\"invalid_argument\",\"message\":\"exceeds the size limit\"}"),
                UPLOAD_TOO_LARGE);
}

static void test_parca_gets_a_write_request(void **state) {
        const UploadTarget t = { .protocol = upload_protocol_find("parca"),
                                 .url = (char *) "https://h",
                                 .grpc = true };
        _cleanup_(bed_done) Bed b;

        bed_init(&b, "cpu", "cpu");
        assert_return_code(label_set_put(&b.labels, "host", "h1"), 0);
        assert_return_code(t.protocol->build(&t, &b.source, &b.request), 0);
        assert_string_equal(b.request.url,
                            "https://h/parca.profilestore.v1alpha1.ProfileStoreService/WriteRaw");
        assert_true(b.request.http2);
        assert_body(&b, "\0\0\0\0\x5a\x12\x58"
                        "\x0a\x4e"
                        "\x0a\x19\x0a\x08__name__\x12\x0dprofilerd_cpu"
                        "\x0a\x06\x0a\x01"
                        "a\x12\x01"
                        "b"
                        "\x0a\x0a\x0a\x04host\x12\x02h1"
                        "\x0a\x0a\x0a\x04node\x12\x02h1"
                        "\x0a\x11\x0a\x0cservice_name\x12\x01s"
                        "\x12\x06\x0a\x04"
                        "DATA");
}

static void test_the_gateway_of_parca_gets_json(void **state) {
        const UploadTarget t = { .protocol = upload_protocol_find("parca"),
                                 .url = (char *) "https://h" };
        _cleanup_(bed_done) Bed b;

        bed_init(&b, "cpu", "cpu");
        assert_return_code(label_set_put(&b.labels, "a", "\"b\\"), 0);
        assert_return_code(t.protocol->build(&t, &b.source, &b.request), 0);
        assert_string_equal(b.request.url, "https://h/api/profiles/writeraw");
        assert_header(&b.request, "Content-Type: application/json");
        assert_body(&b, "{\"series\":[{\"labels\":{\"labels\":["
                        "{\"name\":\"__name__\",\"value\":\"profilerd_cpu\"},"
                        "{\"name\":\"a\",\"value\":\"\\\"b\\\\\"},"
                        "{\"name\":\"service_name\",\"value\":\"s\"}"
                        "]},\"samples\":[{\"rawProfile\":\"REFUQQ==\"}]}]}");
        assert_int_equal(judge("parca", 200, "{}"), UPLOAD_SENT);
        assert_int_equal(judge("parca", 200, ""), UPLOAD_MISCONFIGURED);
        assert_int_equal(judge("parca", 400, "{\"code\":3}"), UPLOAD_REJECTED);
}

static void test_a_collector_gets_gzip_or_a_frame(void **state) {
        UploadTarget t = { .protocol = upload_protocol_find("otlp"),
                           .url = (char *) "https://h",
                           .development_version = (char *) "1" };
        _cleanup_(bed_done) Bed http, grpc;

        bed_init(&http, "cpu", "cpu");
        assert_return_code(t.protocol->build(&t, &http.source, &http.request), 0);
        assert_string_equal(http.request.url, "https://h/v1development/profiles");
        assert_header(&http.request, "Content-Type: application/x-protobuf");
        assert_header(&http.request, "Content-Encoding: gzip");
        assert_header(&http.request, "OTLP-Profiles-Development-Version: 1");
        assert_memory_equal(http.request.body, "\x1f\x8b", 2);

        t.grpc = true;
        bed_init(&grpc, "cpu", "cpu");
        assert_return_code(t.protocol->build(&t, &grpc.source, &grpc.request), 0);
        assert_string_equal(
                grpc.request.url,
                "https://h/opentelemetry.proto.collector.profiles.v1development.ProfilesService/"
                "Export");
        assert_non_null(memmem(grpc.request.body, grpc.request.body_size,
                               "\x0a\x0cservice.name\x12\x03\x0a\x01s", 19));
        assert_null(memmem(grpc.request.body, grpc.request.body_size, "service_name", 12));
}

static void test_otlp_tries_again_what_is_named_and_no_more(void **state) {
        assert_int_equal(judge("otlp", 200, ""), UPLOAD_SENT);
        assert_int_equal(judge("otlp", 429, ""), UPLOAD_RETRY);
        assert_int_equal(judge("otlp", 502, ""), UPLOAD_RETRY);
        assert_int_equal(judge("otlp", 503, ""), UPLOAD_RETRY);
        assert_int_equal(judge("otlp", 504, ""), UPLOAD_RETRY);
        assert_int_equal(judge("otlp", 500, ""), UPLOAD_REJECTED);
        assert_int_equal(judge("otlp", 400, ""), UPLOAD_REJECTED);
        assert_int_equal(judge("otlp", 401, ""), UPLOAD_UNAUTHORIZED);
        assert_int_equal(judge("otlp", 404, ""), UPLOAD_MISCONFIGURED);
        assert_int_equal(judge("otlp", 413, ""), UPLOAD_TOO_LARGE);
        assert_int_equal(judge("otlp", 200, "\x0a\x04\x12\x02hm"), UPLOAD_SENT);
        assert_int_equal(judge("otlp", 200, "\x0a\x02\x08\x01"), UPLOAD_REJECTED);
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
                cmocka_unit_test(test_pyroscope_gets_a_push_request),
                cmocka_unit_test(test_pyroscope_gets_no_more_labels_than_it_takes),
                cmocka_unit_test(test_names_that_an_engine_refuses_are_not_sent),
                cmocka_unit_test(test_codes_of_connect_beat_the_status),
                cmocka_unit_test(test_parca_gets_a_write_request),
                cmocka_unit_test(test_the_gateway_of_parca_gets_json),
                cmocka_unit_test(test_a_collector_gets_gzip_or_a_frame),
                cmocka_unit_test(test_otlp_tries_again_what_is_named_and_no_more),
                cmocka_unit_test(test_other_protocols_do_not_exist),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
