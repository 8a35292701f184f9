/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * DWARF Unit
 *
 * The source files of one unit, in the terms of a line table.
 */

#include "elf/dwarf-file.h"
#include "elf/line-table.h"

typedef struct DwarfUnit {
        Dwarf_Die die;
        Dwarf_Files *files; /* NULL: it has none */
        size_t n_files;
        const char *directory; /* that relative paths begin at; "": unknown */
        uint32_t *known;       /* by the unit's number of a file: ours + 1, 0: not asked for yet */
        size_t capacity;
} DwarfUnit;

/* The unit that begins with this entry. What it borrows lives as long as libdw remembers it. */
int dwarf_unit_begin(DwarfUnit *u, const Dwarf_Die *die);
void dwarf_unit_done(DwarfUnit *u);

/* The file of a number, 0: it has none. */
int dwarf_unit_get_file(DwarfUnit *u, LineTable *t, size_t number, uint32_t *ret);
