/* SPDX-License-Identifier: Apache-2.0 */
/* Names of Functions: what is not in .symtab, compared with what binutils say of the same file */

#include "elf-fixture.h"
#include "unit-test.h"

static void assert_has_hidden(const IndexFile *f, const char *dir) {
        _cleanup_free_ char *command = NULL;
        unsigned long long address = 0;
        IndexName name;
        FILE *nm;

        assert_return_code(asprintf(&command, "nm %s/full | grep ' t hidden$'", dir), errno);
        nm = popen(command, "r");
        assert_non_null(nm);
        assert_int_equal(fscanf(nm, "%llx", &address), 1);
        pclose(nm);
        assert_true(index_file_find_name(f, address, &name));
        assert_string_equal(name.name, "hidden");
}

static void test_a_stripped_file_is_named_by_what_it_carries_packed(void **state) {
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        const char *dir = *state;

        if (!run("cd %s && cc -O1 -o full program.c && strip -o stripped full && "
                 "objcopy -S --keep-symbol=hidden full mini && xz -kf mini && "
                 "objcopy --add-section .gnu_debugdata=mini.xz stripped packed",
                 dir))
                skip();
        f = fixture_index(dir, "packed", NULL);
        assert_true(index_file_get_sources(f) & INDEX_SOURCE_MINI_DEBUG);
        assert_has_hidden(f, dir);
}

static void test_a_stripped_file_is_named_by_its_debug_file(void **state) {
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        const char *dir = *state;

        if (!run("cd %s && cc -O1 -o full program.c && strip -o stripped full && "
                 "objcopy --only-keep-debug full debug",
                 dir))
                skip();
        f = fixture_index(dir, "stripped", "debug");
        assert_true(index_file_get_sources(f) & INDEX_SOURCE_DEBUG_FILE);
        assert_has_hidden(f, dir);
}

/* 64 KiB of xz that stand for 70 MiB; and what is no xz at all. The names that are there stay. */
static void test_packed_symbols_that_burst_are_left_alone(void **state) {
        const char *dir = *state;

        if (!run("cd %s && cc -O1 -o full program.c && strip -o stripped full && "
                 "head -c 70M /dev/zero | xz -0 > bomb.xz && echo none > none.xz && "
                 "objcopy --add-section .gnu_debugdata=bomb.xz stripped bomb && "
                 "objcopy --add-section .gnu_debugdata=none.xz stripped none",
                 dir))
                skip();
        for (size_t i = 0; i < 2; i++) {
                _cleanup_(index_file_unrefp) IndexFile *f = NULL;

                f = fixture_index(dir, i == 0 ? "bomb" : "none", NULL);
                assert_int_equal(index_file_get_sources(f) & INDEX_SOURCE_MINI_DEBUG, 0);
                assert_true(index_file_get_sources(f) & INDEX_SOURCE_PLT);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_stripped_file_is_named_by_what_it_carries_packed),
                cmocka_unit_test(test_a_stripped_file_is_named_by_its_debug_file),
                cmocka_unit_test(test_packed_symbols_that_burst_are_left_alone),
        };

        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
