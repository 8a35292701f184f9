/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Trigger Rules */

#include "config-tree.h"
#include "trigger-rule.h"

static unsigned n_complaints(const Tree *t) {
        unsigned n = 0;

        for (const char *p = t->complaints; *p; p++)
                n += *p == '\n';
        return n;
}

static TriggerRules load(Tree *t) {
        TriggerRules rules = {};

        assert_return_code(trigger_rules_load(&rules, t->root, tree_complaint, t), 0);
        return rules;
}

static void test_a_file_is_a_rule_named_after_it(void **state) {
        _cleanup_(trigger_rules_done) TriggerRules rules = {};
        Tree *t = *state;

        tree_put(t, "/etc/profilerd/triggers.d/spike.conf",
                 "[Trigger]\nUnit=nginx web@*.service\nCPUUsage=150%\nWindowSec=5s\n"
                 "Frequency=499\nDurationSec=20s\nCooldownSec=1h\nMaxPerHour=2\nBeforeSec=1min\n");
        tree_put(t, "/etc/profilerd/triggers.d/a.conf",
                 "[Trigger]\nUnit=x\nOnStart=yes\nIOPressure=0.5\nThrottled=20%\n");
        rules = load(t);
        assert_int_equal(n_complaints(t), 0);
        assert_int_equal(rules.n, 2);
        assert_string_equal(rules.rules[0].name, "a");
        assert_true(rules.rules[0].on_start);
        assert_true(rules.rules[0].limits[TRIGGER_IO_PRESSURE] == 0.5);
        assert_true(rules.rules[0].limits[TRIGGER_THROTTLED] == 0.2);
        assert_true(rules.rules[0].limits[TRIGGER_CPU_USAGE] == 0);
        assert_int_equal(rules.rules[0].frequency_hz, 199);
        assert_int_equal(rules.rules[0].duration_usec, 30 * USEC_PER_SEC);
        assert_int_equal(rules.rules[0].before_usec, 10 * USEC_PER_SEC);
        assert_string_equal(rules.rules[1].name, "spike");
        assert_string_equal(rules.rules[1].units[0], "nginx.service");
        assert_true(rules.rules[1].limits[TRIGGER_CPU_USAGE] == 1.5);
        assert_int_equal(rules.rules[1].window_usec, 5 * USEC_PER_SEC);
        assert_int_equal(rules.rules[1].frequency_hz, 499);
        assert_int_equal(rules.rules[1].duration_usec, 20 * USEC_PER_SEC);
        assert_int_equal(rules.rules[1].cooldown_usec, USEC_PER_HOUR);
        assert_int_equal(rules.rules[1].max_per_hour, 2);
        assert_int_equal(rules.rules[1].before_usec, USEC_PER_MINUTE);
}

static void test_what_makes_no_sense_is_complained_about_and_ignored(void **state) {
        _cleanup_(trigger_rules_done) TriggerRules rules = {};
        Tree *t = *state;

        tree_put(t, "/etc/profilerd/triggers.d/bad.conf",
                 "[Trigger]\nUnit=x\nCPUUsage=much\nCPUUsage=0%\nCPUUsage=50\n"
                 "IOPressure=2\nWindowSec=1ms\nFrequency=0\nDurationSec=2h\n"
                 "MaxPerHour=61\nNonsense=1\nOnStart=perhaps\nBeforeSec=1h\n");
        tree_put(t, "/etc/profilerd/triggers.d/none.conf", "[Trigger]\nCPUUsage=50%\n");
        rules = load(t);
        assert_int_equal(n_complaints(t), 12);
        assert_int_equal(rules.n, 1);
        assert_true(rules.rules[0].limits[TRIGGER_CPU_USAGE] == 0);
        assert_int_equal(rules.rules[0].window_usec, 10 * USEC_PER_SEC);
}

static void test_a_broken_file_costs_no_other(void **state) {
        _cleanup_(trigger_rules_done) TriggerRules rules = {};
        Tree *t = *state;

        tree_put(t, "/etc/profilerd/triggers.d/a.conf", "[Trigger\nUnit=x\n");
        tree_put(t, "/etc/profilerd/triggers.d/b.conf", "[Trigger]\nUnit=y\n");
        rules = load(t);
        assert_true(n_complaints(t) > 0);
        assert_int_equal(rules.n, 1);
        assert_string_equal(rules.rules[0].name, "b");
}

static void test_without_files_there_are_no_rules(void **state) {
        _cleanup_(trigger_rules_done) TriggerRules rules = load(*state);

        assert_int_equal(rules.n, 0);
        assert_int_equal(n_complaints(*state), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_a_file_is_a_rule_named_after_it, tree_setup,
                                                tree_teardown),
                cmocka_unit_test_setup_teardown(
                        test_what_makes_no_sense_is_complained_about_and_ignored, tree_setup,
                        tree_teardown),
                cmocka_unit_test_setup_teardown(test_a_broken_file_costs_no_other, tree_setup,
                                                tree_teardown),
                cmocka_unit_test_setup_teardown(test_without_files_there_are_no_rules, tree_setup,
                                                tree_teardown),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
