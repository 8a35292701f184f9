/* SPDX-License-Identifier: Apache-2.0 */
/* DWARF Unit: the paths of source files */

#include "basic/string-util.h"
#include "elf-fixture.h"

/* The place of the first frame whose file ends so. */
static const char *file_of(const IndexFile *f, const char *end) {
        static IndexFrame frames[INDEX_FRAMES_MAX];

        for (uint64_t a = 0; a < 0x10000; a++) {
                size_t n = index_file_find_frames(f, a, frames);

                for (size_t i = 0; i < n; i++)
                        if (endswith(frames[i].file, end))
                                return frames[i].file;
        }
        return "";
}

static void test_a_relative_path_begins_where_the_compiler_ran(void **state) {
        static const char *const compilers[] = { "cc -gdwarf-4", "cc -gdwarf-5", "clang -gdwarf-4",
                                                 "clang -gdwarf-5" };
        _cleanup_free_ char *expected = NULL;
        const char *dir = *state;

        assert_return_code(asprintf(&expected, "%s/sub/../sub/part.c", dir), errno);
        assert_true(run("mkdir %s/sub && mv %s/program.c %s/sub/part.c", dir, dir, dir));
        for (size_t i = 0; i < ELEMENTSOF(compilers); i++) {
                _cleanup_(index_file_unrefp) IndexFile *f = NULL;

                if (!run("cd %s && %s -O1 -o unit sub/../sub/part.c 2>/dev/null", dir,
                         compilers[i]))
                        continue;
                f = fixture_index(dir, "unit", NULL);
                assert_string_equal(file_of(f, "part.c"), expected);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_relative_path_begins_where_the_compiler_ran),
        };

        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
