/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Table: columns as wide as their contents, cut at the edge of the terminal. */

#include "ctl/terminal.h"

typedef enum TableFlags {
        TABLE_RIGHT = 1 << 0,    /* numbers */
        TABLE_TRUNCATE = 1 << 1, /* gives way where the terminal is narrow */
} TableFlags;

typedef struct Table Table;

/* header: whether the names of the columns are printed. */
int table_new(Table **ret, const Terminal *t, bool header);
Table *table_free(Table *t);
DEFINE_CLEANUP(Table *, table_free);

int table_add_column(Table *t, const char *name, unsigned flags);
/* Copies as many cells as there are columns; NULL is "". Unprintable bytes are escaped. */
int table_add_row(Table *t, const char *const *cells);
/* Of one cell of the last row. */
int table_set_color(Table *t, size_t column, TerminalColor color);
int table_print(Table *t, FILE *f);
