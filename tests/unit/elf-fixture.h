/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ELF Fixture
 *
 * Commands that tests give to the shell (compilers, and independent readers of what they make), a
 * small program, and the indexes of files.
 */

#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "elf/elf-index.h"
#include "index/index-file.h"
#include "unit-test.h"

/* True: it succeeded. */
_printf_(1, 2) static inline bool run(const char *format, ...) {
        _cleanup_free_ char *command = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&command, format, ap);
        va_end(ap);
        return r >= 0 && system(command) == 0;
}

static const char fixture_program[] =
        "#include <stdio.h>\\n"
        "#include <string.h>\\n"
        "#include <unistd.h>\\n"
        "static __attribute__((noinline)) int hidden(char *b, int n) {\\n"
        "    return memcmp(b, b + n, n) + puts(b);\\n"
        "}\\n"
        "int main(int n, char **v) {\\n"
        "    char b[9] = \\\"\\\";\\n"
        "    return hidden(b, n) + read(0, b, n);\\n"
        "}\\n";

static inline int fixture_setup(void **state) {
        static char dir[] = "/tmp/test-elf-XXXXXX";

        assert_non_null(mkdtemp(dir));
        assert_true(run("printf \"%s\" > %s/program.c", fixture_program, dir));
        *state = dir;
        return 0;
}

static inline int fixture_teardown(void **state) {
        assert_true(run("rm -r %s", (char *) *state));
        return 0;
}

static inline ElfFile *fixture_elf(const char *dir, const char *name) {
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        ElfFile *f;

        assert_return_code(asprintf(&path, "%s/%s", dir, name), errno);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_return_code(fd, errno);
        assert_int_equal(elf_file_open(&f, fd), 0);
        return f;
}

static inline IndexFile *fixture_index(const char *dir, const char *name, const char *debug) {
        static const uint8_t hash[INDEX_CONTENT_HASH_SIZE] = { 42 };
        _cleanup_(elf_file_freep) ElfFile *elf = NULL, *debug_elf = NULL;
        _cleanup_close_ int out = -EBADF;
        ElfIndexInput input = { .hash = hash };
        IndexFile *f;

        input.file = elf = fixture_elf(dir, name);
        if (debug)
                input.debug = debug_elf = fixture_elf(dir, debug);
        out = memfd_create("index", MFD_CLOEXEC);
        assert_return_code(out, errno);
        assert_int_equal(elf_index_write(&input, out), 0);
        assert_int_equal(index_file_open(&f, out, hash), 0);
        return f;
}
