/* SPDX-License-Identifier: Apache-2.0 */
/* Line Table: what is put in comes out of the index */

#include <sys/mman.h>

#include "elf/line-table.h"
#include "index/index-file.h"
#include "unit-test.h"

enum { START = 0x1000, END = 0x2000 };

static IndexFile *finish(IndexWriter *w, LineTable *t, int fd, IndexLinesState state) {
        IndexFile *f;

        line_table_finish(t, &(IndexLineInfo){ .state = state });
        assert_int_equal(index_writer_finish(w, &(IndexIdentity){}), 0);
        assert_int_equal(index_file_open(&f, fd, NULL), 0);
        return f;
}

static uint32_t name_of(LineTable *t, const char *name) {
        uint32_t offset;

        assert_int_equal(line_table_add_name(t, name, &offset), 0);
        return offset;
}

static void assert_frame(const IndexFrame *f, const char *name, const char *file, uint32_t line) {
        assert_string_equal(f->name, name);
        assert_string_equal(f->file, file);
        assert_int_equal(f->line, line);
}

static void test_inlined_functions_come_innermost_first(void **state) {
        _cleanup_(index_writer_freep) IndexWriter *w = NULL;
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        _cleanup_(line_table_freep) LineTable *t = NULL;
        _cleanup_close_ int fd = -EBADF;
        IndexFrame frames[INDEX_FRAMES_MAX];
        uint32_t a, b, again, outer, inner;

        fd = memfd_create("index", MFD_CLOEXEC);
        assert_return_code(fd, errno);
        assert_int_equal(index_writer_new(&w, fd), 0);
        assert_int_equal(index_writer_add_function(w, START, 0x100, "function", "_function"), 0);
        assert_int_equal(line_table_new(&t, w, fd, START, END), 0);
        assert_int_equal(line_table_add_file(t, "/a.c", &a), 0);
        assert_int_equal(line_table_add_file(t, "/b.h", &b), 0);
        assert_int_equal(line_table_add_file(t, "/a.c", &again), 0);
        assert_int_equal(again, a);
        assert_int_equal(line_table_add_line(t, START, a, 10), 0);
        assert_int_equal(line_table_add_line(t, START + 0x20, b, 3), 0);
        assert_int_equal(line_table_add_line(t, START + 0x40, a, 12), 0);
        assert_int_equal(line_table_end_lines(t, START + 0x80), 0);
        assert_int_equal(
                line_table_add_inline(
                        t, &(IndexInline){ .name = name_of(t, "outer"), .file = a, .line = 11 },
                        &outer),
                0);
        assert_int_equal(line_table_add_inline(t,
                                               &(IndexInline){ .parent = outer,
                                                               .name = name_of(t, "inner"),
                                                               .file = b,
                                                               .line = 7 },
                                               &inner),
                         0);
        assert_int_equal(line_table_add_range(t, START + 0x18, outer), 0);
        assert_int_equal(line_table_add_range(t, START + 0x20, inner), 0);
        assert_int_equal(line_table_end_ranges(t, START + 0x40), 0);
        f = finish(w, t, fd, INDEX_LINES_WHOLE);

        assert_int_equal(index_file_get_line_info(f)->state, INDEX_LINES_WHOLE);
        assert_int_equal(index_file_find_frames(f, START + 4, frames), 1);
        assert_frame(&frames[0], "function", "/a.c", 10);
        assert_int_equal(index_file_find_frames(f, START + 0x1f, frames), 2);
        assert_frame(&frames[0], "outer", "/a.c", 10);
        assert_frame(&frames[1], "function", "/a.c", 11);
        assert_int_equal(index_file_find_frames(f, START + 0x3f, frames), 3);
        assert_frame(&frames[0], "inner", "/b.h", 3);
        assert_frame(&frames[1], "outer", "/b.h", 7);
        assert_frame(&frames[2], "function", "/a.c", 11);
        assert_int_equal(index_file_find_frames(f, START + 0x40, frames), 1);
        assert_frame(&frames[0], "function", "/a.c", 12);
        assert_int_equal(index_file_find_frames(f, START + 0x80, frames), 1);
        assert_frame(&frames[0], "function", "", 0);
        assert_int_equal(index_file_find_frames(f, START + 0x100, frames), 0);
}

/* What the linker threw away begins at 0 and may end anywhere. */
static void test_only_code_counts(void **state) {
        _cleanup_(index_writer_freep) IndexWriter *w = NULL;
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        _cleanup_(line_table_freep) LineTable *t = NULL;
        _cleanup_close_ int fd = -EBADF;
        IndexFrame frames[INDEX_FRAMES_MAX];
        uint32_t a;

        fd = memfd_create("index", MFD_CLOEXEC);
        assert_return_code(fd, errno);
        assert_int_equal(index_writer_new(&w, fd), 0);
        assert_int_equal(index_writer_add_function(w, START, 0x100, "f", "f"), 0);
        assert_int_equal(line_table_new(&t, w, fd, START, END), 0);
        assert_int_equal(line_table_add_file(t, "/a.c", &a), 0);
        assert_int_equal(line_table_add_line(t, 0, a, 1), 0);
        assert_int_equal(line_table_end_lines(t, START + 8), 0);
        assert_int_equal(line_table_add_line(t, END, a, 1), 0);
        assert_int_equal(line_table_end_lines(t, END + 8), 0);
        f = finish(w, t, fd, INDEX_LINES_TIME);
        assert_int_equal(index_file_get_line_info(f)->state, INDEX_LINES_TIME);
        assert_int_equal(index_file_find_frames(f, START, frames), 1);
        assert_frame(&frames[0], "f", "", 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_inlined_functions_come_innermost_first),
                cmocka_unit_test(test_only_code_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
