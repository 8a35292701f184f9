/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration */

#include "config-tree.h"
#include "config.h"

#define MAIN  "/etc/profilerd/profilerd.conf"
#define UNITS "/etc/profilerd/units.d/"

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static Config *load(Tree *t) {
        Config *c = NULL;

        assert_int_equal(config_load(&c, t->root, tree_complaint, t), 0);
        assert_complaints(t, "");
        return c;
}

static bool is_enabled(const Config *c, const char *const *names) {
        UnitSettings s;

        config_get_unit_settings(c, names, &s);
        return s.enabled;
}

static void test_units_are_enabled_by_any_of_their_names(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        Tree *t = *state;

        tree_put(t, MAIN, "[Profilerd]\nUnits=dbus web@ app-*.slice db@1\n");
        c = load(t);

        assert_true(is_enabled(c, NAMES("dbus-broker.service", "dbus.service")));
        assert_true(is_enabled(c, NAMES("dbus.service")));
        assert_false(is_enabled(c, NAMES("dbus-broker.service")));
        assert_false(is_enabled(c, NAMES("dbus.socket")));
        assert_true(is_enabled(c, NAMES("web@eu.service")));
        assert_false(is_enabled(c, NAMES("web.service")));
        assert_true(is_enabled(c, NAMES("app-x.slice")));
        assert_true(is_enabled(c, NAMES("db@1.service")));
        assert_false(is_enabled(c, NAMES("db@2.service")));
        assert_false(is_enabled(c, (const char *const[]){ NULL }));
}

static void test_the_first_file_that_matches_decides_alone(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        UnitSettings s;
        Tree *t = *state;

        tree_put(t, MAIN, "[Profilerd]\nUnits=a b\nFrequency=50\nInterval=30s\n");
        tree_put(t, UNITS "10.conf", "[Match]\nUnit=a\n[Profile]\nFrequency=10\nLabels=k=v\n");
        tree_put(t, UNITS "20.conf",
                 "[Match]\nUnit=*.service\n[Profile]\nEnable=no\nInterval=5s\n");
        c = load(t);

        config_get_unit_settings(c, NAMES("a.service"), &s);
        assert_true(s.enabled);
        assert_int_equal(s.frequency_hz, 10);
        assert_int_equal(s.interval_usec, 30 * USEC_PER_SEC);
        assert_int_equal(s.n_labels, 1);
        assert_string_equal(s.labels[0].value, "v");

        config_get_unit_settings(c, NAMES("b.service"), &s);
        assert_false(s.enabled);
        assert_int_equal(s.frequency_hz, 50);
        assert_int_equal(s.interval_usec, 5 * USEC_PER_SEC);
        assert_int_equal(s.n_labels, 0);
}

static void test_enable_names_units_that_are_to_be_followed(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ const char **patterns = NULL;
        Tree *t = *state;

        tree_put(t, MAIN, "[Profilerd]\nUnits=a\n");
        tree_put(t, UNITS "1.conf", "[Match]\nUnit=b c.slice\n[Profile]\nEnable=yes\n");
        tree_put(t, UNITS "2.conf", "[Match]\nUnit=d\n[Profile]\nFrequency=9\n");
        tree_put(t, UNITS "3.conf", "[Match]\nUnit=e\n[Profile]\nEnable=no\n");
        c = load(t);

        assert_true(is_enabled(c, NAMES("b.service")));
        assert_true(is_enabled(c, NAMES("c.slice")));
        assert_false(is_enabled(c, NAMES("d.service")));
        assert_false(is_enabled(c, NAMES("e.service")));

        patterns = config_get_patterns(c);
        assert_non_null(patterns);
        assert_string_equal(patterns[0], "a.service");
        assert_string_equal(patterns[1], "b.service");
        assert_string_equal(patterns[2], "c.slice");
        assert_string_equal(patterns[3], "e.service");
        assert_null(patterns[4]);
}

static void test_no_units_are_no_patterns(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ const char **patterns = NULL;
        Tree *t = *state;

        tree_put(t, MAIN, "[Profilerd]\nUnits=\n");
        c = load(t);
        patterns = config_get_patterns(c);
        assert_non_null(patterns);
        assert_null(patterns[0]);
        assert_false(is_enabled(c, NAMES("a.service")));
}

/* In per mille, to name the step that fails. */
static void test_a_larger_ratio_chooses_the_same_units_and_more(void **state) {
        enum { N_UNITS = 2000 };
        static const unsigned ratios[] = { 0, 1, 100, 300, 500, 900, 1000 };
        bool chosen[N_UNITS] = {};
        Tree *t = *state;

        for (size_t i = 0; i < ELEMENTSOF(ratios); i++) {
                _cleanup_(config_freep) Config *c = NULL;
                char text[64], name[64];
                unsigned n = 0;

                snprintf(text, sizeof(text), "[Profilerd]\nSamplingRatio=%u.%u%%\n", ratios[i] / 10,
                         ratios[i] % 10);
                tree_put(t, MAIN, text);
                c = load(t);
                for (unsigned k = 0; k < N_UNITS; k++) {
                        bool now;

                        snprintf(name, sizeof(name), "app-%u.service", k);
                        now = is_enabled(c, NAMES(name, "alias.service"));
                        assert_true(now || !chosen[k]);
                        chosen[k] = now;
                        n += now;
                }
                /* Five standard deviations of a fair choice are at most 112. */
                assert_in_range(n + 112, N_UNITS * ratios[i] / 1000,
                                N_UNITS * ratios[i] / 1000 + 224);
                if (ratios[i] == 0 || ratios[i] == 1000)
                        assert_int_equal(n, N_UNITS * ratios[i] / 1000);
        }
}

/* The choice is for good: another hash would exchange the profiled part of a fleet. */
static void test_the_choice_of_units_never_changes(void **state) {
        static const char expected[] = "011000011101100101101001";
        _cleanup_(config_freep) Config *c = NULL;
        Tree *t = *state;

        tree_put(t, MAIN, "[Profilerd]\nSamplingRatio=0.5\n");
        c = load(t);
        for (unsigned i = 0; expected[i] != '\0'; i++) {
                char name[64];

                snprintf(name, sizeof(name), "app-%u.service", i);
                assert_int_equal(is_enabled(c, NAMES(name)), expected[i] == '1');
        }
}

static void test_enabled_units_are_chosen_whatever_the_ratio(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        Tree *t = *state;

        tree_put(t, MAIN, "[Profilerd]\nUnits=*\nSamplingRatio=0\n");
        tree_put(t, UNITS "1.conf", "[Match]\nUnit=a\n[Profile]\nEnable=yes\n");
        tree_put(t, UNITS "2.conf", "[Match]\nUnit=b\n[Profile]\nFrequency=5\n");
        c = load(t);
        assert_true(is_enabled(c, NAMES("a.service")));
        assert_false(is_enabled(c, NAMES("b.service")));
        assert_false(is_enabled(c, NAMES("c.service")));
}

static void test_a_unit_has_the_types_of_its_file_or_those_of_the_daemon(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        UnitSettings settings;
        Tree *t = *state;

        tree_put(t, MAIN, "[Profilerd]\nUnits=*\n");
        tree_put(t, UNITS "1.conf", "[Match]\nUnit=a\n[Profile]\nType=offcpu\n");
        c = load(t);
        assert_true(config_wants_type(c, WINDOW_OFF_CPU));
        config_get_unit_settings(c, NAMES("a.service"), &settings);
        assert_int_equal(settings.types, CONFIG_TYPE(WINDOW_OFF_CPU));
        config_get_unit_settings(c, NAMES("b.service"), &settings);
        assert_int_equal(settings.types, CONFIG_TYPE(WINDOW_CPU));
}

static void test_the_text_shows_every_setting(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *text = NULL, *expected = NULL;
        Tree *t = *state;

        tree_put(t, MAIN,
                 "[Profilerd]\nUnits=a b@\nFrequency=7\nInterval=90\nSamplingRatio=30%\nLines=no\n"
                 "[Storage]\nMaxUse=1536M\nKeepFree=1000\nMaxRetentionSec=1h 30min\n"
                 "CompactAfter=12h\n");
        tree_put(t, UNITS "1.conf",
                 "[Match]\nUnit=a\n[Profile]\nEnable=1\nFrequency=9\nInterval=1d\nType=offcpu cpu\n"
                 "Labels='a=b \"c\" \\d'\nLabels=e=f\n");
        tree_put(t, UNITS "2.conf", "[Match]\nUnit=c\n");
        c = load(t);

        assert_int_equal(config_format(c, &text), 0);
        assert_true(
                asprintf(&expected,
                         "[Profilerd]\nUnits=a.service b@*.service\nFrequency=7\n"
                         "Interval=1min 30s\nType=cpu\nOffCPUThresholdSec=100us\n"
                         "OffCPUFrequency=200\nSamplingRatio=0.3\nLines=no\nUnwindMemoryMax=64M\n\n"
                         "[Sessions]\nMaxSessions=10\nMaxSessionsPerUser=4\n"
                         "MaxSessionFrequency=1000\nMaxSessionDurationSec=5min\n"
                         "SessionResultRetentionSec=10min\n\n"
                         "[Storage]\nMaxUse=1536M\nKeepFree=1000\nMaxRetentionSec=1h 30min\n"
                         "CompactAfter=12h\n\n"
                         "# %s" UNITS "1.conf\n[Match]\nUnit=a.service\n[Profile]\nEnable=yes\n"
                         "Frequency=9\nInterval=1d\nType=cpu offcpu\nLabels=\"a=b \\\"c\\\" "
                         "\\\\d\" \"e=f\"\n\n"
                         "# %s" UNITS "2.conf\n[Match]\nUnit=c.service\n[Profile]\n",
                         t->root, t->root) > 0);
        assert_string_equal(text, expected);
}

static void test_the_text_is_read_back_as_the_same_configuration(void **state) {
        _cleanup_(config_freep) Config *c = NULL, *again = NULL;
        _cleanup_free_ char *text = NULL, *text_again = NULL;
        Tree *t = *state;

        tree_put(t, MAIN, "[Profilerd]\nSamplingRatio=0.00001234\nUnits=a\\x2db *\n");
        c = load(t);
        assert_int_equal(config_format(c, &text), 0);
        tree_put(t, MAIN, text);
        again = load(t);
        assert_int_equal(config_format(again, &text_again), 0);
        assert_string_equal(text_again, text);
        assert_true(again->sampling_ratio == c->sampling_ratio);
}

static void test_freeing_nothing_is_allowed(void **state _unused_) {
        assert_null(config_free(NULL));
}

#define TREE_TEST(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TREE_TEST(test_units_are_enabled_by_any_of_their_names),
                TREE_TEST(test_the_first_file_that_matches_decides_alone),
                TREE_TEST(test_enable_names_units_that_are_to_be_followed),
                TREE_TEST(test_no_units_are_no_patterns),
                TREE_TEST(test_a_larger_ratio_chooses_the_same_units_and_more),
                TREE_TEST(test_the_choice_of_units_never_changes),
                TREE_TEST(test_enabled_units_are_chosen_whatever_the_ratio),
                TREE_TEST(test_a_unit_has_the_types_of_its_file_or_those_of_the_daemon),
                TREE_TEST(test_the_text_shows_every_setting),
                TREE_TEST(test_the_text_is_read_back_as_the_same_configuration),
                cmocka_unit_test(test_freeing_nothing_is_allowed),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
