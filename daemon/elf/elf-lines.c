/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of an ELF File */

#include <elf.h>

#include "elf/attempt.h"
#include "elf/dwarf-lines.h"
#include "elf/elf-lines.h"
#include "elf/go-lines.h"

/* What an attempt needs; all of it outlives a crash. */
typedef struct Reading {
        const ElfFile *elf; /* that has the DWARF */
        bool has_go;        /* whose units need no DWARF */
        LineTable *table;
        LineBudget budget;
        IndexLineInfo info;
} Reading;

static int read_dwarf(void *userdata) {
        _cleanup_(dwarf_file_freep) DwarfFile *d = NULL;
        Reading *reading = userdata;
        int r;

        r = dwarf_file_new(&d, reading->elf);
        if (r < 0)
                return r;
        return dwarf_lines_read(d, reading->table, !reading->has_go, &reading->budget,
                                &reading->info);
}

static IndexLinesState state_of(int error) {
        switch (error) {
        case 0:
                return INDEX_LINES_WHOLE;
        case -ENODATA:
                return INDEX_LINES_NONE;
        case -ETIME:
                return INDEX_LINES_TIME;
        case -ENOMEM:
                return INDEX_LINES_MEMORY;
        case -E2BIG:
                return INDEX_LINES_LIMIT;
        default:
                return INDEX_LINES_DAMAGED;
        }
}

static int read_go(Reading *reading, const ElfFile *f) {
        GoTable t;
        int r;

        if (go_table_find(f, &t) < 0)
                return -ENODATA;
        reading->has_go = true;
        reading->info.sources |= INDEX_LINES_GO;
        r = go_lines_read(&t, reading->table, &reading->budget, &reading->info);
        line_table_drop_open(reading->table);
        return r;
}

/* The file's own DWARF, or that of its debug file. */
static int read_all_dwarf(Reading *reading, const ElfIndexInput *input) {
        int r;

        reading->elf = input->file;
        r = attempt(read_dwarf, reading);
        if (r != -ENODATA) {
                reading->info.sources |= INDEX_LINES_DWARF;
                return r;
        }
        if (!input->debug)
                return r;
        reading->elf = input->debug;
        r = attempt(read_dwarf, reading);
        if (r != -ENODATA)
                reading->info.sources |= INDEX_LINES_DEBUG_FILE;
        return r;
}

/* Go's own table is in every Go program, and quicker read than its DWARF. */
static int read_all(Reading *reading, const ElfIndexInput *input) {
        int go, r;

        go = read_go(reading, input->file);
        if (go < 0 && go != -ENODATA)
                return go;
        r = read_all_dwarf(reading, input);
        return r == -ENODATA ? go : r;
}

static void extend(uint64_t address, uint64_t size, uint64_t *start, uint64_t *end) {
        if (size == 0 || size > UINT64_MAX - address)
                return;
        *start = MIN(*start, address);
        *end = MAX(*end, address + size);
}

/* From the first to the last byte of code: what is said to be outside was thrown away. */
static void find_code(const ElfFile *f, uint64_t *ret_start, uint64_t *ret_end) {
        const uint64_t code = SHF_ALLOC | SHF_EXECINSTR;

        *ret_start = UINT64_MAX;
        *ret_end = 0;
        for (size_t i = 1; i < elf_file_n_sections(f); i++) {
                ElfSection s;

                if (elf_file_get_section(f, i, &s) >= 0 && (s.flags & code) == code)
                        extend(s.address, s.size, ret_start, ret_end);
        }
        for (size_t i = 0; *ret_end == 0 && i < elf_file_n_segments(f); i++) {
                ElfSegment s;

                if (elf_file_get_segment(f, i, &s) >= 0 && s.type == PT_LOAD && s.flags & PF_X)
                        extend(s.address, s.memory_size, ret_start, ret_end);
        }
}

int elf_lines_read(const ElfIndexInput *input, IndexWriter *w, int fd, LineTable **ret) {
        _cleanup_(line_table_freep) LineTable *t = NULL;
        Reading reading = {
                .budget = line_budget(ELF_LINES_CPU_SEC * NSEC_PER_SEC,
                                      ELF_LINES_WALL_SEC * NSEC_PER_SEC),
                .info.state = INDEX_LINES_OFF,
        };
        uint64_t start, end;
        int r;

        find_code(input->file, &start, &end);
        r = line_table_new(&t, w, fd, start, end);
        if (r < 0)
                return r;
        reading.table = t;
        if (input->lines)
                reading.info.state = state_of(read_all(&reading, input));
        line_table_finish(t, &reading.info);
        *ret = TAKE_PTR(t);
        return 0;
}
