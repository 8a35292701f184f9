/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Unwind State: the registers of the frame that a walk has come to, and how a step can end. */

#include "bpf/unwind-rule.h"

/* A BPF program has no room for calls of the steps' parts. */
#define UNWIND_INLINE static inline __attribute__((__always_inline__))

enum {
        UNWIND_WINDOW = 32, /* power of two that holds any block: an index is masked */
};

enum unwind_machine {
        UNWIND_X86_64,
        UNWIND_AARCH64,
};

/* How a step ended. */
enum unwind_result {
        UNWIND_STEPPED,      /* the registers are those of the caller now */
        UNWIND_COMPLETE,     /* there is no caller */
        UNWIND_UNKNOWN_CODE, /* UNWIND_NOT_COVERED: another way than rules may exist */
        UNWIND_NO_RULE,      /* UNWIND_REFUSED */
        UNWIND_NO_REGISTER,  /* the rule wants a register that a callee had overwritten */
        UNWIND_NO_MEMORY,    /* the stack could not be read */
        UNWIND_NO_PROGRESS,  /* the caller's frame would not lie further out */
        UNWIND_NOT_CODE,     /* what should be the return address leads to no code */
        _UNWIND_RESULT_MAX,
};

struct unwind_state {
        __u64 registers[UNWIND_REGISTERS];
        __u64 ip;
        __u32 known;     /* bit i: registers[i] is the value of this frame */
        __u32 is_return; /* ip is a return address: the call, and its rule, are in front of it */
        __u64 window[UNWIND_WINDOW];
};

UNWIND_INLINE __u32 unwind_sp(enum unwind_machine machine) {
        return machine == UNWIND_X86_64 ? (__u32) UNWIND_X86_64_RSP : (__u32) UNWIND_AARCH64_SP;
}

UNWIND_INLINE __u32 unwind_fp(enum unwind_machine machine) {
        return machine == UNWIND_X86_64 ? (__u32) UNWIND_X86_64_RBP : (__u32) UNWIND_AARCH64_FP;
}

/* Return addresses may be signed (FEAT_PAuth): code sits below 48 bits of address. */
UNWIND_INLINE __u64 unwind_strip(enum unwind_machine machine, __u64 address) {
        return machine == UNWIND_X86_64 ? address : address & ((1ULL << 48) - 1);
}

/* The address whose rule counts. */
UNWIND_INLINE __u64 unwind_pc(const struct unwind_state *s) {
        return s->ip - !!s->is_return;
}
