/* SPDX-License-Identifier: Apache-2.0 */
/* Go Table */

#include <elf.h>

#include "basic/string-util.h"
#include "elf/byte-reader.h"
#include "elf/go-module.h"
#include "elf/go-table.h"

enum {
        HEADER_SIZE = 8,
        POINTER_SIZE = 8,
        TEXT_WORD = 2, /* index of the start of text behind the header, from Go 1.18 on */
        PCDATA_INLINE = 2,
        FUNCDATA_INLINE = 3, /* in Go 1.16 4 */
        NO_VALUE = 0xffffffff,

        FLAG_TOP_FRAME = 1 << 0, /* internal/abi.FuncFlag */
        FLAG_SP_WRITE = 1 << 1,
};

/* size bytes of the table from offset on, as a number. */
static bool number_at(const GoTable *t, uint64_t offset, size_t size, uint64_t *ret) {
        ByteReader r;

        if (offset > t->size || size > t->size - offset)
                return false;
        r = byte_reader(t->data + offset, size);
        *ret = byte_reader_fixed(&r, size);
        return true;
}

/* ---- finding it ---- */

static bool read_magic(const uint8_t *p, GoVersion *ret_version, uint8_t *ret_quantum) {
        static const uint32_t magics[] = {
                [GO_1_16] = 0xfffffffa,
                [GO_1_18] = 0xfffffff0,
                [GO_1_20] = 0xfffffff1,
        };
        ByteReader r = byte_reader(p, HEADER_SIZE);
        uint32_t magic = (uint32_t) byte_reader_fixed(&r, 4);

        /* 0, 0, the size of the shortest instruction, the size of a pointer */
        if (p[4] != 0 || p[5] != 0 || (p[6] != 1 && p[6] != 2 && p[6] != 4) || p[7] != POINTER_SIZE)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(magics); i++)
                if (magic == magics[i]) {
                        *ret_version = (GoVersion) i;
                        *ret_quantum = p[6];
                        return true;
                }
        return false;
}

/* The words behind the magic, and whether they make sense. */
static bool read_header(GoTable *t) {
        uint64_t words[8] = {}, first;
        size_t n = t->version == GO_1_16 ? 7 : 8, at = 0;
        uint64_t *const parts[] = { &t->names, &t->units, &t->files, &t->values, &t->functions };

        for (size_t i = 0; i < n; i++)
                if (!number_at(t, HEADER_SIZE + i * POINTER_SIZE, POINTER_SIZE, &words[i]))
                        return false;
        t->n_functions = words[at++];
        at++; /* files */
        if (t->version != GO_1_16)
                t->text = words[at++];
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                *parts[i] = words[at++];
                if (*parts[i] >= t->size || *parts[i] < HEADER_SIZE)
                        return false;
        }
        if (t->n_functions == 0 || t->n_functions > GO_FUNCTIONS_MAX || t->units > t->files)
                return false;
        return number_at(t, t->functions, 4, &first);
}

static bool use(GoTable *t, const ElfFile *f, const uint8_t *data, size_t size, uint64_t address) {
        *t = (GoTable){ .elf = f, .data = data, .size = size, .address = address };
        return size >= HEADER_SIZE && read_magic(data, &t->version, &t->quantum) && read_header(t);
}

static bool find_section(const ElfFile *f, GoTable *ret) {
        static const char *const names[] = { ".gopclntab", ".data.rel.ro.gopclntab" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                const uint8_t *data;
                ElfSection s;
                size_t n, size;

                if (elf_file_find_section(f, names[i], &n) >= 0 &&
                    elf_file_get_section(f, n, &s) >= 0 &&
                    elf_file_get_data(f, n, &data, &size) >= 0 &&
                    use(ret, f, data, size, s.address))
                        return true;
        }
        return false;
}

/* Only programs of Go are searched: that reads every page of their data. */
static bool is_go(const ElfFile *f) {
        static const char *const marks[] = { ".go.buildinfo", ".note.go.buildid" };
        size_t n;

        for (size_t i = 0; i < ELEMENTSOF(marks); i++)
                if (elf_file_find_section(f, marks[i], &n) >= 0)
                        return true;
        return elf_file_n_sections(f) <= 1;
}

static bool find_magic(const ElfFile *f, GoTable *ret) {
        for (size_t i = 0; i < elf_file_n_segments(f); i++) {
                const uint8_t *data;
                ElfSegment s;
                size_t size;

                if (elf_file_get_segment(f, i, &s) < 0 || s.type != PT_LOAD)
                        continue;
                data = elf_file_get_memory(f, s.address, &size);
                for (size_t at = 0; data && at + HEADER_SIZE <= size; at += POINTER_SIZE)
                        if (data[at + 3] == 0xff &&
                            use(ret, f, data + at, size - at, s.address + at))
                                return true;
        }
        return false;
}

int go_table_find(const ElfFile *f, GoTable *ret) {
        GoTable t;

        if (!elf_file_is_64(f))
                return -ENOENT;
        if (!find_section(f, &t) && !(is_go(f) && find_magic(f, &t)))
                return -ENOENT;
        go_module_complete(&t);
        if (t.version != GO_1_16 && t.text == 0)
                return -ENOENT;
        *ret = t;
        return 0;
}

/* ---- functions ---- */

/* The start of function i, and where its entry is; the one behind the last has a start only. */
static bool read_row(const GoTable *t, uint64_t i, uint64_t *ret_start, uint64_t *ret_entry) {
        size_t size = t->version == GO_1_16 ? POINTER_SIZE : 4;
        uint64_t at = t->functions + i * 2 * size;

        if (!number_at(t, at, size, ret_start))
                return false;
        *ret_start += t->text;
        return i == t->n_functions || number_at(t, at + size, size, ret_entry);
}

/* The address of a tree, of which the function's entry has an offset or a pointer. */
static uint64_t read_tree(const GoTable *t, uint64_t at, uint64_t n_before, uint64_t index) {
        uint64_t value;

        at += n_before * 4;
        if (t->version != GO_1_16) {
                if (t->trees == 0 || !number_at(t, at + index * 4, 4, &value) || value == NO_VALUE)
                        return 0;
                return t->trees + value;
        }
        at = ROUND_UP(t->address + at, (uint64_t) POINTER_SIZE) - t->address;
        return number_at(t, at + index * POINTER_SIZE, POINTER_SIZE, &value) ? value : 0;
}

static bool read_entry(const GoTable *t, uint64_t at, GoFunction *ret) {
        /* Where the fields are: behind the start of the function, a pointer or an offset. */
        uint64_t fields = at + (t->version == GO_1_16 ? POINTER_SIZE : 4);
        uint64_t end = fields + (t->version == GO_1_20 ? 40 : 36);
        uint64_t name, sp, file, line, n_pcdata, unit, flags, n_funcdata, value;

        if (!number_at(t, fields, 4, &name) || !number_at(t, fields + 12, 4, &sp) ||
            !number_at(t, fields + 16, 4, &file) || !number_at(t, fields + 20, 4, &line) ||
            !number_at(t, fields + 24, 4, &n_pcdata) || !number_at(t, fields + 28, 4, &unit) ||
            !number_at(t, end - 3, 1, &flags) || !number_at(t, end - 1, 1, &n_funcdata) ||
            n_pcdata > 64)
                return false;
        ret->name = (uint32_t) name;
        ret->values_sp = (uint32_t) sp;
        ret->is_top = flags & FLAG_TOP_FRAME;
        ret->moves_stack = flags & FLAG_SP_WRITE;
        ret->values_file = (uint32_t) file;
        ret->values_line = (uint32_t) line;
        ret->unit = (uint32_t) unit;
        if (n_pcdata > PCDATA_INLINE && number_at(t, end + PCDATA_INLINE * 4, 4, &value))
                ret->values_inline = (uint32_t) value;
        if (n_funcdata > FUNCDATA_INLINE)
                ret->tree = read_tree(t, end, n_pcdata, FUNCDATA_INLINE);
        if (n_funcdata > FUNCDATA_INLINE + 1 && t->version == GO_1_16) {
                ret->may_be_other = true;
                ret->other_tree = read_tree(t, end, n_pcdata, FUNCDATA_INLINE + 1);
        }
        return true;
}

bool go_table_get(const GoTable *t, uint64_t i, GoFunction *ret) {
        uint64_t entry, unused;

        *ret = (GoFunction){};
        if (i >= t->n_functions || !read_row(t, i, &ret->start, &entry) ||
            !read_row(t, i + 1, &ret->end, &unused) || ret->end <= ret->start ||
            entry > t->size - t->functions)
                return false;
        return read_entry(t, t->functions + entry, ret);
}

/* ---- strings, files, trees ---- */

static const char *string_at(const GoTable *t, uint64_t offset) {
        if (offset >= t->size)
                return NULL;
        return memchr(t->data + offset, '\0', MIN(t->size - offset, (uint64_t) GO_NAME_MAX))
                       ? (const char *) t->data + offset
                       : NULL;
}

const char *go_table_get_name(const GoTable *t, uint32_t offset) {
        return string_at(t, t->names + offset);
}

uint64_t go_table_n_files(const GoTable *t) {
        return MIN((t->files - t->units) / 4, (uint64_t) GO_FILES_MAX);
}

bool go_table_get_file(const GoTable *t, uint32_t unit, int32_t file, uint64_t *ret) {
        uint64_t n = (uint64_t) unit + (uint32_t) file;

        if (file < 0 || n >= go_table_n_files(t))
                return false;
        *ret = n;
        return true;
}

const char *go_table_get_path(const GoTable *t, uint64_t file) {
        uint64_t offset;

        if (!number_at(t, t->units + file * 4, 4, &offset) || offset == NO_VALUE)
                return NULL;
        return string_at(t, t->files + offset);
}

bool go_table_get_inline(const GoTable *t, uint64_t tree, int32_t i, GoInline *ret) {
        size_t size = t->version == GO_1_20 ? 16 : 20, name = t->version == GO_1_20 ? 4 : 12, left;
        const uint8_t *data;
        ByteReader r;

        if (tree == 0 || i < 0 || i >= GO_INLINES_MAX)
                return false;
        data = elf_file_get_memory(t->elf, tree + (uint64_t) i * size, &left);
        if (!data || left < size)
                return false;
        r = byte_reader(data + name, 8);
        ret->name = (uint32_t) byte_reader_fixed(&r, 4);
        ret->parent_pc = (uint32_t) byte_reader_fixed(&r, 4);
        return true;
}

/* ---- values ---- */

void go_values_begin(GoValues *v, const GoTable *t, const GoFunction *f, uint32_t offset) {
        uint64_t at = t->values + offset;

        *v = (GoValues){
                .start = f->start,
                .end = f->start,
                .value = -1,
                .quantum = t->quantum,
                .is_first = true,
        };
        if (offset == 0 || at >= t->size)
                return;
        v->at = t->data + at;
        v->limit = t->data + t->size;
}

/* Pairs of a change of the value and a length of code, up to a change by 0. */
bool go_values_next(GoValues *v) {
        ByteReader r = { .at = v->at, .end = v->limit };
        uint32_t change, length;

        if (!v->at)
                return false;
        change = (uint32_t) byte_reader_uleb(&r);
        if (r.failed || (change == 0 && !v->is_first))
                return false;
        length = (uint32_t) byte_reader_uleb(&r);
        if (r.failed)
                return false;
        v->is_first = false;
        v->at = r.at;
        v->value = (int32_t) ((uint32_t) v->value + (change & 1 ? ~(change >> 1) : change >> 1));
        v->start = v->end;
        v->end += (uint64_t) length * v->quantum;
        return true;
}
