/* SPDX-License-Identifier: Apache-2.0 */
/* Unwinder on aarch64: emulated, interrupted anywhere, and compared with the unwinder of libgcc */

#include <limits.h>

#include "elf-fixture.h"

#define SOURCES TEST_DATA "/../.."
#define CC      "aarch64-linux-gnu-gcc -std=gnu11 -D_GNU_SOURCE"
#define EMULATE "timeout 60 qemu-aarch64-static -cpu max"
#define WALKS   1000ul

enum { UNKNOWN_SHARE = 20 }; /* one in so many may be where libgcc knows nothing */

static bool has_tools(const char *directory) {
        return run(EMULATE " --version > /dev/null 2>&1") &&
               run("echo 'int main(void) { return 0; }' | " CC " -static -x c - -o %s/empty "
                   "2> /dev/null",
                   directory);
}

/* One instruction at a time, so that any of them may be interrupted; with pointer authentication,
 * where the program is compiled for it. */
static void assert_equal_walks(const char *directory, const char *flags) {
        unsigned long walks, equal, unknown, complete, is_signed, depth;
        char path[PATH_MAX], line[4096];
        FILE *output;

        assert_true(run(CC " %s -fasynchronous-unwind-tables -static -I%s -I%s/daemon -o %s/walk "
                           "%s/elf/walk-aarch64.c %s/daemon/unwind/unwinder.c "
                           "%s/daemon/index/index-file.c %s/daemon/basic/string-util.c",
                        flags, SOURCES, SOURCES, directory, TEST_DATA, SOURCES, SOURCES, SOURCES));
        assert_true(run("\"$PROFILERD_ELF\" %s/walk -o %s/walk.index", directory, directory));
        assert_true(run(EMULATE " -singlestep %s/walk %s/walk.index %lu > %s/output", directory,
                        directory, WALKS, directory));

        snprintf(path, sizeof(path), "%s/output", directory);
        output = fopen(path, "re");
        assert_non_null(output);
        while (fgets(line, sizeof(line), output))
                print_message("# %s: %s", flags, line);
        fclose(output);
        assert_int_equal(sscanf(line,
                                "walks %lu equal %lu unknown %lu complete %lu signed %lu "
                                "depth %lu",
                                &walks, &equal, &unknown, &complete, &is_signed, &depth),
                         6);
        assert_true(walks >= WALKS);
        assert_int_equal(complete, walks);
        assert_int_equal(equal + unknown, walks);
        assert_true(unknown * UNKNOWN_SHARE <= walks);
        assert_true(depth > 20);
        assert_int_equal(is_signed > 0, strstr(flags, "-mbranch-protection") != NULL);
}

static void test_emulated_walks_are_those_of_libgcc(void **state) {
        static const char *const flags[] = {
                "-O2 -fomit-frame-pointer",
                "-O3 -fno-omit-frame-pointer -fstack-clash-protection",
                "-O2 -mbranch-protection=standard",
                "-O0 -mbranch-protection=pac-ret+leaf+b-key",
        };

        if (!has_tools(*state))
                skip();
        for (size_t i = 0; i < ELEMENTSOF(flags); i++)
                assert_equal_walks(*state, flags[i]);
}

/* With what the kernel says of its registers there, and with the mask of unwind_strip(). */
static void test_bpf_programs_compile_and_strip_return_addresses(void **state) {
        static const char *const programs[] = { "oncpu", "offcpu" };

        if (!run("clang --version > /dev/null 2>&1 && llvm-objdump --version > /dev/null 2>&1") ||
            !run("test -e /usr/aarch64-linux-gnu/include/asm/ptrace.h"))
                skip();
        for (size_t i = 0; i < ELEMENTSOF(programs); i++) {
                assert_true(run("clang -target bpf -mcpu=v3 -O2 -g -Wall -Werror "
                                "-D__TARGET_ARCH_arm64 -I%s -idirafter "
                                "/usr/aarch64-linux-gnu/include -c %s/bpf/%s.bpf.c -o %s/%s.o",
                                SOURCES, SOURCES, programs[i], (char *) *state, programs[i]));
                assert_true(run("llvm-objdump -d %s/%s.o | grep -q '281474976710655\\|"
                                "0xffffffffffff\\b'",
                                (char *) *state, programs[i]));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_emulated_walks_are_those_of_libgcc),
                cmocka_unit_test(test_bpf_programs_compile_and_strip_return_addresses),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
