/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names of Functions
 *
 * Collects them from all that a file and its separate debug file have: .symtab of either one, else
 * .gnu_debugdata; .dynsym; the stubs of the procedure linkage table.
 */

#include "elf/elf-file.h"
#include "elf/index-writer.h"

enum {
        MINI_DEBUG_MAX = 64 << 20, /* bytes of .gnu_debugdata when unpacked */
};

/* debug: NULL, or the debug file that belongs to f. Adds the functions; *ret: IndexSource bits. */
int elf_names_write(const ElfFile *f, const ElfFile *debug, IndexWriter *w, uint32_t *ret);
