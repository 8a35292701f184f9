/* SPDX-License-Identifier: Apache-2.0 */
/* Unit Windows */

#include "profile/pprof.h"
#include "profile/profile-quality.h"
#include "store-fixture.h"
#include "unit-test.h"
#include "unit-windows.h"
#include "writer-fixture.h"

#define INTERVAL (10 * USEC_PER_MINUTE)

typedef struct Bed {
        sd_event *event;
        Store *store;
        ProfileWriter *writer;
        ProcessTable *processes;
        UnitWindows *windows;
        WindowFixture *fixture;
        Config *config;
        Unit *unit;

        unsigned n_written, n_due;
        usec_t start_usec, duration_usec;
} Bed;

static void on_written(const WrittenProfile *written, void *userdata) {
        Bed *b = userdata;

        assert_string_equal(written->closed->unit, "a.service");
        b->n_written++;
        b->start_usec = window_get_start(written->closed->window);
        b->duration_usec = written->closed->duration_usec;
}

static bool is_ready(const Window *window, void *userdata) {
        return true;
}

static const Kallsyms *get_kernel(void *userdata) {
        return NULL;
}

static void on_due(void *userdata) {
        Bed *b = userdata;

        b->n_due++;
}

static Bed *bed_new(const char *directory) {
        const StoreLimits limits = { UINT64_MAX, 0, USEC_INFINITY };
        const ProfileWriterCallbacks writer = { is_ready, get_kernel, on_written };
        const UnitWindowsCallbacks windows = { .on_due = on_due };
        Bed *b = calloc(1, sizeof(*b));

        assert_non_null(b);
        assert_return_code(sd_event_new(&b->event), 0);
        assert_return_code(store_open(&b->store, directory, &limits), 0);
        assert_return_code(profile_writer_new(&b->writer, b->event, b->store,
                                              PROFILE_WRITER_PATIENCE_USEC, &writer, b),
                           0);
        assert_return_code(process_table_new(&b->processes), 0);
        assert_return_code(
                unit_windows_new(&b->windows, b->event, b->processes, b->writer, &windows, b), 0);
        assert_return_code(config_load(&b->config, directory, NULL, NULL), 0);
        assert_return_code(unit_new(&b->unit, NULL, "a.service"), 0);
        assert_return_code(unit_apply_config(b->unit, b->config), 0);
        b->unit->settings.interval_usec = INTERVAL;
        b->fixture = window_fixture_new();
        return b;
}

static Bed *bed_free(Bed *b) {
        unit_free(b->unit);
        profile_writer_free(b->writer);
        unit_windows_free(b->windows);
        process_table_free(b->processes);
        window_fixture_free(b->fixture);
        store_free(b->store);
        config_free(b->config);
        sd_event_unref(b->event);
        free(b);
        return NULL;
}
DEFINE_CLEANUP(Bed *, bed_free);

static Window *sample(Bed *b) {
        struct sample_record record = fixture_record(0, 1);
        const uint64_t address = FIXTURE_CODE;
        Window *w;

        assert_return_code(unit_windows_open(b->windows, b->unit, WINDOW_CPU, &w), 0);
        assert_return_code(window_add(w, NULL, &record, &address, 10), 0);
        return w;
}

static void test_windows_start_at_multiples_of_the_interval(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);
        Window *w = sample(b);

        assert_int_equal(window_get_start(w) % INTERVAL, 0);
        assert_true(window_get_start(w) <= now_usec(CLOCK_REALTIME));
        assert_ptr_equal(sample(b), w); /* one is open */
}

static void test_a_window_does_not_reach_into_the_one_before(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);

        (void) sample(b);
        unit_windows_close(b->windows, b->unit);
        settle_loop(b->event);
        assert_int_equal(b->n_written, 1);
        assert_true(b->duration_usec > 0);
        assert_int_equal(unit_windows_get_last_sequence(b->windows), 1);

        assert_int_equal(window_get_start(sample(b)), b->start_usec + b->duration_usec);
}

static void test_what_is_not_open_is_not_written(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);

        unit_windows_close(b->windows, b->unit);
        settle_loop(b->event);
        assert_int_equal(b->n_written, 0);
        assert_int_equal(unit_windows_get_last_sequence(b->windows), 0);
}

static void test_a_window_that_is_due_is_written_after_its_last_samples(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);

        b->unit->settings.interval_usec = 20 * USEC_PER_MSEC;
        (void) sample(b);
        while (b->n_written == 0)
                assert_return_code(sd_event_run(b->event, 10 * USEC_PER_SEC), 0);
        assert_int_equal(b->n_due, 1);
        assert_null(b->unit->windows[WINDOW_CPU].window);
}

static void test_an_open_window_is_shown_and_goes_on(void **state) {
        _cleanup_(bed_freep) Bed *b = bed_new(*state);
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_(profile_freep) Profile *p = NULL;
        size_t size;

        assert_int_equal(unit_windows_encode(b->windows, b->unit, &data, &size), 0);
        (void) sample(b);
        assert_int_equal(unit_windows_encode(b->windows, b->unit, &data, &size), 1);
        assert_return_code(pprof_decode(data, size, &p, NULL), 0);
        assert_string_equal(profile_get_note(p, "unit"), "a.service");
        assert_int_equal(profile_total(p, 0), 1);
        assert_non_null(b->unit->windows[WINDOW_CPU].window);
        assert_int_equal(b->n_written, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
#define windows_test(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
                windows_test(test_windows_start_at_multiples_of_the_interval),
                windows_test(test_a_window_does_not_reach_into_the_one_before),
                windows_test(test_what_is_not_open_is_not_written),
                windows_test(test_a_window_that_is_due_is_written_after_its_last_samples),
                windows_test(test_an_open_window_is_shown_and_goes_on),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
