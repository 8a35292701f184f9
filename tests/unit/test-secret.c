/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Secrets */

#include "store-fixture.h"
#include "upload/secret.h"

static char *put_secret(const char *root, const char *text, size_t size) {
        char *path;
        FILE *f;

        assert_true(asprintf(&path, "%s/secret", root) > 0);
        f = fopen(path, "we");
        assert_non_null(f);
        assert_int_equal(fwrite(text, 1, size, f), size);
        assert_int_equal(fclose(f), 0);
        return path;
}

static void test_the_end_of_the_line_is_not_a_part_of_it(void **state) {
        _cleanup_free_ char *path = put_secret(*state, "s3cr3t =\r\n\n", 11);
        _cleanup_(secret_freep) char *secret = NULL;

        assert_return_code(secret_read(&(SecretSource){ .file = path }, &secret), 0);
        assert_string_equal(secret, "s3cr3t =");
}

static void test_what_no_header_can_carry_is_refused(void **state) {
        static const struct {
                const char *text;
                size_t size;
        } cases[] = { { "", 0 }, { "\n", 1 }, { "a\nb", 3 }, { "a\0b", 3 }, { "a\x7f\x7fx", 4 } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *path = put_secret(*state, cases[i].text, cases[i].size);
                char *secret;

                assert_int_equal(secret_read(&(SecretSource){ .file = path }, &secret), -EBADMSG);
        }
}

static void test_a_file_that_is_no_secret_is_too_large(void **state) {
        _cleanup_free_ char *text = calloc(1, SECRET_MAX + 1), *path = NULL;
        char *secret;

        memset(text, 'x', SECRET_MAX + 1);
        path = put_secret(*state, text, SECRET_MAX + 1);
        assert_int_equal(secret_read(&(SecretSource){ .file = path }, &secret), -E2BIG);
}

static void test_a_credential_is_read_from_its_directory(void **state) {
        _cleanup_free_ char *path = put_secret(*state, "of systemd", 10);
        _cleanup_(secret_freep) char *secret = NULL;
        const SecretSource s = { .credential = (char *) "secret" };

        (void) unsetenv("CREDENTIALS_DIRECTORY");
        assert_int_equal(secret_read(&s, &secret), -ENOENT);
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", *state, 1), 0);
        assert_return_code(secret_read(&s, &secret), 0);
        assert_string_equal(secret, "of systemd");
}

static void test_no_source_is_no_secret(void **state) {
        char *secret = (char *) "untouched";

        assert_return_code(secret_read(&(SecretSource){}, &secret), 0);
        assert_null(secret);
}

static void test_the_fingerprint_tells_that_a_secret_was_replaced(void **state) {
        _cleanup_free_ char *path = put_secret(*state, "old", 3), *again = NULL;
        const UploadTarget t = { .password.file = path };
        uint64_t before = secret_fingerprint(&t);

        assert_int_equal(secret_fingerprint(&t), before);
        again = put_secret(*state, "new", 3);
        assert_int_not_equal(secret_fingerprint(&t), before);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_the_end_of_the_line_is_not_a_part_of_it,
                                                make_directory, remove_directory),
                cmocka_unit_test_setup_teardown(test_what_no_header_can_carry_is_refused,
                                                make_directory, remove_directory),
                cmocka_unit_test_setup_teardown(test_a_file_that_is_no_secret_is_too_large,
                                                make_directory, remove_directory),
                cmocka_unit_test_setup_teardown(test_a_credential_is_read_from_its_directory,
                                                make_directory, remove_directory),
                cmocka_unit_test(test_no_source_is_no_secret),
                cmocka_unit_test_setup_teardown(
                        test_the_fingerprint_tells_that_a_secret_was_replaced, make_directory,
                        remove_directory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
