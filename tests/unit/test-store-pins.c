/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Pins */

#include "store-fixture.h"
#include "store/store-pins.h"
#include "store/store-scan.h"
#include "store/vacuum.h"

static void test_what_starts_later_is_pinned_until_its_age(void **state) {
        _cleanup_(store_pins_freep) StorePins *p = NULL;

        assert_return_code(store_pins_new(&p), 0);
        assert_return_code(store_pins_put(p, "a.service", 100, 1000), 0);
        assert_false(store_pins_has(p, "a.service", 99, 200));
        assert_true(store_pins_has(p, "a.service", 100, 200));
        assert_true(store_pins_has(p, "a.service", 150, 1149));
        assert_false(store_pins_has(p, "a.service", 150, 1150));
        assert_true(store_pins_has(p, "a.service", 300, 200));
        assert_false(store_pins_has(p, "b.service", 150, 200));
        assert_false(store_pins_has(NULL, "a.service", 150, 200));
}

static void test_two_pins_of_a_unit_hold_what_either_does(void **state) {
        _cleanup_(store_pins_freep) StorePins *p = NULL;

        assert_return_code(store_pins_new(&p), 0);
        assert_return_code(store_pins_put(p, "a", 100, 10), 0);
        assert_return_code(store_pins_put(p, "a", 50, 5), 0);
        assert_true(store_pins_has(p, "a", 50, 59));
        assert_false(store_pins_has(p, "a", 50, 60));
}

static void test_what_is_written_is_read_back(void **state) {
        _cleanup_(store_pins_freep) StorePins *p = NULL, *again = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;

        assert_return_code(store_pins_new(&p), 0);
        assert_return_code(store_pins_put(p, "a b\\x2d@c.service", 100, USEC_INFINITY), 0);
        assert_return_code(store_pins_put(p, "d.service", 7, 8), 0);
        assert_return_code(store_pins_format(p, &text, &size), 0);
        assert_return_code(store_pins_parse(text, size, &again), 0);
        assert_true(store_pins_has(again, "a b\\x2d@c.service", 100, UINT64_MAX / 2));
        assert_true(store_pins_has(again, "d.service", 7, 14));
}

static void test_lines_that_make_no_sense_are_skipped(void **state) {
        static const char text[] = "nonsense\n1 2\n1 2 \n-\n1 2 a/b\n\n1 99 good.service\n1 99 cut";
        _cleanup_(store_pins_freep) StorePins *p = NULL;

        assert_return_code(store_pins_parse(text, strlen(text), &p), 0);
        assert_true(store_pins_has(p, "good.service", 1, 1));
        assert_false(store_pins_has(p, "cut", 1, 1));
        assert_false(store_pins_has(p, "a/b", 1, 1));
}

typedef struct Bed {
        StoreIndex *index;
        StorePins *pins;
        int fd;
        StoreVacuum done;
} Bed;

static void bed_done(Bed *b) {
        store_index_free(b->index);
        store_pins_free(b->pins);
        safe_close(b->fd);
}

/* a: 1 2 3, of which 2 and 3 are pinned; b: 4 5. Files of 4 KiB. */
static void bed_init(Bed *b, const char *root) {
        for (usec_t t = 1; t <= 5; t++)
                put_profile(root, t < 4 ? "a.service" : "b.service", t, 4096);
        b->fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(b->fd >= 0);
        assert_return_code(store_index_new(&b->index), 0);
        assert_return_code(store_refresh(b->index, b->fd), 0);
        assert_return_code(store_pins_new(&b->pins), 0);
        assert_return_code(store_pins_put(b->pins, "a.service", 2, 1000000), 0);
}

static void test_age_alone_takes_nothing_that_is_pinned(void **state) {
        _cleanup_(bed_done) Bed b = { .fd = -EBADF };
        VacuumRequest request = { .limits = { UINT64_MAX, 0, 100 }, .now_usec = 500000 };

        bed_init(&b, *state);
        request.pins = b.pins;
        assert_return_code(vacuum_run(b.index, b.fd, &request, &b.done), 0);
        assert_int_equal(b.done.n_removed, 3);
        assert_true(has_profile(*state, "a.service", 2));
        assert_true(has_profile(*state, "a.service", 3));

        request.now_usec = 1000003;
        assert_return_code(vacuum_run(b.index, b.fd, &request, &b.done), 0);
        assert_int_equal(b.done.n_removed, 2);
}

static void test_the_disk_takes_others_first_and_pinned_ones_in_the_end(void **state) {
        _cleanup_(bed_done) Bed b = { .fd = -EBADF };
        VacuumRequest request = { .limits = { 3 * 4096, 0, USEC_INFINITY }, .now_usec = 10 };

        bed_init(&b, *state);
        request.pins = b.pins;
        assert_return_code(vacuum_run(b.index, b.fd, &request, &b.done), 0);
        assert_false(has_profile(*state, "a.service", 1));
        assert_false(has_profile(*state, "b.service", 4));
        assert_true(has_profile(*state, "a.service", 2));

        request.limits.max_use_bytes = 2 * 4096;
        assert_return_code(vacuum_run(b.index, b.fd, &request, &b.done), 0);
        assert_false(has_profile(*state, "a.service", 2));
        assert_true(has_profile(*state, "b.service", 5));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_starts_later_is_pinned_until_its_age),
                cmocka_unit_test(test_two_pins_of_a_unit_hold_what_either_does),
                cmocka_unit_test(test_what_is_written_is_read_back),
                cmocka_unit_test(test_lines_that_make_no_sense_are_skipped),
                cmocka_unit_test_setup_teardown(test_age_alone_takes_nothing_that_is_pinned,
                                                make_directory, remove_directory),
                cmocka_unit_test_setup_teardown(
                        test_the_disk_takes_others_first_and_pinned_ones_in_the_end, make_directory,
                        remove_directory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
