/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Dump of the Manager */

#include "fake-manager-calls.h"
#include "manager-dump.h"
#include "unit-test.h"

/* What is dumped; to be freed. */
static char *dump(Manager *m) {
        char *text = NULL;
        size_t size;
        FILE *f;

        f = open_memstream(&text, &size);
        assert_non_null(f);
        assert_int_equal(manager_dump(m, f), 0);
        fclose(f);
        return text;
}

static void test_state_counters_and_losses_are_there(void **state _unused_) {
        static char *units[] = { (char *) "a*.service", (char *) "b.scope", NULL };
        Manager m = { .config = { .units = units,
                                  .frequency_hz = 97,
                                  .interval_usec = 1500 * USEC_PER_MSEC,
                                  .storage.max_use_bytes = UINT64_MAX } };
        _cleanup_free_ char *text = dump(&m);

        assert_non_null(strstr(text, "  State: running\n"));
        assert_non_null(strstr(text, "  Started: 1970-01-01 00:00:00Z\n"));
        assert_non_null(strstr(text, "  Units: a*.service\n  Units: b.scope\n  Frequency: 97\n"));
        assert_non_null(strstr(text, "  Interval: 1.500s\n"));
        assert_non_null(strstr(text, "  Bytes in use at most: none\n"));
        assert_non_null(strstr(text, "  Samples: 7\n"));
        assert_non_null(strstr(text, "  ring-full: 2\n"));
        assert_null(strstr(text, "\nUnit "));
}

static void test_each_unit_is_there(void **state _unused_) {
        static ConfigLabel label = { (char *) "team", (char *) "data" };
        const UnitInfo info = { .name = "web.service",
                                .load_state = "loaded",
                                .active_state = "active",
                                .control_group = "/web",
                                .main_pid = 42 };
        _cleanup_free_ char *text = NULL;
        Manager m = {};
        Unit *u;

        assert_int_equal(manager_unit_changed(&m, &info), 0);
        u = m.units[0];
        u->counters.stacks.ends[STACK_END_COMPLETE] = 9;
        u->settings.labels = &label;
        u->settings.n_labels = 1;
        text = dump(&m);
        u->settings.n_labels = 0;

        assert_non_null(strstr(text, "\nUnit web.service\n  State: profiled\n"));
        assert_non_null(strstr(text, "  Main process: 42\n"));
        assert_non_null(strstr(text, "  Label: team=data\n"));
        assert_non_null(strstr(text, "  Stacks that ended complete: 9\n"));
        assert_non_null(strstr(text, "  Last profile: -\n"));
        fake_manager_done(&m);
}

static void test_a_full_device_is_an_error(void **state _unused_) {
        _cleanup_fclose_ FILE *f = NULL;
        Manager m = {};

        f = fopen("/dev/full", "we");
        assert_non_null(f);
        assert_int_equal(manager_dump(&m, f), -ENOSPC);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_state_counters_and_losses_are_there),
                cmocka_unit_test(test_each_unit_is_there),
                cmocka_unit_test(test_a_full_device_is_an_error),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
