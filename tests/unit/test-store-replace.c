/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Compacting a Store */

#include "store-fixture.h"
#include "unit-test.h"

static const uint8_t member[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 'd', 'a', 't', 'a' };

static StoreEntry entry(usec_t start, usec_t duration, StoreLevel level) {
        return (StoreEntry){
                .unit = (char *) "a.service",
                .type = (char *) "cpu",
                .boot_id = SD_ID128_MAKE(01, 23, 45, 67, 89, ab, cd, ef, 01, 23, 45, 67, 89, ab, cd,
                                         ef),
                .start_usec = start,
                .duration_usec = duration,
                .level = level,
        };
}

static int replace(Store *s, StoreEntry by, StoreEntry part, char **ret) {
        return store_replace(s, &by, &part, 1, member, sizeof(member), ret);
}

static void test_a_part_must_lie_inside_and_be_of_the_same_kind(void **state) {
        _cleanup_(store_freep) Store *s = NULL;
        StoreEntry other = entry(100, 10, STORE_WINDOW);

        put_profile(*state, "a.service", 100, 1);
        assert_return_code(store_open_reader(&s, *state), 0);
        assert_int_equal(replace(s, entry(101, 10, STORE_HOUR), other, NULL), -EINVAL);
        assert_int_equal(replace(s, entry(100, 9, STORE_HOUR), other, NULL), -EINVAL);
        assert_int_equal(replace(s, entry(100, 10, STORE_WINDOW), other, NULL), -EINVAL);
        other.level = STORE_DAY;
        assert_int_equal(replace(s, entry(100, 10, STORE_HOUR), other, NULL), -EINVAL);
        other = entry(100, 10, STORE_WINDOW);
        other.type = (char *) "off";
        assert_int_equal(replace(s, entry(100, 10, STORE_HOUR), other, NULL), -EINVAL);
        assert_int_equal(count_names(*state, "a.service"), 1);
}

/* A later start, as the writer of windows takes it, would leave the first part outside. */
static void test_a_taken_name_ends_later(void **state) {
        _cleanup_free_ char *first = NULL, *second = NULL;
        _cleanup_(store_freep) Store *s = NULL;

        put_profile(*state, "a.service", 100, 1);
        assert_return_code(store_open_reader(&s, *state), 0);
        assert_return_code(
                replace(s, entry(100, 10, STORE_HOUR), entry(100, 10, STORE_WINDOW), &first), 0);
        assert_return_code(
                replace(s, entry(100, 10, STORE_HOUR), entry(100, 10, STORE_WINDOW), &second), 0);
        assert_string_equal(first, "a.service/cpu." BOOT ".100.10.hour.pb.gz");
        assert_string_equal(second, "a.service/cpu." BOOT ".100.11.hour.pb.gz");
}

static void test_the_data_follows_its_header(void **state) {
        _cleanup_free_ char *path = NULL, *data = NULL;
        _cleanup_(store_freep) Store *s = NULL;
        size_t size;

        put_profile(*state, "a.service", 100, 1);
        assert_return_code(store_open_reader(&s, *state), 0);
        assert_return_code(
                replace(s, entry(100, 10, STORE_HOUR), entry(100, 10, STORE_WINDOW), &path), 0);
        assert_return_code(read_full_file_at(store_get_fd(s), path, 4096, &data, &size), 0);
        assert_memory_equal(data + size - 4, "data", 4);
        assert_int_equal(size, sizeof(member) + 2 + 4 + 17);
}

static void test_only_one_compacts_at_a_time(void **state) {
        _cleanup_(store_freep) Store *one = NULL, *other = NULL;

        assert_return_code(store_open_reader(&one, *state), 0);
        assert_return_code(store_open_reader(&other, *state), 0);
        assert_return_code(store_lock(one), 0);
        assert_int_equal(store_lock(other), -EBUSY);
        one = store_free(one);
        assert_return_code(store_lock(other), 0);
}

static void test_what_is_gone_already_is_removed(void **state) {
        _cleanup_(store_freep) Store *s = NULL;
        StoreEntry e = entry(1, 1, STORE_WINDOW);

        assert_return_code(store_open_reader(&s, *state), 0);
        e.path = (char *) "b.service/cpu." BOOT ".1.1.pb.gz";
        assert_return_code(store_remove(s, &e), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_a_part_must_lie_inside_and_be_of_the_same_kind),
                TEST(test_a_taken_name_ends_later),
                TEST(test_the_data_follows_its_header),
                TEST(test_only_one_compacts_at_a_time),
                TEST(test_what_is_gone_already_is_removed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
