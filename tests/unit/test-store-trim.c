/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of Trimming a Store */

#include "store-fixture.h"

enum { SIZE = 4096 };

static void fill(const char *root) {
        for (usec_t start = 1; start <= 3; start++)
                put_profile(root, "many.service", 1000 * start, SIZE);
        put_profile(root, "one.service", 500, SIZE);
        put_file(root, "many.service", ".#unfinished", SIZE);
        put_file(root, "many.service", "somebody-else's", SIZE);
}

static size_t trim(const char *root, char *const *patterns, StoreTrim limits) {
        _cleanup_(store_freep) Store *s = NULL;
        StoreVacuum done;

        assert_return_code(store_open_reader(&s, root), 0);
        assert_return_code(store_trim(s, patterns, &limits, &done), 0);
        return done.n_removed;
}

static bool exists(const char *root, const char *unit, const char *name) {
        _cleanup_free_ char *path = NULL;

        assert_true(asprintf(&path, "%s/%s/%s", root, unit, name) > 0);
        return access(path, F_OK) == 0;
}

static void test_windows_that_ended_before_go(void **state) {
        const char *root = *state;

        fill(root);
        assert_int_equal(trim(root, NULL, (StoreTrim){ UINT64_MAX, .before_usec = 2005 }), 2);
        assert_false(has_profile(root, "one.service", 500));
        assert_false(has_profile(root, "many.service", 1000));
        assert_true(has_profile(root, "many.service", 2000)); /* it ended later */
}

static void test_each_unit_keeps_its_newest(void **state) {
        const char *root = *state;

        fill(root);
        assert_int_equal(trim(root, NULL, (StoreTrim){ UINT64_MAX, .max_files = 1 }), 2);
        assert_true(has_profile(root, "one.service", 500));
        assert_true(has_profile(root, "many.service", 3000));
        assert_false(has_profile(root, "many.service", 2000));
}

static void test_for_size_the_oldest_goes_but_no_only_one(void **state) {
        const char *root = *state;

        fill(root);
        assert_int_equal(trim(root, NULL, (StoreTrim){ .max_use_bytes = 2 * SIZE }), 2);
        assert_true(has_profile(root, "one.service", 500));
        assert_true(has_profile(root, "many.service", 3000));
        assert_int_equal(trim(root, NULL, (StoreTrim){ .max_use_bytes = 0 }), 2);
        assert_false(has_profile(root, "one.service", 500));
}

static void test_units_that_do_not_match_are_left_alone(void **state) {
        char *patterns[] = { (char[]){ "one*" }, NULL };
        const char *root = *state;

        fill(root);
        assert_int_equal(trim(root, patterns, (StoreTrim){ .max_use_bytes = 0 }), 1);
        assert_true(has_profile(root, "many.service", 1000));
}

/* The daemon may be writing there. */
static void test_only_profiles_are_removed(void **state) {
        const char *root = *state;

        fill(root);
        assert_int_equal(trim(root, NULL, (StoreTrim){ .max_use_bytes = 0 }), 4);
        assert_true(exists(root, "many.service", ".#unfinished"));
        assert_true(exists(root, "many.service", "somebody-else's"));
        assert_true(exists(root, "one.service", "."));
}

static void test_a_writer_goes_on_after_its_files_went(void **state) {
        StoreLimits limits = { UINT64_MAX, 0, USEC_INFINITY };
        _cleanup_(store_freep) Store *writer = NULL;
        StoreEntry e = { .unit = (char[]){ "one.service" },
                         .type = (char[]){ "cpu" },
                         .start_usec = 5000,
                         .duration_usec = 10 };
        const char *root = *state;
        uint64_t before;

        fill(root);
        assert_return_code(store_open(&writer, root, &limits), 0);
        before = store_get_use_bytes(writer);
        assert_int_equal(trim(root, NULL, (StoreTrim){ .max_use_bytes = 0 }), 4);
        assert_return_code(store_write(writer, &e, "x", 1, NULL), 0);
        assert_return_code(store_vacuum(writer, NULL), 0);
        assert_true(store_get_use_bytes(writer) < before);
}

static void test_a_link_in_place_of_a_unit_is_not_followed(void **state) {
        _cleanup_free_ char *link = NULL;
        const char *root = *state;

        fill(root);
        assert_true(asprintf(&link, "%s/link.service", root) > 0);
        assert_return_code(symlink("many.service", link), errno);
        assert_int_equal(trim(root, (char *[]){ (char[]){ "link.service" }, NULL },
                              (StoreTrim){ .max_use_bytes = 0 }),
                         0);
        assert_true(has_profile(root, "many.service", 1000));
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, make_directory, remove_directory)

int main(void) {
        static const struct CMUnitTest tests[] = {
                TEST(test_windows_that_ended_before_go),
                TEST(test_each_unit_keeps_its_newest),
                TEST(test_for_size_the_oldest_goes_but_no_only_one),
                TEST(test_units_that_do_not_match_are_left_alone),
                TEST(test_only_profiles_are_removed),
                TEST(test_a_writer_goes_on_after_its_files_went),
                TEST(test_a_link_in_place_of_a_unit_is_not_followed),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
