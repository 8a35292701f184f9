/* SPDX-License-Identifier: Apache-2.0 */
/* Go Lines */

#include <elf.h>

#include "basic/array.h"
#include "elf/go-lines.h"

enum { FUNCTIONS_PER_CHECK = 1 << 8 };

/* The end of the code that has lines: what is behind it only fills up. */
static uint64_t function_end(const GoTable *t, const GoFunction *f) {
        GoValues v;
        unsigned n = 0;

        go_values_begin(&v, t, f, f->values_line);
        while (go_values_next(&v) && v.end < f->end && n++ < GO_STEPS_MAX)
                ;
        return v.end > f->start ? MIN(v.end, f->end) : f->end;
}

int go_lines_make_symbols(const GoTable *t, uint8_t **ret, size_t *ret_size) {
        _cleanup_free_ uint8_t *symbols = NULL;
        size_t size = 0, capacity = 0;
        int r;

        for (uint64_t i = 0; i < t->n_functions; i++) {
                Elf64_Sym symbol = {
                        .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
                        .st_shndx = SHN_ABS,
                };
                GoFunction f;

                if (!go_table_get(t, i, &f) || !go_table_get_name(t, f.name))
                        continue;
                symbol.st_name = f.name + 1;
                symbol.st_value = f.start;
                symbol.st_size = function_end(t, &f) - f.start;
                r = ARRAY_RESERVE(symbols, capacity, size + sizeof(symbol));
                if (r < 0)
                        return r;
                memcpy(symbols + size, &symbol, sizeof(symbol));
                size += sizeof(symbol);
        }
        *ret = TAKE_PTR(symbols);
        *ret_size = size;
        return 0;
}

typedef struct Reader {
        const GoTable *table;
        LineTable *lines;
        uint32_t *files; /* by number of a file: ours + 1, 0: not asked for yet */
        /* of one function: */
        uint32_t *instances; /* by index in its tree: ours, 0: not made yet */
        size_t n_instances, instances_capacity;
} Reader;

static void reader_done(Reader *r) {
        free(r->files);
        free(r->instances);
}

static int get_file(Reader *reader, const GoFunction *f, int32_t number, uint32_t *ret) {
        const char *path;
        uint32_t file;
        uint64_t n;
        int r;

        *ret = 0;
        if (!go_table_get_file(reader->table, f->unit, number, &n))
                return 0;
        if (reader->files[n] == 0) {
                path = go_table_get_path(reader->table, n);
                if (!path)
                        return 0;
                r = line_table_add_file(reader->lines, path, &file);
                if (r < 0)
                        return r;
                reader->files[n] = file + 1;
        }
        *ret = reader->files[n] - 1;
        return 0;
}

/* The value at an address, -1: none. */
static int32_t value_at(const GoTable *t, const GoFunction *f, uint32_t values, uint64_t address) {
        GoValues v;
        unsigned n = 0;

        go_values_begin(&v, t, f, values);
        while (n++ < GO_STEPS_MAX && go_values_next(&v))
                if (address < v.end)
                        return v.value;
        return -1;
}

/* ---- inlined functions ---- */

static int make_instance(
        Reader *reader, const GoFunction *f, int32_t i, uint32_t parent, uint32_t *ret) {
        const GoTable *t = reader->table;
        IndexInline instance = { .parent = parent };
        const char *name;
        GoInline call;
        uint64_t at;
        int32_t line;
        int r;

        if (!go_table_get_inline(t, f->tree, i, &call))
                return -EBADMSG;
        at = f->start + call.parent_pc;
        name = go_table_get_name(t, call.name);
        if (name) {
                r = line_table_add_name(reader->lines, name, &instance.name);
                if (r < 0)
                        return r;
                instance.system_name = instance.name;
        }
        r = get_file(reader, f, value_at(t, f, f->values_file, at), &instance.file);
        if (r < 0)
                return r;
        line = value_at(t, f, f->values_line, at);
        instance.line = line > 0 ? (uint32_t) line : 0;
        r = line_table_add_inline(reader->lines, &instance, ret);
        if (r >= 0)
                reader->instances[i] = *ret;
        return r;
}

static int reserve_instances(Reader *reader, int32_t i) {
        size_t n = (size_t) i + 1;
        int r;

        if (n <= reader->n_instances)
                return 0;
        r = ARRAY_RESERVE(reader->instances, reader->instances_capacity, n);
        if (r < 0)
                return r;
        memset(reader->instances + reader->n_instances, 0,
               (n - reader->n_instances) * sizeof(*reader->instances));
        reader->n_instances = n;
        return 0;
}

/* The instance of an index, and first those that it is in: they are found from the inside. */
static int get_instance(Reader *reader, const GoFunction *f, int32_t i, uint32_t *ret) {
        const GoTable *t = reader->table;
        int32_t chain[GO_INLINE_DEPTH_MAX];
        uint32_t parent = 0;
        size_t n = 0;
        int r;

        *ret = 0;
        for (; i >= 0; n++) {
                GoInline call;

                if (i >= GO_INLINES_MAX || n >= ELEMENTSOF(chain))
                        return -EBADMSG;
                r = reserve_instances(reader, i);
                if (r < 0)
                        return r;
                if (reader->instances[i] != 0) {
                        parent = reader->instances[i];
                        break;
                }
                if (!go_table_get_inline(t, f->tree, i, &call))
                        return -EBADMSG;
                chain[n] = i;
                i = value_at(t, f, f->values_inline, f->start + call.parent_pc);
        }
        while (n > 0) {
                r = make_instance(reader, f, chain[--n], parent, &parent);
                if (r < 0)
                        return r;
        }
        *ret = parent;
        return 0;
}

/* Go 1.16 has its trees where Go 1.17 has something else: a tree names functions and places. */
static bool is_tree(const GoTable *t, const GoFunction *f, uint64_t tree) {
        GoInline call;
        const char *name;

        if (!go_table_get_inline(t, tree, 0, &call) || call.parent_pc >= f->end - f->start)
                return false;
        name = go_table_get_name(t, call.name);
        return name && name[0] != '\0' && (call.name == 0 || name[-1] == '\0');
}

static int read_inlines(Reader *reader, GoFunction *f) {
        uint32_t instance;
        GoValues v;
        unsigned n = 0;
        int r;

        if (f->may_be_other && !is_tree(reader->table, f, f->tree))
                f->tree = f->other_tree;
        if (f->tree == 0 || f->values_inline == 0 || !is_tree(reader->table, f, f->tree))
                return 0;
        go_values_begin(&v, reader->table, f, f->values_inline);
        while (n++ < GO_STEPS_MAX && v.end < f->end && go_values_next(&v)) {
                r = get_instance(reader, f, v.value, &instance);
                if (r < 0)
                        return r;
                r = line_table_add_range(reader->lines, v.start, instance);
                if (r < 0)
                        return r;
        }
        return line_table_end_ranges(reader->lines, MIN(v.end, f->end));
}

/* ---- lines ---- */

/* Two tables side by side: a new element where either of them changes. */
static int read_lines(Reader *reader, const GoFunction *f) {
        GoValues files, lines;
        uint64_t at = f->start;
        unsigned n = 0;
        int r;

        go_values_begin(&files, reader->table, f, f->values_file);
        go_values_begin(&lines, reader->table, f, f->values_line);
        if (!go_values_next(&files) || !go_values_next(&lines))
                return 0;
        while (n++ < GO_STEPS_MAX && at < f->end) {
                uint32_t file;

                r = get_file(reader, f, files.value, &file);
                if (r < 0)
                        return r;
                r = line_table_add_line(reader->lines, at, file,
                                        lines.value > 0 ? (uint32_t) lines.value : 0);
                if (r < 0)
                        return r;
                at = MIN(files.end, lines.end);
                if ((files.end <= at && !go_values_next(&files)) ||
                    (lines.end <= at && !go_values_next(&lines)))
                        break;
        }
        return line_table_end_lines(reader->lines, MIN(at, f->end));
}

/* A function that is damaged costs itself. */
static int read_function(Reader *reader, uint64_t i, IndexLineInfo *info) {
        GoFunction f;
        int r;

        info->n_units++;
        if (!go_table_get(reader->table, i, &f)) {
                info->n_bad++;
                return 0;
        }
        reader->n_instances = 0;
        r = read_lines(reader, &f);
        if (r < 0)
                return r;
        r = read_inlines(reader, &f);
        if (r == -EBADMSG)
                info->n_bad++;
        line_table_drop_open(reader->lines);
        return r == -EBADMSG ? 0 : r;
}

int go_lines_read(const GoTable *t,
                  LineTable *lines,
                  const LineBudget *budget,
                  IndexLineInfo *info) {
        _cleanup_(reader_done) Reader reader = { .table = t, .lines = lines };
        int r;

        reader.files = calloc(go_table_n_files(t) + 1, sizeof(*reader.files));
        if (!reader.files)
                return -ENOMEM;
        for (uint64_t i = 0; i < t->n_functions; i++) {
                if (i % FUNCTIONS_PER_CHECK == 0 && line_budget_is_used_up(budget))
                        return -ETIME;
                r = read_function(&reader, i, info);
                if (r < 0)
                        return r;
        }
        return 0;
}
