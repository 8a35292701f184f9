/* SPDX-License-Identifier: Apache-2.0 */
/* Separate debug files below a root directory of the test's own */

#include "index-fixture.h"
#include "process/debug-file.h"

static const DebugFileQuery by_id = { .path = "/usr/bin/a", .build_id = "abcdef", .link = "" };
static const DebugFileQuery by_link = { .path = "/usr/bin/a", .build_id = "", .link = "a.debug" };

static void make_directories(const char *root, const char *path) {
        _cleanup_free_ char *whole = NULL;

        assert_true(asprintf(&whole, "%s/%s/", root, path) > 0);
        for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                assert_true(mkdir(whole, 0755) >= 0 || errno == EEXIST);
                *slash = '/';
        }
}

static int setup(void **state) {
        char *root = make_directory();

        make_directories(root, "usr/lib/debug/.build-id/ab");
        make_directories(root, "usr/lib/debug/usr/bin");
        make_directories(root, "usr/local/lib/debug/.build-id/ab");
        *state = root;
        return 0;
}

static int teardown(void **state) {
        remove_directory(*state);
        return 0;
}

static void assert_opens(const char *root, const DebugFileQuery *query, const char *expected) {
        _cleanup_close_ int fd = debug_file_open_below(root, query);
        _cleanup_free_ char *text = NULL;

        assert_return_code(fd, -fd);
        assert_return_code(read_full_fd(fd, 64, &text, NULL), 0);
        assert_string_equal(text, expected);
}

static void test_a_build_id_is_a_directory_and_a_name(void **state) {
        char *root = *state;

        assert_int_equal(debug_file_open_below(root, &by_id), -ENOENT);
        put_text(root, "usr/local/lib/debug/.build-id/ab/cdef.debug", "local");
        assert_opens(root, &by_id, "local");
        put_text(root, "usr/lib/debug/.build-id/ab/cdef.debug", "package");
        assert_opens(root, &by_id, "package");
}

static void test_a_name_is_looked_up_beside_the_path_of_its_file(void **state) {
        char *root = *state;

        put_text(root, "usr/lib/debug/usr/bin/a.debug", "linked");
        assert_opens(root, &by_link, "linked");
}

/* As the process sees it: its root is not ours. */
static void test_links_do_not_lead_out_of_the_root(void **state) {
        _cleanup_free_ char *link = NULL;
        char *root = *state;

        put_text(root, "outside", "of the root's own");
        assert_true(asprintf(&link, "%s/usr/lib/debug/.build-id/ab/cdef.debug", root) > 0);
        assert_return_code(symlink("/outside", link), errno);
        assert_opens(root, &by_id, "of the root's own");

        assert_return_code(unlink(link), errno);
        assert_return_code(symlink("/../../../../../../../../etc/passwd", link), errno);
        assert_int_equal(debug_file_open_below(root, &by_id), -ENOENT);
}

static void test_what_is_no_regular_file_is_none(void **state) {
        _cleanup_free_ char *path = NULL;
        char *root = *state;

        assert_true(asprintf(&path, "%s/usr/lib/debug/.build-id/ab/cdef.debug", root) > 0);
        assert_return_code(mkfifo(path, 0600), errno);
        assert_int_equal(debug_file_open_below(root, &by_id), -ENOENT);
        assert_return_code(unlink(path), errno);
        assert_return_code(mkdir(path, 0700), errno);
        assert_int_equal(debug_file_open_below(root, &by_id), -ENOENT);
}

static void test_a_path_that_is_none_is_not_looked_up(void **state) {
        const DebugFileQuery queries[] = {
                { .path = "//toolong", .build_id = "a", .link = "" },
                { .path = "[vdso]", .build_id = "", .link = "a.debug" },
        };

        for (size_t i = 0; i < ELEMENTSOF(queries); i++)
                assert_int_equal(debug_file_open_below(*state, &queries[i]), -ENOENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
#define debug_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
                debug_test(test_a_build_id_is_a_directory_and_a_name),
                debug_test(test_a_name_is_looked_up_beside_the_path_of_its_file),
                debug_test(test_links_do_not_lead_out_of_the_root),
                debug_test(test_what_is_no_regular_file_is_none),
                debug_test(test_a_path_that_is_none_is_not_looked_up),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
