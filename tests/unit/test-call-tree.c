/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the Call Tree and of the Frame Table below it */

#include "export-fixture.h"

#include "profile/call-tree.h"

enum { CPU = 1 };

static CallTree *make_tree(const CallTreeOptions *options) {
        ReportFixture f;
        CallTree *t;

        export_fixture_init(&f);
        assert_return_code(call_tree_new(&t, options), 0);
        assert_return_code(call_tree_add(t, f.profile, CPU, CALL_TREE_VALUE), 0);
        assert_return_code(call_tree_sort(t), 0);
        profile_free(f.profile);
        return t;
}

static const char *name_of(const CallTree *t, uint32_t node) {
        Frame f;

        frame_table_get(call_tree_get_frames(t), call_tree_get(t, node)->frame, &f);
        return f.name;
}

static uint32_t find(const CallTree *t, uint32_t parent, const char *name) {
        for (uint32_t c = call_tree_get(t, parent)->first_child; c != PROFILE_NONE;
             c = call_tree_get(t, c)->next_sibling)
                if (streq(name_of(t, c), name))
                        return c;
        fail_msg("no '%s'", name);
        return 0;
}

static void test_stacks_with_the_same_path_are_one(void **state) {
        _cleanup_(call_tree_freep) CallTree *t = make_tree(NULL);
        uint32_t main_node = find(t, 0, "main"), work = find(t, main_node, "work"),
                 copy = find(t, work, "copy");

        (void) state;
        assert_int_equal(call_tree_size(t), 5);
        assert_int_equal(call_tree_get(t, 0)->total[CALL_TREE_VALUE], 120);
        assert_int_equal(call_tree_get(t, main_node)->self[CALL_TREE_VALUE], 0);
        assert_int_equal(call_tree_get(t, work)->self[CALL_TREE_VALUE], 60);
        assert_int_equal(call_tree_get(t, work)->total[CALL_TREE_VALUE], 110);
        assert_int_equal(call_tree_get(t, copy)->self[CALL_TREE_VALUE], 50);
}

static void test_brothers_stand_by_value(void **state) {
        _cleanup_(call_tree_freep) CallTree *t = make_tree(NULL);
        uint32_t main_node = find(t, 0, "main"), first = call_tree_get(t, main_node)->first_child;

        (void) state;
        assert_string_equal(name_of(t, first), "work");
        assert_string_equal(name_of(t, call_tree_get(t, first)->next_sibling), "[libz.so.1]");
}

static void test_inverted_the_leaf_is_the_root(void **state) {
        _cleanup_(call_tree_freep) CallTree *t = make_tree(&(CallTreeOptions){ .invert = true });
        uint32_t copy = find(t, 0, "copy");

        (void) state;
        assert_int_equal(call_tree_get(t, copy)->total[CALL_TREE_VALUE], 50);
        find(t, find(t, copy, "work"), "main");
        assert_int_equal(call_tree_get(t, find(t, 0, "work"))->total[CALL_TREE_VALUE], 60);
}

static bool is_copy(const Frame *f, void *userdata) {
        (void) userdata;
        return streq(f->name, "copy");
}

static bool is_work(const Frame *f, void *userdata) {
        (void) userdata;
        return streq(f->name, "work");
}

static void test_focus_keeps_stacks_and_hide_drops_frames(void **state) {
        _cleanup_(call_tree_freep) CallTree *t =
                make_tree(&(CallTreeOptions){ .focus = is_copy, .hide = is_work });

        (void) state;
        assert_int_equal(call_tree_size(t), 3);
        assert_int_equal(call_tree_get(t, 0)->total[CALL_TREE_VALUE], 50);
        find(t, find(t, 0, "main"), "copy");
}

static void test_the_other_side_has_values_of_its_own(void **state) {
        _cleanup_(call_tree_freep) CallTree *t = make_tree(NULL);
        const CallNode *root, *outer;
        ReportFixture f;

        (void) state;
        report_fixture_init(&f, 0, 0);
        report_fixture_add(&f, 5, "a", 1, FRAME_WORK, FRAME_MAIN, -1);
        report_fixture_add(&f, 2, "a", 1, FRAME_INLINE, FRAME_MAIN, -1);
        assert_return_code(call_tree_add(t, f.profile, CPU, CALL_TREE_BASE), 0);
        profile_free(f.profile);

        root = call_tree_get(t, 0);
        assert_int_equal(root->total[CALL_TREE_VALUE], 120);
        assert_int_equal(root->total[CALL_TREE_BASE], 70);
        outer = call_tree_get(t, find(t, find(t, 0, "main"), "outer"));
        assert_int_equal(outer->total[CALL_TREE_VALUE], 0);
        assert_int_equal(outer->total[CALL_TREE_BASE], 20);
}

static void test_inlined_functions_are_frames_below_their_caller(void **state) {
        _cleanup_(call_tree_freep) CallTree *t = NULL;
        ReportFixture f;
        uint32_t outer, inner;

        (void) state;
        report_fixture_init(&f, 0, 0);
        report_fixture_add(&f, 1, "a", 1, FRAME_INLINE, -1);
        assert_return_code(call_tree_new(&t, NULL), 0);
        assert_return_code(call_tree_add(t, f.profile, CPU, CALL_TREE_VALUE), 0);
        profile_free(f.profile);
        outer = find(t, 0, "outer");
        inner = find(t, outer, "inner");
        assert_false(call_tree_get(t, outer)->inlined);
        assert_true(call_tree_get(t, inner)->inlined);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stacks_with_the_same_path_are_one),
                cmocka_unit_test(test_brothers_stand_by_value),
                cmocka_unit_test(test_inverted_the_leaf_is_the_root),
                cmocka_unit_test(test_focus_keeps_stacks_and_hide_drops_frames),
                cmocka_unit_test(test_the_other_side_has_values_of_its_own),
                cmocka_unit_test(test_inlined_functions_are_frames_below_their_caller),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
