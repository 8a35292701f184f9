/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Go Lines
 *
 * Names, lines and inlined functions of a Go program, in the terms of the index.
 */

#include "elf/go-table.h"
#include "elf/line-budget.h"
#include "elf/line-table.h"

/* Symbols of the functions: Elf64_Sym, to be freed; their names count from the byte in front of
 * go_table_get_name(t, 0): no symbol may have the name 0, but a function may. */
int go_lines_make_symbols(const GoTable *t, uint8_t **ret, size_t *ret_size);

/* As dwarf_lines_read(). */
int go_lines_read(const GoTable *t,
                  LineTable *lines,
                  const LineBudget *budget,
                  IndexLineInfo *info);
