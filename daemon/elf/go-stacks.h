/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Go Stacks
 *
 * Go's programs have frame pointers and, stripped, no call frame information. A few functions of
 * the runtime, in assembly, are where its stacks begin, or go over to another one: they get rules.
 * They are found by their names in .gopclntab (Go 1.18 and newer), which no program is without.
 * Pure: bytes in, rules out.
 */

#include "basic/util.h"
#include "bpf/unwind-rule.h"

enum { GO_STACKS_MAX = 32 };

typedef struct GoStack {
        uint64_t start, end;
        struct unwind_rule rule;
} GoStack;

/*
 * text: address of .text. What was found, sorted by address. 0: the table is none that is known, or
 * is damaged.
 */
size_t go_stacks_find(const uint8_t *table,
                      size_t size,
                      uint64_t text,
                      uint16_t machine,
                      GoStack ret[static GO_STACKS_MAX]);
