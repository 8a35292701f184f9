/* SPDX-License-Identifier: Apache-2.0 */
/* Procedure Linkage Table: the names that a disassembler gives to the stubs of real files */

#include "elf-fixture.h"
#include "unit-test.h"

/* Lines "ADDRESS <NAME@plt>:" of a disassembly: as many as there are stubs of ours. */
static size_t compare_stubs(const IndexFile *f, const char *objdump, const char *path) {
        _cleanup_free_ char *command = NULL;
        char line[256];
        size_t n = 0;
        FILE *out;

        assert_return_code(asprintf(&command, "%s -d %s 2>/dev/null", objdump, path), errno);
        out = popen(command, "r");
        assert_non_null(out);
        while (fgets(line, sizeof(line), out)) {
                unsigned long long address;
                char name[200];
                IndexName found;

                if (!strstr(line, "@plt>:") || strstr(line, "*ABS*") ||
                    sscanf(line, "%llx <%199[^@>]", &address, name) != 2)
                        continue;
                strcat(name, "@plt");
                assert_true(index_file_find_name(f, address, &found));
                assert_string_equal(found.name, name);
                assert_int_equal(found.start, address);
                n++;
        }
        pclose(out);
        return n;
}

static void test_stubs_have_the_names_that_a_disassembler_gives_them(void **state) {
        static const struct {
                const char *compiler, *objdump;
        } cases[] = {
                { "cc -O1", "objdump" },
                { "cc -O1 -no-pie -Wl,-z,lazy", "objdump" },
                { "cc -O1 -fcf-protection=full -Wl,-z,now,-z,ibtplt", "objdump" },
                { "cc -O1 -s", "objdump" },
                { "clang -O1 -fuse-ld=lld", "objdump" },
                { "aarch64-linux-gnu-gcc -O1", "aarch64-linux-gnu-objdump" },
                { "aarch64-linux-gnu-gcc -O1 -mbranch-protection=standard",
                  "aarch64-linux-gnu-objdump" },
        };
        size_t n_compared = 0;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(index_file_unrefp) IndexFile *f = NULL;
                _cleanup_free_ char *path = NULL;

                assert_return_code(asprintf(&path, "%s/plt-%zu", (char *) *state, i), errno);
                if (!run("%s -o %s %s/program.c 2>/dev/null", cases[i].compiler, path,
                         (char *) *state))
                        continue; /* not every host has them all */
                f = fixture_index("", path, NULL);
                assert_true(index_file_get_sources(f) & INDEX_SOURCE_PLT);
                assert_true(compare_stubs(f, cases[i].objdump, path) >= 3);
                n_compared++;
        }
        if (n_compared == 0)
                skip();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stubs_have_the_names_that_a_disassembler_gives_them),
        };

        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
