/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Stack Walking
 *
 * The user stack is walked in steps: by the rule of the code's unwind table where there is one, by
 * frame pointer where there is none (code made at run time, code whose table is not loaded yet). A
 * step is a global function, which the verifier checks once and not for each turn of the loop, and
 * which may only take scalars before Linux 5.12: what it works on lies in a per-CPU map.
 */

#include "bpf/kernel.bpf.h"
#include "bpf/sample.h"
#include "bpf/unwind.bpf.h"

/* A piece of the user stack, which holds several frames: a read costs more than what it reads. */
enum { STACK_WINDOW_WORDS = 32 }; /* power of two: an index is masked */
struct stack_window {
        __u64 start, n_words;
        __u64 words[STACK_WINDOW_WORDS + 1];
};

static __always_inline bool move_window(struct stack_window *w, __u64 address) {
        w->start = address;
        w->n_words = STACK_WINDOW_WORDS;
        if (bpf_probe_read_user(w->words, STACK_WINDOW_WORDS * sizeof(__u64), (void *) address) ==
            0)
                return true;
        w->n_words = 2; /* the end of the memory is near */
        return bpf_probe_read_user(w->words, 2 * sizeof(__u64), (void *) address) == 0;
}

/* Two words of the user stack: a frame pointer and a return address. */
static __always_inline int read_pair(struct stack_window *w, __u64 *ret, __u64 address) {
        __u64 i = (address - w->start) / sizeof(__u64);

        if (address & (sizeof(__u64) - 1))
                return bpf_probe_read_user(ret, 2 * sizeof(__u64), (void *) address);
        if (i + 1 >= w->n_words) {
                if (!move_window(w, address)) {
                        w->n_words = 0;
                        return -1;
                }
                i = 0;
        }
        i &= STACK_WINDOW_WORDS - 1;
        ret[0] = w->words[i];
        ret[1] = w->words[i + 1];
        return 0;
}

/* The size is a constant where it is that of a pair, so one of the two is all that is compiled. */
#define UNWIND_READ(context, buffer, size, address)                    \
        (__builtin_constant_p(size) && (size) == 2 * sizeof(__u64)     \
                 ? read_pair((context), (__u64 *) (buffer), (address)) \
                 : bpf_probe_read_user((buffer), (size), (void *) (address)))
#include "bpf/unwind-guess.h"
#include "bpf/unwind-step.h"

enum {
        STEP_MORE = 0,       /* a frame was added, go on */
        FIRST_MAPPED = 4096, /* nothing is mapped below (vm.mmap_min_addr) */
        FRAMES_ROOM = 512,   /* power of two above all frames: an index is masked, never compared */
};
_Static_assert(SAMPLE_USER_FRAMES_MAX + SAMPLE_KERNEL_FRAMES_MAX < FRAMES_ROOM, "frames fit");

#if defined(__TARGET_ARCH_arm64)
#define MACHINE UNWIND_AARCH64
#else
#define MACHINE UNWIND_X86_64
#endif

struct scratch {
        struct unwind_state state;     /* of the frame that is to be left */
        struct unwind_process process; /* n_mappings 0: no tables are loaded for it */
        struct unwind_mapping mapping; /* the last that was found */
        bool in_chain;                 /* the frame was found by frame pointer */
        struct stack_window window;
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

static __always_inline struct scratch *get_scratch(void) {
        __u32 zero = 0;

        return bpf_map_lookup_elem(&scratch, &zero);
}

static __always_inline void push_user(struct scratch *s, __u64 address) {
        __u32 i = s->record.n_kernel + s->record.n_user;

        s->frames[i & (FRAMES_ROOM - 1)] = address;
        s->record.n_user++;
}

/* Neighbouring frames are often of one file. */
static __always_inline bool load_mapping(struct scratch *s, __u64 pc) {
        struct unwind_mapping *m;

        if (pc >= s->mapping.start && pc < s->mapping.end)
                return true;
        if (s->process.n_mappings == 0)
                return false;
        m = find_mapping(&s->process, pc);
        if (!m)
                return false;
        s->mapping = *m;
        return true;
}

static __always_inline int step_by_table(struct scratch *s) {
        __u64 pc = unwind_pc(&s->state);
        struct unwind_rule *rule;

        if (!load_mapping(s, pc) || s->mapping.file == 0)
                return UNWIND_UNKNOWN_CODE;
        rule = find_rule(s->mapping.file, pc - s->mapping.bias);
        return rule ? unwind_step_by_rule(rule, &s->state, MACHINE, &s->window)
                    : UNWIND_UNKNOWN_CODE;
}

static __always_inline int end_of(int result) {
        switch (result) {
        case UNWIND_COMPLETE:
                return STACK_END_COMPLETE;
        case UNWIND_NO_RULE:
                return STACK_END_NO_RULE;
        case UNWIND_NO_REGISTER:
                return STACK_END_NO_REGISTER;
        case UNWIND_NO_MEMORY:
                return STACK_END_NO_MEMORY;
        case UNWIND_NO_PROGRESS:
                return STACK_END_NO_PROGRESS;
        default:
                return STACK_END_NO_TABLE;
        }
}

/* Why there was no table where a guess led nowhere. */
static __always_inline int end_without_table(struct scratch *s) {
        if (s->process.n_mappings == 0)
                return STACK_END_NOT_LOADED;
        if (!load_mapping(s, unwind_pc(&s->state)))
                return STACK_END_NOT_CODE;
        if (s->mapping.file != 0 || s->mapping.absence == UNWIND_WITHOUT_TABLE)
                return STACK_END_NO_TABLE;
        return s->mapping.absence == UNWIND_AWAITED ? STACK_END_NOT_LOADED : STACK_END_NO_BUDGET;
}

/* One frame further out. STEP_MORE, or the enum sample_stack_end of the stack. */
__noinline int unwind_step(__u32 depth) {
        struct scratch *s = get_scratch();
        bool is_guess = false;
        int r;

        if (!s)
                return STACK_END_NO_TABLE;
        if (depth >= SAMPLE_USER_FRAMES_MAX)
                return STACK_END_TRUNCATED;

        r = step_by_table(s);
        if (r == UNWIND_UNKNOWN_CODE) {
                is_guess = true;
                r = unwind_guess(&s->state, MACHINE, s->in_chain, &s->window);
                /* The end of a chain of frame pointers is one only if there was a chain. */
                if ((r == UNWIND_COMPLETE && depth <= 1) ||
                    (r != UNWIND_STEPPED && r != UNWIND_COMPLETE))
                        return end_without_table(s);
        }
        if (r != UNWIND_STEPPED)
                return end_of(r);

        s->in_chain = is_guess;
        if (is_guess)
                s->record.flags |= SAMPLE_GUESSED;
        push_user(s, s->state.ip);
        return STEP_MORE;
}

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

static __always_inline bool in_user_mode(struct bpf_perf_event_data *ctx) {
        return (ctx->regs.pstate & 0xf) == 0; /* PSR_MODE_EL0t */
}
#endif

static __always_inline bool is_kernel_thread(struct task_struct *task) {
        return (has_typed_task() ? task->flags : BPF_CORE_READ(task, flags)) & PF_KTHREAD;
}

/* User registers of the current task. false: it has none that can be reached. */
static __always_inline bool load_user_registers(struct bpf_perf_event_data *ctx,
                                                struct scratch *s,
                                                struct task_struct *task) {
        void *regs;

        s->state.is_return = 0;
        if (is_kernel_thread(task))
                return false;
        if (s->record.flags & SAMPLE_IN_USER) {
                load_interrupted(ctx, &s->state);
                return true;
        }

        if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
                return false;
        regs = (void *) bpf_task_pt_regs((void *) bpf_get_current_task_btf());
        if (!regs)
                return false;
        load_entered(regs, &s->state);
        return s->state.ip != 0;
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
        s->record.flags |= SAMPLE_GUESSED;
        s->record.stack_end = s->record.n_user == SAMPLE_KERNEL_FRAMES_MAX ? STACK_END_TRUNCATED
                                                                           : STACK_END_NO_TABLE;
        /* The kernel's walk goes on past null: behind the outermost function, and through code
         * that keeps anything in the frame pointer. */
        for (__u32 i = 0; i < SAMPLE_KERNEL_FRAMES_MAX && i < s->record.n_user; i++) {
                __u64 address = s->frames[(first + i) & (FRAMES_ROOM - 1)];

                if (address >= FIRST_MAPPED)
                        continue;
                s->record.n_user = i;
                s->record.stack_end = address == 0 ? STACK_END_COMPLETE : STACK_END_NOT_CODE;
                break;
        }
}

static __always_inline void load_process(struct scratch *s) {
        struct unwind_process none = {}, *p;

        p = bpf_map_lookup_elem(&unwind_processes, &s->record.pid);
        s->process = p ? *p : none;
        s->mapping.start = s->mapping.end = 0;
}

static __always_inline void walk_user(struct bpf_perf_event_data *ctx,
                                      struct scratch *s,
                                      struct task_struct *task) {
        int end = STACK_END_TRUNCATED;

        s->record.n_user = 0;
        s->record.stack_end = STACK_END_NONE;
        if (!load_user_registers(ctx, s, task)) {
                if (!is_kernel_thread(task))
                        walk_user_by_helper(ctx, s);
                return;
        }

        load_process(s);
        s->in_chain = false;
        s->window.n_words = 0;
        push_user(s, s->state.ip);
        for (int i = 1; i <= SAMPLE_USER_FRAMES_MAX; i++) {
                end = unwind_step(i);
                if (end != STEP_MORE)
                        break;
        }
        s->record.stack_end = end;
}
