/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the Flame Graph; what a browser makes of it is a system test */

#include "export-fixture.h"

#include "profile/flame.h"

enum { CPU = 1 };

static char *draw(ReportFixture *f, FlameOptions o) {
        _cleanup_(call_tree_freep) CallTree *t = NULL;
        char *text = NULL;
        size_t size;

        o.title = o.title ?: "title";
        o.subtitle = "subtitle";
        o.unit = "nanoseconds";
        assert_return_code(call_tree_new(&t, NULL), 0);
        assert_return_code(call_tree_add(t, f->profile, CPU, CALL_TREE_VALUE), 0);
        assert_return_code(flame_encode(t, &o, &text, &size), 0);
        profile_free(f->profile);
        assert_int_equal(strlen(text), size);
        return text;
}

static size_t count(const char *text, const char *part) {
        size_t n = 0;

        for (const char *s = text; (s = strstr(s, part)); s += strlen(part))
                n++;
        return n;
}

static void test_each_function_of_a_path_is_a_frame(void **state) {
        _cleanup_free_ char *text = NULL;
        ReportFixture f;

        (void) state;
        export_fixture_init(&f);
        text = draw(&f, (FlameOptions){ .format = FLAME_HTML });
        assert_int_equal(count(text, "<g class=\"f "), 5); /* with "all" */
        assert_int_equal(count(text, "<g class=\"f ck\""), 1);
        assert_non_null(strstr(text, "<title>work\nworker\n"));
        assert_non_null(strstr(text, "width=\"91.6667%\""));
        assert_non_null(strstr(text, "91.67%, self 50.00%"));
}

static void test_what_is_too_small_is_folded_and_counted(void **state) {
        _cleanup_free_ char *text = NULL;
        ReportFixture f;

        (void) state;
        export_fixture_init(&f);
        report_fixture_add(&f, 100000, "a", 1, FRAME_INLINE, -1);
        text = draw(&f, (FlameOptions){ .format = FLAME_HTML });
        assert_int_equal(count(text, "<g class=\"f "), 3);
        assert_non_null(strstr(text, "3 frames; 4 under 0.1 % of the whole are folded"));
}

static void test_hostile_names_stay_text_in_both_formats(void **state) {
        (void) state;
        for (FlameFormat format = FLAME_HTML; format <= FLAME_SVG; format++) {
                _cleanup_free_ char *text = NULL;
                ReportFixture f;

                hostile_fixture_init(&f);
                text = draw(&f, (FlameOptions){ .format = format, .title = HOSTILE_SCRIPT });
                assert_int_equal(count(text, "<script>"), 1);
                assert_int_equal(count(text, "</script>"), 1);
                assert_null(strstr(text, "alert(1)</script>"));
                assert_non_null(strstr(text, "&#60;/script&#62;"));
        }
}

static void test_no_address_of_another_host_is_used(void **state) {
        (void) state;
        for (FlameFormat format = FLAME_HTML; format <= FLAME_SVG; format++) {
                _cleanup_free_ char *text = NULL;
                ReportFixture f;

                export_fixture_init(&f);
                text = draw(&f, (FlameOptions){ .format = format });
                /* Names of XML look like addresses, too. */
                assert_int_equal(count(text, "http"),
                                 count(text, "http://www.w3.org/") + count(text, "http-equiv"));
                assert_null(strstr(text, "src=\""));
                assert_null(strstr(text, "url("));
                assert_null(strstr(text, "@import"));
        }
}

static void test_a_difference_is_shown_by_colour_and_by_mark(void **state) {
        DiffRule rule = { .scale_before = 1, .scale_after = 1 };
        _cleanup_(call_tree_freep) CallTree *t = NULL;
        _cleanup_free_ char *text = NULL;
        ReportFixture before, after;
        size_t size;

        (void) state;
        report_fixture_init(&before, 0, 0);
        report_fixture_add(&before, 10, "a", 1, FRAME_WORK, FRAME_MAIN, -1);
        report_fixture_add(&before, 10, "a", 1, FRAME_COPY, FRAME_MAIN, -1);
        report_fixture_init(&after, 0, 0);
        report_fixture_add(&after, 30, "a", 1, FRAME_WORK, FRAME_MAIN, -1);
        report_fixture_add(&after, 5, "a", 1, FRAME_COPY, FRAME_MAIN, -1);
        report_fixture_add(&after, 5, "a", 1, FRAME_NONAME, FRAME_MAIN, -1);
        assert_return_code(call_tree_new(&t, NULL), 0);
        assert_return_code(call_tree_add(t, before.profile, CPU, CALL_TREE_BASE), 0);
        assert_return_code(call_tree_add(t, after.profile, CPU, CALL_TREE_VALUE), 0);
        assert_return_code(flame_encode(t,
                                        &(FlameOptions){ .title = "t",
                                                         .subtitle = "s",
                                                         .unit = "nanoseconds",
                                                         .diff = &rule },
                                        &text, &size),
                           0);
        assert_non_null(strstr(text, "data-label=\"▲ work\""));
        assert_non_null(strstr(text, "data-label=\"▼ copy\""));
        assert_non_null(strstr(text, "data-label=\"★ [libz.so.1]\""));
        assert_non_null(strstr(text, "<g class=\"f more3\""));
        assert_non_null(strstr(text, "<g class=\"f less2\""));
        assert_non_null(strstr(text, "<g class=\"f new\""));
        profile_free(before.profile);
        profile_free(after.profile);
}

static void test_an_empty_profile_is_no_graph(void **state) {
        _cleanup_(call_tree_freep) CallTree *t = NULL;
        char *text = NULL;
        size_t size;

        (void) state;
        assert_return_code(call_tree_new(&t, NULL), 0);
        assert_int_equal(
                flame_encode(t, &(FlameOptions){ .title = "", .subtitle = "" }, &text, &size),
                -ENODATA);
}

static void test_the_deepest_levels_are_folded(void **state) {
        _cleanup_free_ char *text = NULL;
        uint32_t stack[FLAME_LEVELS_MAX + 100];
        const int64_t values[] = { 1, 10 };
        ReportFixture f;

        (void) state;
        report_fixture_init(&f, 0, 0);
        for (size_t i = 0; i < ELEMENTSOF(stack); i++)
                stack[i] = f.frames[FRAME_WORK];
        assert_return_code(
                profile_add_sample(f.profile, &(ProfileSample){ .locations = stack,
                                                                .n_locations = ELEMENTSOF(stack),
                                                                .values = values }),
                0);
        text = draw(&f, (FlameOptions){ .format = FLAME_SVG });
        assert_int_equal(count(text, "<g class=\"f "), FLAME_LEVELS_MAX);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_function_of_a_path_is_a_frame),
                cmocka_unit_test(test_what_is_too_small_is_folded_and_counted),
                cmocka_unit_test(test_hostile_names_stay_text_in_both_formats),
                cmocka_unit_test(test_no_address_of_another_host_is_used),
                cmocka_unit_test(test_a_difference_is_shown_by_colour_and_by_mark),
                cmocka_unit_test(test_an_empty_profile_is_no_graph),
                cmocka_unit_test(test_the_deepest_levels_are_folded),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
