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
        ElfIndexInput input = { .hash = hash, .lines = true };
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

/* What llvm-symbolizer says of an address, innermost first; as many as there are frames of ours. */
static inline void assert_frames_of_symbolizer(FILE *in, const IndexFrame *frames, size_t n) {
        char name[4096], place[4096], ours[4096];

        for (size_t i = 0; i < n; i++) {
                size_t known;

                assert_non_null(fgets(name, sizeof(name), in));
                assert_non_null(fgets(place, sizeof(place), in));
                name[strcspn(name, "\n")] = '\0';
                place[strcspn(place, " \n")] = '\0'; /* " (discriminator 3)" */
                known = strlen(frames[i].file);
                if (known == 0)
                        continue; /* it makes something up of the symbols of files */
                /* Of a symbol with several names either has taken one. */
                if (i + 1 < n)
                        assert_string_equal(frames[i].system_name, name);
                if (frames[i].line > 0)
                        snprintf(ours, sizeof(ours), "%s:%u", frames[i].file, frames[i].line);
                else
                        snprintf(ours, sizeof(ours), "%s:0", frames[i].file);
                assert_string_equal(ours, place);
        }
}

static inline bool fixture_has_symbolizer(void) {
        return run("llvm-symbolizer --version > /dev/null 2>&1");
}

/* Compares every step-th byte of the functions with llvm-symbolizer. Returns how many have inlined
 * functions. */
static inline size_t fixture_compare_frames(const IndexFile *f,
                                            const char *dir,
                                            const char *name,
                                            uint64_t start,
                                            uint64_t end,
                                            unsigned step) {
        IndexFrame frames[INDEX_FRAMES_MAX];
        size_t n_inlined = 0;
        char line[4096];
        FILE *list, *out;

        assert_true(run("cd %s && : > addresses", dir));
        snprintf(line, sizeof(line), "%s/addresses", dir);
        list = fopen(line, "w");
        assert_non_null(list);
        for (uint64_t a = start; a < end; a += step)
                if (index_file_find_frames(f, a, frames) > 0)
                        fprintf(list, "0x%llx\n", (unsigned long long) a);
        fclose(list);
        assert_true(run("cd %s && llvm-symbolizer --no-demangle --output-style=GNU -a --obj=%s < "
                        "addresses > frames 2>/dev/null",
                        dir, name));
        snprintf(line, sizeof(line), "%s/frames", dir);
        out = fopen(line, "r");
        assert_non_null(out);
        while (fgets(line, sizeof(line), out)) {
                size_t n = index_file_find_frames(f, strtoull(line, NULL, 16), frames);

                assert_true(n > 0);
                assert_frames_of_symbolizer(out, frames, n);
                n_inlined += n > 1;
        }
        fclose(out);
        return n_inlined;
}
