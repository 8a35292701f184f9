/* SPDX-License-Identifier: Apache-2.0 */
/* Spill: what is written in order of runs, whatever the order they came in */

#include <sys/mman.h>

#include "elf/spill.h"
#include "unit-test.h"

enum { AT = 1 << 20 };

typedef struct Element {
        uint32_t offset, value;
} Element;

static Spill *spill_of(int *ret_fd, size_t max) {
        Spill *s;

        *ret_fd = memfd_create("spill", MFD_CLOEXEC);
        assert_return_code(*ret_fd, errno);
        assert_int_equal(spill_new(&s, *ret_fd, AT, sizeof(Element), max), 0);
        return s;
}

static void add(Spill *s, uint32_t offset, uint32_t value) {
        assert_int_equal(spill_add(s, &(Element){ offset, value }), 0);
}

static void end(Spill *s, uint32_t offset) {
        assert_int_equal(spill_end(s, offset), 0);
}

static void assert_written(Spill *s, int fd, const Element *expected, size_t n) {
        Element found[64];
        uint64_t size;

        assert_int_equal(spill_write_in_order(s, &size), 0);
        assert_int_equal(size, n * sizeof(Element));
        assert_true(size <= spill_bytes_max(s));
        assert_int_equal(pread(fd, found, sizeof(found), 0), sizeof(found));
        assert_memory_equal(found, expected, n * sizeof(Element));
}

static void test_runs_are_sorted_and_gaps_are_marked(void **state) {
        static const Element expected[] = { { 10, 1 }, { 12, 2 }, { 20, 0 },
                                            { 50, 5 }, { 60, 6 }, { 70, 0 } };
        _cleanup_(spill_freep) Spill *s = NULL;
        _cleanup_close_ int fd = -EBADF;

        s = spill_of(&fd, 100);
        add(s, 60, 6);
        end(s, 70);
        add(s, 10, 1);
        add(s, 12, 2);
        end(s, 20);
        add(s, 50, 5);
        end(s, 60);
        assert_written(s, fd, expected, ELEMENTSOF(expected));
}

/* The last of equal offsets counts, repetition says nothing, and nothing goes backwards. */
static void test_what_says_nothing_new_is_left_out(void **state) {
        static const Element expected[] = { { 10, 2 }, { 16, 4 }, { 20, 0 } };
        _cleanup_(spill_freep) Spill *s = NULL;
        _cleanup_close_ int fd = -EBADF;

        s = spill_of(&fd, 100);
        add(s, 10, 1);
        add(s, 10, 2);
        add(s, 14, 2);
        add(s, 5, 9);
        add(s, 16, 3);
        add(s, 16, 4);
        end(s, 20);
        add(s, 30, 7);
        spill_drop(s);
        add(s, 40, 7);
        end(s, 40);
        assert_written(s, fd, expected, ELEMENTSOF(expected));
}

static void test_of_runs_that_overlap_the_first_has_the_common_part(void **state) {
        static const Element expected[] = { { 10, 1 }, { 30, 3 }, { 35, 4 }, { 40, 0 } };
        _cleanup_(spill_freep) Spill *s = NULL;
        _cleanup_close_ int fd = -EBADF;

        s = spill_of(&fd, 100);
        add(s, 20, 2);
        add(s, 25, 3);
        add(s, 35, 4);
        end(s, 40);
        add(s, 10, 1);
        end(s, 30);
        add(s, 12, 9);
        end(s, 28);
        assert_written(s, fd, expected, ELEMENTSOF(expected));
}

static void test_the_limit_is_an_error(void **state) {
        _cleanup_(spill_freep) Spill *s = NULL;
        _cleanup_close_ int fd = -EBADF;

        s = spill_of(&fd, 2);
        for (uint32_t i = 0; i < 3; i++)
                add(s, i, i);
        assert_int_equal(spill_add(s, &(Element){ 3, 3 }), -E2BIG);
}

/* More than the buffer holds. */
static void test_many_elements_come_back(void **state) {
        enum { N = 200 * 1000 };
        _cleanup_(spill_freep) Spill *s = NULL;
        _cleanup_close_ int fd = -EBADF;
        uint64_t size;

        assert_true((fd = memfd_create("spill", MFD_CLOEXEC)) >= 0);
        assert_int_equal(spill_new(&s, fd, UINT64_C(1) << 32, sizeof(Element), N), 0);
        for (uint32_t i = N; i > 0; i--) {
                add(s, i * 2, i);
                end(s, i * 2 + 2);
        }
        assert_int_equal(spill_write_in_order(s, &size), 0);
        assert_int_equal(size, (N + 1) * sizeof(Element));
        for (uint32_t i = 1; i <= N; i += 997) {
                Element e;

                assert_int_equal(pread(fd, &e, sizeof(e), (off_t) ((i - 1) * sizeof(e))),
                                 sizeof(e));
                assert_int_equal(e.offset, i * 2);
                assert_int_equal(e.value, i);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_runs_are_sorted_and_gaps_are_marked),
                cmocka_unit_test(test_what_says_nothing_new_is_left_out),
                cmocka_unit_test(test_of_runs_that_overlap_the_first_has_the_common_part),
                cmocka_unit_test(test_the_limit_is_an_error),
                cmocka_unit_test(test_many_elements_come_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
