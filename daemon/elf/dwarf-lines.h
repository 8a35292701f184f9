/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * DWARF Lines
 *
 * Reads source lines and inlined functions of DWARF 4 and 5, unit by unit: what is in memory is
 * one unit, and never much more.
 */

#include "elf/dwarf-file.h"
#include "elf/line-budget.h"
#include "elf/line-table.h"

/*
 * Adds what the file has to the table. info: its units are counted. with_go false: units of Go are
 * passed over. 0; -ETIME: the budget is used up; -EBADMSG: units cannot be told from each other any
 * more; others as of a line table. What was read before an error stays.
 */
int dwarf_lines_read(
        DwarfFile *f, LineTable *t, bool with_go, const LineBudget *budget, IndexLineInfo *info);
