/* SPDX-License-Identifier: Apache-2.0 */
/* Table */

#include <libsmartcols.h>

#include "ctl/table.h"

struct Table {
        const Terminal *terminal;
        struct libscols_table *table;
        struct libscols_line *last; /* borrowed */
};

int table_new(Table **ret, const Terminal *terminal, bool header) {
        _cleanup_(table_freep) Table *t = NULL;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->terminal = terminal;
        t->table = scols_new_table();
        if (!t->table)
                return -ENOMEM;

        scols_table_enable_noheadings(t->table, !header);
        scols_table_enable_colors(t->table, terminal->colors);
        scols_table_enable_ascii(t->table, !terminal->utf8);
        if (scols_table_set_column_separator(t->table, "  ") < 0)
                return -ENOMEM;
        if (terminal->columns > 0) {
                scols_table_set_termforce(t->table, SCOLS_TERMFORCE_ALWAYS);
                scols_table_set_termwidth(t->table, terminal->columns);
        } else
                scols_table_set_termforce(t->table, SCOLS_TERMFORCE_NEVER);

        *ret = TAKE_PTR(t);
        return 0;
}

Table *table_free(Table *t) {
        if (t) {
                scols_unref_table(t->table);
                free(t);
        }
        return NULL;
}

int table_add_column(Table *t, const char *name, unsigned flags) {
        int scols_flags = 0;

        if (flags & TABLE_RIGHT)
                scols_flags |= SCOLS_FL_RIGHT;
        if (flags & TABLE_TRUNCATE)
                scols_flags |= SCOLS_FL_TRUNC;
        return scols_table_new_column(t->table, name, 0, scols_flags) ? 0 : -ENOMEM;
}

int table_add_row(Table *t, const char *const *cells) {
        t->last = scols_table_new_line(t->table, NULL);
        if (!t->last)
                return -ENOMEM;

        for (size_t i = 0; i < scols_table_get_ncols(t->table); i++)
                if (cells[i] && scols_line_set_data(t->last, i, cells[i]) < 0)
                        return -ENOMEM;
        return 0;
}

int table_set_color(Table *t, size_t column, TerminalColor color) {
        assert(t->last);

        if (!t->terminal->colors)
                return 0;
        return scols_cell_set_color(scols_line_get_cell(t->last, column),
                                    terminal_color(t->terminal, color)) < 0
                       ? -ENOMEM
                       : 0;
}

int table_print(Table *t, FILE *f) {
        if (scols_table_set_stream(t->table, f) < 0)
                return -ENOMEM;
        if (scols_table_is_empty(t->table) && scols_table_is_noheadings(t->table))
                return 0;
        return scols_print_table(t->table) < 0 ? -EIO : 0;
}
