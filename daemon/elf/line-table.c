/* SPDX-License-Identifier: Apache-2.0 */
/* Line Table */

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "basic/array.h"
#include "basic/file-util.h"
#include "elf/line-table.h"
#include "elf/spill.h"

/* What the writer writes has ended long before. */
#define SPILL_LINES   INDEX_SIZE_MAX
#define SPILL_RANGES  (SPILL_LINES + (uint64_t) INDEX_LINES_MAX * sizeof(IndexLine))
#define SPILL_INLINES (SPILL_RANGES + (uint64_t) INDEX_INLINE_RANGES_MAX * sizeof(IndexInlineRange))
_Static_assert(SPILL_INLINES + (uint64_t) INDEX_INLINES_MAX * sizeof(IndexInline) <=
                       LINE_TABLE_FILE_MAX,
               "all of it is within the limit of the file");

/* The index of a source file by its name, which the writer keeps once. */
typedef struct FileEntry {
        uint32_t name, index;
        UT_hash_handle hh;
} FileEntry;

struct LineTable {
        IndexWriter *writer;
        uint64_t start, end;
        FileEntry *by_name;
        uint32_t *files;
        size_t n_files, files_capacity;
        Spill *lines, *ranges, *inlines;
        IndexLineInfo info;
};

LineTable *line_table_free(LineTable *t) {
        FileEntry *e, *next;

        if (!t)
                return NULL;
        HASH_ITER (hh, t->by_name, e, next) {
                HASH_DEL(t->by_name, e);
                free(e);
        }
        free(t->files);
        spill_free(t->lines);
        spill_free(t->ranges);
        spill_free(t->inlines);
        free(t);
        return NULL;
}

int line_table_new(LineTable **ret, IndexWriter *w, int fd, uint64_t start, uint64_t end) {
        _cleanup_(line_table_freep) LineTable *t = NULL;
        uint32_t none;
        int r;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->writer = w;
        t->start = start;
        t->end = MIN(end,
                     start + MIN((uint64_t) UINT32_MAX, UINT64_MAX - start)); /* 32-bit offsets */
        r = spill_new(&t->lines, fd, SPILL_LINES, sizeof(IndexLine), INDEX_LINES_MAX / 2);
        if (r < 0)
                return r;
        r = spill_new(&t->ranges, fd, SPILL_RANGES, sizeof(IndexInlineRange),
                      INDEX_INLINE_RANGES_MAX / 2);
        if (r < 0)
                return r;
        r = spill_new(&t->inlines, fd, SPILL_INLINES, sizeof(IndexInline), INDEX_INLINES_MAX);
        if (r < 0)
                return r;
        r = line_table_add_file(t, "", &none);
        if (r < 0)
                return r;
        r = spill_append(t->inlines, &(IndexInline){});
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

int line_table_add_name(LineTable *t, const char *name, uint32_t *ret) {
        return index_writer_add_name(t->writer, name, ret);
}

static int add_new_file(LineTable *t, uint32_t name, uint32_t *ret) {
        FileEntry *e;
        int r;

        if (t->n_files >= INDEX_FILES_MAX)
                return -E2BIG;
        r = ARRAY_RESERVE(t->files, t->files_capacity, t->n_files + 1);
        if (r < 0)
                return r;
        e = calloc(1, sizeof(*e));
        if (!e)
                return -ENOMEM;
        *e = (FileEntry){ .name = name, .index = (uint32_t) t->n_files };
        HASH_ADD(hh, t->by_name, name, sizeof(e->name), e);
        if (!e->hh.tbl) {
                free(e);
                return -ENOMEM;
        }
        t->files[t->n_files++] = name;
        *ret = e->index;
        return 0;
}

int line_table_add_file(LineTable *t, const char *path, uint32_t *ret) {
        FileEntry *e = NULL;
        uint32_t name;
        int r;

        r = index_writer_add_name(t->writer, path, &name);
        if (r < 0)
                return r;
        HASH_FIND(hh, t->by_name, &name, sizeof(name), e);
        if (!e)
                return add_new_file(t, name, ret);
        *ret = e->index;
        return 0;
}

/* What the linker has thrown away is said to be at address 0 or thereabouts. */
bool line_table_is_code(const LineTable *t, uint64_t address) {
        return address >= t->start && address < t->end;
}

int line_table_add_line(LineTable *t, uint64_t address, uint32_t file, uint32_t line) {
        if (!line_table_is_code(t, address))
                return 0;
        return spill_add(t->lines, &(IndexLine){
                                           .offset = (uint32_t) (address - t->start),
                                           .file = file,
                                           .line = line,
                                   });
}

static int end_run(const LineTable *t, Spill *s, uint64_t address) {
        if (address <= t->start) {
                spill_drop(s);
                return 0;
        }
        return spill_end(s, (uint32_t) (MIN(address, t->end) - t->start));
}

int line_table_end_lines(LineTable *t, uint64_t address) {
        return end_run(t, t->lines, address);
}

int line_table_add_inline(LineTable *t, const IndexInline *instance, uint32_t *ret) {
        size_t n = spill_size(t->inlines);
        int r;

        assert(instance->parent < n);
        r = spill_append(t->inlines, instance);
        if (r < 0)
                return r;
        *ret = (uint32_t) n;
        return 0;
}

int line_table_add_range(LineTable *t, uint64_t address, uint32_t instance) {
        if (!line_table_is_code(t, address))
                return 0;
        return spill_add(t->ranges, &(IndexInlineRange){
                                            .offset = (uint32_t) (address - t->start),
                                            .instance = instance,
                                    });
}

int line_table_end_ranges(LineTable *t, uint64_t address) {
        return end_run(t, t->ranges, address);
}

void line_table_drop_open(LineTable *t) {
        spill_drop(t->lines);
        spill_drop(t->ranges);
}

/* ---- writing ---- */

static int write_info(int fd, void *userdata, uint64_t *ret) {
        LineTable *t = userdata;

        *ret = sizeof(t->info);
        return write_all(fd, &t->info, sizeof(t->info));
}

static int write_files(int fd, void *userdata, uint64_t *ret) {
        LineTable *t = userdata;

        *ret = t->n_files * sizeof(*t->files);
        return write_all(fd, t->files, (size_t) *ret);
}

static int write_lines(int fd, void *userdata, uint64_t *ret) {
        return spill_write_in_order(((LineTable *) userdata)->lines, ret);
}

static int write_ranges(int fd, void *userdata, uint64_t *ret) {
        return spill_write_in_order(((LineTable *) userdata)->ranges, ret);
}

static int write_inlines(int fd, void *userdata, uint64_t *ret) {
        return spill_write(((LineTable *) userdata)->inlines, ret);
}

void line_table_finish(LineTable *t, const IndexLineInfo *info) {
        uint64_t size = t->n_files * sizeof(*t->files);

        line_table_drop_open(t);
        t->info = *info;
        t->info.start = t->start;
        index_writer_add_part(t->writer, INDEX_SECTION_LINE_INFO, write_info, t);

        size += spill_bytes_max(t->lines) + spill_bytes_max(t->ranges) +
                spill_bytes_max(t->inlines);
        if (size > INDEX_SIZE_MAX - MIN(INDEX_SIZE_MAX, index_writer_size(t->writer))) {
                t->info.state = INDEX_LINES_LIMIT;
                return;
        }
        /* Of a file that says nothing, nothing is kept. */
        if (spill_size(t->lines) == 0)
                return;
        index_writer_add_part(t->writer, INDEX_SECTION_FILES, write_files, t);
        index_writer_add_part(t->writer, INDEX_SECTION_LINES, write_lines, t);
        index_writer_add_part(t->writer, INDEX_SECTION_INLINE_RANGES, write_ranges, t);
        index_writer_add_part(t->writer, INDEX_SECTION_INLINES, write_inlines, t);
}
