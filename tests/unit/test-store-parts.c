/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Parts of a Compacted File */

#include "store-fixture.h"
#include "store/store-parts.h"
#include "unit-test.h"

static const uint8_t member[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 'd', 'a', 't', 'a' };

static StoreEntry part(usec_t start, usec_t duration, StoreLevel level) {
        return (StoreEntry){ .start_usec = start, .duration_usec = duration, .level = level };
}

static void test_what_was_encoded_is_read_again(void **state) {
        const StoreEntry parts[] = { part(1, 2, STORE_WINDOW),
                                     part(UINT64_MAX - 1, 1, STORE_HOUR) };
        _cleanup_free_ uint8_t *header = NULL;
        _cleanup_free_ StorePart *read = NULL;
        size_t size, n;

        assert_return_code(store_parts_encode(member, sizeof(member), parts, 2, &header, &size), 0);
        assert_return_code(store_parts_decode(header, size, &read, &n), 0);
        assert_int_equal(n, 2);
        assert_int_equal(read[0].start_usec, 1);
        assert_int_equal(read[0].duration_usec, 2);
        assert_int_equal(read[1].start_usec, UINT64_MAX - 1);
        assert_int_equal(read[1].level, STORE_HOUR);
}

static void test_the_largest_list_fits_and_one_more_does_not(void **state) {
        _cleanup_free_ StoreEntry *parts = calloc(STORE_PARTS_MAX + 1, sizeof(*parts));
        _cleanup_free_ uint8_t *header = NULL;
        _cleanup_free_ StorePart *read = NULL;
        size_t size, n;

        assert_non_null(parts);
        assert_return_code(
                store_parts_encode(member, sizeof(member), parts, STORE_PARTS_MAX, &header, &size),
                0);
        assert_return_code(store_parts_decode(header, size, &read, &n), 0);
        assert_int_equal(n, STORE_PARTS_MAX);
        assert_int_equal(store_parts_encode(member, sizeof(member), parts, STORE_PARTS_MAX + 1,
                                            &header, &size),
                         -E2BIG);
}

static void test_only_a_plain_member_gets_a_list(void **state) {
        uint8_t other[sizeof(member)], *header;
        size_t size;

        memcpy(other, member, sizeof(member));
        other[3] = 8; /* a name follows */
        assert_int_equal(store_parts_encode(other, sizeof(other), NULL, 0, &header, &size),
                         -EINVAL);
        assert_int_equal(store_parts_encode(member, 9, NULL, 0, &header, &size), -EINVAL);
        assert_int_equal(store_parts_encode("no gzip file", 12, NULL, 0, &header, &size), -EINVAL);
}

static void test_fields_of_others_are_skipped(void **state) {
        /* "BC" with two bytes, then ours with none. */
        static const uint8_t file[] = { 0x1f, 0x8b, 8,   4, 0, 0, 0, 0,   0,   255, 10,
                                        0,    'B',  'C', 2, 0, 7, 7, 'P', 'D', 0,   0 };
        StorePart *read = NULL;
        size_t n = 5;

        assert_return_code(store_parts_decode(file, sizeof(file), &read, &n), 0);
        assert_int_equal(n, 0);
        free(read);
}

static void test_a_broken_list_is_refused(void **state) {
        uint8_t file[] = { 0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 21, 0, 'P', 'D', 17, 0, 1,
                           0,    0,    0, 0, 0, 0, 0, 1, 0, 0,   0,  0, 0,   0,   0,  0 };
        StorePart *read = NULL;
        size_t n;

        assert_return_code(store_parts_decode(file, sizeof(file), &read, &n), 0);
        assert_int_equal(n, 1);
        free(read);
        assert_int_equal(store_parts_decode(file, sizeof(file) - 1, &read, &n), -EBADMSG);
        file[32] = _STORE_LEVEL_MAX;
        assert_int_equal(store_parts_decode(file, sizeof(file), &read, &n), -EBADMSG);
        file[10] = 20; /* the field is longer than what holds it: it is nobody's */
        assert_return_code(store_parts_decode(file, sizeof(file), &read, &n), 0);
        assert_int_equal(n, 0);
        free(read);
        file[10] = 20;
        file[14] = 16; /* no whole number of parts */
        assert_int_equal(store_parts_decode(file, sizeof(file), &read, &n), -EBADMSG);
}

/* ---- what readers of a store see ---- */

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

static size_t count_seen(const char *root) {
        _cleanup_(store_freep) Store *s = NULL;
        StoreEntry *entries;
        size_t n;

        assert_return_code(store_open_reader(&s, root), 0);
        assert_return_code(store_list(s, NULL, NULL, 0, USEC_INFINITY, &entries, &n), 0);
        store_entries_free(entries, n);
        return n;
}

static void replace(const char *root, const StoreEntry *by, const StoreEntry *parts, size_t n) {
        _cleanup_(store_freep) Store *s = NULL;

        assert_return_code(store_open_reader(&s, root), 0);
        assert_return_code(store_replace(s, by, parts, n, member, sizeof(member), NULL), 0);
}

static void test_parts_are_out_of_sight_and_others_in_that_time_are_not(void **state) {
        const StoreEntry parts[] = { entry(100, 10, STORE_WINDOW), entry(110, 10, STORE_WINDOW) };
        StoreEntry hour = entry(100, 40, STORE_HOUR);

        for (usec_t start = 90; start < 150; start += 10)
                put_profile(*state, "a.service", start, 1);
        assert_int_equal(count_seen(*state), 6);
        replace(*state, &hour, parts, 2);
        assert_int_equal(count_seen(*state), 5);
}

/* The vacuum takes the oldest file: what it stood for is there again, once. */
static void test_parts_come_back_when_their_file_goes_first(void **state) {
        const StoreEntry parts[] = { entry(100, 10, STORE_WINDOW), entry(110, 10, STORE_WINDOW) };
        StoreEntry hour = entry(100, 20, STORE_HOUR);
        _cleanup_(store_freep) Store *s = NULL;

        put_profile(*state, "a.service", 100, 1);
        put_profile(*state, "a.service", 110, 1);
        replace(*state, &hour, parts, 2);
        assert_int_equal(count_seen(*state), 1);

        assert_return_code(store_open_reader(&s, *state), 0);
        hour.path = (char *) "a.service/cpu." BOOT ".100.20.hour.pb.gz";
        assert_return_code(store_remove(s, &hour), 0);
        assert_int_equal(count_seen(*state), 2);
}

/* A forged list cannot make two files hide each other. */
static void test_a_smaller_file_replaces_no_larger_one(void **state) {
        const StoreEntry hour = entry(100, 20, STORE_HOUR), day = entry(100, 20, STORE_DAY);

        put_profile(*state, "a.service", 100, 1);
        replace(*state, &day, &hour, 1);
        replace(*state, &hour,
                &(StoreEntry){ .unit = hour.unit,
                               .type = hour.type,
                               .boot_id = hour.boot_id,
                               .start_usec = 100,
                               .duration_usec = 10 },
                1);
        assert_int_equal(count_seen(*state), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_was_encoded_is_read_again),
                cmocka_unit_test(test_the_largest_list_fits_and_one_more_does_not),
                cmocka_unit_test(test_only_a_plain_member_gets_a_list),
                cmocka_unit_test(test_fields_of_others_are_skipped),
                cmocka_unit_test(test_a_broken_list_is_refused),
                cmocka_unit_test_setup_teardown(
                        test_parts_are_out_of_sight_and_others_in_that_time_are_not, make_directory,
                        remove_directory),
                cmocka_unit_test_setup_teardown(test_parts_come_back_when_their_file_goes_first,
                                                make_directory, remove_directory),
                cmocka_unit_test_setup_teardown(test_a_smaller_file_replaces_no_larger_one,
                                                make_directory, remove_directory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
