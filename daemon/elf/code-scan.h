/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The few things that have to be known of code which no call frame information speaks of. */

#include "basic/util.h"
#include "bpf/unwind-rule.h"

/* Nothing but what compilers and linkers fill up with between functions: it is never run. */
bool code_is_padding(uint16_t machine, const uint8_t *code, size_t size);

/*
 * The function begins as that of libc to which the outermost function of a makecontext() stack
 * returns. libc says that it has a caller, which it never had.
 */
bool code_is_context_start(uint16_t machine, const uint8_t *code, size_t size);

/*
 * The rule for what begins here in a procedure linkage table, which not every linker describes.
 * false: it is no entry of a known form.
 */
bool code_find_plt_rule(uint16_t machine,
                        const uint8_t *code,
                        size_t size,
                        size_t *ret_size,
                        struct unwind_rule *ret);

/*
 * Offset of the first signal trampoline (the code that a handler returns to, which only calls
 * rt_sigreturn) at or behind from, and its size. false: there is none.
 */
bool code_find_trampoline(uint16_t machine,
                          const uint8_t *code,
                          size_t size,
                          size_t from,
                          size_t *ret_offset,
                          size_t *ret_size);
