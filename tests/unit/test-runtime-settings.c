/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Runtime Settings */

#include "basic/file-util.h"
#include "config-tree.h"
#include "runtime-settings.h"
#include "unit-test.h"

#define UNITS "/etc/profilerd/units.d/"

static int set(Tree *t, const char *unit, char **ret_reason, const char *a, const char *b) {
        char *assignments[] = { (char *) a, (char *) b, NULL };
        _cleanup_(config_freep) Config *c = NULL;

        tree_put(t, "/run/profilerd/made-by-systemd", "");
        assert_return_code(config_load(&c, t->root, tree_complaint, t), 0);
        return runtime_settings_write(t->root, c, unit, assignments, ret_reason);
}

static UnitSettings settings_of(Tree *t, const char *unit, Config **ret) {
        const char *names[] = { unit, NULL };
        UnitSettings s;

        assert_return_code(config_load(ret, t->root, tree_complaint, t), 0);
        config_get_unit_settings(*ret, names, &s);
        return s;
}

static void test_what_is_set_of_a_unit_adds_to_its_file(void **state) {
        _cleanup_(config_freep) Config *c = NULL, *later = NULL, *last = NULL;
        Tree *t = *state;
        UnitSettings s;

        tree_put(t, UNITS "1.conf", "[Match]\nUnit=a\n[Profile]\nFrequency=9\nLabels=k=v\n");
        assert_return_code(set(t, "a.service", NULL, "Interval=30s", NULL), 0);
        s = settings_of(t, "a.service", &c);
        assert_int_equal(s.interval_usec, 30 * USEC_PER_SEC);
        assert_int_equal(s.frequency_hz, 9);
        assert_int_equal(s.n_labels, 1);

        assert_return_code(set(t, "a.service", NULL, "Frequency=7", "Interval="), 0);
        s = settings_of(t, "a.service", &later);
        assert_int_equal(s.frequency_hz, 7);
        assert_int_equal(s.interval_usec, USEC_PER_MINUTE);

        assert_return_code(set(t, "a.service", NULL, NULL, NULL), 0);
        s = settings_of(t, "a.service", &last);
        assert_int_equal(s.frequency_hz, 9);
}

static void test_what_is_set_of_the_daemon_comes_last(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        Tree *t = *state;

        tree_put(t, "/etc/profilerd/profilerd.conf.d/50-x.conf", "[Profilerd]\nFrequency=9\n");
        assert_return_code(set(t, "", NULL, "Frequency=7", "MaxUse=1G"), 0);
        assert_return_code(set(t, "", NULL, "MaxUse=2G", NULL), 0);
        assert_return_code(config_load(&c, t->root, tree_complaint, t), 0);
        assert_int_equal(c->frequency_hz, 7);
        assert_int_equal(c->storage.max_use_bytes, UINT64_C(2) << 30);
}

static void expect_refusal(Tree *t, const char *unit, const char *assignment) {
        _cleanup_free_ char *reason = NULL;

        assert_int_equal(set(t, unit, &reason, assignment, NULL), -EBADMSG);
        assert_non_null(reason);
}

static void test_what_is_wrong_is_refused_and_leaves_all_as_it_was(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        Tree *t = *state;

        assert_return_code(set(t, "", NULL, "Frequency=7", NULL), 0);
        expect_refusal(t, "", "Frequency=many");
        expect_refusal(t, "", "Nothing=1");
        expect_refusal(t, "", "Frequency");
        expect_refusal(t, "", "Interval=1min\nUnits=");
        expect_refusal(t, "a.service", "Units=b");
        expect_refusal(t, "a.service", "Unit=b");
        assert_return_code(config_load(&c, t->root, tree_complaint, t), 0);
        assert_int_equal(c->frequency_hz, 7);
        assert_int_equal(c->n_unit_files, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, tree_setup, tree_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_what_is_set_of_a_unit_adds_to_its_file),
                TEST(test_what_is_set_of_the_daemon_comes_last),
                TEST(test_what_is_wrong_is_refused_and_leaves_all_as_it_was),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
