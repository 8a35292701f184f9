/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Store Index */

#include "store/store-index.h"
#include "unit-test.h"

static StoreUnit *add(StoreIndex *x, const char *directory, usec_t start, uint64_t bytes) {
        StoreEntry e = { .type = (char *) "cpu", .start_usec = start, .duration_usec = 5 };
        StoreUnit *u;

        assert_return_code(store_index_put(x, directory, &u), 0);
        assert_return_code(store_index_add(x, u, &e, bytes), 0);
        return u;
}

static void test_files_are_kept_by_age_in_whatever_order_they_come(void **state) {
        static const usec_t starts[] = { 50, 10, 40, 10, 30, 90, 20 };
        static const usec_t sorted[] = { 10, 10, 20, 30, 40, 50, 90 };
        _cleanup_(store_index_freep) StoreIndex *x = NULL;
        StoreUnit *u = NULL;

        assert_return_code(store_index_new(&x), 0);
        for (size_t i = 0; i < ELEMENTSOF(starts); i++)
                u = add(x, "a.service", starts[i], 100 + starts[i]);

        assert_int_equal(store_index_n_files(u), ELEMENTSOF(sorted));
        for (size_t i = 0; i < ELEMENTSOF(sorted); i++) {
                assert_int_equal(store_index_oldest_end(u), sorted[i] + 5);
                assert_int_equal(store_index_pop(x, u), 100 + sorted[i]);
        }
        assert_int_equal(store_index_n_files(u), 0);
        assert_int_equal(store_index_get_use_bytes(x), 0);
}

static void test_a_name_is_made_from_its_parts(void **state) {
        _cleanup_(store_index_freep) StoreIndex *x = NULL;
        _cleanup_free_ char *name = NULL;
        StoreEntry e = { .type = (char *) "off", .start_usec = 7, .duration_usec = 9 };
        StoreUnit *u;

        assert_return_code(store_index_new(&x), 0);
        u = add(x, "a.service", 8, 1);
        e.boot_id.bytes[15] = 0xab;
        assert_return_code(store_index_add(x, u, &e, 1), 0);

        name = store_index_oldest_name(x, u);
        assert_string_equal(name, "off.000000000000000000000000000000ab.7.9.pb.gz");
}

static void test_the_sums_follow_every_change(void **state) {
        _cleanup_(store_index_freep) StoreIndex *x = NULL;
        StoreUnit *a, *b;

        assert_return_code(store_index_new(&x), 0);
        a = add(x, "a.service", 1, 10);
        assert_ptr_equal(add(x, "a.service", 2, 20), a);
        b = add(x, "b.service", 3, 40);
        assert_int_equal(store_index_get_use_bytes(x), 70);
        assert_int_equal(store_index_get_n_files(x), 3);

        store_index_clear(x, a);
        assert_int_equal(store_index_get_use_bytes(x), 40);
        assert_ptr_equal(store_index_find(x, "a.service"), a);
        store_index_remove(x, b);
        assert_int_equal(store_index_get_use_bytes(x), 0);
        assert_int_equal(store_index_get_n_files(x), 0);
        assert_null(store_index_find(x, "b.service"));
        assert_null(store_index_next(x, a));
}

static void test_a_unit_keeps_its_only_file_while_another_has_two(void **state) {
        _cleanup_(store_index_freep) StoreIndex *x = NULL;
        StoreUnit *a, *b;

        assert_return_code(store_index_new(&x), 0);
        assert_null(store_index_find_victim(x, NULL, false, NULL, 0));

        a = add(x, "a.service", 1, 10);
        b = add(x, "b.service", 2, 10);
        add(x, "b.service", 3, 10);
        assert_ptr_equal(store_index_find_victim(x, NULL, false, NULL, 0), b);

        store_index_pop(x, b);
        assert_ptr_equal(store_index_find_victim(x, NULL, false, NULL, 0), a);
        assert_null(store_index_find_victim(x, NULL, true, NULL, 0));
}

static void test_a_unit_that_grows_pays_for_itself(void **state) {
        _cleanup_(store_index_freep) StoreIndex *x = NULL;
        StoreUnit *b;

        assert_return_code(store_index_new(&x), 0);
        add(x, "a.service", 1, 10);
        b = add(x, "b.service", 2, 10);
        assert_ptr_equal(store_index_find_victim(x, b, false, NULL, 0), b);
}

static void test_units_without_a_file_are_no_victims(void **state) {
        _cleanup_(store_index_freep) StoreIndex *x = NULL;
        StoreUnit *u;

        assert_return_code(store_index_new(&x), 0);
        assert_return_code(store_index_put(x, "a.service", &u), 0);
        assert_null(store_index_find_victim(x, u, false, NULL, 0));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_files_are_kept_by_age_in_whatever_order_they_come),
                cmocka_unit_test(test_a_name_is_made_from_its_parts),
                cmocka_unit_test(test_the_sums_follow_every_change),
                cmocka_unit_test(test_a_unit_keeps_its_only_file_while_another_has_two),
                cmocka_unit_test(test_a_unit_that_grows_pays_for_itself),
                cmocka_unit_test(test_units_without_a_file_are_no_victims),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
