/* SPDX-License-Identifier: Apache-2.0 */
/* Go Lines: of a stripped program, compared with what Go's tools say of the whole one */

#include "basic/string-util.h"
#include "go-fixture.h"

/* The whole program and the stripped one, with the same addresses. */
static int setup(void **state) {
        int r = fixture_setup(state);

        if (r == 0 && (!fixture_go(*state, "whole", "") ||
                       !run("cd %s && strip -o stripped whole", (char *) *state)))
                (void) run("rm -f %s/stripped", (char *) *state);
        return r;
}

static IndexFile *stripped(const char *dir) {
        IndexFile *f;

        if (!run("test -e %s/stripped", dir))
                return NULL;
        f = fixture_index(dir, "stripped", NULL);
        assert_int_equal(index_file_get_sources(f), INDEX_SOURCE_GO);
        assert_int_equal(index_file_get_line_info(f)->state, INDEX_LINES_WHOLE);
        assert_int_equal(index_file_get_line_info(f)->sources, INDEX_LINES_GO);
        return f;
}

/* But for assembly, whose symbols say what calling convention it has. */
static void test_functions_are_those_that_nm_lists(void **state) {
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        _cleanup_free_ char *command = NULL;
        size_t n = 0;
        char line[4096];
        FILE *nm;

        f = stripped(*state);
        if (!f)
                skip();
        assert_return_code(
                asprintf(&command, "cd %s && HOME=. go tool nm -size whole", (char *) *state),
                errno);
        nm = popen(command, "r");
        assert_non_null(nm);
        while (fgets(line, sizeof(line), nm)) {
                unsigned long long address, size;
                char type, symbol[2048];
                IndexName name;

                if (sscanf(line, "%llx %llu %c %2047[^\n]", &address, &size, &type, symbol) != 4 ||
                    !strchr("tT", type) || startswith(symbol, "runtime.etext") ||
                    startswith(symbol, "runtime.text") || startswith(symbol, "_") ||
                    strpbrk(symbol, ":[") || streq(symbol, "go.buildid") || size == 0)
                        continue;
                if (endswith(symbol, ".abi0"))
                        symbol[strlen(symbol) - strlen(".abi0")] = '\0';
                assert_true(index_file_find_name(f, address, &name));
                assert_string_equal(name.name, symbol);
                assert_int_equal(name.start, address);
                assert_true(name.size <= size);
                n++;
        }
        pclose(nm);
        assert_true(n > 1000);
}

/* It names the outer function, and the line of the innermost one. */
static void test_lines_are_those_of_addr2line(void **state) {
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        IndexFrame frames[INDEX_FRAMES_MAX];
        const char *dir = *state;
        char path[256], name[4096], place[4096], ours[8192];
        size_t n_compared = 0;
        uint64_t start;
        FILE *list, *out;

        f = stripped(dir);
        if (!f)
                skip();
        start = index_file_get_line_info(f)->start;
        snprintf(path, sizeof(path), "%s/addresses", dir);
        list = fopen(path, "w");
        assert_non_null(list);
        for (uint64_t a = start; a < start + 0x80000; a += 7)
                if (index_file_find_frames(f, a, frames) > 0)
                        fprintf(list, "0x%llx\n", (unsigned long long) a);
        rewind(list);
        list = freopen(path, "r", list);
        assert_non_null(list);
        assert_true(run("cd %s && HOME=. go tool addr2line whole < addresses > places", dir));
        snprintf(path, sizeof(path), "%s/places", dir);
        out = fopen(path, "r");
        assert_non_null(out);
        while (fgets(path, sizeof(path), list)) {
                uint64_t address = strtoull(path, NULL, 16);
                size_t n = index_file_find_frames(f, address, frames);

                assert_non_null(fgets(name, sizeof(name), out));
                assert_non_null(fgets(place, sizeof(place), out));
                name[strcspn(name, "\n")] = place[strcspn(place, "\n")] = '\0';
                assert_string_equal(frames[n - 1].name, name);
                snprintf(ours, sizeof(ours), "%s:%u", frames[0].file, frames[0].line);
                assert_string_equal(ours, place);
                n_compared++;
        }
        fclose(list);
        fclose(out);
        assert_true(n_compared > 10000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_functions_are_those_that_nm_lists),
                cmocka_unit_test(test_lines_are_those_of_addr2line),
        };

        return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
