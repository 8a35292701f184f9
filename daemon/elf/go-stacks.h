/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Go Stacks
 *
 * Go's programs have, stripped, no call frame information, and their assembly uses the frame
 * pointer for whatever it likes. But the table that each of them carries for its runtime says for
 * each instruction how far the stack pointer has moved (x86-64), and names the few functions where
 * stacks begin, or go over to another one.
 */

#include "bpf/unwind-rule.h"
#include "elf/go-table.h"

/* What holds for a stretch of code. */
typedef struct GoStack {
        uint64_t start, end;
        struct unwind_rule rule;
        bool is_known; /* the function is known for what it does; what a compiler says of it is less
                        */
} GoStack;

typedef struct GoStacks {
        GoTable table;
        uint16_t machine;
        uint64_t next; /* function */
        uint64_t end;  /* of what was told */
        GoFunction function;
        GoValues values; /* of the function; at NULL: there are no more */
        bool is_crossing;
} GoStacks;

/* -ENOENT: as go_table_find(). */
int go_stacks_begin(GoStacks *g, const ElfFile *f);

/* Stretches come in the order of their addresses, with gaps. false: there are no more. */
bool go_stacks_next(GoStacks *g, GoStack *ret);
