/* SPDX-License-Identifier: Apache-2.0 */
/* Which files of a profile have names */

#include "basic/string-util.h"
#include "profile/profile-symbols.h"
#include "report-fixture.h"
#include "unit-test.h"

enum { CPU = 1 };

static void fill(ReportFixture *f) {
        report_fixture_init(f, 0, 1000);
        report_fixture_add(f, 6, NULL, 0, FRAME_WORK, FRAME_MAIN, -1);
        report_fixture_add(f, 3, NULL, 0, FRAME_COPY, FRAME_WORK, FRAME_MAIN, -1);
        report_fixture_add(f, 1, NULL, 0, FRAME_NONAME, FRAME_MAIN, -1);
}

static const SymbolsRow *find(const SymbolsRow *rows, size_t n, const char *file) {
        for (size_t i = 0; i < n; i++)
                if (streq(rows[i].file, file))
                        return &rows[i];
        fail();
        return NULL;
}

static void test_each_file_has_its_share_and_its_names(void **state) {
        const SymbolsRow *library;
        SymbolsRow *rows;
        ReportFixture f;
        size_t n;

        fill(&f);
        assert_return_code(profile_symbols(f.profile, CPU, &rows, &n), 0);
        assert_int_equal(n, 3);
        assert_string_equal(rows[0].file, "/usr/bin/worker");
        assert_int_equal(rows[0].self, 60);
        assert_int_equal(rows[0].frames, 6 + 6 + 3 + 3 + 1);
        assert_int_equal(rows[0].named, rows[0].frames);
        assert_true(find(rows, n, "[kernel.kallsyms]")->kernel);
        library = find(rows, n, "/usr/lib/libz.so.1");
        assert_int_equal(library->self, 10);
        assert_int_equal(library->unnamed, 10);
        assert_int_equal(library->named, 0);
        symbols_rows_free(rows, n);
        profile_free(f.profile);
}

static void test_comments_tell_the_source(void **state) {
        SymbolsRow *rows;
        ReportFixture f;
        size_t n;

        fill(&f);
        assert_return_code(profile_add_comment(f.profile, "names: symtab /usr/bin/worker"), 0);
        assert_return_code(profile_add_comment(f.profile, "names: dynsym /usr/lib/libz.so.1"), 0);
        assert_return_code(profile_add_comment(f.profile, "names: broken"), 0);
        assert_return_code(profile_add_comment(f.profile, "names: symtab /usr/lib/other"), 0);
        assert_return_code(profile_symbols(f.profile, CPU, &rows, &n), 0);
        assert_string_equal(find(rows, n, "/usr/bin/worker")->sources, "symtab");
        assert_string_equal(find(rows, n, "/usr/lib/libz.so.1")->sources, "dynsym");
        assert_string_equal(find(rows, n, "[kernel.kallsyms]")->sources, "");
        symbols_rows_free(rows, n);
        profile_free(f.profile);
}

static void test_files_and_memory_are_told_apart(void **state) {
        const struct {
                char *file;
                bool is_file, is_memory;
        } cases[] = {
                { (char[]){ "/usr/bin/a" }, true, false },
                { (char[]){ "//anon" }, false, true },
                { (char[]){ "[anon:js]" }, false, true },
                { (char[]){ "/memfd:doublemapper" }, false, true },
                { (char[]){ "[vdso]" }, false, false },
                { (char[]){ "" }, false, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const SymbolsRow row = { .file = cases[i].file };

                assert_int_equal(symbols_row_is_file(&row), cases[i].is_file);
                assert_int_equal(symbols_row_is_memory(&row), cases[i].is_memory);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_file_has_its_share_and_its_names),
                cmocka_unit_test(test_comments_tell_the_source),
                cmocka_unit_test(test_files_and_memory_are_told_apart),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
