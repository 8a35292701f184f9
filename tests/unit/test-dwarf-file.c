/* SPDX-License-Identifier: Apache-2.0 */
/* DWARF File: which sections are taken, and at what size they are refused */

#include "elf-fixture.h"
#include "elf/dwarf-file.h"

static int open_error(const char *dir, const char *name) {
        _cleanup_(dwarf_file_freep) DwarfFile *d = NULL;
        _cleanup_(elf_file_freep) ElfFile *f = fixture_elf(dir, name);

        return dwarf_file_new(&d, f);
}

static void test_a_file_without_dwarf_has_none(void **state) {
        if (!run("cd %s && cc -O1 -o none program.c", (char *) *state))
                skip();
        assert_int_equal(open_error(*state, "none"), -ENODATA);
}

/* A few bytes that stand for more than the limit: 600 MB of zeros. */
static void test_a_bomb_is_refused(void **state) {
        if (!run("cd %s && cc -O1 -g -o full program.c && "
                 "head -c 600000000 /dev/zero > zeros && "
                 "objcopy --update-section .debug_str=zeros full large && "
                 "objcopy --compress-debug-sections=zlib large bomb && rm zeros large",
                 (char *) *state))
                skip();
        assert_int_equal(open_error(*state, "bomb"), -E2BIG);
}

/* libdw is given what it reads, and no name of a file that it could open. */
static void test_units_can_be_read_after_all_was_forgotten(void **state) {
        _cleanup_(dwarf_file_freep) DwarfFile *d = NULL;
        _cleanup_(elf_file_freep) ElfFile *f = NULL;
        Dwarf_Off next;
        size_t size;

        if (!run("cd %s && cc -O1 -g -o full program.c", (char *) *state))
                skip();
        f = fixture_elf(*state, "full");
        assert_int_equal(dwarf_file_new(&d, f), 0);
        assert_int_equal(dwarf_file_forget(d), 0);
        assert_int_equal(dwarf_next_unit(dwarf_file_get(d), 0, &next, &size, NULL, NULL, NULL, NULL,
                                         NULL, NULL),
                         0);
        assert_true(size > 0 && next > size);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_file_without_dwarf_has_none),
                cmocka_unit_test(test_a_bomb_is_refused),
                cmocka_unit_test(test_units_can_be_read_after_all_was_forgotten),
        };

        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
