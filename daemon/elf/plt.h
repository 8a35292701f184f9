/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Procedure Linkage Table
 *
 * The stubs through which a file calls what it imports have no symbols. Each of them jumps through
 * a slot of the global offset table, and the slot's relocation knows what will be in it: the stub
 * of read() becomes "read@plt". Stubs are found by their instructions, so that it does not matter
 * how a linker lays out .plt, .plt.sec, .plt.got and .iplt.
 */

#include "elf/elf-file.h"
#include "elf/symtab.h"

enum {
        PLT_RELOCATIONS_MAX = 1 << 20,
        PLT_SECTION_MAX = 64 << 20, /* bytes of stubs that are looked at */
        PLT_NAME_MAX = 1024,
};

/* Symbols of the stubs, of memory that is theirs. */
typedef struct PltSymbols {
        uint8_t *symbols; /* Elf64_Sym */
        char *strings;
        size_t symbols_size, strings_size, symbols_capacity, strings_capacity;
} PltSymbols;

/* 0 also where there are none. -ENOMEM. */
int plt_read(const ElfFile *f, PltSymbols *ret);
void plt_symbols_done(PltSymbols *s);
