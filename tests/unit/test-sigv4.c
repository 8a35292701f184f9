/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: AWS Signature Version 4, by the published examples */

#include "unit-test.h"
#include "upload/digest.h"
#include "upload/sigv4.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Of the test suite of AWS. */
static void test_get_vanilla(void **state) {
        const SigV4Header headers[] = { { "host", "example.amazonaws.com" },
                                        { "x-amz-date", "20150830T123600Z" } };
        const SigV4Request r = { .method = "GET",
                                 .path = "/",
                                 .query = "",
                                 .headers = headers,
                                 .n_headers = ELEMENTSOF(headers),
                                 .payload_digest = EMPTY,
                                 .region = "us-east-1",
                                 .service = "service",
                                 .key_id = "AKIDEXAMPLE",
                                 .secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                 .timestamp = "20150830T123600Z" };
        _cleanup_free_ char *text = NULL;

        assert_return_code(sigv4_sign(&r, &text), 0);
        assert_string_equal(
                text,
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                "SignedHeaders=host;x-amz-date, "
                "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

/* Of the manual of S3: an object with a name that has to be encoded. */
static void test_put_object(void **state) {
        static const char body[] = "Welcome to Amazon S3.";
        char digest[DIGEST_HEX_SIZE];
        const SigV4Header headers[] = { { "date", "Fri, 24 May 2013 00:00:00 GMT" },
                                        { "host", "examplebucket.s3.amazonaws.com" },
                                        { "x-amz-content-sha256", digest },
                                        { "x-amz-date", "20130524T000000Z" },
                                        { "x-amz-storage-class", "REDUCED_REDUNDANCY" } };
        const SigV4Request r = { .method = "PUT",
                                 .path = "/test%24file.text",
                                 .query = "",
                                 .headers = headers,
                                 .n_headers = ELEMENTSOF(headers),
                                 .payload_digest = digest,
                                 .region = "us-east-1",
                                 .service = "s3",
                                 .key_id = "AKIAIOSFODNN7EXAMPLE",
                                 .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                 .timestamp = "20130524T000000Z" };
        _cleanup_free_ char *text = NULL;

        digest_sha256_hex(body, strlen(body), digest);
        assert_return_code(sigv4_sign(&r, &text), 0);
        assert_non_null(strstr(
                text,
                "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

static void test_time_is_that_of_greenwich(void **state) {
        char text[SIGV4_TIMESTAMP_SIZE];

        sigv4_format_time(1369353600 * USEC_PER_SEC + 999999, text);
        assert_string_equal(text, "20130524T000000Z");
}

static void test_a_timestamp_of_another_form_is_refused(void **state) {
        const SigV4Request r = { .timestamp = "2013" };
        char *text;

        assert_int_equal(sigv4_sign(&r, &text), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_get_vanilla),
                cmocka_unit_test(test_put_object),
                cmocka_unit_test(test_time_is_that_of_greenwich),
                cmocka_unit_test(test_a_timestamp_of_another_form_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
