/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Ledger */

#include "store-fixture.h"
#include "upload/ledger.h"

typedef struct Bed {
        int fd; /* of the store and of the state: one directory is enough here */
        Ledger *ledger;
} Bed;

static void bed_done(Bed *b) {
        ledger_free(b->ledger);
        safe_close(b->fd);
}

static void bed_open(Bed *b, const char *root) {
        b->ledger = ledger_free(b->ledger);
        if (b->fd < 0)
                b->fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(b->fd >= 0);
        assert_return_code(ledger_open(&b->ledger, b->fd, "t", b->fd), 0);
}

static LedgerState state_of(const Bed *b, const char *path) {
        LedgerEntry e;

        ledger_find(b->ledger, path, &e);
        return e.state;
}

static void put(Bed *b, const char *path, LedgerState s) {
        assert_return_code(ledger_put(b->ledger, path, &(LedgerEntry){ .state = s }), 0);
}

static void test_it_remembers_after_a_crash(void **state) {
        _cleanup_(bed_done) Bed b = { .fd = -EBADF };
        LedgerEntry e;

        put_file(*state, "u", "1", 1);
        put_file(*state, "u", "2", 1);
        put_file(*state, "u", "3", 1);
        bed_open(&b, *state);
        put(&b, "u/1", LEDGER_SENT);
        put(&b, "u/2", LEDGER_REJECTED);
        e = (LedgerEntry){ LEDGER_PART, 2, 5 };
        assert_return_code(ledger_put(b.ledger, "u/3", &e), 0);

        bed_open(&b, *state);
        assert_int_equal(state_of(&b, "u/1"), LEDGER_SENT);
        assert_int_equal(state_of(&b, "u/2"), LEDGER_REJECTED);
        ledger_find(b.ledger, "u/3", &e);
        assert_int_equal(e.state, LEDGER_PART);
        assert_int_equal(e.n_sent, 2);
        assert_int_equal(e.n_parts, 5);
        assert_int_equal(state_of(&b, "u/4"), LEDGER_UNKNOWN);
}

static void test_half_a_line_at_the_end_is_none(void **state) {
        static const char text[] = "sent u/1\nnonsense\nsent u/2\nsent u/";
        _cleanup_(bed_done) Bed b = { .fd = -EBADF };

        put_file(*state, "u", "1", 1);
        put_file(*state, "u", "2", 1);
        bed_open(&b, *state);
        assert_return_code(replace_file(b.fd, "t.ledger", text, strlen(text), 0600), 0);
        bed_open(&b, *state);
        assert_int_equal(state_of(&b, "u/1"), LEDGER_SENT);
        assert_int_equal(state_of(&b, "u/2"), LEDGER_SENT);
        assert_int_equal(state_of(&b, "u/"), LEDGER_UNKNOWN);
        put(&b, "u/1", LEDGER_REJECTED);
        bed_open(&b, *state);
        assert_int_equal(state_of(&b, "u/1"), LEDGER_REJECTED);
}

static void test_what_the_store_has_no_longer_is_forgotten(void **state) {
        _cleanup_(bed_done) Bed b = { .fd = -EBADF };

        put_file(*state, "u", "1", 1);
        bed_open(&b, *state);
        put(&b, "u/1", LEDGER_SENT);
        put(&b, "u/gone", LEDGER_SENT);
        bed_open(&b, *state);
        assert_int_equal(state_of(&b, "u/1"), LEDGER_SENT);
        assert_int_equal(state_of(&b, "u/gone"), LEDGER_UNKNOWN);
}

static void test_it_does_not_grow_for_ever(void **state) {
        _cleanup_(bed_done) Bed b = { .fd = -EBADF };
        char path[128];
        struct stat st;

        put_file(*state, "u", "1", 1);
        bed_open(&b, *state);
        put(&b, "u/1", LEDGER_SENT);
        for (unsigned i = 0; i < LEDGER_COMPACT_BYTES / 50; i++) {
                snprintf(path, sizeof(path), "u/%090u", i);
                put(&b, path, LEDGER_SENT);
        }
        assert_int_equal(fstatat(b.fd, "t.ledger", &st, 0), 0);
        assert_true(st.st_size <= LEDGER_COMPACT_BYTES + 200);
        bed_open(&b, *state);
        assert_int_equal(state_of(&b, "u/1"), LEDGER_SENT);
}

static void test_lines_that_make_no_sense_are_refused(void **state) {
        static const char *const lines[] = {
                "",          "sent",          "sent ",          "sent a\tb",      "lost u/1",
                "part u/1",  "part 0/2 u/1",  "part 2/2 u/1",   "part 3/2 u/1",   "part 1/65 u/1",
                "part 1/2 ", "part -1/2 u/1", "part 1/2 \x7fx", "partly 1/2 u/1",
        };
        const char *path;
        LedgerEntry e;

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                assert_int_equal(ledger_parse_line(lines[i], &e, &path), -EINVAL);
        assert_return_code(ledger_parse_line("sent a b c", &e, &path), 0);
        assert_string_equal(path, "a b c");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_it_remembers_after_a_crash, make_directory,
                                                remove_directory),
                cmocka_unit_test_setup_teardown(test_half_a_line_at_the_end_is_none, make_directory,
                                                remove_directory),
                cmocka_unit_test_setup_teardown(test_what_the_store_has_no_longer_is_forgotten,
                                                make_directory, remove_directory),
                cmocka_unit_test_setup_teardown(test_it_does_not_grow_for_ever, make_directory,
                                                remove_directory),
                cmocka_unit_test(test_lines_that_make_no_sense_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
