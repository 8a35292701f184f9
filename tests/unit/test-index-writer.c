/* SPDX-License-Identifier: Apache-2.0 */
/* Index Writer */

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "elf/index-writer.h"
#include "index/index-file.h"
#include "unit-test.h"

static const IndexIdentity identity = {
        .content_hash = { 1, 2, 3 },
        .build_id = { 0xde, 0xad },
        .build_id_size = 2,
        .machine = EM_X86_64,
        .type = ET_DYN,
        .sources = INDEX_SOURCE_SYMTAB,
};

static IndexWriter *writer_new(int *ret_fd) {
        IndexWriter *w;

        *ret_fd = memfd_create("index", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        assert_return_code(*ret_fd, errno);
        assert_int_equal(index_writer_new(&w, *ret_fd), 0);
        return w;
}

static uint64_t file_size(int fd) {
        struct stat st;

        assert_return_code(fstat(fd, &st), errno);
        return (uint64_t) st.st_size;
}

static void test_what_is_written_is_read(void **state) {
        _cleanup_(index_writer_freep) IndexWriter *w = NULL;
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        _cleanup_close_ int fd = -EBADF;
        const IndexSegment *s;
        uint64_t address;
        IndexName n;

        w = writer_new(&fd);
        assert_int_equal(index_writer_add_segment(w,
                                                  &(IndexSegment){
                                                          .file_offset = 0x1000,
                                                          .address = 0x5000,
                                                          .file_size = 16,
                                                          .memory_size = 32,
                                                          .flags = PF_X,
                                                  }),
                         0);
        assert_int_equal(
                index_writer_add_segment(w, &(IndexSegment){ .file_size = 8, .memory_size = 8 }),
                0);
        assert_int_equal(index_writer_add_function(w, 0x5000, 8, "f()", "_Z1fv"), 0);
        assert_int_equal(index_writer_add_function(w, 0x5008, 8, "main", "main"), 0);
        assert_int_equal(index_writer_finish(w, &identity), 0);

        assert_int_equal(index_file_open(&f, fd, identity.content_hash), 0);
        assert_string_equal(index_file_get_build_id(f), "dead");
        assert_int_equal(index_file_get_sources(f), INDEX_SOURCE_SYMTAB);
        assert_int_equal(index_file_n_functions(f), 2);
        assert_true(index_file_find_address(f, 0x1008, &s, &address));
        assert_int_equal(address, 0x5008);
        assert_true(index_file_find_name(f, 0x5000, &n));
        assert_string_equal(n.name, "f()");
        assert_string_equal(n.system_name, "_Z1fv");
        assert_true(index_file_find_name(f, address, &n));
        assert_string_equal(n.name, "main");
        assert_ptr_equal(n.name, n.system_name);
}

static void test_an_unfinished_file_is_no_index(void **state) {
        _cleanup_(index_writer_freep) IndexWriter *w = NULL;
        _cleanup_close_ int fd = -EBADF;
        IndexFile *f;

        w = writer_new(&fd);
        assert_int_equal(index_writer_add_function(w, 1, 1, "f", "f"), 0);
        assert_int_equal(index_file_open(&f, fd, NULL), -EBADMSG);
}

static void test_an_empty_index_is_one(void **state) {
        _cleanup_(index_writer_freep) IndexWriter *w = NULL;
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        _cleanup_close_ int fd = -EBADF;
        IndexName n;

        w = writer_new(&fd);
        assert_int_equal(index_writer_finish(w, &(IndexIdentity){}), 0);
        assert_int_equal(index_file_open(&f, fd, NULL), 0);
        assert_string_equal(index_file_get_build_id(f), "");
        assert_false(index_file_find_name(f, 0, &n));
}

static void test_each_name_is_stored_once(void **state) {
        uint64_t sizes[2];

        for (size_t k = 0; k < 2; k++) {
                _cleanup_(index_writer_freep) IndexWriter *w = NULL;
                _cleanup_close_ int fd = -EBADF;

                w = writer_new(&fd);
                for (size_t i = 0; i < 1000; i++)
                        assert_int_equal(
                                index_writer_add_function(w, i, 1, "a rather long name",
                                                          k == 0 ? "_Za" : "a rather long name"),
                                0);
                assert_int_equal(index_writer_finish(w, &identity), 0);
                sizes[k] = file_size(fd);
        }
        assert_int_equal(sizes[0], sizes[1]);
        assert_in_range(sizes[0], 1000 * sizeof(IndexFunction),
                        1000 * sizeof(IndexFunction) + sizeof(IndexHeader) + 64);
}

/* More names than the writer's buffer holds: known ones are looked up in the file. */
static void test_names_beyond_the_buffer(void **state) {
        enum { N = 60000 };
        _cleanup_(index_writer_freep) IndexWriter *w = NULL;
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        _cleanup_close_ int fd = -EBADF;
        char name[64];
        IndexName n;

        w = writer_new(&fd);
        for (size_t i = 0; i < 2 * N; i++) {
                snprintf(name, sizeof(name), "function_with_some_long_name_%zu", i % N);
                assert_int_equal(index_writer_add_function(w, i, 1, name, name), 0);
        }
        assert_int_equal(index_writer_finish(w, &identity), 0);
        assert_in_range(file_size(fd), N * 40, N * 40 + 2 * N * sizeof(IndexFunction));

        assert_int_equal(index_file_open(&f, fd, NULL), 0);
        for (size_t i = 0; i < 2 * N; i += 997) {
                snprintf(name, sizeof(name), "function_with_some_long_name_%zu", i % N);
                assert_true(index_file_find_name(f, i, &n));
                assert_string_equal(n.name, name);
        }
}

static void test_bad_names_are_made_good(void **state) {
        _cleanup_(index_writer_freep) IndexWriter *w = NULL;
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        _cleanup_close_ int fd = -EBADF;
        char endless[3 * INDEX_NAME_MAX];
        IndexName n;

        memset(endless, 'x', sizeof(endless));
        endless[sizeof(endless) - 1] = '\0';
        w = writer_new(&fd);
        assert_int_equal(index_writer_add_function(w, 0, 1, "a\nb\033\177", "\377\303"), 0);
        assert_int_equal(index_writer_add_function(w, 1, 1, endless, endless), 0);
        assert_int_equal(index_writer_add_function(w, 2, 1, "", ""), 0);
        assert_int_equal(index_writer_finish(w, &identity), 0);

        assert_int_equal(index_file_open(&f, fd, NULL), 0);
        assert_true(index_file_find_name(f, 0, &n));
        assert_string_equal(n.name, "a?b??");
        assert_string_equal(n.system_name, "??");
        assert_true(index_file_find_name(f, 1, &n));
        assert_int_equal(strlen(n.name), INDEX_NAME_MAX);
        assert_true(index_file_find_name(f, 2, &n));
        assert_string_equal(n.name, "");
}

static void test_impossible_segments_are_refused(void **state) {
        _cleanup_(index_writer_freep) IndexWriter *w = NULL;
        _cleanup_close_ int fd = -EBADF;

        w = writer_new(&fd);
        assert_int_equal(index_writer_add_segment(
                                 w, &(IndexSegment){ .address = UINT64_MAX, .memory_size = 2 }),
                         -EINVAL);
        assert_int_equal(index_writer_add_segment(
                                 w, &(IndexSegment){ .file_offset = UINT64_MAX, .memory_size = 2 }),
                         -EINVAL);
        assert_int_equal(
                index_writer_add_segment(w, &(IndexSegment){ .file_size = 2, .memory_size = 1 }),
                -EINVAL);
        for (size_t i = 0; i < INDEX_SEGMENTS_MAX; i++)
                assert_int_equal(index_writer_add_segment(w, &(IndexSegment){ .memory_size = 1 }),
                                 0);
        assert_int_equal(index_writer_add_segment(w, &(IndexSegment){ .memory_size = 1 }), -E2BIG);
}

static void test_a_full_disk_is_an_error(void **state) {
        _cleanup_(index_writer_freep) IndexWriter *w = NULL;
        _cleanup_close_ int fd = -EBADF;

        w = writer_new(&fd);
        assert_int_equal(index_writer_add_function(w, 0, 1, "f", "f"), 0);
        assert_return_code(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), errno);
        assert_int_equal(index_writer_finish(w, &identity), -EPERM);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_written_is_read),
                cmocka_unit_test(test_an_unfinished_file_is_no_index),
                cmocka_unit_test(test_an_empty_index_is_one),
                cmocka_unit_test(test_each_name_is_stored_once),
                cmocka_unit_test(test_names_beyond_the_buffer),
                cmocka_unit_test(test_bad_names_are_made_good),
                cmocka_unit_test(test_impossible_segments_are_refused),
                cmocka_unit_test(test_a_full_disk_is_an_error),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
