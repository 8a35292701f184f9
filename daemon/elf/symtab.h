/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Symbol Table
 *
 * Makes a table of functions, sorted and without overlaps, of the symbols of one ELF file. Pure:
 * bytes in, table out.
 *
 * Functions (FUNC, IFUNC) count, and untyped symbols in executable sections, as assembly code has
 * them. Of several names for an address the best is taken: function before untyped, exported before
 * local, sized before unsized, fewer leading underscores (it is "read" that programs call, though
 * "__read" is the one that is not weak), global before weak ("memcmp", not "bcmp"), shorter, first
 * in the alphabet. Then:
 *   - a symbol with a size names its own bytes, never one more, and none outside its section; where
 *     several overlap, the one that starts last names the common part;
 *   - a symbol without size names what follows up to the next symbol or the end of its section,
 *     where no symbol with a size does. Local untyped symbols are labels inside of functions: they
 *     end no other symbol, and name only what nothing else names.
 */

#include "index/index-format.h"

enum {
        SYMTAB_NAME_MAX = 16 << 10, /* bytes of a symbol's name that are looked at */
        /* .dynsym shows only what is exported: what lies behind may belong to anyone. */
        SYMTAB_DYNAMIC_UNSIZED_MAX = 4096,
        SYMTAB_INPUTS_MAX = 4,
};

/* A part of memory that holds code: an executable section, or a segment. */
typedef struct SymtabRegion {
        uint64_t start, end;
} SymtabRegion;

/* One section of symbols and the strings it refers to. Borrowed, for the life of the table. */
typedef struct SymtabInput {
        const uint8_t *symbols;
        const char *strings;
        size_t symbols_size, strings_size;
        bool is_64;         /* Elf64_Sym, else Elf32_Sym */
        bool is_dynamic;    /* .dynsym */
        bool is_made;       /* names are taken as they are: nobody put a version into them */
        uint16_t machine;   /* e_machine */
        IndexSource source; /* what its functions are said to come from */
        /* By section: it holds code. Only while it is added; NULL: not known. A symbol without a
         * type in any other section names no code, whatever its value: debug sections have labels,
         * too. */
        const bool *is_code;
        size_t n_sections;
} SymtabInput;

typedef struct SymtabFunction {
        uint64_t address, size;
        const char *name; /* borrowed from the input; not terminated; without its version */
        size_t name_size;
        IndexSource source;
} SymtabFunction;

typedef struct Symtab Symtab;

/* Copies the regions, which may be in any order. */
int symtab_new(Symtab **ret, const SymtabRegion *regions, size_t n_regions);
Symtab *symtab_free(Symtab *t);
DEFINE_CLEANUP(Symtab *, symtab_free);

/* Collects the functions of one section; a broken symbol is passed over. -E2BIG: more than
 * INDEX_FUNCTIONS_MAX, or than SYMTAB_INPUTS_MAX sections. */
int symtab_add(Symtab *t, const SymtabInput *input);

/* Makes the table; nothing can be added after it. -E2BIG as above. */
int symtab_finish(Symtab *t);

size_t symtab_size(const Symtab *t);
void symtab_get(const Symtab *t, size_t i, SymtabFunction *ret);
