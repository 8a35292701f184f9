/* SPDX-License-Identifier: Apache-2.0 */
/* profilerd-elf: the program as profilerd and people call it; its path is in $PROFILERD_ELF */

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "elf/elf-copy.h"
#include "index/index-file.h"
#include "unit-test.h"

enum { COPY_FD = 3 };

static const char some_hash[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/* The descriptors that the program gets; -EBADF: it does without. */
typedef struct Descriptors {
        int in, out, copy;
} Descriptors;

/* Exit status of the program, 128 plus the signal that ended it. */
static int run(const Descriptors *d, const char *const *arguments) {
        const char *argv[8] = { getenv("PROFILERD_ELF") };
        int status;
        pid_t pid;

        for (size_t i = 0; i + 2 < ELEMENTSOF(argv) && arguments[i]; i++)
                argv[i + 1] = arguments[i];

        pid = fork();
        assert_return_code(pid, errno);
        if (pid == 0) {
                int quiet = open("/dev/null", O_RDWR | O_CLOEXEC);
                /* Out of the way: the copy may have the number of one of them. */
                int copy = d->copy >= 0 ? fcntl(d->copy, F_DUPFD_CLOEXEC, 10) : -EBADF;

                if (dup2(d->in >= 0 ? d->in : quiet, STDIN_FILENO) < 0 ||
                    dup2(d->out >= 0 ? d->out : quiet, STDOUT_FILENO) < 0 ||
                    dup2(quiet, STDERR_FILENO) < 0 || close_range(COPY_FD, COPY_FD, 0) < 0 ||
                    (copy >= 0 && dup2(copy, COPY_FD) < 0))
                        _exit(EXIT_FAILURE);
                execv(argv[0], (char *const *) argv);
                _exit(EXIT_FAILURE);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

#define RUN_WITH(d, ...)  run(d, (const char *const[]){ __VA_ARGS__, NULL })
#define RUN(in, out, ...) RUN_WITH((&(const Descriptors){ in, out, -EBADF }), __VA_ARGS__)

static void require_program(void) {
        const char *path = getenv("PROFILERD_ELF");

        if (!path || access(path, X_OK) < 0)
                skip();
}

/* This test program itself is an ELF file with functions in it. */
static int open_self(void) {
        int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

        assert_return_code(fd, errno);
        return fd;
}

static void hash_file(int fd, uint8_t ret[static INDEX_CONTENT_HASH_SIZE]) {
        assert_int_equal(elf_copy(fd, UINT64_MAX, -EBADF, ret), 0);
}

static void test_the_copy_is_on_3_and_its_hash_on_1(void **state) {
        _cleanup_close_ int in = open_self(), out = memfd_create("hash", MFD_CLOEXEC);
        _cleanup_close_ int copy = memfd_create("copy", MFD_CLOEXEC);
        uint8_t of_file[INDEX_CONTENT_HASH_SIZE], of_copy[INDEX_CONTENT_HASH_SIZE];
        uint8_t told[INDEX_CONTENT_HASH_SIZE + 1];

        require_program();
        assert_int_equal(RUN_WITH((&(Descriptors){ in, out, copy }), "--copy"), EX_OK);
        hash_file(in, of_file);
        hash_file(copy, of_copy);
        assert_int_equal(pread(out, told, sizeof(told), 0), sizeof(of_file));
        assert_memory_equal(told, of_file, sizeof(of_file));
        assert_memory_equal(of_copy, of_file, sizeof(of_file));
}

static void test_a_copy_that_cannot_be_is_refused(void **state) {
        _cleanup_close_ int huge = memfd_create("huge", MFD_CLOEXEC);
        _cleanup_close_ int copy = memfd_create("copy", MFD_CLOEXEC);
        _cleanup_close_ int in = open_self(), full = open("/dev/full", O_RDWR | O_CLOEXEC);
        struct stat st;

        require_program();
        assert_return_code(ftruncate(huge, (off_t) ELF_COPY_MAX + 1), errno);
        assert_int_equal(RUN_WITH((&(Descriptors){ huge, -EBADF, copy }), "--copy"), EX_DATAERR);
        assert_return_code(fstat(copy, &st), errno);
        assert_int_equal(st.st_size, 0);

        assert_int_equal(RUN_WITH((&(Descriptors){ in, -EBADF, full }), "--copy"), EX_IOERR);
        assert_int_equal(RUN(in, -EBADF, "--copy"), EX_IOERR);
}

static void test_index_names_this_program(void **state) {
        _cleanup_close_ int in = open_self(), out = memfd_create("index", MFD_CLOEXEC);
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];

        require_program();
        for (size_t i = 0; i < sizeof(hash); i++)
                hash[i] = (uint8_t) (0x11 * (i % 16));
        assert_int_equal(RUN(in, out, "--index", some_hash), EX_OK);
        assert_int_equal(index_file_open(&f, out, hash), 0);
        assert_true(index_file_n_functions(f) > 0);
}

static void test_by_hand_from_file_to_file(void **state) {
        _cleanup_close_ int in = open_self(), out = -EBADF;
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];
        char path[] = "/tmp/test-elf-main-XXXXXX", self[64];

        require_program();
        snprintf(self, sizeof(self), "/proc/%d/exe", (int) getpid());
        out = mkstemp(path);
        assert_return_code(out, errno);
        assert_int_equal(RUN(-1, -1, self, "-o", path), EX_OK);
        assert_int_equal(unlink(path), 0);
        hash_file(in, hash);
        assert_int_equal(index_file_open(&f, out, hash), 0);
}

static void test_a_debug_file_has_the_build_id_of_its_file(void **state) {
        _cleanup_close_ int in = open_self(), out = memfd_create("index", MFD_CLOEXEC);
        _cleanup_close_ int same = open_self(), other = -EBADF;
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;

        require_program();
        assert_int_equal(
                RUN_WITH((&(Descriptors){ in, out, same }), "--index", some_hash, "--debug"),
                EX_OK);
        assert_int_equal(index_file_open(&f, out, NULL), 0);
        assert_true(index_file_get_sources(f) & INDEX_SOURCE_DEBUG_FILE);

        other = open(getenv("PROFILERD_ELF"), O_RDONLY | O_CLOEXEC);
        assert_return_code(other, errno);
        assert_return_code(ftruncate(out, 0), errno);
        assert_int_equal(
                RUN_WITH((&(Descriptors){ in, out, other }), "--index", some_hash, "--debug"), 66);
}

static void test_the_hash_of_a_second_copy_stands_for_both(void **state) {
        _cleanup_close_ int in = open_self(), out = memfd_create("hash", MFD_CLOEXEC);
        _cleanup_close_ int copy = memfd_create("copy", MFD_CLOEXEC);
        uint8_t first[INDEX_CONTENT_HASH_SIZE], both[INDEX_CONTENT_HASH_SIZE],
                told[INDEX_CONTENT_HASH_SIZE];
        char argument[] = "--copy=00112233445566778899aabbccddeeff"
                          "00112233445566778899aabbccddeeff";

        require_program();
        for (size_t i = 0; i < sizeof(first); i++)
                first[i] = (uint8_t) (0x11 * (i % 16));
        assert_int_equal(elf_copy_second(first, in, UINT64_MAX, -EBADF, both), 0);
        assert_int_equal(RUN_WITH((&(Descriptors){ in, out, copy }), argument), EX_OK);
        assert_int_equal(pread(out, told, sizeof(told), 0), sizeof(told));
        assert_memory_equal(told, both, sizeof(both));
        hash_file(in, first);
        assert_memory_not_equal(told, first, sizeof(first));
}

static void test_what_is_no_elf_file_is_a_data_error(void **state) {
        static const char *const contents[] = { "", "#!/bin/sh\n",
                                                "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\3" };

        require_program();
        for (size_t i = 0; i < ELEMENTSOF(contents); i++) {
                _cleanup_close_ int in = memfd_create("in", MFD_CLOEXEC);
                _cleanup_close_ int out = memfd_create("out", MFD_CLOEXEC);

                assert_int_equal(write_all(in, contents[i], strlen(contents[i])), 0);
                assert_int_equal(RUN(in, out, "--index", some_hash), EX_DATAERR);
        }
        assert_int_equal(RUN(-1, -1, "--copy"), EX_DATAERR); /* a device */
}

static void test_output_that_cannot_grow_is_an_error(void **state) {
        _cleanup_close_ int in = open_self(), out = open("/dev/full", O_RDWR | O_CLOEXEC);

        require_program();
        assert_int_equal(RUN(in, out, "--index", some_hash), EX_IOERR);
        assert_int_equal(RUN(-1, -1, "/proc/self/exe", "-o", "/nonexistent/x"), EX_CANTCREAT);
        assert_int_equal(RUN(-1, -1, "/nonexistent", "-o", "/dev/null"), EX_NOINPUT);
}

static void test_usage(void **state) {
        require_program();
        assert_int_equal(RUN(-1, -1, "--help"), EX_OK);
        assert_int_equal(RUN(-1, -1, "--version"), EX_OK);
        assert_int_equal(RUN(-1, -1, NULL), EX_USAGE);
        assert_int_equal(RUN(-1, -1, "--nonsense"), EX_USAGE);
        assert_int_equal(RUN(-1, -1, "file"), EX_USAGE);
        assert_int_equal(RUN(-1, -1, "--copy", "file"), EX_USAGE);
        assert_int_equal(RUN(-1, -1, "--index", "0123"), EX_USAGE);
        assert_int_equal(RUN(-1, -1, "--index",
                             "zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
                         EX_USAGE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_copy_is_on_3_and_its_hash_on_1),
                cmocka_unit_test(test_a_copy_that_cannot_be_is_refused),
                cmocka_unit_test(test_index_names_this_program),
                cmocka_unit_test(test_by_hand_from_file_to_file),
                cmocka_unit_test(test_a_debug_file_has_the_build_id_of_its_file),
                cmocka_unit_test(test_the_hash_of_a_second_copy_stands_for_both),
                cmocka_unit_test(test_what_is_no_elf_file_is_a_data_error),
                cmocka_unit_test(test_output_that_cannot_grow_is_an_error),
                cmocka_unit_test(test_usage),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
