/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Unwind Step
 *
 * Leaves one frame by its rule. The same lines run in BPF and in user space: scalars, no loop that
 * is not unrolled, memory only by UNWIND_READ(), which the includer defines:
 *
 *   UNWIND_READ(context, buffer, size, address)   0: all of it was read
 *
 * The machine is a constant of the caller's, so that only its half is compiled.
 */

#include "bpf/unwind-signal.h"
#include "bpf/unwind-state.h"

/* UNWIND_STEPPED: *ret is the CFA. */
UNWIND_INLINE int unwind_find_cfa(const struct unwind_rule *rule,
                                  struct unwind_state *s,
                                  void *context,
                                  __u64 *ret) {
        __u32 base = rule->base & (UNWIND_REGISTERS - 1);
        __u32 aux = rule->aux & (UNWIND_REGISTERS - 1);
        __u64 cfa;

        (void) context;
        if (!(s->known >> base & 1))
                return UNWIND_NO_REGISTER;
        cfa = s->registers[base] + (__u64) (__s64) rule->offset;

        if (rule->kind == UNWIND_CFA_PLT) {
                if ((unwind_pc(s) & 15) >= aux)
                        cfa += sizeof(__u64);
        } else if (rule->kind != UNWIND_CFA_REGISTER && rule->kind != UNWIND_CFA_ELSEWHERE) {
                if (rule->kind == UNWIND_CFA_INDEXED) {
                        if (!(s->known >> aux & 1))
                                return UNWIND_NO_REGISTER;
                        cfa += s->registers[aux] * sizeof(__u64);
                }
                if (UNWIND_READ(context, s->window, sizeof(__u64), cfa) != 0)
                        return UNWIND_NO_MEMORY;
                cfa = s->window[0] + (__u64) (__s64) rule->offset2;
        }

        *ret = cfa;
        return UNWIND_STEPPED;
}

/* Reads the block, and the return address if it is elsewhere. */
UNWIND_INLINE int unwind_read_saved(const struct unwind_rule *rule,
                                    struct unwind_state *s,
                                    __u64 cfa,
                                    void *context,
                                    __u64 *ret_ip) {
        __u32 n = rule->n_block <= UNWIND_BLOCK_WORDS ? rule->n_block : UNWIND_BLOCK_WORDS;
        __u32 base = rule->block_base & (UNWIND_REGISTERS - 1);
        __u64 block = cfa;

        (void) context;
        if (rule->ra_kind == UNWIND_RETURN_AT_CFA) {
                if (UNWIND_READ(context, ret_ip, sizeof(*ret_ip),
                                cfa + (__u64) (__s64) rule->ra * sizeof(__u64)) != 0)
                        return UNWIND_NO_MEMORY;
        } else if (rule->ra_kind == UNWIND_RETURN_IN_REGISTER) {
                __u32 number = (__u32) rule->ra & (UNWIND_REGISTERS - 1);

                if (!(s->known >> number & 1))
                        return UNWIND_NO_REGISTER;
                *ret_ip = s->registers[number];
        }
        if (n == 0)
                return UNWIND_STEPPED;

        if (rule->block_base != UNWIND_BLOCK_AT_CFA) {
                if (!(s->known >> base & 1))
                        return UNWIND_NO_REGISTER;
                block = s->registers[base];
        }
        block += (__u64) (__s64) rule->block * sizeof(__u64);
        if (UNWIND_READ(context, s->window, n * sizeof(__u64), block) != 0)
                return UNWIND_NO_MEMORY;
        if (rule->ra_kind == UNWIND_RETURN_IN_BLOCK)
                *ret_ip = s->window[(__u32) rule->ra & (UNWIND_WINDOW - 1)];
        return UNWIND_STEPPED;
}

UNWIND_INLINE void unwind_restore(const struct unwind_rule *rule,
                                  struct unwind_state *s,
                                  __u32 number) {
        __u32 slot = unwind_rule_get_slot(rule, number);

        if (slot == UNWIND_SLOT_SAME)
                return;
        if (slot == UNWIND_SLOT_LOST) {
                s->known &= ~(1U << number);
        } else {
                s->registers[number] = s->window[(slot - 1) & (UNWIND_WINDOW - 1)];
                s->known |= 1U << number;
        }
}

/*
 * enum unwind_result. Anything but UNWIND_STEPPED leaves the registers as they were. From a leaf
 * on, or behind a signal, the stack pointer may stay where it is; anywhere else it has to move up.
 */
UNWIND_INLINE int unwind_step_by_rule(const struct unwind_rule *rule,
                                      struct unwind_state *s,
                                      enum unwind_machine machine,
                                      void *context) {
        __u32 sp = unwind_sp(machine);
        __u64 cfa = 0, ip = 0;
        int r;

        if (rule->kind == UNWIND_NOT_COVERED)
                return UNWIND_UNKNOWN_CODE;
        if (rule->kind == UNWIND_END)
                return UNWIND_COMPLETE;
        if (rule->kind == UNWIND_REFUSED || rule->kind >= _UNWIND_KIND_MAX)
                return UNWIND_NO_RULE;
        if (rule->kind == UNWIND_SIGNAL)
                return unwind_leave_signal(
                        s, machine, s->registers[sp] + (__u64) (__s64) rule->offset, context);

        r = unwind_find_cfa(rule, s, context, &cfa);
        if (r != UNWIND_STEPPED)
                return r;
        if ((cfa < s->registers[sp] + !!s->is_return && rule->kind != UNWIND_CFA_ELSEWHERE) ||
            (cfa & (sizeof(__u64) - 1)))
                return UNWIND_NO_PROGRESS;
        r = unwind_read_saved(rule, s, cfa, context, &ip);
        if (r != UNWIND_STEPPED)
                return r;

        s->known &=
                machine == UNWIND_X86_64 ? (__u32) UNWIND_X86_64_KEPT : (__u32) UNWIND_AARCH64_KEPT;
        if (rule->slots != 0) {
                if (machine == UNWIND_X86_64) {
                        unwind_restore(rule, s, UNWIND_X86_64_RBX);
                        unwind_restore(rule, s, UNWIND_X86_64_RBP);
                        unwind_restore(rule, s, 12);
                        unwind_restore(rule, s, 13);
                        unwind_restore(rule, s, 14);
                        unwind_restore(rule, s, 15);
                } else {
                        for (__u32 i = UNWIND_AARCH64_X19; i <= UNWIND_AARCH64_FP; i++)
                                unwind_restore(rule, s, i);
                }
        }
        s->registers[sp] = cfa;
        s->ip = unwind_strip(machine, ip);
        s->is_return = 1;
        return s->ip != 0 ? UNWIND_STEPPED : UNWIND_COMPLETE;
}

/*
 * Leaves a frame that begins with the pushed frame pointer and return address, which are at the
 * frame pointer: a guess, where no rule is.
 */
UNWIND_INLINE int unwind_step_by_frame_pointer(struct unwind_state *s,
                                               enum unwind_machine machine,
                                               void *context) {
        __u32 sp = unwind_sp(machine), fp = unwind_fp(machine);
        __u64 at = s->registers[fp];

        (void) context;
        if (!(s->known >> fp & 1))
                return UNWIND_NO_REGISTER;
        /* The outermost function runs with a null frame pointer (x86-64 psABI 3.4.1,
         * AAPCS64 6.4.6). In the leaf it says nothing: code without frame pointers keeps anything
         * there. */
        if (at == 0)
                return s->is_return ? UNWIND_COMPLETE : UNWIND_NO_REGISTER;
        if (at < s->registers[sp] || (at & (sizeof(__u64) - 1)))
                return UNWIND_NO_PROGRESS;
        if (UNWIND_READ(context, s->window, 2 * sizeof(__u64), at) != 0)
                return UNWIND_NO_MEMORY;
        if (s->window[1] == 0)
                return UNWIND_COMPLETE;

        /* What else the function saved is unknown, but for its frame. */
        s->known = 1U << sp | 1U << fp;
        s->registers[fp] = s->window[0];
        s->registers[sp] = at + 2 * sizeof(__u64);
        s->ip = unwind_strip(machine, s->window[1]);
        s->is_return = 1;
        return UNWIND_STEPPED;
}
