/* SPDX-License-Identifier: Apache-2.0 */
/* Unit */

#include "basic/string-util.h"
#include "unit-test.h"
#include "unit.h"

static void test_every_state_has_a_name_of_its_own(void **state) {
        for (UnitState a = 0; a < _UNIT_STATE_MAX; a++) {
                assert_non_null(unit_state_to_string(a));
                for (UnitState b = 0; b < a; b++)
                        assert_string_not_equal(unit_state_to_string(a), unit_state_to_string(b));
        }
}

static void test_a_new_unit_is_inactive(void **state) {
        _cleanup_(unit_freep) Unit *u = NULL;

        assert_return_code(unit_new(&u, NULL, "a.service"), 0);
        assert_int_equal(u->state, UNIT_INACTIVE);
        assert_string_equal(u->name, "a.service");
        assert_string_equal(u->active_state, "");
        assert_string_equal(u->control_group, "");
        assert_int_equal(u->cgroup_id, 0);
}

static void test_what_systemd_says_is_copied(void **state) {
        const char *aliases[] = { "b.service", "c.service", NULL };
        char cgroup[] = "/system.slice/a.service", active[] = "active";
        UnitInfo info = {
                .name = "a.service",
                .aliases = aliases,
                .active_state = active,
                .control_group = cgroup,
                .main_pid = 42,
        };
        _cleanup_(unit_freep) Unit *u = NULL;

        assert_return_code(unit_new(&u, NULL, "a.service"), 0);
        assert_return_code(unit_set_info(u, &info), 0);
        memset(cgroup, 'x', strlen(cgroup));
        memset(active, 'x', strlen(active));
        aliases[0] = NULL;
        assert_string_equal(u->control_group, "/system.slice/a.service");
        assert_string_equal(u->active_state, "active");
        assert_int_equal(u->main_pid, 42);
        assert_int_equal(strv_length(u->aliases), 2);

        info.aliases = NULL;
        info.main_pid = 0;
        assert_return_code(unit_set_info(u, &info), 0);
        assert_int_equal(strv_length(u->aliases), 0);
        assert_int_equal(u->main_pid, 0);
}

static void test_settings_are_found_under_an_alias(void **state) {
        const char *const aliases[] = { "db.service", NULL };
        char *units[] = { (char *) "*.service", NULL }, *match[] = { (char *) "db.service", NULL };
        ConfigUnit file = { .patterns = match, .frequency_hz = 7 };
        const Config config = {
                .units = units,
                .frequency_hz = 99,
                .interval_usec = USEC_PER_MINUTE,
                .sampling_ratio = 1,
                .unit_files = &file,
                .n_unit_files = 1,
        };
        UnitInfo info = { .name = "postgresql.service", .active_state = "", .control_group = "" };
        _cleanup_(unit_freep) Unit *u = NULL;

        assert_return_code(unit_new(&u, NULL, info.name), 0);
        assert_return_code(unit_apply_config(u, &config), 0);
        assert_true(u->settings.enabled);
        assert_int_equal(u->settings.frequency_hz, 99);
        info.aliases = aliases;
        assert_return_code(unit_set_info(u, &info), 0);
        assert_return_code(unit_apply_config(u, &config), 0);
        assert_int_equal(u->settings.frequency_hz, 7);
        assert_int_equal(u->settings.interval_usec, USEC_PER_MINUTE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_state_has_a_name_of_its_own),
                cmocka_unit_test(test_a_new_unit_is_inactive),
                cmocka_unit_test(test_what_systemd_says_is_copied),
                cmocka_unit_test(test_settings_are_found_under_an_alias),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
