/* SPDX-License-Identifier: Apache-2.0 */
/* Unwind Table of an ELF File: row by row what an independent reader says */

#include <glob.h>
#include <limits.h>
#include <sys/stat.h>

#include "readelf-rows.h"

enum { BIGGEST = 10 };

static void assert_file_is_as_readelf_says(const ReadelfMachine *machine,
                                           const char *path,
                                           size_t n_refused_max) {
        if (access(path, R_OK) < 0 || !has_readelf())
                skip();
        assert_same_as_readelf(machine, path, n_refused_max);
}

static void test_libc_is_as_readelf_says(void **state) {
        /* In longjmp() the stack pointer is neither the frame's nor the caller's. */
        assert_file_is_as_readelf_says(&readelf_x86_64, "/lib/x86_64-linux-gnu/libc.so.6", 4);
}

static void test_dynamic_linker_is_as_readelf_says(void **state) {
        assert_file_is_as_readelf_says(&readelf_x86_64, "/lib64/ld-linux-x86-64.so.2", 1);
}

static void test_libstdcxx_is_as_readelf_says(void **state) {
        assert_file_is_as_readelf_says(&readelf_x86_64, "/lib/x86_64-linux-gnu/libstdc++.so.6", 0);
}

/* Of Debian's cross compiler: libc, libstdc++ and what comes along. */
static void test_libraries_of_aarch64_are_as_readelf_says(void **state) {
        glob_t found = {};

        if (!has_readelf() || glob("/usr/aarch64-linux-gnu/lib/*.so.*", 0, NULL, &found) != 0)
                skip();
        for (size_t i = 0; i < found.gl_pathc; i++) {
                struct stat st;

                /* Others have these names, too. */
                assert_return_code(lstat(found.gl_pathv[i], &st), errno);
                if (S_ISREG(st.st_mode))
                        assert_same_as_readelf(&readelf_aarch64, found.gl_pathv[i], 4);
        }
        globfree(&found);
}

/* Of the distribution, as the dynamic linker knows them; libicudata is data alone. */
static void test_the_biggest_libraries_are_as_readelf_says(void **state) {
        char line[PATH_MAX + 2];
        size_t n = 0;
        FILE *list;

        if (!has_readelf())
                skip();
        list = popen("PATH=$PATH:/sbin:/usr/sbin; ldconfig -p | sed -n 's/.*x86-64.* => //p' | "
                     "xargs realpath | grep '^/usr/lib/' | sort -u | xargs stat -c '%s %n' | sort "
                     "-rn | cut -d' ' -f2-",
                     "r");
        assert_non_null(list);
        while (n < BIGGEST && fgets(line, sizeof(line), list)) {
                line[strcspn(line, "\n")] = '\0';
                if (!run("readelf --debug-dump=frames '%s' 2>/dev/null | grep -q ' FDE '", line))
                        continue;
                assert_same_as_readelf(&readelf_x86_64, line, 4);
                n++;
        }
        (void) pclose(list);
        assert_int_equal(n, BIGGEST);
}

/* By hand, any files: PROFILERD_TEST_FILES=/usr/bin/node:… */
static void test_more_files_are_as_readelf_says(void **state) {
        const char *list = getenv("PROFILERD_TEST_FILES");
        _cleanup_free_ char *copy = NULL;
        char *rest, *path;

        if (!list)
                return;
        rest = copy = strdup(list);
        while ((path = strsep(&rest, ":")))
                assert_same_as_readelf(&readelf_x86_64, path, 1000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_libc_is_as_readelf_says),
                cmocka_unit_test(test_dynamic_linker_is_as_readelf_says),
                cmocka_unit_test(test_libstdcxx_is_as_readelf_says),
                cmocka_unit_test(test_libraries_of_aarch64_are_as_readelf_says),
                cmocka_unit_test(test_the_biggest_libraries_are_as_readelf_says),
                cmocka_unit_test(test_more_files_are_as_readelf_says),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
