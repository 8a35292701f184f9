/* SPDX-License-Identifier: Apache-2.0 */
/* Window */

#include "unit-test.h"
#include "window-fixture.h"

static const uint64_t frames[] = { FIXTURE_CODE + 0x10, FIXTURE_CODE + 0x110,
                                   FIXTURE_LIBRARY + 0x20 };

static size_t count_stacks(const Window *w) {
        size_t n = 0;

        for (const WindowStack *s = window_next_stack(w, NULL); s; s = window_next_stack(w, s))
                n++;
        return n;
}

static const Place *place_of(const Window *w, const WindowStack *s, uint32_t i) {
        return window_get_place(w, window_get_stack_place(w, s, i));
}

static void assert_place(const Place *p, PlaceKind kind, const File *file, uint64_t address) {
        assert_int_equal(p->kind, kind);
        assert_ptr_equal(p->file, file);
        assert_int_equal(p->address, address);
}

static void test_equal_stacks_are_one_stack(void **state) {
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        const WindowStack *s;
        WindowTotals totals;

        for (unsigned i = 0; i < 5; i++)
                assert_int_equal(fixture_add(f, frames, 3, 10), 0);
        s = window_next_stack(f->window, NULL);
        assert_non_null(s);
        assert_int_equal(s->count, 5);
        assert_int_equal(s->weight_nsec, 50);
        assert_int_equal(s->n_places, 3);
        assert_int_equal(s->pid, FIXTURE_PID);
        assert_int_equal(s->tid, FIXTURE_PID);
        assert_null(window_next_stack(f->window, s));
        window_get_totals(f->window, &totals);
        assert_int_equal(totals.samples, 5);
        assert_int_equal(totals.weight_nsec, 50);
        assert_int_equal(totals.lost, 0);
}

static void test_what_tells_stacks_apart(void **state) {
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        struct sample_record records[6];

        for (size_t i = 0; i < ELEMENTSOF(records); i++)
                records[i] = fixture_record(0, 3);
        records[1].tid++;
        records[2].pid++;
        records[3].start_ns++; /* the pid is used again */
        memcpy(records[4].comm, "renamed", 8);
        records[5].n_user--;
        for (unsigned turn = 0; turn < 2; turn++)
                for (size_t i = 0; i < ELEMENTSOF(records); i++)
                        assert_int_equal(window_add(f->window, &f->process, &records[i], frames, 1),
                                         0);
        assert_int_equal(count_stacks(f->window), ELEMENTSOF(records));
        assert_int_equal(window_n_places(f->window), 3);
}

/* A leaf is where it is; every other frame lies in the call before its return address. */
static void test_return_addresses_are_one_less(void **state) {
        const uint64_t both[] = { FIXTURE_KERNEL + 0x10, FIXTURE_KERNEL + 0x20, frames[0],
                                  frames[1] };
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        struct sample_record record = fixture_record(2, 2);
        const WindowStack *s;

        assert_int_equal(window_add(f->window, &f->process, &record, both, 1), 0);
        s = window_next_stack(f->window, NULL);
        assert_int_equal(s->n_places, 4);
        assert_place(place_of(f->window, s, 0), PLACE_KERNEL, NULL, FIXTURE_KERNEL + 0x10);
        assert_place(place_of(f->window, s, 1), PLACE_KERNEL, NULL, FIXTURE_KERNEL + 0x1f);
        assert_place(place_of(f->window, s, 2), PLACE_FILE, f->program, FIXTURE_OFFSET + 0x10);
        assert_place(place_of(f->window, s, 3), PLACE_FILE, f->program, FIXTURE_OFFSET + 0x10f);
}

static void test_memory_is_not_a_file(void **state) {
        const uint64_t jit = UINT64_C(0x7e0000000000), addresses[] = { jit + 8, 0x1234 };
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        const WindowStack *s;
        File *memory;

        memory = fixture_map(f, jit, &(FileId){}, "");
        assert_int_equal(fixture_add(f, addresses, 2, 1), 0);
        s = window_next_stack(f->window, NULL);
        assert_place(place_of(f->window, s, 0), PLACE_MEMORY, memory, jit + 8);
        assert_place(place_of(f->window, s, 1), PLACE_UNMAPPED, NULL, 0x1233);
        assert_int_equal(f->n_asked, 1); /* its code may have names */
}

static void test_a_process_that_is_not_known_has_addresses(void **state) {
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        struct sample_record record = fixture_record(0, 1);
        Process stranger = { .pid = FIXTURE_PID };

        assert_int_equal(window_add(f->window, NULL, &record, frames, 1), 0);
        assert_int_equal(window_add(f->window, &stranger, &record, frames, 1), 0);
        assert_place(window_get_place(f->window, 0), PLACE_UNMAPPED, NULL, frames[0]);
        assert_string_equal(window_get_heaviest_exe(f->window), "");
}

static void test_a_stack_of_no_frames_counts(void **state) {
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        const WindowStack *s;

        assert_int_equal(fixture_add(f, frames, 0, 7), 0);
        s = window_next_stack(f->window, NULL);
        assert_int_equal(s->n_places, 0);
        assert_int_equal(s->weight_nsec, 7);
}

/* ---- files ---- */

static void test_a_file_is_asked_for_by_every_new_stack(void **state) {
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        uint64_t other = FIXTURE_CODE + 0x200;

        assert_int_equal(fixture_add(f, frames, 1, 1), 0);
        assert_int_equal(f->n_asked, 1);
        assert_ptr_equal(f->asked, f->program);
        assert_int_equal(fixture_add(f, frames, 1, 1), 0); /* a known stack asks for nothing */
        assert_int_equal(f->n_asked, 1);
        fixture_settle(f->program);
        assert_int_equal(fixture_add(f, &other, 1, 1), 0); /* there may be a better index by now */
        assert_int_equal(f->n_asked, 2);
}

static void test_a_window_waits_for_pending_files(void **state) {
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();

        assert_false(window_is_pending(f->window));
        file_set_pending(f->library);
        assert_int_equal(fixture_add(f, frames, 2, 1), 0);
        assert_false(window_is_pending(f->window)); /* no frame is in the library */
        assert_int_equal(fixture_add(f, frames, 3, 1), 0);
        assert_true(window_is_pending(f->window));
        file_set_lost(f->library, -ENOENT);
        assert_false(window_is_pending(f->window));
}

static void test_files_outlive_their_process(void **state) {
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();

        assert_int_equal(fixture_add(f, frames, 3, 1), 0);
        f->process.mappings = mapping_set_unref(f->process.mappings);
        f->files = file_table_free(f->files);
        assert_ptr_equal(window_find_file(f->window, "/usr/bin/program"), f->program);
        assert_ptr_equal(window_find_file(f->window, "/usr/lib/library.so.1"), f->library);
        assert_null(window_find_file(f->window, "/usr/bin/other"));
}

/* The same address is another place after another file was mapped over it. */
static void test_new_mappings_make_new_places(void **state) {
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        const WindowStack *s;
        File *plugin;

        assert_int_equal(fixture_add(f, frames, 1, 1), 0);
        plugin = fixture_map(f, FIXTURE_CODE, &(FileId){ 8, 1, 102 }, "/usr/lib/plugin.so");
        assert_int_equal(fixture_add(f, frames, 1, 1), 0);

        assert_int_equal(count_stacks(f->window), 2);
        s = window_next_stack(f->window, NULL);
        assert_place(place_of(f->window, s, 0), PLACE_FILE, f->program, FIXTURE_OFFSET + 0x10);
        s = window_next_stack(f->window, s);
        assert_place(place_of(f->window, s, 0), PLACE_FILE, plugin, FIXTURE_OFFSET + 0x10);
}

static void test_the_heaviest_process_names_the_executable(void **state) {
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        struct sample_record record = fixture_record(0, 1);
        Process other = { .pid = 1, .exe = (char *) "/bin/sh" };

        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(fixture_add(f, frames, 1, 10), 0);
        assert_int_equal(window_add(f->window, &other, &record, frames, 29), 0);
        assert_string_equal(window_get_heaviest_exe(f->window), "/usr/bin/program");
        assert_int_equal(window_add(f->window, &other, &record, frames, 2), 0);
        assert_string_equal(window_get_heaviest_exe(f->window), "/bin/sh");
}

static void test_ends_of_stacks_are_counted(void **state) {
        const uint8_t ends[] = { STACK_END_NONE, STACK_END_COMPLETE, STACK_END_COMPLETE,
                                 STACK_END_NO_MEMORY, 200 };
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        WindowTotals totals;

        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                struct sample_record record = fixture_record(0, 1);

                record.stack_end = ends[i];
                assert_int_equal(window_add(f->window, &f->process, &record, frames, 1), 0);
        }
        window_get_totals(f->window, &totals);
        assert_int_equal(totals.samples, ELEMENTSOF(ends));
        assert_int_equal(totals.stack_ends[STACK_END_NONE], 1);
        assert_int_equal(totals.stack_ends[STACK_END_COMPLETE], 2);
        assert_int_equal(totals.stack_ends[STACK_END_TRUNCATED], 0);
        assert_int_equal(totals.stack_ends[STACK_END_NO_MEMORY], 1);
}

/* ---- limits ---- */

/* Adds different stacks of n frames until one does not fit; how many did. */
static size_t fill(WindowFixture *f, uint16_t n, bool own_places) {
        struct sample_record record = fixture_record(0, n);
        uint64_t stack[SAMPLE_USER_FRAMES_MAX] = {};

        for (uint64_t i = 1;; i++) {
                int r;

                record.tid = (uint32_t) i;
                for (uint16_t k = 0; own_places && k < n; k++)
                        stack[k] = (i * n + k) << 4;
                r = window_add(f->window, &f->process, &record, stack, 1);
                if (r < 0) {
                        assert_int_equal(r, -E2BIG);
                        return i - 1;
                }
        }
}

static void assert_full(WindowFixture *f, size_t n) {
        const WindowStack *first = window_next_stack(f->window, NULL);
        WindowTotals totals;

        window_get_totals(f->window, &totals);
        assert_int_equal(totals.samples, n);
        assert_int_equal(totals.lost, 1);
        assert_int_equal(count_stacks(f->window), n);
        assert_int_equal(first->count, 1);
}

static void test_stacks_beyond_the_limit_are_lost_and_known_ones_are_not(void **state) {
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        struct sample_record record = fixture_record(0, 1);
        uint64_t address = 0;
        size_t n;

        n = fill(f, 1, false);
        assert_int_equal(n, WINDOW_STACKS_MAX);
        assert_full(f, n);
        record.tid = 1;
        assert_int_equal(window_add(f->window, &f->process, &record, &address, 1), 0);
        assert_int_equal(window_next_stack(f->window, NULL)->count, 2);
}

static void test_places_beyond_the_limit_are_lost(void **state) {
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        size_t n;

        n = fill(f, 5, true);
        assert_int_equal(n, WINDOW_PLACES_MAX / 5);
        assert_full(f, n);
        assert_true(window_n_places(f->window) <= WINDOW_PLACES_MAX);
}

static void test_frames_beyond_the_limit_are_lost(void **state) {
        _cleanup_(window_fixture_freep) WindowFixture *f = window_fixture_new();
        size_t n;

        n = fill(f, SAMPLE_USER_FRAMES_MAX, false);
        assert_int_equal(n, WINDOW_STACK_PLACES_MAX / SAMPLE_USER_FRAMES_MAX);
        assert_full(f, n);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_equal_stacks_are_one_stack),
                cmocka_unit_test(test_what_tells_stacks_apart),
                cmocka_unit_test(test_return_addresses_are_one_less),
                cmocka_unit_test(test_memory_is_not_a_file),
                cmocka_unit_test(test_a_process_that_is_not_known_has_addresses),
                cmocka_unit_test(test_a_stack_of_no_frames_counts),
                cmocka_unit_test(test_a_file_is_asked_for_by_every_new_stack),
                cmocka_unit_test(test_a_window_waits_for_pending_files),
                cmocka_unit_test(test_files_outlive_their_process),
                cmocka_unit_test(test_new_mappings_make_new_places),
                cmocka_unit_test(test_the_heaviest_process_names_the_executable),
                cmocka_unit_test(test_ends_of_stacks_are_counted),
                cmocka_unit_test(test_stacks_beyond_the_limit_are_lost_and_known_ones_are_not),
                cmocka_unit_test(test_places_beyond_the_limit_are_lost),
                cmocka_unit_test(test_frames_beyond_the_limit_are_lost),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
