/* SPDX-License-Identifier: Apache-2.0 */
/* Tests: Unit Selection */

#include "basic/string-util.h"
#include "bus/unit-selection.h"
#include "unit-test.h"

static UnitSelection *select_units(const char *const *patterns) {
        UnitSelection *s;

        assert_return_code(unit_selection_new(&s, patterns), 0);
        return s;
}

#define SELECT(...) select_units((const char *const[]){ __VA_ARGS__, NULL })

static void test_names_and_globs_are_kept_apart(void **state _unused_) {
        _cleanup_(unit_selection_freep) UnitSelection *s = SELECT(
                "b.service", "w*.service", "a.service", "b.service", "[ab].slice", "c?.scope");

        assert_int_equal(strv_length(unit_selection_get_names(s)), 2);
        assert_string_equal(unit_selection_get_names(s)[0], "b.service");
        assert_string_equal(unit_selection_get_names(s)[1], "a.service");
        assert_int_equal(strv_length(unit_selection_get_globs(s)), 3);
}

static void test_globs_match_whole_names(void **state _unused_) {
        _cleanup_(unit_selection_freep) UnitSelection *s =
                SELECT("web-*.service", "dev-\\x2d*.swap");

        assert_true(unit_selection_match(s, "web-1.service"));
        assert_false(unit_selection_match(s, "my-web-1.service"));
        assert_false(unit_selection_match(s, "web-1.service.slice"));
        /* a backslash is a character, not an escape */
        assert_true(unit_selection_match(s, "dev-\\x2da.swap"));
        assert_false(unit_selection_match(s, "dev-x2da.swap"));
        assert_false(unit_selection_has_name(s, "web-1.service"));
}

static void test_an_alias_matches_by_its_primary_name_once_resolved(void **state _unused_) {
        _cleanup_(unit_selection_freep) UnitSelection *s = SELECT("a.service", "www.service");
        _cleanup_(strv_freep) char **aliases = strv_copy(NULL);

        assert_false(unit_selection_match(s, "web.service"));
        assert_return_code(unit_selection_resolve(s, 1, "web.service"), 0);
        assert_true(unit_selection_match(s, "web.service"));
        assert_true(unit_selection_has_name(s, "web.service"));
        assert_false(unit_selection_has_name(s, "www.service"));

        assert_return_code(unit_selection_add_aliases(s, "web.service", &aliases), 0);
        assert_return_code(unit_selection_add_aliases(s, "web.service", &aliases), 0);
        assert_return_code(unit_selection_add_aliases(s, "a.service", &aliases), 0);
        assert_int_equal(strv_length(aliases), 1);
        assert_string_equal(aliases[0], "www.service");
}

static void test_nothing_selects_nothing(void **state _unused_) {
        _cleanup_(unit_selection_freep) UnitSelection *s = select_units(NULL);

        assert_false(unit_selection_match(s, "a.service"));
        assert_null(unit_selection_get_names(s)[0]);
        assert_null(unit_selection_get_globs(s)[0]);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names_and_globs_are_kept_apart),
                cmocka_unit_test(test_globs_match_whole_names),
                cmocka_unit_test(test_an_alias_matches_by_its_primary_name_once_resolved),
                cmocka_unit_test(test_nothing_selects_nothing),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
