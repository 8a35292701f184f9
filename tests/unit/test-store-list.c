/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Listing of a Store */

#include "store-fixture.h"
#include "unit-test.h"

typedef struct Listing {
        StoreEntry *entries;
        size_t n;
} Listing;

static void listing_done(Listing *l) {
        store_entries_free(l->entries, l->n);
}

static void list(const char *root,
                 char *const *patterns,
                 const char *type,
                 usec_t since,
                 usec_t until,
                 Listing *ret) {
        _cleanup_(store_freep) Store *s = NULL;

        listing_done(ret);
        assert_return_code(store_open_reader(&s, root), 0);
        assert_return_code(store_list(s, patterns, type, since, until, &ret->entries, &ret->n), 0);
}

static void test_entries_come_by_start_and_then_by_unit(void **state) {
        _cleanup_(listing_done) Listing l = {};

        put_profile(*state, "b.service", 2, 5);
        put_profile(*state, "a.service", 2, 6);
        put_profile(*state, "c.service", 1, 7);
        list(*state, NULL, NULL, 0, USEC_INFINITY, &l);

        assert_int_equal(l.n, 3);
        assert_string_equal(l.entries[0].unit, "c.service");
        assert_string_equal(l.entries[1].unit, "a.service");
        assert_string_equal(l.entries[2].unit, "b.service");
        assert_string_equal(l.entries[2].path, "b.service/cpu." BOOT ".2.10.pb.gz");
        assert_string_equal(l.entries[2].type, "cpu");
        assert_int_equal(l.entries[2].size_bytes, 5);
        assert_int_equal(l.entries[2].duration_usec, 10);
}

static void test_an_empty_store_has_an_empty_list(void **state) {
        _cleanup_(listing_done) Listing l = {};

        list(*state, NULL, NULL, 0, USEC_INFINITY, &l);
        assert_int_equal(l.n, 0);
}

static void test_patterns_match_names_with_backslashes(void **state) {
        char *const literal[] = { (char *) "dev-by\\x2did.swap", NULL };
        char *const several[] = { (char *) "web-*.service", (char *) "*.swap", NULL };
        char *const none[] = { NULL };
        _cleanup_(listing_done) Listing l = {};

        put_profile(*state, "dev-by\\x2did.swap", 1, 1);
        put_profile(*state, "web-7.service", 2, 1);
        put_profile(*state, "web.service", 3, 1);

        list(*state, literal, NULL, 0, USEC_INFINITY, &l);
        assert_int_equal(l.n, 1);
        list(*state, several, NULL, 0, USEC_INFINITY, &l);
        assert_int_equal(l.n, 2);
        list(*state, none, NULL, 0, USEC_INFINITY, &l);
        assert_int_equal(l.n, 0);
}

/* Each profile covers 10 microseconds from its start. */
static void test_a_span_takes_what_overlaps_it(void **state) {
        static const struct {
                usec_t since, until;
                size_t n;
        } cases[] = {
                { 0, USEC_INFINITY, 3 }, { 0, 100, 0 },   { 0, 101, 1 },   { 109, 110, 2 },
                { 110, 111, 1 },         { 120, 300, 0 }, { 118, 301, 2 }, { 119, 301, 1 },
        };
        _cleanup_(listing_done) Listing l = {};

        put_profile(*state, "a.service", 100, 1);
        put_profile(*state, "a.service", 109, 1);
        put_profile(*state, "a.service", 300, 1);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                list(*state, NULL, NULL, cases[i].since, cases[i].until, &l);
                assert_int_equal(l.n, cases[i].n);
        }
}

static void test_a_type_is_matched_whole(void **state) {
        _cleanup_(listing_done) Listing l = {};

        put_profile(*state, "a.service", 1, 1);
        put_file(*state, "a.service", "cpu2." BOOT ".1.10.pb.gz", 1);
        list(*state, NULL, "cpu2", 0, USEC_INFINITY, &l);
        assert_int_equal(l.n, 1);
        list(*state, NULL, "cp", 0, USEC_INFINITY, &l);
        assert_int_equal(l.n, 0);
}

static void test_a_reader_changes_nothing(void **state) {
        _cleanup_(listing_done) Listing l = {};

        put_file(*state, "a.service", ".#0123456789abcdef", 1);
        put_file(*state, "a.service", "README", 1);
        list(*state, NULL, NULL, 0, USEC_INFINITY, &l);
        assert_int_equal(l.n, 0);
        assert_int_equal(count_names(*state, "a.service"), 2);
}

static void test_a_directory_that_may_not_be_read_is_counted_and_hides_no_other(void **state) {
        static const mode_t modes[] = { 0, 0644 }; /* nothing; names, but no file */

        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                _cleanup_(listing_done) Listing l = {};
                _cleanup_(store_freep) Store *s = NULL;

                put_profile(*state, "a.service", i + 1, 1);
                put_profile(*state, "b.service", i + 1, 1);
                set_mode(*state, "", 0755);
                set_mode(*state, "a.service", modes[i]);
                set_mode(*state, "b.service", 0755);
                be_nobody();
                assert_return_code(store_open_reader(&s, *state), 0);
                assert_return_code(store_list(s, NULL, NULL, 0, USEC_INFINITY, &l.entries, &l.n),
                                   0);
                assert_int_equal(l.n, i + 1);
                assert_string_equal(l.entries[0].unit, "b.service");
                assert_int_equal(store_get_n_unreadable(s), 1);
                assert_return_code(seteuid(getuid()), errno);
                set_mode(*state, "a.service", 0755);
        }
}

#define list_test(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)

int main(void) {
        const struct CMUnitTest tests[] = {
                list_test(test_entries_come_by_start_and_then_by_unit),
                list_test(test_an_empty_store_has_an_empty_list),
                list_test(test_patterns_match_names_with_backslashes),
                list_test(test_a_span_takes_what_overlaps_it),
                list_test(test_a_type_is_matched_whole),
                list_test(test_a_reader_changes_nothing),
                list_test(test_a_directory_that_may_not_be_read_is_counted_and_hides_no_other),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
