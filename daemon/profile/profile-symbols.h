/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Profile Symbols
 *
 * How well each file of a profile is named, and what its names came from. Pure: a profile in, rows
 * out.
 */

#include "profile/profile-quality.h"

/* The comment that tells it, for one file: "names: symtab+debug-file /usr/bin/postgres". */
#define PROFILE_NOTE_NAMES "names"

typedef struct SymbolsRow {
        char *file;     /* path, "[kernel.kallsyms]", "//anon"; "": code without a file */
        char *build_id; /* lower-case hex, "": unknown */
        char *sources;  /* "symtab+debug-file", "": it is not told */
        bool kernel;
        uint64_t frames, named; /* of all samples, each as often as it was sampled */
        int64_t self;           /* value of the samples that ended here */
        int64_t unnamed;        /* of them, those without a name */
} SymbolsRow;

/* Sorted by self, then frames; the largest first. *ret is an array. */
int profile_symbols(Profile *p, size_t value_type, SymbolsRow **ret, size_t *ret_n);
void symbols_rows_free(SymbolsRow *rows, size_t n);

/* It is a file of a file system, for which names can be had elsewhere. */
bool symbols_row_is_file(const SymbolsRow *row);
/* It is memory into which a runtime put code that it made. */
bool symbols_row_is_memory(const SymbolsRow *row);
