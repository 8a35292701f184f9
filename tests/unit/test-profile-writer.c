/* SPDX-License-Identifier: Apache-2.0 */
/* Profile Writer */

#include "basic/string-util.h"
#include "profile-writer.h"
#include "profile/pprof.h"
#include "profile/profile-quality.h"
#include "store-fixture.h"
#include "unit-test.h"
#include "writer-fixture.h"

/* What a window waits for comes sooner, or not at all. */
#define PATIENCE_USEC (200 * USEC_PER_MSEC)

typedef struct Bed {
        sd_event *event;
        Store *store;
        ProfileWriter *writer;
        WindowFixture *fixture;

        /* of the callbacks */
        unsigned n_written, n_kernel;
        bool has_no_kernel; /* its symbols are still being read */
        int error;
        char *unit, *path;
        size_t size_bytes;
        WindowTotals totals;
        bool was_done; /* when the last one was called back */
        uint64_t asked;
} Bed;

static bool is_ready(const Window *window, void *userdata) {
        Bed *b = userdata;

        assert_int_equal(window_n_places(window), 1);
        return !b->has_no_kernel;
}

static const Kallsyms *get_kernel(void *userdata) {
        Bed *b = userdata;

        b->n_kernel++;
        return NULL;
}

static void on_written(const WrittenProfile *written, void *userdata) {
        Bed *b = userdata;

        b->n_written++;
        b->error = written->error;
        assert_return_code(free_and_strdup(&b->unit, written->closed->unit), 0);
        assert_return_code(free_and_strdup(&b->path, written->path), 0);
        b->size_bytes = written->size_bytes;
        b->totals = written->totals;
        b->was_done = profile_writer_is_done(b->writer, b->asked);
}

static Bed *bed_new(const char *directory) {
        const StoreLimits limits = { UINT64_MAX, 0, USEC_INFINITY };
        const ProfileWriterCallbacks callbacks = { is_ready, get_kernel, on_written };
        Bed *b = calloc(1, sizeof(*b));

        assert_non_null(b);
        assert_return_code(sd_event_new(&b->event), 0);
        assert_return_code(store_open(&b->store, directory, &limits), 0);
        assert_return_code(
                profile_writer_new(&b->writer, b->event, b->store, PATIENCE_USEC, &callbacks, b),
                0);
        b->fixture = window_fixture_new();
        return b;
}

static Bed *bed_free(Bed *b) {
        profile_writer_free(b->writer);
        window_fixture_free(b->fixture);
        store_free(b->store);
        sd_event_unref(b->event);
        free(b->unit);
        free(b->path);
        free(b);
        return NULL;
}
DEFINE_CLEANUP(Bed *, bed_free);

static uint64_t add(Bed *b, const char *unit, uint64_t address) {
        ClosedWindow c = fixture_close_one(b->fixture, unit, address);
        uint64_t sequence;

        assert_return_code(profile_writer_add(b->writer, &c, &sequence), 0);
        assert_null(c.window);
        return sequence;
}

static void test_a_closed_window_becomes_a_file(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);
        _cleanup_(profile_freep) Profile *p = NULL;
        const char *name;
        StoreEntry e;

        assert_int_equal(add(b, "a.service", FIXTURE_CODE), 1);
        assert_int_equal(profile_writer_n_queued(b->writer), 1);
        assert_int_equal(b->n_written, 0); /* from the event loop only */
        settle_loop(b->event);

        assert_int_equal(b->n_written, 1);
        assert_int_equal(b->n_kernel, 1);
        assert_int_equal(b->error, 0);
        assert_string_equal(b->unit, "a.service");
        assert_int_equal(b->totals.samples, 1);
        assert_int_equal(profile_writer_n_queued(b->writer), 0);
        assert_int_equal(strncmp(b->path, *state, strlen(*state)), 0);

        assert_return_code(pprof_read_file(AT_FDCWD, b->path, &p, NULL), 0);
        assert_int_equal(profile_total(p, 1), 10);
        assert_string_equal(profile_get_note(p, "unit"), "a.service");
        name = strrchr(b->path, '/') + 1;
        assert_return_code(store_parse_name(name, &e), 0);
        assert_string_equal(e.type, "cpu");
        assert_int_equal(e.start_usec, 1000 * USEC_PER_SEC);
        assert_int_equal(e.duration_usec, 60 * USEC_PER_SEC);
        store_entry_done(&e);
}

static void test_a_window_waits_for_its_index(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);
        _cleanup_(profile_freep) Profile *p = NULL;

        file_set_pending(b->fixture->program);
        (void) add(b, "a.service", FIXTURE_CODE);
        settle_loop(b->event);
        assert_int_equal(b->n_written, 0);
        profile_writer_poke(b->writer); /* another index came */
        settle_loop(b->event);
        assert_int_equal(b->n_written, 0);

        fixture_settle(b->fixture->program);
        profile_writer_poke(b->writer);
        settle_loop(b->event);
        assert_int_equal(b->n_written, 1);
        assert_return_code(pprof_read_file(AT_FDCWD, b->path, &p, NULL), 0);
        assert_string_equal(profile_get_note(p, "frames-named"), "1");
}

static void test_a_window_waits_for_the_names_of_the_kernel(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);

        b->has_no_kernel = true;
        (void) add(b, "a.service", FIXTURE_CODE);
        settle_loop(b->event);
        assert_int_equal(b->n_written, 0);
        assert_int_equal(b->n_kernel, 0);

        b->has_no_kernel = false;
        profile_writer_poke(b->writer);
        settle_loop(b->event);
        assert_int_equal(b->n_written, 1);
}

/* A timer that is late already when it is set. */
static int on_busy(sd_event_source *source, uint64_t usec, void *userdata) {
        (void) usleep(1000);
        assert_return_code(sd_event_source_set_time(source, usec + 1), 0);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* What is idle never gets its turn. */
static void test_a_busy_host_does_not_hold_up_a_window_for_ever(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);
        usec_t start = now_usec(CLOCK_MONOTONIC);
        sd_event_source *busy = NULL;

        assert_return_code(
                sd_event_add_time(b->event, &busy, CLOCK_MONOTONIC, start, 1, on_busy, NULL), 0);
        (void) add(b, "a.service", FIXTURE_CODE);
        while (b->n_written == 0 && now_usec(CLOCK_MONOTONIC) < start + 100 * PATIENCE_USEC)
                assert_true(sd_event_run(b->event, 0) > 0);
        assert_int_equal(b->n_written, 1);
        assert_true(now_usec(CLOCK_MONOTONIC) >= start + PATIENCE_USEC);
        sd_event_source_disable_unref(busy);
}

static void test_who_waits_does_not_hold_up_others(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);
        uint64_t first, second;

        file_set_pending(b->fixture->program);
        first = add(b, "waits.service", FIXTURE_CODE);
        second = add(b, "goes.service", FIXTURE_LIBRARY);
        assert_true(second > first);
        settle_loop(b->event);
        assert_int_equal(b->n_written, 1);
        assert_string_equal(b->unit, "goes.service");
        /* Done is what everything before is, too. */
        assert_false(profile_writer_is_done(b->writer, first));
        assert_false(profile_writer_is_done(b->writer, second));
        assert_true(profile_writer_is_done(b->writer, first - 1));

        fixture_settle(b->fixture->program);
        profile_writer_poke(b->writer);
        settle_loop(b->event);
        assert_true(profile_writer_is_done(b->writer, second));
}

static void test_whoever_is_called_back_finds_it_done(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);

        b->asked = add(b, "a.service", FIXTURE_CODE);
        settle_loop(b->event);
        assert_true(b->was_done);
}

static void test_finishing_writes_without_the_names_that_are_missing(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);
        _cleanup_(profile_freep) Profile *p = NULL;

        file_set_pending(b->fixture->program);
        (void) add(b, "a.service", FIXTURE_CODE);
        (void) add(b, "b.service", FIXTURE_CODE);
        profile_writer_finish(b->writer);
        assert_int_equal(b->n_written, 2);
        assert_return_code(pprof_read_file(AT_FDCWD, b->path, &p, NULL), 0);
        assert_string_equal(profile_get_note(p, "frames-named"), "0");
}

static void test_windows_are_written_one_at_a_time(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);

        for (unsigned i = 0; i < 3; i++)
                (void) add(b, "a.service", FIXTURE_CODE);
        for (unsigned i = 1; i <= 3; i++) {
                assert_true(sd_event_run(b->event, 0) > 0);
                assert_int_equal(b->n_written, i);
        }
}

static void test_a_full_queue_refuses_and_frees(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);
        ClosedWindow c;
        uint64_t sequence = 99;

        file_set_pending(b->fixture->program);
        for (unsigned i = 0; i < PROFILE_WRITER_QUEUE_MAX; i++)
                (void) add(b, "a.service", FIXTURE_CODE);
        c = fixture_close_one(b->fixture, "a.service", FIXTURE_CODE);
        assert_int_equal(profile_writer_add(b->writer, &c, &sequence), -EBUSY);
        assert_null(c.window);
        assert_null(c.unit);
        assert_int_equal(sequence, 99);
        assert_int_equal(profile_writer_n_queued(b->writer), PROFILE_WRITER_QUEUE_MAX);
}

static void test_a_profile_that_cannot_be_stored_is_told_and_dropped(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);
        const StoreLimits tight = { 1, 0, USEC_INFINITY };

        store_set_limits(b->store, &tight);
        (void) add(b, "a.service", FIXTURE_CODE);
        settle_loop(b->event);
        assert_int_equal(b->n_written, 1);
        assert_int_equal(b->error, -EFBIG);
        assert_null(b->path);
        assert_int_equal(b->totals.samples, 1);
        assert_int_equal(profile_writer_n_queued(b->writer), 0);
        assert_int_equal(count_names(*state, "a.service"), -1);
}

/* The clean-up of the test would tell of a leak under AddressSanitizer. */
static void test_what_was_not_written_is_freed(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);
        ClosedWindow c = fixture_close_one(b->fixture, "a.service", FIXTURE_CODE);
        uint64_t sequence;

        c.labels = calloc(1, sizeof(*c.labels));
        assert_non_null(c.labels);
        c.labels[0] = (ConfigLabel){ strdup("team"), strdup("blue") };
        c.n_labels = 1;
        c.main_exe = strdup("/usr/bin/program");
        assert_return_code(profile_writer_add(b->writer, &c, &sequence), 0);
        b->writer = profile_writer_free(b->writer);
        assert_int_equal(b->n_written, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
#define writer_test(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
                writer_test(test_a_closed_window_becomes_a_file),
                writer_test(test_a_window_waits_for_its_index),
                writer_test(test_a_window_waits_for_the_names_of_the_kernel),
                writer_test(test_a_busy_host_does_not_hold_up_a_window_for_ever),
                writer_test(test_who_waits_does_not_hold_up_others),
                writer_test(test_whoever_is_called_back_finds_it_done),
                writer_test(test_finishing_writes_without_the_names_that_are_missing),
                writer_test(test_windows_are_written_one_at_a_time),
                writer_test(test_a_full_queue_refuses_and_frees),
                writer_test(test_a_profile_that_cannot_be_stored_is_told_and_dropped),
                writer_test(test_what_was_not_written_is_freed),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
