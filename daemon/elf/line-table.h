/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Line Table
 *
 * Collects source lines and inlined functions as readers find them, in any order of addresses, and
 * writes them into an index. What is in memory does not grow with their number, but for 16 bytes
 * for each stretch of code and 4 bytes for each source file.
 */

#include "elf/index-writer.h"
#include "index/index-line-format.h"

/* How far the file grows while it is made; what is beyond the index is cut off at the end. */
#define LINE_TABLE_FILE_MAX   (UINT64_C(4) << 30)
#define LINE_TABLE_MAPPED_MAX (UINT64_C(5) << 28) /* bytes of it that are mapped at once */

typedef struct LineTable LineTable;

/*
 * Files, and names, go to the writer at once; the rest into its file fd, far behind what it has
 * written. Only code in [start, end) counts. Both stay the caller's.
 */
int line_table_new(LineTable **ret, IndexWriter *w, int fd, uint64_t start, uint64_t end);
LineTable *line_table_free(LineTable *t);
DEFINE_CLEANUP(LineTable *, line_table_free);

/* False: nothing that is said of this address counts. */
bool line_table_is_code(const LineTable *t, uint64_t address);

/* All: -E2BIG: a limit of the index; -ENOMEM; others: writing failed. */

/* The index of a path, a known one or a new one. */
int line_table_add_file(LineTable *t, const char *path, uint32_t *ret);
int line_table_add_name(LineTable *t, const char *name, uint32_t *ret);

/* The code from address on is of this line; file 0: it has none. Addresses ascend up to the end. */
int line_table_add_line(LineTable *t, uint64_t address, uint32_t file, uint32_t line);
int line_table_end_lines(LineTable *t, uint64_t address);

/* Names are offsets in NAMES. */
int line_table_add_inline(LineTable *t, const IndexInline *instance, uint32_t *ret);
/* As lines: the code from address on is of this instance; 0: of none. */
int line_table_add_range(LineTable *t, uint64_t address, uint32_t instance);
int line_table_end_ranges(LineTable *t, uint64_t address);

/* Forgets what has been begun and not ended. */
void line_table_drop_open(LineTable *t);

/* Hands all to the writer, whose finish writes it; the table has to live until then. Leaves all but
 * the info out, and says so in it, where the index would be too large. */
void line_table_finish(LineTable *t, const IndexLineInfo *info);
