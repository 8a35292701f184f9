/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Stack Walking
 *
 * The user stack is walked in steps. A step is a global function, which the verifier checks once
 * and not for each turn of the loop, and which may only take scalars before Linux 5.12: what it
 * works on lies in a per-CPU map. A step follows the frame pointer; rules from unwind tables will
 * be its other way.
 */

#include "bpf/kernel.bpf.h"
#include "bpf/sample.h"

enum {
        STEP_MORE = 0,     /* a frame was added, go on */
        FRAMES_ROOM = 512, /* power of two above all frames: an index is masked, never compared */
};
_Static_assert(SAMPLE_USER_FRAMES_MAX + SAMPLE_KERNEL_FRAMES_MAX < FRAMES_ROOM, "frames fit");

struct scratch {
        /* registers of the frame that is being left */
        __u64 ip, sp, fp;
        __u64 last_event_ns; /* of this CPU */
        __u64 n_events;      /* of this CPU */
        struct sample_record record;
        __u64 frames[FRAMES_ROOM];
};

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, struct scratch);
} scratch SEC(".maps");

#if defined(__TARGET_ARCH_arm64)
/* Return addresses may be signed (FEAT_PAuth): the code sits above 48 bits of address. */
#define USER_ADDRESS_MASK ((1ULL << 48) - 1)
#else
#define USER_ADDRESS_MASK (~0ULL)
#endif

static __always_inline struct scratch *get_scratch(void) {
        __u32 zero = 0;

        return bpf_map_lookup_elem(&scratch, &zero);
}

static __always_inline void push_user(struct scratch *s, __u64 address) {
        __u32 i = s->record.n_kernel + s->record.n_user;

        s->frames[i & (FRAMES_ROOM - 1)] = address & USER_ADDRESS_MASK;
        s->record.n_user++;
}

/* One frame further out. STEP_MORE, or the enum sample_stack_end of the stack. */
__noinline int unwind_step(__u32 depth) {
        struct {
                __u64 fp, ip;
        } saved = {};
        struct scratch *s = get_scratch();

        if (!s)
                return STACK_END_BROKEN;
        if (depth >= SAMPLE_USER_FRAMES_MAX)
                return STACK_END_TRUNCATED;

        /*
         * The outermost function runs with a null frame pointer (x86-64 psABI 3.4.1,
         * AAPCS64 6.4.6). In the leaf it says nothing: code without frame pointers keeps anything
         * there.
         */
        if (s->fp == 0)
                return depth > 1 ? STACK_END_COMPLETE : STACK_END_BROKEN;
        if (s->fp < s->sp || (s->fp & (sizeof(__u64) - 1)))
                return STACK_END_BROKEN;
        if (bpf_probe_read_user(&saved, sizeof(saved), (void *) s->fp) < 0)
                return STACK_END_BROKEN;
        if (saved.ip == 0)
                return STACK_END_COMPLETE;

        s->sp = s->fp + sizeof(saved);
        s->ip = saved.ip;
        s->fp = saved.fp;
        push_user(s, saved.ip);
        return STEP_MORE;
}

/* User registers of the current task. false: it has none that can be reached. */
static __always_inline bool load_user_registers(struct bpf_perf_event_data *ctx,
                                                struct scratch *s,
                                                struct task_struct *task) {
#if defined(__TARGET_ARCH_x86)
        struct pt_regs___kernel *regs;
#else
        struct user_pt_regs___kernel *regs;
#endif

        if (BPF_CORE_READ(task, flags) & PF_KTHREAD)
                return false;

        if (s->record.flags & SAMPLE_IN_USER) {
                s->ip = PT_REGS_IP(&ctx->regs);
                s->sp = PT_REGS_SP(&ctx->regs);
                s->fp = PT_REGS_FP(&ctx->regs);
                return true;
        }

        if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
                return false;
        regs = (void *) bpf_task_pt_regs((void *) bpf_get_current_task_btf());
        if (!regs)
                return false;
#if defined(__TARGET_ARCH_x86)
        s->ip = BPF_CORE_READ(regs, ip);
        s->sp = BPF_CORE_READ(regs, sp);
        s->fp = BPF_CORE_READ(regs, bp);
#else
        s->ip = BPF_CORE_READ(regs, pc);
        s->sp = BPF_CORE_READ(regs, sp);
        s->fp = BPF_CORE_READ(regs, regs[29]);
#endif
        return s->ip != 0;
}

static __always_inline bool in_user_mode(struct bpf_perf_event_data *ctx) {
#if defined(__TARGET_ARCH_x86)
        return ctx->regs.cs & 3; /* privilege level of the code segment */
#else
        return (ctx->regs.pstate & 0xf) == 0; /* PSR_MODE_EL0t */
#endif
}

static __always_inline void walk_kernel(struct bpf_perf_event_data *ctx, struct scratch *s) {
        long bytes;

        s->record.n_kernel = 0;
        if (s->record.flags & SAMPLE_IN_USER)
                return;

        bytes = bpf_get_stack(ctx, s->frames, SAMPLE_KERNEL_FRAMES_MAX * sizeof(__u64), 0);
        if (bytes <= 0)
                return;
        s->record.n_kernel = (bytes / sizeof(__u64)) & 127;
        if (s->record.n_kernel == SAMPLE_KERNEL_FRAMES_MAX)
                s->record.flags |= SAMPLE_KERNEL_TRUNCATED;
}

/* Where user registers are out of reach (before Linux 5.15) the kernel's own walk has them. */
static __always_inline void walk_user_by_helper(struct bpf_perf_event_data *ctx,
                                                struct scratch *s) {
        __u32 first = s->record.n_kernel & 127;
        long bytes;

        bytes = bpf_get_stack(ctx, &s->frames[first], SAMPLE_KERNEL_FRAMES_MAX * sizeof(__u64),
                              BPF_F_USER_STACK);
        if (bytes <= 0)
                return;
        s->record.n_user = (bytes / sizeof(__u64)) & 127;
        s->record.stack_end = s->record.n_user == SAMPLE_KERNEL_FRAMES_MAX ? STACK_END_TRUNCATED
                                                                           : STACK_END_BROKEN;
}

static __always_inline void walk_user(struct bpf_perf_event_data *ctx,
                                      struct scratch *s,
                                      struct task_struct *task) {
        int end = STACK_END_TRUNCATED;

        s->record.n_user = 0;
        s->record.stack_end = STACK_END_NONE;
        if (!load_user_registers(ctx, s, task)) {
                if (!(BPF_CORE_READ(task, flags) & PF_KTHREAD))
                        walk_user_by_helper(ctx, s);
                return;
        }

        push_user(s, s->ip);
        for (int i = 1; i <= SAMPLE_USER_FRAMES_MAX; i++) {
                end = unwind_step(i);
                if (end != STEP_MORE)
                        break;
        }
        s->record.stack_end = end;
}
