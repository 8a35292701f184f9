/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of an ELF File: where they come from, and what the index says of it */

#include "elf-fixture.h"

static void assert_line_of_main(const IndexFile *f, bool expected) {
        IndexFrame frames[INDEX_FRAMES_MAX];
        bool found = false;

        for (uint64_t a = 0; a < 0x10000 && !found; a++) {
                size_t n = index_file_find_frames(f, a, frames);

                found = n > 0 && streq(frames[n - 1].name, "main") && frames[n - 1].line > 0;
        }
        assert_int_equal(found, expected);
}

static void test_the_debug_file_has_the_lines_of_a_stripped_file(void **state) {
        _cleanup_(index_file_unrefp) IndexFile *alone = NULL, *both = NULL;
        const char *dir = *state;

        if (!run("cd %s && cc -O1 -g -o full program.c && strip -o stripped full && "
                 "objcopy --only-keep-debug full debug",
                 dir))
                skip();
        alone = fixture_index(dir, "stripped", NULL);
        assert_int_equal(index_file_get_line_info(alone)->state, INDEX_LINES_NONE);
        assert_line_of_main(alone, false);
        both = fixture_index(dir, "stripped", "debug");
        assert_int_equal(index_file_get_line_info(both)->state, INDEX_LINES_WHOLE);
        assert_int_equal(index_file_get_line_info(both)->sources, INDEX_LINES_DEBUG_FILE);
        assert_line_of_main(both, true);
}

static void test_what_is_not_wanted_is_not_read(void **state) {
        static const uint8_t hash[INDEX_CONTENT_HASH_SIZE] = { 1 };
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        _cleanup_(elf_file_freep) ElfFile *elf = NULL;
        _cleanup_close_ int fd = -EBADF;

        if (!run("cd %s && cc -O1 -g -o full program.c", (char *) *state))
                skip();
        elf = fixture_elf(*state, "full");
        fd = memfd_create("index", MFD_CLOEXEC);
        assert_int_equal(elf_index_write(&(ElfIndexInput){ .file = elf, .hash = hash }, fd), 0);
        assert_int_equal(index_file_open(&f, fd, hash), 0);
        assert_int_equal(index_file_get_line_info(f)->state, INDEX_LINES_OFF);
        assert_line_of_main(f, false);
}

/* Names do not suffer from what is wrong with lines. */
static void test_damaged_lines_leave_the_names(void **state) {
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        const char *dir = *state;

        if (!run("cd %s && cc -O1 -g -o full program.c && head -c 3000 /dev/urandom > noise && "
                 "objcopy --update-section .debug_info=noise full damaged",
                 dir))
                skip();
        f = fixture_index(dir, "damaged", NULL);
        assert_true(index_file_n_functions(f) > 5);
        assert_true(index_file_get_line_info(f)->state != INDEX_LINES_NONE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_debug_file_has_the_lines_of_a_stripped_file),
                cmocka_unit_test(test_what_is_not_wanted_is_not_read),
                cmocka_unit_test(test_damaged_lines_leave_the_names),
        };

        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
