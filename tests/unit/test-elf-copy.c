/* SPDX-License-Identifier: Apache-2.0 */
/* ELF Copy: the copy and its hash belong together, whatever becomes of the file */

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "elf/elf-copy.h"
#include "unit-test.h"

/* SHA-256 of "abc", from FIPS 180-2 */
static const uint8_t hash_of_abc[INDEX_CONTENT_HASH_SIZE] = {
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
        0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
        0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
};

static int new_file(const void *data, size_t size) {
        int fd = memfd_create("file", MFD_CLOEXEC);

        assert_return_code(fd, errno);
        assert_int_equal(write_all(fd, data, size), 0);
        return fd;
}

static void assert_contents(int fd, const void *expected, size_t size) {
        _cleanup_free_ char *data = NULL;
        size_t n;

        assert_return_code(lseek(fd, 0, SEEK_SET), errno);
        assert_int_equal(read_full_fd(fd, 64 << 20, &data, &n), 0);
        assert_int_equal(n, size);
        assert_memory_equal(data, expected, size);
}

static void test_the_hash_is_sha256_of_the_copy(void **state) {
        _cleanup_close_ int in = new_file("abc", 3), out = new_file("", 0);
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];

        assert_int_equal(elf_copy(in, 3, out, hash), 0);
        assert_memory_equal(hash, hash_of_abc, sizeof(hash));
        assert_contents(out, "abc", 3);
}

static void test_without_a_copy_there_is_still_a_hash(void **state) {
        _cleanup_close_ int in = new_file("abc", 3);
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];

        assert_int_equal(elf_copy(in, 3, -EBADF, hash), 0);
        assert_memory_equal(hash, hash_of_abc, sizeof(hash));
}

/* It may grow or shrink between the look at its size and now. */
static void test_it_ends_at_the_size_seen_and_at_the_end_of_the_file(void **state) {
        _cleanup_close_ int grown = new_file("abcdef", 6), out = new_file("", 0);
        _cleanup_close_ int shrunk = new_file("abc", 3), other_out = new_file("", 0);
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];

        assert_int_equal(elf_copy(grown, 3, out, hash), 0);
        assert_memory_equal(hash, hash_of_abc, sizeof(hash));
        assert_contents(out, "abc", 3);

        assert_int_equal(elf_copy(shrunk, UINT64_MAX, other_out, hash), 0);
        assert_memory_equal(hash, hash_of_abc, sizeof(hash));
        assert_contents(other_out, "abc", 3);
}

/* Of many blocks, some of them holes, also the last one. */
static void test_holes_stay_holes(void **state) {
        enum { SIZE = 4 << 20, AT = (1 << 20) + 12345 };
        _cleanup_close_ int in = new_file("", 0), out = new_file("", 0);
        uint8_t hash[INDEX_CONTENT_HASH_SIZE], hash_of_copy[INDEX_CONTENT_HASH_SIZE];
        _cleanup_free_ char *expected = calloc(1, SIZE);
        struct stat st;

        assert_non_null(expected);
        memset(expected + AT, 'x', 100000);
        assert_return_code(ftruncate(in, SIZE), errno);
        assert_int_equal(pwrite(in, expected + AT, 100000, AT), 100000);

        assert_int_equal(elf_copy(in, SIZE, out, hash), 0);
        assert_contents(out, expected, SIZE);
        assert_return_code(fstat(out, &st), errno);
        assert_true(st.st_blocks * 512 < 1 << 20);
        assert_int_equal(elf_copy(out, SIZE, -EBADF, hash_of_copy), 0);
        assert_memory_equal(hash, hash_of_copy, sizeof(hash));
}

static void test_what_cannot_be_read_or_written_is_an_error(void **state) {
        _cleanup_close_ int full = open("/dev/full", O_RDWR | O_CLOEXEC), in = new_file("abc", 3);
        uint8_t hash[INDEX_CONTENT_HASH_SIZE];

        assert_int_equal(elf_copy(-EBADF, 3, -EBADF, hash), -EBADF);
        assert_int_equal(elf_copy(in, 3, full, hash), -ENOSPC);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_hash_is_sha256_of_the_copy),
                cmocka_unit_test(test_without_a_copy_there_is_still_a_hash),
                cmocka_unit_test(test_it_ends_at_the_size_seen_and_at_the_end_of_the_file),
                cmocka_unit_test(test_holes_stay_holes),
                cmocka_unit_test(test_what_cannot_be_read_or_written_is_an_error),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
