/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests: Journal
 *
 * Lines are read back from standard error, where they have no fields: those are for the system
 * tests, with a journal.
 */

#include <fcntl.h>

#include "basic/log.h"
#include "journal.h"
#include "unit-test.h"

typedef struct World {
        Journal journal;
        FILE *lines; /* what standard error is now */
        int standard_error;
} World;

static int setup(void **state) {
        World *w = calloc(1, sizeof(World));

        assert_non_null(w);
        w->lines = tmpfile();
        assert_non_null(w->lines);
        w->standard_error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        assert_return_code(w->standard_error, errno);
        assert_return_code(dup2(fileno(w->lines), STDERR_FILENO), errno);
        log_set_max_level(LOG_INFO);
        *state = w;
        return 0;
}

static int teardown(void **state) {
        World *w = *state;

        dup2(w->standard_error, STDERR_FILENO);
        close(w->standard_error);
        fclose(w->lines);
        free(w);
        return 0;
}

/* All that was said since the last time. */
static void expect(World *w, const char *text) {
        char said[1024];
        ssize_t n;

        n = pread(fileno(w->lines), said, sizeof(said) - 1, 0);
        assert_return_code(n, errno);
        said[n] = '\0';
        assert_int_equal(ftruncate(fileno(w->lines), 0), 0);
        assert_int_equal(lseek(fileno(w->lines), 0, SEEK_SET), 0);
        assert_string_equal(said, text);
}

/* ---- losses ---- */

static void tell_losses(World *w, uint64_t ring, uint64_t gone, uint64_t samples, usec_t now) {
        const ManagerLoss losses[] = {
                { "ring-full", "", true, ring },
                { "processes-evicted", "", false, 1000 }, /* no samples */
                { "unit-gone", "", true, gone },
        };

        journal_losses(&w->journal, losses, ELEMENTSOF(losses), samples, now);
}

static void test_nothing_lost_is_nothing_said(void **state) {
        World *w = *state;

        tell_losses(w, 0, 0, 1000, USEC_PER_SEC);
        expect(w, "");
}

static void test_a_loss_is_said_at_once_and_then_once_an_hour(void **state) {
        World *w = *state;

        tell_losses(w, 10, 2, 88, USEC_PER_SEC);
        expect(w, "Lost 12 of 100 samples (ring-full 10, unit-gone 2).\n");
        tell_losses(w, 20, 2, 188, 2 * USEC_PER_SEC);
        tell_losses(w, 20, 2, 188, USEC_PER_HOUR);
        expect(w, "");
        /* with all that came together meanwhile */
        tell_losses(w, 30, 2, 288, USEC_PER_SEC + JOURNAL_LOST_USEC);
        expect(w, "Lost 20 of 220 samples (ring-full 20).\n");
}

static void test_after_an_hour_without_a_loss_the_next_is_said_at_once(void **state) {
        World *w = *state;

        tell_losses(w, 1, 0, 9, USEC_PER_SEC);
        expect(w, "Lost 1 of 10 samples (ring-full 1).\n");
        tell_losses(w, 1, 0, 1000, 5 * USEC_PER_HOUR);
        expect(w, "");
        tell_losses(w, 1, 1, 1000, 5 * USEC_PER_HOUR + 1);
        expect(w, "Lost 1 of 992 samples (unit-gone 1).\n");
}

static void test_a_small_share_is_no_warning(void **state) {
        World *w = *state;

        log_set_max_level(LOG_WARNING);
        tell_losses(w, 1, 0, 1000, USEC_PER_SEC);
        expect(w, "");
        tell_losses(w, 101, 0, 1100, 2 * USEC_PER_HOUR);
        expect(w, "Lost 100 of 200 samples (ring-full 100).\n");
}

/* ---- the store ---- */

static void tell_profile(World *w, int error) {
        const ClosedWindow closed = { .unit = (char *) "a.service" };
        const WrittenProfile written = { .closed = &closed, .error = error, .path = "/a" };

        journal_profile(&w->journal, &written);
}

static void test_a_store_that_fails_and_recovers_is_a_line_each(void **state) {
        World *w = *state;

        tell_profile(w, 0);
        expect(w, "");
        tell_profile(w, -ENOSPC);
        tell_profile(w, -EROFS);
        expect(w, "Failed to store a profile of a.service, dropping profiles until it works again: "
                  "No space left on device\n");
        tell_profile(w, 0);
        tell_profile(w, 0);
        expect(w, "Profiles are stored again.\n");
        tell_profile(w, -EROFS);
        expect(w, "Failed to store a profile of a.service, dropping profiles until it works again: "
                  "Read-only file system\n");
}

static void test_removals_are_said_once_a_day(void **state) {
        World *w = *state;

        journal_vacuumed(&w->journal, &(StoreVacuum){}, USEC_PER_SEC);
        expect(w, "");
        journal_vacuumed(&w->journal, &(StoreVacuum){ 3, 3 << 20 }, 2 * USEC_PER_SEC);
        expect(w, "Removed the 3 oldest profiles (3.0M) to keep the store's limits.\n");
        journal_vacuumed(&w->journal, &(StoreVacuum){ 9, 4 << 20 }, USEC_PER_DAY);
        expect(w, "");
        journal_vacuumed(&w->journal, &(StoreVacuum){ 9, 4 << 20 }, 2 * USEC_PER_DAY);
        expect(w, "Removed the 6 oldest profiles (1.0M) to keep the store's limits.\n");
}

/* ---- profilerd-elf ---- */

static void tell_workers(World *w, uint64_t built, uint64_t failed, uint64_t unreadable) {
        journal_workers(&w->journal, &(IndexCacheStatistics){ .built = built,
                                                              .failed = failed,
                                                              .unreadable = unreadable,
                                                              .last_error = -EIO });
}

static void test_failures_in_a_row_are_said_once_and_so_is_the_end_of_it(void **state) {
        World *w = *state;

        tell_workers(w, 0, JOURNAL_WORKER_FAILURES - 1, 0);
        expect(w, "");
        tell_workers(w, 0, JOURNAL_WORKER_FAILURES, 0);
        tell_workers(w, 0, 10 * JOURNAL_WORKER_FAILURES, 0);
        expect(w, "profilerd-elf failed 5 times in a row, new files go without names until it "
                  "works again: Input/output error\n");
        tell_workers(w, 1, 10 * JOURNAL_WORKER_FAILURES, 0);
        expect(w, "profilerd-elf works again.\n");
        tell_workers(w, 1, 11 * JOURNAL_WORKER_FAILURES, 0);
        expect(w, "profilerd-elf failed 5 times in a row, new files go without names until it "
                  "works again: Input/output error\n");
}

static void test_unreadable_files_are_no_failures(void **state) {
        World *w = *state;

        tell_workers(w, 0, 1000, 1000);
        expect(w, "");
}

static void test_failures_between_successes_are_not_in_a_row(void **state) {
        World *w = *state;

        for (uint64_t i = 1; i < 100; i++)
                tell_workers(w, i, i, 0);
        expect(w, "");
}

/* ---- unwind tables ---- */

static void test_a_budget_that_is_too_small_is_said_once_and_so_is_its_end(void **state) {
        const UnwindLoaderStatistics enough = {},
                                     small = { .n_refused_files = 3, .is_short = true };
        World *w = *state;

        journal_unwind(&w->journal, &enough);
        expect(w, "");
        journal_unwind(&w->journal, &small);
        journal_unwind(&w->journal, &small);
        expect(w,
               "UnwindMemoryMax= is too small: 3 files have no unwind table, stacks through them "
               "may end early.\n");
        journal_unwind(&w->journal, &enough);
        expect(w, "All unwind tables are loaded.\n");
}

/* ---- units, configuration ---- */

static void test_units_that_fail_are_said_once_a_minute(void **state) {
        Unit u = { .name = (char *) "a.service", .state = UNIT_FAILED, .error = -E2BIG };
        World *w = *state;

        for (unsigned i = 0; i < 100; i++)
                journal_unit_state(&w->journal, &u, UNIT_INACTIVE, USEC_PER_SEC + i);
        expect(w, "Failed to profile unit a.service: Argument list too long\n");
        journal_unit_state(&w->journal, &u, UNIT_FAILED, USEC_PER_HOUR);
        expect(w, "");
        journal_unit_state(&w->journal, &u, UNIT_PROFILED, USEC_PER_HOUR);
        expect(w, "Failed to profile unit a.service: Argument list too long\n");
}

static void test_units_that_come_and_go_are_for_debugging(void **state) {
        Unit u = { .name = (char *) "a.service", .state = UNIT_PROFILED };
        World *w = *state;

        journal_unit_state(&w->journal, &u, UNIT_INACTIVE, 1);
        journal_unit_gone(&u);
        expect(w, "");
        log_set_max_level(LOG_DEBUG);
        journal_unit_state(&w->journal, &u, UNIT_INACTIVE, 1);
        expect(w, "a.service is profiled.\n");
        u.state = UNIT_INACTIVE;
        journal_unit_state(&w->journal, &u, UNIT_PROFILED, 1);
        expect(w, "a.service is no longer profiled: inactive.\n");
        journal_unit_gone(&u);
        expect(w, "");
}

static void test_a_refused_configuration_says_what_is_in_force(void **state) {
        World *w = *state;

        journal_config_refused(-EBADMSG, "a.conf:1: Bad.", true);
        expect(w, "Failed to load the configuration, keeping the old one: a.conf:1: Bad.\n");
        journal_config_refused(-EACCES, NULL, false);
        expect(w, "Failed to load the configuration: Permission denied\n");
}

static void test_what_the_host_lacks_comes_with_the_remedy(void **state) {
        World *w = *state;

        journal_host_lacks(0, NULL, "Buy another.");
        expect(w, "Buy another.\n");
        journal_host_lacks(-EPERM, "loading", "Ask root.");
        expect(w, "Failed while loading: Operation not permitted. Ask root.\n");
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        static const struct CMUnitTest tests[] = {
                WORLD_TEST(test_nothing_lost_is_nothing_said),
                WORLD_TEST(test_a_loss_is_said_at_once_and_then_once_an_hour),
                WORLD_TEST(test_after_an_hour_without_a_loss_the_next_is_said_at_once),
                WORLD_TEST(test_a_small_share_is_no_warning),
                WORLD_TEST(test_a_store_that_fails_and_recovers_is_a_line_each),
                WORLD_TEST(test_removals_are_said_once_a_day),
                WORLD_TEST(test_failures_in_a_row_are_said_once_and_so_is_the_end_of_it),
                WORLD_TEST(test_unreadable_files_are_no_failures),
                WORLD_TEST(test_failures_between_successes_are_not_in_a_row),
                WORLD_TEST(test_a_budget_that_is_too_small_is_said_once_and_so_is_its_end),
                WORLD_TEST(test_units_that_fail_are_said_once_a_minute),
                WORLD_TEST(test_units_that_come_and_go_are_for_debugging),
                WORLD_TEST(test_a_refused_configuration_says_what_is_in_force),
                WORLD_TEST(test_what_the_host_lacks_comes_with_the_remedy),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
