/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * DWARF File
 *
 * The debug sections of an ELF file as libdw wants to see them: unpacked (it knows no zstd, and no
 * limit), and nothing else, so that it never learns of another file that it could open.
 */

#include <elfutils/libdw.h>

#include "elf/elf-file.h"

/* Bytes of unpacked sections: they are on the heap. */
#define DWARF_UNPACKED_MAX (UINT64_C(512) << 20)

typedef struct DwarfFile DwarfFile;

/*
 * f has to live as long. -ENODATA: no DWARF; -E2BIG: more than DWARF_UNPACKED_MAX; -EBADMSG:
 * damaged. Where libdw lacks memory it calls attempt_abort().
 */
int dwarf_file_new(DwarfFile **ret, const ElfFile *f);
DwarfFile *dwarf_file_free(DwarfFile *d);
DEFINE_CLEANUP(DwarfFile *, dwarf_file_free);

/* Borrowed. */
Dwarf *dwarf_file_get(const DwarfFile *d);

/* Makes libdw forget what it has read so far, if that is much; what came from it is invalid then.
 * 1: it did. */
int dwarf_file_forget(DwarfFile *d);
