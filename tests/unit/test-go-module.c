/* SPDX-License-Identifier: Apache-2.0 */
/* Go Module Data: inlined functions, however the program is linked */

#include "go-fixture.h"

/* The most frames that an address has, of a function with this name; 0: there is none. */
static size_t deepest(const IndexFile *f, const char *function, IndexFrame *ret) {
        uint64_t start = index_file_get_line_info(f)->start;
        IndexFrame frames[INDEX_FRAMES_MAX];
        size_t most = 0;

        for (uint64_t a = start; a < start + 0x100000; a++) {
                size_t n = index_file_find_frames(f, a, frames);

                if (n > most && streq(frames[n - 1].name, function)) {
                        most = n;
                        memcpy(ret, frames, n * sizeof(*frames));
                }
        }
        return most;
}

static void test_inlined_functions_are_found_also_without_symbols(void **state) {
        static const char *const options[] = {
                "",
                "-ldflags='-s -w'",
        };
        size_t n_programs = 0;

        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                _cleanup_(index_file_unrefp) IndexFile *f = NULL;
                IndexFrame frames[INDEX_FRAMES_MAX];

                if (!fixture_go(*state, "program", options[i]))
                        continue;
                f = fixture_index(*state, "program", NULL);
                assert_int_equal(deepest(f, "main.(*worker).outer", frames), 3);
                assert_string_equal(frames[0].name, "main.innermost");
                assert_int_equal(frames[0].line, 16);
                assert_string_equal(frames[1].name, "main.middle");
                assert_int_equal(frames[1].line, 18);
                assert_int_equal(frames[2].line, 24);
                n_programs++;
        }
        if (n_programs == 0)
                skip();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_inlined_functions_are_found_also_without_symbols),
        };

        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
