/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Vacuum */

#include "store-fixture.h"
#include "store/store-scan.h"
#include "store/vacuum.h"
#include "unit-test.h"

enum { FILE_BYTES = 4096 };

#define UNLIMITED                            \
        (StoreLimits) {                      \
                UINT64_MAX, 0, USEC_INFINITY \
        }

typedef struct Bed {
        const char *root;
        int fd;
        StoreIndex *index;
} Bed;

static void bed_done(Bed *b) {
        store_index_free(b->index);
        safe_close(b->fd);
}

static void bed_init(Bed *b, const char *root) {
        b->root = root;
        b->fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(b->fd >= 0);
        assert_return_code(store_index_new(&b->index), 0);
        assert_return_code(store_refresh(b->index, b->fd), 0);
}

static void test_nothing_goes_below_the_limits(void **state) {
        _cleanup_(bed_done) Bed b = { .fd = -EBADF };
        VacuumRequest request = { .limits = UNLIMITED, .now_usec = 1000 };
        StoreVacuum done;

        put_profile(*state, "a.service", 1, FILE_BYTES);
        put_profile(*state, "a.service", 2, FILE_BYTES);
        bed_init(&b, *state);
        assert_int_equal(store_index_get_use_bytes(b.index), 2 * FILE_BYTES);

        assert_return_code(vacuum_run(b.index, b.fd, &request, &done), 0);
        request.limits.max_use_bytes = 2 * FILE_BYTES;
        request.limits.max_retention_usec = 999;
        request.limits.keep_free_bytes = 500;
        request.free_bytes = 500;
        assert_return_code(vacuum_run(b.index, b.fd, &request, &done), 0);
        assert_int_equal(done.n_removed, 0);
        assert_int_equal(count_names(*state, "a.service"), 2);
}

static void test_max_use_takes_the_oldest_first(void **state) {
        _cleanup_(bed_done) Bed b = { .fd = -EBADF };
        VacuumRequest request = { .limits = UNLIMITED, .now_usec = 1000 };
        StoreVacuum done;

        put_profile(*state, "a.service", 1, FILE_BYTES);
        put_profile(*state, "b.service", 2, FILE_BYTES);
        put_profile(*state, "a.service", 3, FILE_BYTES);
        put_profile(*state, "b.service", 4, FILE_BYTES);
        put_profile(*state, "b.service", 5, FILE_BYTES);
        bed_init(&b, *state);

        request.limits.max_use_bytes = 3 * FILE_BYTES + FILE_BYTES / 2;
        assert_return_code(vacuum_run(b.index, b.fd, &request, &done), 0);
        assert_int_equal(done.n_removed, 2);
        assert_int_equal(done.bytes_removed, 2 * FILE_BYTES);
        assert_false(has_profile(*state, "a.service", 1));
        assert_false(has_profile(*state, "b.service", 2));

        /* Now a has one, so b's history pays although a's is older. */
        request.limits.max_use_bytes = 2 * FILE_BYTES;
        assert_return_code(vacuum_run(b.index, b.fd, &request, &done), 0);
        assert_true(has_profile(*state, "a.service", 3));
        assert_false(has_profile(*state, "b.service", 4));

        /* With one each the limit still holds. */
        request.limits.max_use_bytes = FILE_BYTES;
        assert_return_code(vacuum_run(b.index, b.fd, &request, &done), 0);
        assert_int_equal(count_names(*state, "a.service"), -1);
        assert_true(has_profile(*state, "b.service", 5));
}

static void test_room_is_made_for_what_is_to_come(void **state) {
        _cleanup_(bed_done) Bed b = { .fd = -EBADF };
        VacuumRequest request = {
                .limits = UNLIMITED,
                .growing = "b.service",
                .needed_bytes = FILE_BYTES,
        };
        StoreVacuum done;

        put_profile(*state, "a.service", 1, FILE_BYTES);
        put_profile(*state, "b.service", 2, FILE_BYTES);
        bed_init(&b, *state);

        request.limits.max_use_bytes = 2 * FILE_BYTES;
        assert_return_code(vacuum_run(b.index, b.fd, &request, &done), 0);
        assert_int_equal(done.n_removed, 1);
        assert_true(has_profile(*state, "a.service", 1));

        request.needed_bytes = 2 * FILE_BYTES + 1;
        assert_int_equal(vacuum_run(b.index, b.fd, &request, &done), -EFBIG);
        assert_int_equal(done.n_removed, 0);
        assert_true(has_profile(*state, "a.service", 1));
}

static void test_retention_spares_nobody(void **state) {
        _cleanup_(bed_done) Bed b = { .fd = -EBADF };
        VacuumRequest request = { .limits = UNLIMITED, .now_usec = 1000 };
        StoreVacuum done;

        put_profile(*state, "a.service", 489, FILE_BYTES); /* windows of 10 us */
        put_profile(*state, "b.service", 1, FILE_BYTES);
        put_profile(*state, "b.service", 2, FILE_BYTES);
        put_profile(*state, "b.service", 500, FILE_BYTES);
        bed_init(&b, *state);

        request.limits.max_retention_usec = 500;
        assert_return_code(vacuum_run(b.index, b.fd, &request, &done), 0);
        assert_int_equal(done.n_removed, 3);
        assert_int_equal(count_names(*state, "a.service"), -1);
        assert_int_equal(count_names(*state, "b.service"), 1);

        /* A clock before the store's beginning expires nothing. */
        request.now_usec = 10;
        assert_return_code(vacuum_run(b.index, b.fd, &request, &done), 0);
        assert_int_equal(done.n_removed, 0);
}

static void test_keep_free_takes_history_but_no_last_profile(void **state) {
        _cleanup_(bed_done) Bed b = { .fd = -EBADF };
        VacuumRequest request = { .limits = UNLIMITED, .now_usec = 1000 };
        StoreVacuum done;

        for (usec_t i = 1; i <= 4; i++)
                put_profile(*state, "a.service", i, FILE_BYTES);
        put_profile(*state, "b.service", 1, FILE_BYTES);
        bed_init(&b, *state);

        request.limits.keep_free_bytes = 10 * FILE_BYTES;
        request.free_bytes = 9 * FILE_BYTES;
        assert_return_code(vacuum_run(b.index, b.fd, &request, &done), 0);
        assert_int_equal(done.n_removed, 1);

        request.free_bytes = 0;
        assert_return_code(vacuum_run(b.index, b.fd, &request, &done), 0);
        assert_int_equal(done.n_removed, 2);
        assert_true(has_profile(*state, "a.service", 4));
        assert_true(has_profile(*state, "b.service", 1));

        /* A unit may replace its last profile, a new one has no place. */
        request.needed_bytes = FILE_BYTES;
        request.growing = "a.service";
        assert_return_code(vacuum_run(b.index, b.fd, &request, &done), 0);
        assert_int_equal(done.n_removed, 0);
        request.growing = "c.service";
        assert_int_equal(vacuum_run(b.index, b.fd, &request, &done), -ENOSPC);
        request.limits.keep_free_bytes = UINT64_MAX;
        assert_int_equal(vacuum_run(b.index, b.fd, &request, &done), -ENOSPC);
        assert_true(has_profile(*state, "a.service", 4));
        assert_true(has_profile(*state, "b.service", 1));
}

static void test_what_others_removed_counts_as_gone(void **state) {
        _cleanup_(bed_done) Bed b = { .fd = -EBADF };
        VacuumRequest request = { .limits = UNLIMITED, .now_usec = 1000 };
        _cleanup_free_ char *path = NULL;
        char name[128];
        StoreVacuum done;

        for (usec_t i = 1; i <= 4; i++)
                put_profile(*state, "a.service", i, FILE_BYTES);
        bed_init(&b, *state);
        usleep(20000); /* a tick of the file system's clock */
        assert_true(asprintf(&path, "%s/a.service/%s", (const char *) *state,
                             profile_name(4, name)) > 0);
        assert_return_code(unlink(path), errno);

        request.limits.max_use_bytes = 3 * FILE_BYTES;
        assert_return_code(vacuum_run(b.index, b.fd, &request, &done), 0);
        assert_int_equal(done.n_removed, 0);
        assert_int_equal(store_index_get_use_bytes(b.index), 3 * FILE_BYTES);
}

static void test_a_directory_that_is_gone_is_forgotten(void **state) {
        _cleanup_(bed_done) Bed b = { .fd = -EBADF };
        VacuumRequest request = { .limits = UNLIMITED, .now_usec = 1000 };
        _cleanup_free_ char *path = NULL;
        StoreVacuum done;

        put_profile(*state, "a.service", 1, FILE_BYTES);
        put_profile(*state, "b.service", 2, FILE_BYTES);
        bed_init(&b, *state);
        assert_true(asprintf(&path, "%s/a.service", (const char *) *state) > 0);
        assert_return_code(remove_tree(path), 0);

        request.limits.max_use_bytes = FILE_BYTES;
        assert_return_code(vacuum_run(b.index, b.fd, &request, &done), 0);
        assert_int_equal(done.n_removed, 0);
        assert_true(has_profile(*state, "b.service", 2));
}

static void test_room_by_force_takes_all_that_there_is(void **state) {
        _cleanup_(bed_done) Bed b = { .fd = -EBADF };
        StoreVacuum done;

        put_profile(*state, "a.service", 1, FILE_BYTES);
        put_profile(*state, "a.service", 2, FILE_BYTES);
        put_profile(*state, "b.service", 3, FILE_BYTES);
        bed_init(&b, *state);

        assert_int_equal(vacuum_remove_bytes(b.index, b.fd, &(VacuumRequest){}, 1, &done), 1);
        assert_int_equal(done.n_removed, 1);
        assert_int_equal(
                vacuum_remove_bytes(b.index, b.fd, &(VacuumRequest){}, 100 * FILE_BYTES, &done), 1);
        assert_int_equal(done.n_removed, 2);
        assert_int_equal(vacuum_remove_bytes(b.index, b.fd, &(VacuumRequest){}, 1, &done), 0);
}

#define bed_test(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)

int main(void) {
        const struct CMUnitTest tests[] = {
                bed_test(test_nothing_goes_below_the_limits),
                bed_test(test_max_use_takes_the_oldest_first),
                bed_test(test_room_is_made_for_what_is_to_come),
                bed_test(test_retention_spares_nobody),
                bed_test(test_keep_free_takes_history_but_no_last_profile),
                bed_test(test_what_others_removed_counts_as_gone),
                bed_test(test_a_directory_that_is_gone_is_forgotten),
                bed_test(test_room_by_force_takes_all_that_there_is),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
