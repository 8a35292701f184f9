/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Go Table
 *
 * What Go's runtime itself names addresses by: functions, files, lines and what was inlined, in
 * every program that it compiles, stripped or not. The table changes with the language:
 *   - Go 1.16 and 1.17: addresses are pointers
 *   - Go 1.18 and 1.19: they are offsets from the start of the text
 *   - Go 1.20 and later: functions know their first line, and instances of inlined ones are shorter
 * Everything in it is an offset from its start; each is checked when it is followed.
 */

#include "elf/elf-file.h"

enum {
        GO_FUNCTIONS_MAX = 4 << 20,
        GO_FILES_MAX = 4 << 20,   /* of all packages together */
        GO_STEPS_MAX = 1 << 20,   /* of one function's table */
        GO_INLINE_DEPTH_MAX = 64, /* instances inside of each other */
        GO_INLINES_MAX = 1 << 16, /* instances in one function */
        GO_NAME_MAX = 16 << 10,
};

typedef enum GoVersion {
        GO_1_16,
        GO_1_18,
        GO_1_20,
} GoVersion;

typedef struct GoTable {
        const ElfFile *elf;
        GoVersion version;
        const uint8_t *data;
        size_t size;
        uint64_t address; /* of data */
        uint64_t text;    /* that offsets of functions count from */
        uint64_t trees;   /* that offsets of inline trees count from; 0: unknown */
        uint64_t n_functions;
        uint64_t names, units, files, values, functions; /* offsets of parts */
        uint8_t quantum;                                 /* bytes of the shortest instruction */
} GoTable;

/* A function's entry; what begins with values is an offset in that part, 0: none. */
typedef struct GoFunction {
        uint64_t start, end;
        uint32_t name;
        uint32_t values_file, values_line, values_inline;
        uint32_t values_sp; /* bytes that the function has pushed */
        bool is_top;        /* it has no caller (Go 1.17 and newer) */
        bool moves_stack;   /* it writes the stack pointer itself: the values do not tell (1.17) */
        uint32_t unit;
        uint64_t tree;     /* address of its inline tree, 0: none */
        bool may_be_other; /* tree is where one version has it, and other_tree where another has */
        uint64_t other_tree;
} GoFunction;

/* Values of a function, one after the other: value is that of the code up to end. */
typedef struct GoValues {
        const uint8_t *at, *limit;
        uint64_t start, end;
        int32_t value;
        uint8_t quantum;
        bool is_first;
} GoValues;

/* An instance of an inlined function. */
typedef struct GoInline {
        uint32_t name;
        uint32_t parent_pc; /* offset in the function: an instruction at the place of the call */
} GoInline;

/* -ENOENT: the program is not written in Go, or its table is of a version that is not known. */
int go_table_find(const ElfFile *f, GoTable *ret);

/* false: there is no such function, or it is damaged. */
bool go_table_get(const GoTable *t, uint64_t i, GoFunction *ret);

/* NULL: no such string, or too long. Borrowed. */
const char *go_table_get_name(const GoTable *t, uint32_t offset);
/* The number of a file of a unit in the table of all; false: it has none. */
bool go_table_get_file(const GoTable *t, uint32_t unit, int32_t file, uint64_t *ret);
uint64_t go_table_n_files(const GoTable *t);
const char *go_table_get_path(const GoTable *t, uint64_t file);
bool go_table_get_inline(const GoTable *t, uint64_t tree, int32_t i, GoInline *ret);

void go_values_begin(GoValues *v, const GoTable *t, const GoFunction *f, uint32_t offset);
/* false: there are no more. */
bool go_values_next(GoValues *v);
