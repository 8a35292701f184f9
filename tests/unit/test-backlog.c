/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Backlog */

#include "store-fixture.h"
#include "upload/backlog.h"

typedef struct Bed {
        Store *store;
        Backlog *backlog;
        size_t n, n_unreadable;
        char last[256];
} Bed;

static int on_profile(const StoreEntry *entry, void *userdata) {
        Bed *b = userdata;

        b->n++;
        snprintf(b->last, sizeof(b->last), "%s %llu %llu", entry->path,
                 (unsigned long long) entry->start_usec, (unsigned long long) entry->size_bytes);
        return 0;
}

static void bed_done(Bed *b) {
        backlog_free(b->backlog);
        store_free(b->store);
}

static void bed_init(Bed *b, const char *root) {
        assert_return_code(store_open_reader(&b->store, root), 0);
        assert_return_code(backlog_new(&b->backlog, b->store, on_profile, b), 0);
}

static size_t scan(Bed *b) {
        b->n = 0;
        assert_return_code(backlog_scan(b->backlog, &b->n_unreadable), 0);
        return b->n;
}

static void test_each_profile_is_told_of_once(void **state) {
        _cleanup_(bed_done) Bed b = {};
        char name[128], expected[256];

        put_profile(*state, "a.service", 100, 7);
        put_profile(*state, "b.service", 100, 7);
        bed_init(&b, *state);
        assert_int_equal(scan(&b), 2);
        assert_int_equal(scan(&b), 0);
        put_profile(*state, "a.service", 200, 9);
        assert_int_equal(scan(&b), 1);
        snprintf(expected, sizeof(expected), "a.service/%s 200 9", profile_name(200, name));
        assert_string_equal(b.last, expected);
        assert_int_equal(scan(&b), 0);
}

/* A clock that was set back, or a backfill. */
static void test_what_is_older_than_what_is_known_counts_too(void **state) {
        _cleanup_(bed_done) Bed b = {};

        put_profile(*state, "a.service", 100, 1);
        bed_init(&b, *state);
        assert_int_equal(scan(&b), 1);
        put_profile(*state, "a.service", 50, 1);
        assert_int_equal(scan(&b), 1);
}

static void test_what_is_not_of_the_store_is_left_alone(void **state) {
        _cleanup_(bed_done) Bed b = {};

        put_file(*state, "a.service", "notes.txt", 1);
        put_file(*state, "a.service", ".#unfinished", 1);
        put_file(*state, "a.service", "cpu.pb.gz", 1);
        put_profile(*state, "lost+found", 100, 1);
        put_profile(*state, ".hidden", 100, 1);
        bed_init(&b, *state);
        assert_int_equal(scan(&b), 0);
}

static void test_a_store_that_is_gone_is_empty(void **state) {
        _cleanup_(bed_done) Bed b = {};

        assert_return_code(store_open_reader(&b.store, *state), 0);
        assert_return_code(backlog_new(&b.backlog, b.store, on_profile, &b), 0);
        assert_int_equal(remove_tree(*state), 0);
        assert_int_equal(scan(&b), 0);
        assert_int_equal(mkdir(*state, 0700), 0);
}

static void test_a_directory_that_may_not_be_read_is_counted_and_holds_up_no_other(void **state) {
        static const mode_t modes[] = { 0, 0644 }; /* nothing; names, but no file */
        _cleanup_(bed_done) Bed b = {};

        bed_init(&b, *state);
        set_mode(*state, "", 0755);
        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                put_profile(*state, "a.service", i + 1, 1);
                put_profile(*state, "b.service", i + 1, 1);
                set_mode(*state, "a.service", modes[i]);
                set_mode(*state, "b.service", 0755);
                be_nobody();
                assert_int_equal(scan(&b), 1);
                assert_memory_equal(b.last, "b.service/", strlen("b.service/"));
                assert_int_equal(b.n_unreadable, 1);

                assert_return_code(seteuid(getuid()), errno);
                set_mode(*state, "a.service", 0755);
                assert_int_equal(scan(&b), 1);
                assert_int_equal(b.n_unreadable, 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_each_profile_is_told_of_once, make_directory,
                                                remove_directory),
                cmocka_unit_test_setup_teardown(test_what_is_older_than_what_is_known_counts_too,
                                                make_directory, remove_directory),
                cmocka_unit_test_setup_teardown(test_what_is_not_of_the_store_is_left_alone,
                                                make_directory, remove_directory),
                cmocka_unit_test_setup_teardown(test_a_store_that_is_gone_is_empty, make_directory,
                                                remove_directory),
                cmocka_unit_test_setup_teardown(
                        test_a_directory_that_may_not_be_read_is_counted_and_holds_up_no_other,
                        make_directory, remove_directory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
