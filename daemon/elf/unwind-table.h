/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unwind Table
 *
 * Collects rules for stretches of code, in the order of their addresses, and lays them out as the
 * pages, rows and rules of an index. Equal neighbours become one, equal rules are kept once.
 */

#include "bpf/unwind-rule.h"
#include "index/index-format.h"

typedef struct UnwindTable UnwindTable;

/* A place in the table to which it can be brought back. */
typedef struct UnwindMark {
        size_t n_rows;
        uint64_t end, covered_bytes;
} UnwindMark;

int unwind_table_new(UnwindTable **ret);
UnwindTable *unwind_table_free(UnwindTable *t);
DEFINE_CLEANUP(UnwindTable *, unwind_table_free);

/*
 * The rule of [start, end), which begins at or behind the end of what was added before; what is
 * between is not covered. 0: it is in; -E2BIG: beyond a limit in rows or pages; -ENOSPC: of rules;
 * -ENOMEM.
 */
int unwind_table_add(UnwindTable *t, uint64_t start, uint64_t end, const struct unwind_rule *rule);

/* The rule that ends at start stays in force up to end; if none does, nothing happens. */
void unwind_table_extend(UnwindTable *t, uint64_t start, uint64_t end);

/* Takes back what was added after the mark. Rules that nothing uses any more stay. */
UnwindMark unwind_table_get_mark(const UnwindTable *t);
void unwind_table_return(UnwindTable *t, const UnwindMark *mark);

/* Lays out the pages; after it only the tables can be looked at. */
int unwind_table_finish(UnwindTable *t);

uint64_t unwind_table_get_start(const UnwindTable *t);
uint64_t unwind_table_get_covered(const UnwindTable *t); /* bytes with a rule, refused ones not */
const IndexUnwindPage *unwind_table_get_pages(const UnwindTable *t, size_t *ret_n);
const IndexUnwindRow *unwind_table_get_rows(const UnwindTable *t, size_t *ret_n);
const struct unwind_rule *unwind_table_get_rules(const UnwindTable *t, size_t *ret_n);
