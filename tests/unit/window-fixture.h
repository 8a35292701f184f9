/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Window Fixture
 *
 * Processes that never ran, with mappings as a test wants them, and samples of theirs.
 */

#include <sys/mman.h>

#include "elf/line-table.h"
#include "unit-test.h"
#include "window.h"

enum {
        FIXTURE_PID = 5000000, /* beyond PID_MAX_LIMIT */
        FIXTURE_CODE = 0x400000,
        FIXTURE_CODE_SIZE = 0x10000,
        FIXTURE_OFFSET = 0x2000,  /* of the code, in the file */
        FIXTURE_ADDRESS = 0x7000, /* of the code, in the ELF file's address space */
        FIXTURE_FUNCTION_SIZE = 0x100,
        FIXTURE_FUNCTIONS = 3,
};
#define FIXTURE_LIBRARY UINT64_C(0x7f0000000000)
#define FIXTURE_KERNEL  UINT64_C(0xffffffff81000000)

typedef struct WindowFixture {
        FileTable *files;
        Process process;
        File *program, *library; /* borrowed from the mappings */
        Window *window;

        unsigned n_asked; /* calls for files */
        File *asked;      /* the last */
} WindowFixture;

static inline File *fixture_map(WindowFixture *f,
                                uint64_t start,
                                const FileId *id,
                                const char *path) {
        _cleanup_(file_unrefp) File *file = NULL;
        Mapping m = {
                .start = start,
                .end = start + FIXTURE_CODE_SIZE,
                .offset = id->inode > 0 ? FIXTURE_OFFSET : start,
        };

        assert_return_code(file_table_get(f->files, id, path, &file), 0);
        m.file = file;
        assert_return_code(mapping_set_add(&f->process.mappings, &m), 0);
        return file;
}

static inline void fixture_on_file(
        File *file, pid_t pid, uint64_t start, uint64_t end, void *userdata) {
        WindowFixture *f = userdata;

        assert_int_equal(pid, FIXTURE_PID);
        assert_true(end > start);
        f->n_asked++;
        f->asked = file;
}

static inline WindowFixture *window_fixture_new_of_type(WindowType type) {
        const FileId program = { 8, 1, 100 }, library = { 8, 1, 101 };
        WindowFixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_return_code(file_table_new(&f->files), 0);
        f->process.pid = FIXTURE_PID;
        f->process.exe = strdup("/usr/bin/program");
        assert_non_null(f->process.exe);
        assert_return_code(mapping_set_new(&f->process.mappings), 0);
        f->program = fixture_map(f, FIXTURE_CODE, &program, "/usr/bin/program");
        f->library = fixture_map(f, FIXTURE_LIBRARY, &library, "/usr/lib/library.so.1");
        assert_return_code(window_new(&f->window, type, 1000 * USEC_PER_SEC, fixture_on_file, f),
                           0);
        return f;
}

static inline WindowFixture *window_fixture_new(void) {
        return window_fixture_new_of_type(WINDOW_CPU);
}

static inline WindowFixture *window_fixture_free(WindowFixture *f) {
        window_free(f->window);
        mapping_set_unref(f->process.mappings);
        file_table_free(f->files);
        free(f->process.exe);
        free(f);
        return NULL;
}
DEFINE_CLEANUP(WindowFixture *, window_fixture_free);

/* The main thread of the process, in user mode. */
static inline struct sample_record fixture_record(uint16_t n_kernel, uint16_t n_user) {
        return (struct sample_record){
                .start_ns = 1,
                .pid = FIXTURE_PID,
                .tid = FIXTURE_PID,
                .n_kernel = n_kernel,
                .n_user = n_user,
                .stack_end = STACK_END_COMPLETE,
                .flags = n_kernel > 0 ? 0 : SAMPLE_IN_USER,
                .comm = "program",
        };
}

/* A sample of so many user frames. */
static inline int fixture_add(WindowFixture *f, const uint64_t *frames, uint16_t n, nsec_t weight) {
        struct sample_record record = fixture_record(0, n);

        return window_add(f->window, &f->process, &record, frames, weight);
}

/* All of "first" is line 10 of /first.c, but for "inlined", from /first.h line 3, at its byte 0x10,
 * called from line 12. */
static inline LineTable *fixture_lines(IndexWriter *w, int fd) {
        IndexInline instance = { .line = 12 };
        uint32_t source, header, i;
        LineTable *t;

        assert_int_equal(
                line_table_new(&t, w, fd, FIXTURE_ADDRESS, FIXTURE_ADDRESS + FIXTURE_CODE_SIZE), 0);
        assert_int_equal(line_table_add_file(t, "/first.c", &source), 0);
        assert_int_equal(line_table_add_file(t, "/first.h", &header), 0);
        assert_int_equal(line_table_add_line(t, FIXTURE_ADDRESS, source, 10), 0);
        assert_int_equal(line_table_add_line(t, FIXTURE_ADDRESS + 0x10, header, 3), 0);
        assert_int_equal(line_table_add_line(t, FIXTURE_ADDRESS + 0x20, source, 10), 0);
        assert_int_equal(line_table_end_lines(t, FIXTURE_ADDRESS + FIXTURE_FUNCTION_SIZE), 0);
        instance.file = source;
        assert_int_equal(line_table_add_name(t, "inlined", &instance.name), 0);
        instance.system_name = instance.name;
        assert_int_equal(line_table_add_inline(t, &instance, &i), 0);
        assert_int_equal(line_table_add_range(t, FIXTURE_ADDRESS + 0x10, i), 0);
        assert_int_equal(line_table_end_ranges(t, FIXTURE_ADDRESS + 0x20), 0);
        line_table_finish(t, &(IndexLineInfo){ .state = INDEX_LINES_WHOLE });
        return t;
}

/* The functions "first", "second" and "third" (system names "_first" …) from FIXTURE_ADDRESS on;
 * there is no function behind them. Build id "abcd". */
static inline IndexFile *fixture_index(void) {
        static const char *const names[FIXTURE_FUNCTIONS] = { "first", "second", "third" };
        const IndexIdentity identity = { .build_id = { 0xab, 0xcd }, .build_id_size = 2 };
        const IndexSegment segment = {
                .file_offset = FIXTURE_OFFSET,
                .address = FIXTURE_ADDRESS,
                .file_size = FIXTURE_CODE_SIZE,
                .memory_size = FIXTURE_CODE_SIZE,
        };
        _cleanup_(index_writer_freep) IndexWriter *w = NULL;
        _cleanup_(line_table_freep) LineTable *lines = NULL;
        _cleanup_close_ int fd = -EBADF;
        IndexFile *index;

        fd = memfd_create("index", MFD_CLOEXEC);
        assert_return_code(fd, errno);
        assert_return_code(index_writer_new(&w, fd), 0);
        assert_return_code(index_writer_add_segment(w, &segment), 0);
        for (unsigned i = 0; i < FIXTURE_FUNCTIONS; i++) {
                char system_name[32];

                snprintf(system_name, sizeof(system_name), "_%s", names[i]);
                assert_return_code(
                        index_writer_add_function(w, FIXTURE_ADDRESS + i * FIXTURE_FUNCTION_SIZE,
                                                  FIXTURE_FUNCTION_SIZE, names[i], system_name),
                        0);
        }
        lines = fixture_lines(w, fd);
        assert_return_code(index_writer_finish(w, &identity), 0);
        assert_return_code(index_file_open(&index, fd, NULL), 0);
        return index;
}

static inline void fixture_settle(File *file) {
        _cleanup_(index_file_unrefp) IndexFile *index = fixture_index();

        file_set_index(file, index);
}
