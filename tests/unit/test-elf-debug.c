/* SPDX-License-Identifier: Apache-2.0 */
/* Separate debug files: on files that the compiler makes and objcopy splits */

#include <fcntl.h>
#include <sys/mman.h>

#include "basic/string-util.h"
#include "elf/elf-debug.h"
#include "elf/elf-index.h"
#include "index/index-file.h"
#include "unit-test.h"

typedef struct Files {
        char dir[64];
        bool there;
} Files;

_printf_(1, 2) static bool run(const char *format, ...) {
        _cleanup_free_ char *command = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&command, format, ap);
        va_end(ap);
        return r >= 0 && system(command) == 0;
}

/* name.so without symbols, which asks for name.debug, and that. */
static bool make_pair(const Files *f, const char *name, const char *options) {
        return run("cd %s && cc -O1 -shared -fPIC %s -o full.so %s/elf/functions.c && "
                   "objcopy --only-keep-debug full.so %s.debug && "
                   "objcopy --strip-all --add-gnu-debuglink=%s.debug full.so %s.so",
                   f->dir, options, TEST_DATA, name, name, name);
}

static int setup(void **state) {
        static Files f = { .dir = "/tmp/test-elf-debug-XXXXXX" };

        assert_non_null(mkdtemp(f.dir));
        f.there = make_pair(&f, "a", "-Wl,--build-id=0x0123456789abcdef") &&
                  make_pair(&f, "b", "-Wl,--build-id=0x0123456789abcdee") &&
                  make_pair(&f, "c", "-Wl,--build-id=none") &&
                  make_pair(&f, "d", "-Wl,--build-id=none -DOTHER=1 -g");
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        Files *f = *state;

        assert_true(run("rm -r %s", f->dir));
        return 0;
}

static ElfFile *open_elf(const Files *f, const char *name, int *ret_fd) {
        _cleanup_free_ char *path = NULL;
        ElfFile *elf;

        assert_true(asprintf(&path, "%s/%s", f->dir, name) > 0);
        *ret_fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_return_code(*ret_fd, errno);
        assert_int_equal(elf_file_open(&elf, *ret_fd), 0);
        return elf;
}

static int check(const Files *f, const char *name, const char *debug_name) {
        _cleanup_close_ int fd = -EBADF, debug_fd = -EBADF;
        _cleanup_(elf_file_freep) ElfFile *elf = open_elf(f, name, &fd);
        _cleanup_(elf_file_freep) ElfFile *debug = open_elf(f, debug_name, &debug_fd);

        return elf_debug_check(elf, debug, debug_fd);
}

static void test_a_link_is_read(void **state) {
        _cleanup_(elf_file_freep) ElfFile *elf = NULL, *debug = NULL;
        _cleanup_close_ int fd = -EBADF, debug_fd = -EBADF;
        const Files *f = *state;
        IndexDebugLink link;

        if (!f->there)
                skip();
        elf = open_elf(f, "a.so", &fd);
        debug = open_elf(f, "a.debug", &debug_fd);
        assert_true(elf_debug_read_link(elf, &link));
        assert_string_equal(link.name, "a.debug");
        assert_false(elf_debug_read_link(debug, &link));
}

static void test_equal_build_ids_belong_together(void **state) {
        const Files *f = *state;

        if (!f->there)
                skip();
        assert_int_equal(check(f, "a.so", "a.debug"), 0);
        assert_int_equal(check(f, "a.so", "b.debug"), -ESTALE);
        assert_int_equal(check(f, "b.so", "b.debug"), 0);
}

static void test_without_a_build_id_the_crc_decides(void **state) {
        const Files *f = *state;

        if (!f->there)
                skip();
        assert_int_equal(check(f, "c.so", "c.debug"), 0);
        assert_int_equal(check(f, "c.so", "d.debug"), -ESTALE);
        assert_true(run("echo >> %s/c.debug", f->dir));
        assert_int_equal(check(f, "c.so", "c.debug"), -ESTALE);
}

/* The local functions are in the debug file only. */
static void test_names_of_both_files_are_in_the_index(void **state) {
        static const uint8_t hash[INDEX_CONTENT_HASH_SIZE] = { 1 };
        const Files *f = *state;
        size_t n[2];

        if (!f->there)
                skip();
        for (size_t i = 0; i < ELEMENTSOF(n); i++) {
                _cleanup_(elf_file_freep) ElfFile *elf = NULL, *debug = NULL;
                _cleanup_close_ int fd = -EBADF, debug_fd = -EBADF,
                                    out = memfd_create("index", MFD_CLOEXEC);
                _cleanup_(index_file_unrefp) IndexFile *index = NULL;

                elf = open_elf(f, "a.so", &fd);
                debug = open_elf(f, "a.debug", &debug_fd);
                assert_int_equal(elf_index_write(&(ElfIndexInput){ .file = elf,
                                                                   .debug = i > 0 ? debug : NULL,
                                                                   .hash = hash },
                                                 out),
                                 0);
                assert_int_equal(index_file_open(&index, out, hash), 0);
                assert_string_equal(index_file_get_debug_link(index), "a.debug");
                assert_int_equal(!!(index_file_get_sources(index) & INDEX_SOURCE_DEBUG_FILE), i);
                n[i] = index_file_n_functions(index);
        }
        assert_true(n[1] > n[0]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_link_is_read),
                cmocka_unit_test(test_equal_build_ids_belong_together),
                cmocka_unit_test(test_without_a_build_id_the_crc_decides),
                cmocka_unit_test(test_names_of_both_files_are_in_the_index),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, setup, teardown);
}
