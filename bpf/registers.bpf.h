/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * User Registers
 *
 * Of the interrupted code, or of the code that entered the kernel, as an unwind state. Here is all
 * that depends on how a machine lays out its registers.
 */

#include "bpf/kernel.bpf.h"
#include "bpf/unwind-state.h"

#if defined(__TARGET_ARCH_x86)
/* In the numbers that DWARF gives them (x86-64 psABI, figure 3.36). */
static __always_inline void load_interrupted(struct bpf_perf_event_data *ctx,
                                             struct unwind_state *u) {
        u->registers[0] = ctx->regs.rax;
        u->registers[1] = ctx->regs.rdx;
        u->registers[2] = ctx->regs.rcx;
        u->registers[3] = ctx->regs.rbx;
        u->registers[4] = ctx->regs.rsi;
        u->registers[5] = ctx->regs.rdi;
        u->registers[6] = ctx->regs.rbp;
        u->registers[7] = ctx->regs.rsp;
        u->registers[8] = ctx->regs.r8;
        u->registers[9] = ctx->regs.r9;
        u->registers[10] = ctx->regs.r10;
        u->registers[11] = ctx->regs.r11;
        u->registers[12] = ctx->regs.r12;
        u->registers[13] = ctx->regs.r13;
        u->registers[14] = ctx->regs.r14;
        u->registers[15] = ctx->regs.r15;
        u->ip = ctx->regs.rip;
        u->known = (1U << UNWIND_REGISTERS) - 1;
}

/* A system call has overwritten rax, rcx and r11. */
static __always_inline void load_entered(void *task_regs, struct unwind_state *u) {
        struct pt_regs___kernel *regs = task_regs;

        u->registers[1] = BPF_CORE_READ(regs, dx);
        u->registers[3] = BPF_CORE_READ(regs, bx);
        u->registers[4] = BPF_CORE_READ(regs, si);
        u->registers[5] = BPF_CORE_READ(regs, di);
        u->registers[6] = BPF_CORE_READ(regs, bp);
        u->registers[7] = BPF_CORE_READ(regs, sp);
        u->registers[8] = BPF_CORE_READ(regs, r8);
        u->registers[9] = BPF_CORE_READ(regs, r9);
        u->registers[10] = BPF_CORE_READ(regs, r10);
        u->registers[12] = BPF_CORE_READ(regs, r12);
        u->registers[13] = BPF_CORE_READ(regs, r13);
        u->registers[14] = BPF_CORE_READ(regs, r14);
        u->registers[15] = BPF_CORE_READ(regs, r15);
        u->ip = BPF_CORE_READ(regs, ip);
        u->known = ((1U << UNWIND_REGISTERS) - 1) & ~(1U << 0 | 1U << 2 | 1U << 11);
}

static __always_inline bool is_in_exec(void *task_regs) {
        struct pt_regs___kernel *regs = task_regs;
        unsigned long number = BPF_CORE_READ(regs, orig_ax);

        return number == 59 || number == 322; /* execve, execveat */
}

static __always_inline bool in_user_mode(struct bpf_perf_event_data *ctx) {
        return ctx->regs.cs & 3; /* privilege level of the code segment */
}
#else
/* Register n of the state is x(16 + n); 15 is sp. */
static __always_inline void load_interrupted(struct bpf_perf_event_data *ctx,
                                             struct unwind_state *u) {
        for (int i = 0; i < 15; i++)
                u->registers[i] = ctx->regs.regs[16 + i];
        u->registers[15] = ctx->regs.sp;
        u->ip = ctx->regs.pc;
        u->known = (1U << UNWIND_REGISTERS) - 1;
}

static __always_inline void load_entered(void *task_regs, struct unwind_state *u) {
        struct user_pt_regs___kernel *regs = task_regs;

        bpf_probe_read_kernel(u->registers, 15 * sizeof(__u64), &regs->regs[16]);
        u->registers[15] = BPF_CORE_READ(regs, sp);
        u->ip = BPF_CORE_READ(regs, pc);
        u->known = (1U << UNWIND_REGISTERS) - 1;
}

static __always_inline bool is_in_exec(void *task_regs) {
        struct pt_regs___kernel *regs = task_regs;
        int number = BPF_CORE_READ(regs, syscallno);

        return number == 221 || number == 281; /* execve, execveat */
}

static __always_inline bool in_user_mode(struct bpf_perf_event_data *ctx) {
        return (ctx->regs.pstate & 0xf) == 0; /* PSR_MODE_EL0t */
}
#endif
