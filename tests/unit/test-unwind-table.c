/* SPDX-License-Identifier: Apache-2.0 */
/* Unwind Table: stretches become pages that need no other */

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "elf/unwind-table.h"

static struct unwind_rule rule(int32_t offset) {
        return (struct unwind_rule){ .kind = UNWIND_CFA_REGISTER, .offset = offset };
}

static void add(UnwindTable *t, uint64_t start, uint64_t end, int32_t offset) {
        struct unwind_rule r = rule(offset);

        assert_int_equal(unwind_table_add(t, start, end, &r), 0);
}

/* CFA offset in force; 0: not covered. */
static int32_t find(const UnwindTable *t, uint64_t address) {
        size_t n_pages, n_rows, n_rules, page = (address - unwind_table_get_start(t)) / 4096;
        const IndexUnwindPage *pages = unwind_table_get_pages(t, &n_pages);
        const IndexUnwindRow *rows = unwind_table_get_rows(t, &n_rows);
        const struct unwind_rule *rules = unwind_table_get_rules(t, &n_rules);
        int32_t found = 0;

        assert_true(page < n_pages);
        for (size_t i = 0; i < pages[page].n_rows; i++) {
                const IndexUnwindRow *row = &rows[pages[page].first_row + i];

                if (i == 0)
                        assert_int_equal(row->offset, 0);
                if (row->offset <= address % 4096)
                        found = rules[row->rule].offset;
        }
        return found;
}

static void test_each_page_begins_with_the_rule_in_force(void **state) {
        _cleanup_(unwind_table_freep) UnwindTable *t = NULL;
        size_t n;

        assert_int_equal(unwind_table_new(&t), 0);
        add(t, 0x401234, 0x401300, 8);
        add(t, 0x401300, 0x403010, 16); /* over two borders */
        add(t, 0x406000, 0x406020, 8);
        assert_int_equal(unwind_table_finish(t), 0);

        assert_int_equal(unwind_table_get_start(t), 0x401000);
        assert_int_equal(find(t, 0x401233), 0);
        assert_int_equal(find(t, 0x401234), 8);
        assert_int_equal(find(t, 0x4012ff), 8);
        assert_int_equal(find(t, 0x401300), 16);
        assert_int_equal(find(t, 0x402000), 16);
        assert_int_equal(find(t, 0x402fff), 16);
        assert_int_equal(find(t, 0x40300f), 16);
        assert_int_equal(find(t, 0x403010), 0);
        assert_int_equal(find(t, 0x406000), 8);
        assert_int_equal(find(t, 0x406020), 0);
        assert_int_equal(unwind_table_get_pages(t, &n)[3].n_rows, 0);
        assert_int_equal(n, 6);
        (void) unwind_table_get_rules(t, &n);
        assert_int_equal(n, 4); /* not covered, refused, 8, 16 */
        assert_int_equal(unwind_table_get_covered(t), 0x403010 - 0x401234 + 0x20);
}

static void test_equal_neighbours_are_one_row(void **state) {
        _cleanup_(unwind_table_freep) UnwindTable *t = NULL;
        size_t n;

        assert_int_equal(unwind_table_new(&t), 0);
        add(t, 0x1000, 0x1010, 8);
        unwind_table_extend(t, 0x1010, 0x1020);
        add(t, 0x1020, 0x1030, 8);
        unwind_table_extend(t, 0x1040, 0x1050); /* touches nothing: no rule */
        assert_int_equal(unwind_table_finish(t), 0);
        (void) unwind_table_get_rows(t, &n);
        assert_int_equal(n, 2);
        assert_int_equal(find(t, 0x102f), 8);
        assert_int_equal(find(t, 0x1045), 0);
}

static void test_a_lost_function_leaves_nothing(void **state) {
        _cleanup_(unwind_table_freep) UnwindTable *t = NULL;
        UnwindMark mark;

        assert_int_equal(unwind_table_new(&t), 0);
        add(t, 0x1000, 0x1010, 8);
        mark = unwind_table_get_mark(t);
        add(t, 0x1010, 0x1018, 16);
        add(t, 0x1018, 0x1020, 24);
        unwind_table_return(t, &mark);
        add(t, 0x1014, 0x1020, 32);
        assert_int_equal(unwind_table_finish(t), 0);
        assert_int_equal(find(t, 0x1011), 0);
        assert_int_equal(find(t, 0x1018), 32);
        assert_int_equal(unwind_table_get_covered(t), 0x1c);
}

static void test_limits_are_refused(void **state) {
        const uint64_t room = (uint64_t) INDEX_UNWIND_PAGES_MAX * INDEX_UNWIND_PAGE_SIZE;
        _cleanup_(unwind_table_freep) UnwindTable *t = NULL;
        struct unwind_rule r = rule(8);
        uint64_t at = 0x1000;

        assert_int_equal(unwind_table_new(&t), 0);
        add(t, at, at + 1, 8);
        assert_int_equal(unwind_table_add(t, at + room, at + room + 1, &r), -E2BIG);
        for (int32_t i = 0; i < INDEX_UNWIND_RULES_MAX - 3; i++, at++)
                add(t, at + 1, at + 2, 16 + i);
        r = rule(-1);
        assert_int_equal(unwind_table_add(t, at + 1, at + 2, &r), -ENOSPC);
        add(t, at + 1, at + 2, 16);
        assert_int_equal(unwind_table_finish(t), 0);
}

static void test_nothing_has_no_pages(void **state) {
        _cleanup_(unwind_table_freep) UnwindTable *t = NULL;
        size_t n;

        assert_int_equal(unwind_table_new(&t), 0);
        assert_int_equal(unwind_table_finish(t), 0);
        (void) unwind_table_get_pages(t, &n);
        assert_int_equal(n, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_page_begins_with_the_rule_in_force),
                cmocka_unit_test(test_equal_neighbours_are_one_row),
                cmocka_unit_test(test_a_lost_function_leaves_nothing),
                cmocka_unit_test(test_limits_are_refused),
                cmocka_unit_test(test_nothing_has_no_pages),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
