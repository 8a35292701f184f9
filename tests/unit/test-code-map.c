/* SPDX-License-Identifier: Apache-2.0 */
/* Names of code made at run time */

#include "process/code-map.h"
#include "unit-test.h"

static CodeMap *map_new(void) {
        CodeMap *m;

        assert_return_code(code_map_new(&m), 0);
        return m;
}

static void add(CodeMap *m, uint64_t start, uint64_t size, nsec_t born, const char *name) {
        assert_return_code(code_map_add(m, start, size, born, name, strlen(name)), 0);
}

static const char *find(const CodeMap *m, uint64_t address, nsec_t time) {
        CodeEntry e;

        return code_map_find(m, address, code_map_get_epoch(m, time), &e) ? e.name : NULL;
}

static void test_a_name_covers_its_code_and_no_byte_more(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *m = map_new();

        add(m, 0x2000, 0x100, 10, "b");
        add(m, 0x1000, 0x100, 10, "a");
        assert_null(find(m, 0x1000, 20)); /* not before it is committed */
        assert_return_code(code_map_commit(m), 0);
        assert_null(find(m, 0xfff, 20));
        assert_string_equal(find(m, 0x1000, 20), "a");
        assert_string_equal(find(m, 0x10ff, 20), "a");
        assert_null(find(m, 0x1100, 20));
        assert_string_equal(find(m, 0x2080, 20), "b");
        assert_int_equal(code_map_get_epoch(m, 20), 0); /* nothing was replaced */
}

static void test_code_on_top_of_other_code_has_its_name_from_then_on(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *m = map_new();

        add(m, 0x1000, 0x100, 10, "old");
        assert_return_code(code_map_commit(m), 0);
        add(m, 0x1000, 0x80, 30, "new");
        add(m, 0x1080, 0x40, 50, "newer");
        assert_return_code(code_map_commit(m), 0);
        assert_string_equal(find(m, 0x1000, 29), "old");
        assert_string_equal(find(m, 0x1000, 30), "new");
        assert_string_equal(find(m, 0x1080, 49), "old");
        assert_string_equal(find(m, 0x1080, 51), "newer");
        assert_string_equal(find(m, 0x10f0, 99), "old");
}

static void test_a_name_that_is_told_later_is_better_than_none(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *m = map_new();

        add(m, 0x1000, 0x100, 10, "first");
        add(m, 0x1000, 0x100, 10, "second"); /* in the same breath: the last one told */
        add(m, 0x1000, 0x100, 30, "third");
        assert_return_code(code_map_commit(m), 0);
        assert_string_equal(find(m, 0x1000, 5), "second");
        assert_string_equal(find(m, 0x1000, 20), "second");
        assert_string_equal(find(m, 0x1000, 40), "third");
}

static void test_long_code_reaches_over_short_code_before_it(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *m = map_new();

        add(m, 0x1000, 0x10000, 10, "interpreter");
        for (uint64_t i = 0; i < 100; i++)
                add(m, 0x20000 + i * 0x10, 0x10, 10, "stub");
        add(m, 0x2000, 0x10, 10, "inside");
        assert_return_code(code_map_commit(m), 0);
        assert_string_equal(find(m, 0x10fff, 20), "interpreter");
        assert_string_equal(find(m, 0x2008, 20), "inside");
}

/* Whatever the order and the pieces they come in. */
static void test_entries_of_many_commits_are_all_found(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *m = map_new();
        char name[16];

        for (uint64_t i = 0; i < 1000; i++) {
                uint64_t k = i * 617 % 1000;

                snprintf(name, sizeof(name), "n%u", (unsigned) k);
                add(m, 0x1000 + k * 0x10, 0x10, 10, name);
                if (i % 7 == 0)
                        assert_return_code(code_map_commit(m), 0);
        }
        assert_return_code(code_map_commit(m), 0);
        assert_int_equal(code_map_size(m), 1000);
        for (uint64_t k = 0; k < 1000; k++) {
                snprintf(name, sizeof(name), "n%u", (unsigned) k);
                assert_string_equal(find(m, 0x1000 + k * 0x10 + 8, 20), name);
        }
}

static void test_names_are_made_valid(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *m = map_new();
        char name[CODE_MAP_NAME_MAX + 100];

        memset(name, 'x', sizeof(name));
        add(m, 0x1000, 1, 1, "a\033[31m\xff");
        assert_return_code(code_map_add(m, 0x2000, 1, 1, name, sizeof(name)), 0);
        assert_return_code(code_map_commit(m), 0);
        assert_string_equal(find(m, 0x1000, 1), "a?[31m?");
        assert_int_equal(strlen(find(m, 0x2000, 1)), CODE_MAP_NAME_MAX);
}

static void test_what_is_no_piece_of_code_is_refused(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *m = map_new();

        assert_int_equal(code_map_add(m, 0x1000, 0, 1, "a", 1), -EINVAL);
        assert_int_equal(code_map_add(m, UINT64_MAX, 2, 1, "a", 1), -EINVAL);
        assert_int_equal(code_map_add(m, 0x1000, 1, 1, "", 0), -EINVAL);
        for (uint64_t i = 0; i < CODE_MAP_ENTRIES_MAX; i++)
                assert_return_code(code_map_add(m, i, 1, 1, "a", 1), 0);
        assert_int_equal(code_map_add(m, 0, 1, 1, "a", 1), -E2BIG);
        assert_int_equal(code_map_n_refused(m), 1);
        assert_return_code(code_map_commit(m), 0);
        assert_int_equal(code_map_size(m), CODE_MAP_ENTRIES_MAX);
}

static void test_the_last_name_of_a_start_is_found_before_the_commit(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *m = map_new();

        assert_null(code_map_find_last(m, 0x1000));
        add(m, 0x1000, 0x100, 10, "a");
        assert_string_equal(code_map_find_last(m, 0x1000), "a");
        assert_return_code(code_map_commit(m), 0);
        assert_string_equal(code_map_find_last(m, 0x1000), "a");
        assert_null(code_map_find_last(m, 0x1001));
}

static void test_the_last_name_is_the_one_added_last_among_any_number(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *m = map_new();

        add(m, 0x1000, 0x10, 99, "younger, but added before");
        for (unsigned i = 0; i < 2 * CODE_MAP_FIND_MAX; i++)
                add(m, 0x1000, 0x10, 20, "other");
        add(m, 0x1000, 0x10, 10, "last");
        add(m, 0x1001, 0x10, 10, "next");
        assert_return_code(code_map_commit(m), 0);
        assert_string_equal(code_map_find_last(m, 0x1000), "last");
        assert_null(code_map_find_last(m, 0xfff));
}

/* Or else one of them would make every search go through all entries. */
static void test_code_that_claims_everything_is_not_searched_for_far(void **state) {
        const uint64_t n = CODE_MAP_FIND_MAX, step = 0x100;
        _cleanup_(code_map_unrefp) CodeMap *m = map_new();

        add(m, 0, UINT64_C(1) << 62, 10, "everything");
        for (uint64_t i = 1; i <= 2 * n; i++)
                add(m, i * step, 0x10, 10, "piece");
        assert_return_code(code_map_commit(m), 0);
        assert_string_equal(find(m, step - 1, 20), "everything");
        assert_string_equal(find(m, (n - 1) * step + 0x80, 20), "everything");
        assert_null(find(m, n * step + 0x80, 20));
        assert_string_equal(find(m, 2 * n * step, 20), "piece");
}

static void test_the_bytes_grow_with_what_is_added(void **state) {
        _cleanup_(code_map_unrefp) CodeMap *m = map_new();
        size_t empty = code_map_bytes(m);

        for (uint64_t i = 0; i < 1000; i++)
                add(m, i, 1, 1, "a name of thirty-two characters.");
        assert_in_range(code_map_bytes(m) - empty, 1000 * (33 + 40), 2 * 1000 * (33 + 40));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_name_covers_its_code_and_no_byte_more),
                cmocka_unit_test(test_code_on_top_of_other_code_has_its_name_from_then_on),
                cmocka_unit_test(test_a_name_that_is_told_later_is_better_than_none),
                cmocka_unit_test(test_long_code_reaches_over_short_code_before_it),
                cmocka_unit_test(test_entries_of_many_commits_are_all_found),
                cmocka_unit_test(test_names_are_made_valid),
                cmocka_unit_test(test_what_is_no_piece_of_code_is_refused),
                cmocka_unit_test(test_the_last_name_of_a_start_is_found_before_the_commit),
                cmocka_unit_test(test_the_last_name_is_the_one_added_last_among_any_number),
                cmocka_unit_test(test_code_that_claims_everything_is_not_searched_for_far),
                cmocka_unit_test(test_the_bytes_grow_with_what_is_added),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
