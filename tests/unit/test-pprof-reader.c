/* SPDX-License-Identifier: Apache-2.0 */
/* Reading pprof Files one after the other */

#include <fcntl.h>
#include <sys/mman.h>

#include "basic/file-util.h"
#include "profile/pprof-reader.h"
#include "profile/pprof.h"
#include "unit-test.h"

enum { N_FILES = 5, N_SAMPLES = 40 };

static uint32_t add_location(Profile *p, uint32_t mapping, uint64_t address, const char *name) {
        const ProfileFunction f = { .name = name, .system_name = name };
        ProfileLine line = {};
        const ProfileLocation l = {
                .mapping = mapping, .address = address, .lines = &line, .n_lines = 1
        };
        uint32_t index;

        assert_return_code(profile_add_function(p, &f, &line.function), 0);
        assert_return_code(profile_add_location(p, &l, &index), 0);
        return index;
}

/* One window of a program that lies elsewhere each time, with some samples of nothing. */
static Profile *new_window(unsigned number) {
        const ProfileValueType types[] = { { "samples", "count" }, { "cpu", "nanoseconds" } };
        uint64_t start = UINT64_C(0x550000000000) + number * UINT64_C(0x1234000);
        const ProfileHeader h = { .time_nsec = INT64_C(60000000000) * (number + 1),
                                  .duration_nsec = INT64_C(60000000000),
                                  .period_type = { "cpu", "nanoseconds" },
                                  .period = 10101010,
                                  .default_sample_type = "cpu" };
        const ProfileMapping m = { .start = start,
                                   .limit = start + 0x8000,
                                   .filename = "/usr/bin/x",
                                   .build_id = "ab12",
                                   .has_functions = true };
        uint32_t mapping;
        Profile *p;

        assert_return_code(profile_new(&p, types, 2), 0);
        assert_return_code(profile_set_header(p, &h), 0);
        assert_return_code(profile_add_comment(p, "unit: x.service"), 0);
        assert_return_code(profile_add_mapping(p, &m, &mapping), 0);
        for (unsigned i = 0; i < N_SAMPLES; i++) {
                unsigned k = (i + number * 3) % N_SAMPLES;
                const int64_t values[] = { k % 4, (k % 4) * 10101010 };
                const ProfileLabel labels[] = {
                        { .key = "tid", .number = k % 3, .unit = "id" },
                        { .key = "thread", .string = k % 2 ? "odd" : "even" },
                };
                char names[2][32];
                uint32_t stack[2];

                snprintf(names[0], sizeof(names[0]), "leaf_%u", k % 7);
                snprintf(names[1], sizeof(names[1]), "root_%u", number);
                stack[0] = add_location(p, mapping, start + 0x1000 + k % 7, names[0]);
                stack[1] = add_location(p, mapping, start + 0x2000 + number, names[1]);
                /* Every fifth has no labels. */
                assert_return_code(
                        profile_add_sample(p, &(ProfileSample){ stack, 2, values, labels,
                                                                k % 5 ? ELEMENTSOF(labels) : 0 }),
                        0);
        }
        return p;
}

static int new_file(const void *data, size_t size) {
        int fd = memfd_create("profile", MFD_CLOEXEC);

        assert_return_code(fd, errno);
        assert_return_code(write_all(fd, data, size), 0);
        return fd;
}

static int open_bytes(PprofReader *p, const void *data, size_t size, const char **ret_reason) {
        _cleanup_close_ int fd = new_file(data, size);
        char path[32];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return pprof_reader_open_file(p, AT_FDCWD, path, ret_reason);
}

static void open_window(PprofReader *p, Profile *window) {
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;

        assert_return_code(pprof_encode(window, &data, &size), 0);
        assert_return_code(open_bytes(p, data, size, NULL), 0);
}

static Profile *new_sum(void) {
        const ProfileValueType types[] = { { "samples", "count" }, { "cpu", "nanoseconds" } };
        Profile *p;

        assert_return_code(profile_new(&p, types, 2), 0);
        return p;
}

static void assert_same(Profile *a, Profile *b) {
        _cleanup_free_ uint8_t *x = NULL, *y = NULL;
        size_t x_size, y_size;

        assert_return_code(pprof_encode(a, &x, &x_size), 0);
        assert_return_code(pprof_encode(b, &y, &y_size), 0);
        assert_int_equal(x_size, y_size);
        assert_memory_equal(x, y, x_size);
}

static void test_file_after_file_is_the_merge_of_their_profiles(void **state) {
        _cleanup_(profile_freep) Profile *sum = new_sum(), *expected = new_sum();
        _cleanup_(pprof_reader_freep) PprofReader *p = NULL;
        int64_t totals[2] = {};

        assert_return_code(pprof_reader_new(&p), 0);
        for (unsigned i = 0; i < N_FILES; i++) {
                _cleanup_(profile_freep) Profile *window = new_window(i), *decoded = NULL;

                open_window(p, window);
                assert_return_code(pprof_reader_decode(p, &decoded), 0);
                assert_same(decoded, window);
                assert_return_code(profile_merge(expected, decoded), 0);
                assert_return_code(pprof_reader_merge(p, sum, NULL, NULL, totals), 0);
        }
        assert_same(sum, expected);
        /* 0, 1, 2 and 3 of a sample, ten times each in each file. */
        assert_int_equal(totals[0], N_FILES * 10 * (1 + 2 + 3));
        assert_int_equal(totals[1], totals[0] * 10101010);
}

static int64_t merge_thread(PprofReader *p, const char *thread) {
        _cleanup_(profile_freep) Profile *sum = new_sum();
        int64_t totals[2] = {};

        assert_return_code(pprof_reader_merge(p, sum, "thread", thread, totals), 0);
        return totals[0];
}

static void test_labels_share_out_the_samples(void **state) {
        _cleanup_(profile_freep) Profile *window = new_window(0);
        _cleanup_(pprof_reader_freep) PprofReader *p = NULL;

        assert_return_code(pprof_reader_new(&p), 0);
        open_window(p, window);
        assert_int_equal(pprof_reader_total(p, 0), 60);
        assert_int_equal(merge_thread(p, "even") + merge_thread(p, "odd") + merge_thread(p, NULL),
                         60);
        assert_true(merge_thread(p, NULL) > 0);
        assert_int_equal(merge_thread(p, "none of them"), 0);
}

/* Half of a file in a sum would be worse than none of it. */
static void test_a_broken_file_leaves_the_sum_as_it_was(void **state) {
        _cleanup_(profile_freep) Profile *a = new_window(0), *b = new_window(1), *sum = new_sum();
        _cleanup_(pprof_reader_freep) PprofReader *p = NULL;
        _cleanup_free_ uint8_t *data = NULL;
        const char *reason = NULL;
        size_t size;

        assert_return_code(pprof_reader_new(&p), 0);
        open_window(p, a);
        assert_return_code(pprof_reader_merge(p, sum, NULL, NULL, NULL), 0);
        assert_return_code(pprof_encode(b, &data, &size), 0);
        assert_int_equal(open_bytes(p, data, size / 2, &reason), -EBADMSG);
        assert_string_equal(reason, "The gzip data ends too early.");
        assert_int_equal(open_bytes(p, "\x32\x00", 2, &reason), -EBADMSG);
        assert_string_equal(reason, "It has no sample type.");

        assert_return_code(open_bytes(p, data, size, NULL), 0);
        assert_return_code(pprof_reader_merge(p, sum, NULL, NULL, NULL), 0);
        profile_free(a);
        a = new_sum();
        assert_return_code(profile_merge(a, b), 0);
        profile_free(b);
        b = new_window(0);
        assert_return_code(profile_merge(a, b), 0);
        assert_int_equal(profile_n_samples(sum), profile_n_samples(a));
}

static void test_other_values_are_not_merged(void **state) {
        const ProfileValueType other = { "alloc", "bytes" };
        _cleanup_(profile_freep) Profile *window = new_window(0), *sum = NULL;
        _cleanup_(pprof_reader_freep) PprofReader *p = NULL;

        assert_return_code(profile_new(&sum, &other, 1), 0);
        assert_return_code(pprof_reader_new(&p), 0);
        open_window(p, window);
        assert_int_equal(pprof_reader_merge(p, sum, NULL, NULL, NULL), -EPROTOTYPE);
        assert_int_equal(profile_n_strings(sum), 3);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_file_after_file_is_the_merge_of_their_profiles),
                cmocka_unit_test(test_labels_share_out_the_samples),
                cmocka_unit_test(test_a_broken_file_leaves_the_sum_as_it_was),
                cmocka_unit_test(test_other_values_are_not_merged),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
