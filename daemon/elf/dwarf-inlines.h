/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inlined Functions of DWARF
 *
 * Walks the entries of a unit and turns the trees of functions that were inlined into each other
 * into a flat table: which instance the code from an address on belongs to.
 */

#include "elf/dwarf-unit.h"
#include "elf/line-budget.h"

enum {
        DWARF_DEPTH_MAX = 256, /* entries inside of each other */
        /* Of one function: those of a hostile file could repeat each other for ever. */
        DWARF_RANGES_MAX = 1 << 20,
        DWARF_ORIGINS_MAX = 64 << 10, /* functions whose name is remembered */
};

typedef struct DwarfInlines DwarfInlines;

int dwarf_inlines_new(DwarfInlines **ret, LineTable *t);
DwarfInlines *dwarf_inlines_free(DwarfInlines *d);
DEFINE_CLEANUP(DwarfInlines *, dwarf_inlines_free);

/* size: bytes of the unit. -EBADMSG: its entries are damaged; -ETIME: the budget is used up; others
 * as of a line table. */
int dwarf_inlines_read(DwarfInlines *d, DwarfUnit *unit, uint64_t size, const LineBudget *budget);
