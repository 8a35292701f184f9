/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Recent Samples */

#include "recent-samples.h"
#include "window-fixture.h"

enum { SLOT = 7 };
#define START (1000 * USEC_PER_SEC)

typedef struct World {
        WindowFixture *fixture;
        RecentSamples *recent;
        unsigned n;
        usec_t first_usec, last_usec;
        nsec_t weight_nsec;
} World;

static World *world_new(void) {
        World *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        w->fixture = window_fixture_new();
        assert_return_code(recent_samples_new(&w->recent), 0);
        assert_return_code(
                recent_samples_keep(w->recent, SLOT, 10 * USEC_PER_SEC, START - USEC_PER_MINUTE),
                0);
        return w;
}

static World *world_free(World *w) {
        recent_samples_free(w->recent);
        window_fixture_free(w->fixture);
        free(w);
        return NULL;
}
DEFINE_CLEANUP(World *, world_free);

static void add(World *w, uint32_t slot, usec_t time_usec, uint16_t n_user) {
        struct sample_record record = fixture_record(0, n_user);
        uint64_t frames[100] = { FIXTURE_CODE + 0x10 };

        assert_in_range(n_user, 1, ELEMENTSOF(frames));
        record.target = slot;
        record.time_ns = time_usec * NSEC_PER_USEC;
        recent_samples_add(w->recent, &w->fixture->process, &record, frames, 5);
}

static void on_sample(const Process *process,
                      const struct sample_record *record,
                      const uint64_t *frames,
                      nsec_t weight_nsec,
                      void *userdata) {
        World *w = userdata;

        assert_int_equal(process->pid, FIXTURE_PID);
        assert_string_equal(process->exe, "/usr/bin/program");
        assert_non_null(mapping_set_find(process->mappings, frames[0]));
        w->last_usec = record->time_ns / NSEC_PER_USEC;
        if (w->n++ == 0)
                w->first_usec = w->last_usec;
        w->weight_nsec += weight_nsec;
}

static void walk(World *w, uint32_t slot, usec_t from, usec_t until) {
        w->n = 0;
        w->weight_nsec = 0;
        recent_samples_walk(w->recent, slot, from, until, on_sample, w);
}

static void test_a_span_is_exact(void **state) {
        _cleanup_(world_freep) World *w = world_new();

        for (unsigned i = 0; i < 2000; i++) /* 20 s at 100 Hz */
                add(w, SLOT, START + i * 10 * USEC_PER_MSEC, 3);
        walk(w, SLOT, START + 15 * USEC_PER_SEC, START + 18 * USEC_PER_SEC);
        assert_int_equal(w->n, 300);
        assert_int_equal(w->weight_nsec, 1500);
        assert_int_equal(w->first_usec, START + 15 * USEC_PER_SEC);
        assert_int_equal(w->last_usec, START + 18 * USEC_PER_SEC - 10 * USEC_PER_MSEC);
        assert_int_equal(recent_samples_reach_back(w->recent, SLOT, START + 15 * USEC_PER_SEC,
                                                   START + 20 * USEC_PER_SEC),
                         START + 15 * USEC_PER_SEC);
}

static void test_what_is_too_old_goes_and_its_memory_with_it(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        size_t bytes;

        for (unsigned i = 0; i < 2000; i++)
                add(w, SLOT, START + i * 10 * USEC_PER_MSEC, 3);
        bytes = recent_samples_get_bytes(w->recent);
        for (unsigned i = 2000; i < 20000; i++)
                add(w, SLOT, START + i * 10 * USEC_PER_MSEC, 3);
        assert_int_equal(recent_samples_get_bytes(w->recent), bytes);
        walk(w, SLOT, 0, UINT32_MAX * USEC_PER_SEC);
        assert_in_range(w->n, 1000, 1001);
        assert_return_code(recent_samples_keep(w->recent, SLOT, 0, START), 0);
        assert_int_equal(recent_samples_get_bytes(w->recent), 0);
}

static void test_what_has_no_room_is_missing_and_it_says_so(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        const usec_t end = START + 9 * USEC_PER_SEC;
        usec_t since;

        for (usec_t t = START; t < end; t += 500)
                add(w, SLOT, t, 100);
        assert_in_range(recent_samples_get_bytes(w->recent), RECENT_UNIT_BYTES_MAX * 9 / 10,
                        RECENT_UNIT_BYTES_MAX);
        since = recent_samples_reach_back(w->recent, SLOT, START, end);
        assert_in_range(since, START + USEC_PER_SEC, end - USEC_PER_SEC / 10);
        walk(w, SLOT, since, end);
        assert_int_equal(w->n, (end - since) / 500);
}

static void test_all_units_together_have_a_limit(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        const usec_t end = START + USEC_PER_SEC;

        for (uint32_t slot = 100; slot < 120; slot++)
                assert_return_code(recent_samples_keep(w->recent, slot, 10 * USEC_PER_SEC, START),
                                   0);
        add(w, SLOT, START, 3);
        for (usec_t t = START; t < end; t += 250)
                for (uint32_t slot = 100; slot < 120; slot++)
                        add(w, slot, t, 50);
        assert_in_range(recent_samples_get_bytes(w->recent), RECENT_BYTES_MAX * 9 / 10,
                        RECENT_BYTES_MAX);
        /* At the expense of those that have much. */
        walk(w, SLOT, START, end);
        assert_int_equal(w->n, 1);
}

static void test_units_that_nobody_asked_for_cost_nothing(void **state) {
        _cleanup_(world_freep) World *w = world_new();

        add(w, SLOT + 1, START, 3);
        assert_int_equal(recent_samples_get_bytes(w->recent), 0);
        assert_int_equal(recent_samples_get_kept(w->recent, SLOT), 10 * USEC_PER_SEC);
        assert_int_equal(recent_samples_get_kept(w->recent, SLOT + 1), 0);
        assert_int_equal(recent_samples_reach_back(w->recent, SLOT + 1, START, START + 5),
                         START + 5);
}

static void test_a_new_begin_reaches_back_to_itself_only(void **state) {
        _cleanup_(world_freep) World *w = world_new();

        add(w, SLOT, START, 3);
        recent_samples_restart(w->recent, START + 1);
        assert_int_equal(recent_samples_get_bytes(w->recent), 0);
        assert_int_equal(recent_samples_reach_back(w->recent, SLOT, START, START + 5), START + 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_span_is_exact),
                cmocka_unit_test(test_what_is_too_old_goes_and_its_memory_with_it),
                cmocka_unit_test(test_what_has_no_room_is_missing_and_it_says_so),
                cmocka_unit_test(test_all_units_together_have_a_limit),
                cmocka_unit_test(test_units_that_nobody_asked_for_cost_nothing),
                cmocka_unit_test(test_a_new_begin_reaches_back_to_itself_only),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
