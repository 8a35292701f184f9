/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rules from Call Frame Information
 *
 * Says in a fixed-width rule what a row of the table says in DWARF's terms, or refuses it: a rule
 * that is nearly right makes wrong stacks. The expressions are those that compilers, linkers and
 * libraries really write, known by their shape.
 */

#include "bpf/unwind-rule.h"
#include "elf/cfi-program.h"
#include "index/index-format.h"

/*
 * 0: *ret is the rule. Else *ret is UNWIND_REFUSED, and the value is the IndexUnwindLoss plus 1.
 * is_signal: the function is a signal trampoline (augmentation "S").
 */
int cfi_rule_make(uint16_t machine, const CfiState *state, bool is_signal, struct unwind_rule *ret);

/* The same frame, when the caller's registers are back and only the return address is left. */
struct unwind_rule cfi_rule_for_restored(const struct unwind_rule *rule);

/* For a signal trampoline of the usual layout. */
struct unwind_rule cfi_rule_for_signal(uint16_t machine);
