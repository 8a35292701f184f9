/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unwind Table of an ELF File
 *
 * From the sections with call frame information to the tables of the index. Where several
 * descriptions speak of the same code, the one that begins last is believed, from there to its end;
 * of those that begin together, the one that stands last in its section; and .debug_frame only
 * where .eh_frame has nothing. Padding between functions belongs to the one in front of it, other
 * gaps are not covered, but for signal trampolines, which are known by their code.
 */

#include "elf/elf-file.h"
#include "elf/unwind-table.h"

/* *ret is laid out; NULL: the machine or the file has no tables. *ret_info says what it lacks. */
int elf_unwind_read(const ElfFile *f, UnwindTable **ret, IndexUnwind *ret_info);
