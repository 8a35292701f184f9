/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Unwind Rule
 *
 * How to leave a function from one stretch of its code: where the caller's frame is (the canonical
 * frame address, CFA: its stack pointer), where the return address is, where the registers are
 * that the callee has to keep. Fixed-width fields, no padding: rules lie in index files and in BPF
 * maps as they are.
 *
 * All that a function saved is one block of words in the stack, so that one read gets it.
 *
 * Registers are numbered by what DWARF calls them, modulo 16: on x86-64 that is all of rax ... r15,
 * on aarch64 x16 ... x30 and sp, among them all that a callee keeps.
 */

#include <linux/types.h>

enum {
        UNWIND_REGISTERS = 16,

        UNWIND_X86_64_RBX = 3,
        UNWIND_X86_64_RBP = 6,
        UNWIND_X86_64_RSP = 7,

        UNWIND_AARCH64_X19 = 3,
        UNWIND_AARCH64_FP = 13,
        UNWIND_AARCH64_LR = 14,
        UNWIND_AARCH64_SP = 15,

        /* What a callee keeps: bit i is register i. */
        UNWIND_X86_64_KEPT = 1 << 3 | 1 << 6 | 1 << 7 | 0xf << 12,
        UNWIND_AARCH64_KEPT = 0x3ff << 3 | 1 << 13 | 1 << 15,

        /* Of a rule's slots, four bits for each register. */
        UNWIND_SLOT_SAME = 0,    /* the register still has the caller's value */
        UNWIND_SLOT_LOST = 15,   /* its value is nowhere to be found */
        UNWIND_BLOCK_WORDS = 14, /* slot n is word n - 1 of the block */

        UNWIND_BLOCK_AT_CFA = 16, /* block_base: else it is a register */

        /* What the kernel leaves on the stack for a signal handler: words of
         * x86-64: r8 ... r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip;
         * aarch64: x16 ... x30, sp, pc. */
        UNWIND_SIGNAL_WORDS = 17,
        UNWIND_X86_64_SIGNAL_OFFSET = 40, /* from sp in the trampoline, in bytes */
        UNWIND_AARCH64_SIGNAL_OFFSET = 440,
};

enum unwind_kind {
        UNWIND_NOT_COVERED,   /* no table speaks of this code */
        UNWIND_REFUSED,       /* it has a table, which no rule can express */
        UNWIND_END,           /* the outermost function of a thread */
        UNWIND_CFA_REGISTER,  /* CFA = base + offset */
        UNWIND_CFA_LOADED,    /* CFA = *(base + offset) + offset2: the stack was realigned */
        UNWIND_CFA_INDEXED,   /* CFA = *(base + 8 * register aux + offset) + offset2 */
        UNWIND_CFA_PLT,       /* CFA = base + offset, and 8 more from byte aux of each 16 */
        UNWIND_SIGNAL,        /* all registers lie at base + offset: UNWIND_SIGNAL_WORDS */
        UNWIND_CFA_ELSEWHERE, /* CFA = base + offset, on another stack */
        _UNWIND_KIND_MAX,
};

enum unwind_return {
        UNWIND_RETURN_IN_BLOCK,    /* word ra of the block */
        UNWIND_RETURN_AT_CFA,      /* at CFA + 8 * ra */
        UNWIND_RETURN_IN_REGISTER, /* in register ra */
        _UNWIND_RETURN_MAX,
};

struct unwind_rule {
        __u8 kind;       /* enum unwind_kind */
        __u8 ra_kind;    /* enum unwind_return */
        __u8 base;       /* register */
        __u8 aux;        /* see kind */
        __s32 offset;    /* bytes */
        __s16 offset2;   /* bytes */
        __s16 ra;        /* see ra_kind */
        __s16 block;     /* first word of the block: block_base + 8 * block */
        __u8 block_base; /* register, or UNWIND_BLOCK_AT_CFA */
        __u8 n_block;    /* words in the block, at most UNWIND_BLOCK_WORDS */
        __u64 slots;     /* where the caller's value of each kept register is */
};
_Static_assert(sizeof(struct unwind_rule) == 24, "rules have no padding");

static inline __u32 unwind_rule_get_slot(const struct unwind_rule *rule, __u32 number) {
        return (__u32) (rule->slots >> (4 * number)) & 15;
}
