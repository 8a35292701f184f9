/* SPDX-License-Identifier: Apache-2.0 */
/* DWARF Lines: every frame of what several compilers make, compared with llvm-symbolizer */

#include "elf-fixture.h"

static const char *const commands[] = {
        "cc -O2 -gdwarf-4 -o %s %s/elf/inlines.c",
        "cc -O2 -gdwarf-5 -o %s %s/elf/inlines.c",
        "cc -O0 -g -o %s %s/elf/inlines.c",
        "cc -O2 -g -ffunction-sections -Wl,--gc-sections -o %s %s/elf/inlines.c",
        "cc -O2 -g -gz=zlib -o %s %s/elf/inlines.c",
        "clang -O2 -gdwarf-4 -o %s %s/elf/inlines.c",
        "clang -O2 -gdwarf-5 -o %s %s/elf/inlines.c",
        "clang -O2 -gdwarf-5 -fuse-ld=lld -ffunction-sections -Wl,--gc-sections -o %s "
        "%s/elf/inlines.c",
        "g++ -O2 -g -x c++ -fpermissive -w -o %s %s/elf/inlines.c",
};

static bool compile(const char *dir, size_t i, const char *name) {
        _cleanup_free_ char *command = NULL;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        assert_return_code(asprintf(&command, commands[i], name, TEST_DATA), errno);
#pragma GCC diagnostic pop
        return run("cd %s && %s 2>/dev/null", dir, command);
}

static void test_frames_are_those_that_another_reader_finds(void **state) {
        size_t n_compared = 0;

        if (!fixture_has_symbolizer())
                skip();
        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                _cleanup_(index_file_unrefp) IndexFile *f = NULL;

                if (!compile(*state, i, "lines"))
                        continue; /* not every host has them all */
                f = fixture_index(*state, "lines", NULL);
                assert_int_equal(index_file_get_line_info(f)->state, INDEX_LINES_WHOLE);
                assert_int_equal(index_file_get_line_info(f)->sources, INDEX_LINES_DWARF);
                assert_true(fixture_compare_frames(f, *state, "lines", 0, 0x10000, 1) >
                            (i == 2 ? 0U : 50U));
                n_compared++;
        }
        if (n_compared == 0)
                skip();
}

/* Packed by other means than the compiler has: other readers of this age know no zstd. */
static void test_packed_sections_say_the_same(void **state) {
        static const char *const kinds[] = { "zlib", "zlib-gnu", "zstd" };
        _cleanup_(index_file_unrefp) IndexFile *plain = NULL;
        size_t n_compared = 0;

        if (!compile(*state, 1, "plain"))
                skip();
        plain = fixture_index(*state, "plain", NULL);
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                IndexFrame a[INDEX_FRAMES_MAX], b[INDEX_FRAMES_MAX];
                _cleanup_(index_file_unrefp) IndexFile *f = NULL;

                if (!run("cd %s && objcopy --compress-debug-sections=%s plain packed 2>/dev/null",
                         (char *) *state, kinds[i]))
                        continue;
                f = fixture_index(*state, "packed", NULL);
                assert_int_equal(index_file_get_line_info(f)->state, INDEX_LINES_WHOLE);
                for (uint64_t address = 0; address < 0x10000; address++) {
                        size_t n = index_file_find_frames(plain, address, a);

                        assert_int_equal(index_file_find_frames(f, address, b), n);
                        for (size_t k = 0; k < n; k++) {
                                assert_string_equal(a[k].name, b[k].name);
                                assert_string_equal(a[k].file, b[k].file);
                                assert_int_equal(a[k].line, b[k].line);
                        }
                }
                n_compared++;
        }
        if (n_compared == 0)
                skip();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_frames_are_those_that_another_reader_finds),
                cmocka_unit_test(test_packed_sections_say_the_same),
        };

        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
