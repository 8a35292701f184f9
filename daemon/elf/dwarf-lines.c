/* SPDX-License-Identifier: Apache-2.0 */
/* DWARF Lines */

#include <dwarf.h>

#include "basic/array.h"
#include "elf/dwarf-inlines.h"
#include "elf/dwarf-lines.h"

enum { LINES_PER_CHECK = 1 << 16 };

typedef struct Range {
        uint64_t start, end;
} Range;

/* Stretches of the code of a unit, asked for in order of addresses. */
typedef struct UnitCode {
        Range *ranges;
        size_t n, capacity, at;
} UnitCode;

static void unit_code_done(UnitCode *c) {
        free(c->ranges);
}

static int range_compare(const void *a, const void *b) {
        const Range *x = a, *y = b;

        return x->start < y->start ? -1 : x->start > y->start;
}

static int unit_code_read(UnitCode *c, LineTable *t, Dwarf_Die *die) {
        Dwarf_Addr base, start, end;
        ptrdiff_t at = 0;
        int r;

        while ((at = dwarf_ranges(die, at, &base, &start, &end)) > 0) {
                if (start >= end || !line_table_is_code(t, start))
                        continue;
                if (c->n >= DWARF_RANGES_MAX)
                        return -EBADMSG;
                r = ARRAY_RESERVE(c->ranges, c->capacity, c->n + 1);
                if (r < 0)
                        return r;
                c->ranges[c->n++] = (Range){ .start = start, .end = end };
        }
        if (c->n > 0)
                qsort(c->ranges, c->n, sizeof(Range), range_compare);
        return 0;
}

/* Of a unit that does not say where its code is, all is. */
static bool unit_has_code(UnitCode *c, uint64_t address) {
        while (c->at < c->n && c->ranges[c->at].end <= address)
                c->at++;
        return c->n == 0 || (c->at < c->n && c->ranges[c->at].start <= address);
}

static int read_line(LineTable *t, DwarfUnit *unit, Dwarf_Line *line, UnitCode *code) {
        Dwarf_Files *files;
        Dwarf_Addr address;
        uint32_t file;
        size_t number;
        bool is_end;
        int n, r;

        if (dwarf_lineaddr(line, &address) != 0 || dwarf_lineendsequence(line, &is_end) != 0 ||
            dwarf_lineno(line, &n) != 0 || dwarf_line_file(line, &files, &number) != 0)
                return 0;
        if (!unit_has_code(code, address))
                return line_table_end_lines(t, address);
        if (is_end)
                return code->n > 0 ? 0 : line_table_end_lines(t, address);
        r = dwarf_unit_get_file(unit, t, number, &file);
        if (r < 0)
                return r;
        return line_table_add_line(t, address, file, n > 0 ? (uint32_t) n : 0);
}

/*
 * libdw sorts the lines of a unit by address. Functions that the linker has dropped are all said to
 * begin at 0, and may reach to where others are; and what says no more than that a function ends
 * comes behind its end. So the unit's own ranges decide.
 */
static int read_lines(LineTable *t, DwarfUnit *unit, const LineBudget *budget) {
        _cleanup_(unit_code_done) UnitCode code = {};
        Dwarf_Lines *lines;
        size_t n;
        int r;

        if (!dwarf_hasattr(&unit->die, DW_AT_stmt_list))
                return 0;
        if (dwarf_getsrclines(&unit->die, &lines, &n) != 0)
                return -EBADMSG;
        r = unit_code_read(&code, t, &unit->die);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                if (i % LINES_PER_CHECK == LINES_PER_CHECK - 1 && line_budget_is_used_up(budget))
                        return -ETIME;
                r = read_line(t, unit, dwarf_onesrcline(lines, i), &code);
                if (r < 0)
                        return r;
        }
        line_table_drop_open(t);
        return 0;
}

/* A unit that is damaged costs itself. */
static int read_unit(DwarfInlines *inlines,
                     LineTable *t,
                     DwarfUnit *unit,
                     Dwarf_Die *die,
                     uint64_t size,
                     const LineBudget *budget,
                     IndexLineInfo *info) {
        int r, lines;

        r = dwarf_unit_begin(unit, die);
        if (r < 0)
                return r;
        info->n_units++;
        lines = read_lines(t, unit, budget);
        if (lines < 0 && lines != -EBADMSG)
                return lines;
        r = dwarf_inlines_read(inlines, unit, size, budget);
        if (r == -EBADMSG || lines == -EBADMSG)
                info->n_bad++;
        return r == -EBADMSG ? 0 : r;
}

static bool is_wanted(Dwarf_Die *die, bool with_go) {
        int tag = dwarf_tag(die);

        if (tag != DW_TAG_compile_unit && tag != DW_TAG_skeleton_unit)
                return false;
        return with_go || dwarf_srclang(die) != DW_LANG_Go;
}

static int read_units(DwarfFile *f,
                      LineTable *t,
                      DwarfInlines *inlines,
                      DwarfUnit *unit,
                      bool with_go,
                      const LineBudget *budget,
                      IndexLineInfo *info) {
        Dwarf_Off at = 0, next;
        size_t header_size;
        int r;

        for (;; at = next) {
                Dwarf_Die die;

                r = dwarf_next_unit(dwarf_file_get(f), at, &next, &header_size, NULL, NULL, NULL,
                                    NULL, NULL, NULL);
                if (r != 0)
                        return r < 0 ? -EBADMSG : 0;
                if (next <= at)
                        return -EBADMSG;
                if (!dwarf_offdie(dwarf_file_get(f), at + header_size, &die) ||
                    !is_wanted(&die, with_go))
                        continue;
                r = read_unit(inlines, t, unit, &die, next - at, budget, info);
                if (r < 0)
                        return r;
                r = dwarf_file_forget(f);
                if (r < 0)
                        return r;
                if (line_budget_is_used_up(budget))
                        return -ETIME;
        }
}

int dwarf_lines_read(
        DwarfFile *f, LineTable *t, bool with_go, const LineBudget *budget, IndexLineInfo *info) {
        _cleanup_(dwarf_inlines_freep) DwarfInlines *inlines = NULL;
        _cleanup_(dwarf_unit_done) DwarfUnit unit = {};
        int r;

        r = dwarf_inlines_new(&inlines, t);
        if (r < 0)
                return r;
        r = read_units(f, t, inlines, &unit, with_go, budget, info);
        line_table_drop_open(t);
        return r;
}
