/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Labels */

#include "unit-test.h"
#include "upload/labels.h"
#include "upload/target.h"

static const LabelHost host = { .name = "h1", .machine_id = "aabb" };

static StoreEntry entry(const char *unit) {
        return (StoreEntry){
                .unit = (char *) unit, .type = (char *) "cpu", .start_usec = 10, .duration_usec = 5
        };
}

static Profile *profile(const char *second_color) {
        static const ProfileValueType types[] = { { "cpu", "nanoseconds" } };
        const int64_t value = 1;
        Profile *p;

        assert_return_code(profile_new(&p, types, 1), 0);
        assert_return_code(profile_add_comment(p, "slice: our.slice"), 0);
        assert_return_code(profile_add_comment(p, "invocation-id: 1234"), 0);
        for (unsigned i = 0; i < 2; i++) {
                const ProfileLabel labels[] = {
                        { .key = "thread", .string = "main" },
                        { .key = "team", .string = "blue" },
                        { .key = "color", .string = i == 0 ? "red" : second_color },
                        { .key = "pid", .number = 17 + i },
                };
                const ProfileSample s = { .values = &value,
                                          .labels = labels,
                                          .n_labels = ELEMENTSOF(labels) };

                assert_return_code(profile_add_sample(p, &s), 0);
        }
        return p;
}

static void make(LabelSet *s, const UploadTarget *t, const char *unit, Profile *p) {
        const StoreEntry e = entry(unit);
        LabelWords w;

        assert_return_code(label_words_init(&w, &host, &e, p, "d1g357"), 0);
        assert_return_code(label_set_init(s, t, &w, p), 0);
        label_words_done(&w);
}

static void test_a_unit_is_a_service_by_its_name(void **state) {
        static const char *const names[][2] = {
                { "nginx.service", "nginx" },
                { "getty@tty1.service", "getty@tty1" },
                { "our.slice", "our.slice" },
                { "odd", "odd" },
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(label_set_done) LabelSet s;

                make(&s, &(UploadTarget){}, names[i][0], NULL);
                assert_string_equal(label_set_get(&s, "service_name"), names[i][1]);
                assert_string_equal(label_set_get(&s, "unit"), names[i][0]);
                assert_string_equal(label_set_get(&s, "host"), "h1");
                assert_string_equal(label_set_get(&s, "machine_id"), "aabb");
                assert_null(label_set_get(&s, "boot_id"));
                assert_null(label_set_get(&s, "slice"));
        }
}

static void test_what_all_samples_share_is_a_label_but_for_the_thread(void **state) {
        _cleanup_(profile_freep) Profile *p = profile("green");
        _cleanup_(label_set_done) LabelSet s;

        make(&s, &(UploadTarget){}, "a.service", p);
        assert_string_equal(label_set_get(&s, "team"), "blue");
        assert_string_equal(label_set_get(&s, "slice"), "our.slice");
        assert_null(label_set_get(&s, "color"));
        assert_null(label_set_get(&s, "thread"));
        assert_null(label_set_get(&s, "pid"));
}

static void test_the_target_has_the_last_word(void **state) {
        UploadLabel labels[] = {
                { (char *) "service_name", (char *) "{instance}-{slice}-{invocation_id}" },
                { (char *) "team", (char *) "" },
                { (char *) "when", (char *) "{start} {end} {type} {id}" },
        };
        const UploadTarget t = { .labels = labels, .n_labels = ELEMENTSOF(labels) };
        _cleanup_(profile_freep) Profile *p = profile("red");
        _cleanup_(label_set_done) LabelSet s;

        make(&s, &t, "x@one.service", p);
        assert_string_equal(label_set_get(&s, "service_name"), "one-our.slice-1234");
        assert_null(label_set_get(&s, "team"));
        assert_string_equal(label_set_get(&s, "color"), "red");
        assert_string_equal(label_set_get(&s, "when"), "10 15 cpu d1g357");
}

static void test_a_set_is_sorted_and_has_each_name_once(void **state) {
        _cleanup_(label_set_done) LabelSet s = {};

        assert_return_code(label_set_put(&s, "b", "1"), 0);
        assert_return_code(label_set_put(&s, "a", "2"), 0);
        assert_return_code(label_set_put(&s, "b", "3\xff"), 0);
        assert_int_equal(s.n, 2);
        assert_string_equal(s.labels[0].name, "a");
        assert_string_equal(s.labels[1].value, "3?");
        assert_return_code(label_set_put(&s, "a", ""), 0);
        assert_int_equal(s.n, 1);
}

static void test_a_set_has_a_limit(void **state) {
        _cleanup_(label_set_done) LabelSet s = {};
        char name[16];

        for (unsigned i = 0; i < LABELS_MAX; i++) {
                snprintf(name, sizeof(name), "l%u", i);
                assert_return_code(label_set_put(&s, name, "x"), 0);
        }
        assert_int_equal(label_set_put(&s, "more", "x"), -E2BIG);
        assert_return_code(label_set_put(&s, "l1", "y"), 0);
}

static void test_names_are_what_all_engines_take(void **state) {
        static const char *const good[] = { "a", "_a9", "A_b" };
        static const char *const bad[] = { "", "9a", "a-b", "a.b", "a b", "\xc3\xa4" };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(label_name_is_valid(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(label_name_is_valid(bad[i]));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_unit_is_a_service_by_its_name),
                cmocka_unit_test(test_what_all_samples_share_is_a_label_but_for_the_thread),
                cmocka_unit_test(test_the_target_has_the_last_word),
                cmocka_unit_test(test_a_set_is_sorted_and_has_each_name_once),
                cmocka_unit_test(test_a_set_has_a_limit),
                cmocka_unit_test(test_names_are_what_all_engines_take),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
