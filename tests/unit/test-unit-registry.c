/* SPDX-License-Identifier: Apache-2.0 */
/* Unit Registry */

#include "bpf/sample.h"
#include "unit-registry.h"
#include "unit-test.h"

static int setup(void **state) {
        UnitRegistry *t;

        assert_return_code(unit_registry_new(&t), 0);
        *state = t;
        return 0;
}

static int teardown(void **state) {
        unit_registry_free(*state);
        return 0;
}

static Unit *put(UnitRegistry *t, const char *name) {
        Unit *u;

        assert_return_code(unit_new(&u, NULL, name), 0);
        assert_return_code(unit_registry_put(t, u), 0);
        return u;
}

static void test_a_unit_is_found_by_name_and_slot(void **state) {
        UnitRegistry *t = *state;
        Unit *a = put(t, "a.service"), *b = put(t, "b.service");

        assert_true(a->slot != b->slot);
        assert_ptr_equal(unit_registry_find(t, "a.service"), a);
        assert_ptr_equal(unit_registry_find(t, "b.service"), b);
        assert_ptr_equal(unit_registry_get_by_slot(t, a->slot), a);
        assert_ptr_equal(unit_registry_get_by_slot(t, b->slot), b);
        assert_null(unit_registry_find(t, "c.service"));
        assert_null(unit_registry_get_by_slot(t, 2));
        assert_null(unit_registry_get_by_slot(t, UINT32_MAX));
        assert_int_equal(unit_registry_size(t), 2);
}

static void test_a_name_is_taken_once(void **state) {
        _cleanup_(unit_freep) Unit *u = NULL;
        UnitRegistry *t = *state;
        Unit *a = put(t, "a.service");

        assert_return_code(unit_new(&u, NULL, "a.service"), 0);
        assert_int_equal(unit_registry_put(t, u), -EEXIST);
        assert_ptr_equal(unit_registry_find(t, "a.service"), a);
        assert_int_equal(unit_registry_size(t), 1);
}

static void test_a_slot_is_used_again(void **state) {
        UnitRegistry *t = *state;
        Unit *a = put(t, "a.service"), *b = put(t, "b.service"), *c;
        uint32_t slot = a->slot;

        unit_registry_remove(t, a);
        assert_null(unit_registry_find(t, "a.service"));
        assert_null(unit_registry_get_by_slot(t, slot));
        unit_free(a);
        c = put(t, "c.service");
        assert_int_equal(c->slot, slot);
        assert_ptr_equal(unit_registry_get_by_slot(t, b->slot), b);
}

static void test_units_are_listed_by_name(void **state) {
        const char *const sorted[] = { "a.service", "b.scope", "b.service" };
        _cleanup_free_ Unit **units = NULL;
        UnitRegistry *t = *state;
        size_t n;

        assert_return_code(unit_registry_list(t, &units, &n), 0);
        assert_int_equal(n, 0);
        free(units);
        (void) put(t, "b.service");
        (void) put(t, "a.service");
        (void) put(t, "b.scope");
        assert_return_code(unit_registry_list(t, &units, &n), 0);
        assert_int_equal(n, ELEMENTSOF(sorted));
        for (size_t i = 0; i < n; i++)
                assert_string_equal(units[i]->name, sorted[i]);
}

/* The kernel's table of targets has no more. */
static void test_there_are_as_many_slots_as_targets(void **state) {
        _cleanup_(unit_freep) Unit *u = NULL;
        UnitRegistry *t = *state;
        char name[32];

        for (unsigned i = 0; i < TARGETS_MAX; i++) {
                snprintf(name, sizeof(name), "%u.service", i);
                assert_true(put(t, name)->slot < TARGETS_MAX);
        }
        assert_return_code(unit_new(&u, NULL, "more.service"), 0);
        assert_int_equal(unit_registry_put(t, u), -ENOSPC);
        assert_null(unit_registry_find(t, "more.service"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
#define registry_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
                registry_test(test_a_unit_is_found_by_name_and_slot),
                registry_test(test_a_name_is_taken_once),
                registry_test(test_a_slot_is_used_again),
                registry_test(test_units_are_listed_by_name),
                registry_test(test_there_are_as_many_slots_as_targets),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
