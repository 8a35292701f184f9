/* SPDX-License-Identifier: Apache-2.0 */
/* Flush Waiters */

#include "flush-waiters.h"
#include "store-fixture.h"
#include "unit-test.h"
#include "writer-fixture.h"

typedef struct Bed {
        sd_event *event;
        Store *store;
        ProfileWriter *writer;
        FlushWaiters *waiters;
        WindowFixture *fixture;

        unsigned n_told;
        int error;
        uint64_t n_profiles;
} Bed;

static void on_written(const WrittenProfile *written, void *userdata) {
        Bed *b = userdata;

        flush_waiters_count(b->waiters, written->error);
}

static bool is_ready(const Window *window, void *userdata) {
        return true;
}

static const Kallsyms *get_kernel(void *userdata) {
        return NULL;
}

static Bed *bed_new(const char *directory) {
        const StoreLimits limits = { UINT64_MAX, 0, USEC_INFINITY };
        const ProfileWriterCallbacks callbacks = { is_ready, get_kernel, on_written };
        Bed *b = calloc(1, sizeof(*b));

        assert_non_null(b);
        assert_return_code(sd_event_new(&b->event), 0);
        assert_return_code(store_open(&b->store, directory, &limits), 0);
        assert_return_code(profile_writer_new(&b->writer, b->event, b->store,
                                              PROFILE_WRITER_PATIENCE_USEC, &callbacks, b),
                           0);
        assert_return_code(flush_waiters_new(&b->waiters, b->event, b->writer), 0);
        b->fixture = window_fixture_new();
        return b;
}

static Bed *bed_free(Bed *b) {
        flush_waiters_free(b->waiters);
        profile_writer_free(b->writer);
        window_fixture_free(b->fixture);
        store_free(b->store);
        sd_event_unref(b->event);
        free(b);
        return NULL;
}
DEFINE_CLEANUP(Bed *, bed_free);

static uint64_t add(Bed *b, uint64_t address) {
        ClosedWindow c = fixture_close_one(b->fixture, "a.service", address);
        uint64_t sequence;

        assert_return_code(profile_writer_add(b->writer, &c, &sequence), 0);
        return sequence;
}

static void on_flushed(Manager *m, int error, uint64_t n_profiles, void *userdata) {
        Bed *b = userdata;

        b->n_told++;
        b->error = error;
        b->n_profiles = n_profiles;
}

static void wait_for(Bed *b, uint64_t sequence) {
        assert_return_code(flush_waiters_add(b->waiters, sequence, on_flushed, NULL, b), 0);
}

static void test_who_waits_for_nothing_is_told_from_the_event_loop(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);

        wait_for(b, 0);
        assert_int_equal(b->n_told, 0);
        settle_loop(b->event);
        assert_int_equal(b->n_told, 1);
        assert_int_equal(b->n_profiles, 0);
}

static void test_who_waits_is_told_when_all_of_it_is_stored(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);

        (void) add(b, FIXTURE_LIBRARY);
        file_set_pending(b->fixture->program);
        wait_for(b, add(b, FIXTURE_CODE));
        settle_loop(b->event);
        assert_int_equal(b->n_told, 0);

        fixture_settle(b->fixture->program);
        profile_writer_poke(b->writer);
        settle_loop(b->event);
        assert_int_equal(b->n_told, 1);
        assert_int_equal(b->error, 0);
        assert_int_equal(b->n_profiles, 2);
}

static void test_what_could_not_be_stored_is_told(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);
        const StoreLimits tight = { 1, 0, USEC_INFINITY };

        store_set_limits(b->store, &tight);
        wait_for(b, add(b, FIXTURE_CODE));
        settle_loop(b->event);
        assert_int_equal(b->n_told, 1);
        assert_int_equal(b->error, -EFBIG);
        assert_int_equal(b->n_profiles, 0);
}

static void test_at_the_end_nobody_is_left_waiting(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);

        wait_for(b, add(b, FIXTURE_CODE));
        profile_writer_finish(b->writer);
        flush_waiters_finish(b->waiters);
        assert_int_equal(b->n_told, 1);
        assert_int_equal(b->n_profiles, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
#define waiters_test(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
                waiters_test(test_who_waits_for_nothing_is_told_from_the_event_loop),
                waiters_test(test_who_waits_is_told_when_all_of_it_is_stored),
                waiters_test(test_what_could_not_be_stored_is_told),
                waiters_test(test_at_the_end_nobody_is_left_waiting),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
