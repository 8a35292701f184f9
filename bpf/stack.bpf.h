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
#include "bpf/stack-window.bpf.h"
#include "bpf/unwind.bpf.h"
/* These want UNWIND_READ(). */
#include "bpf/registers.bpf.h"
#include "bpf/unwind-guess.h"
#include "bpf/unwind-step.h"

enum {
        STEP_MORE = 0,        /* a frame was added, go on */
        COPY_MISSING_MAX = 3, /* pages: untouched ones of the stack, or beyond its begin */
        COPY_WORDS = (sizeof(struct sample_registers) + SAMPLE_COPY_MAX) / sizeof(__u64),
        FIRST_MAPPED = 4096, /* nothing is mapped below (vm.mmap_min_addr) */
        FRAMES_ROOM = 512,   /* power of two above all frames: an index is masked, never compared */
};
/* No user space reaches up to here, with page tables of five levels or with fewer. */
#define USER_END (1ULL << 56)
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
        __u64 copies_since_ns, n_copies;
        __u64 missing_page, n_missing; /* of the copy: the last that could not be read */
        struct sample_record record;
        __u64 frames[FRAMES_ROOM + COPY_WORDS];
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

static __always_inline bool is_in_file(struct scratch *s, __u64 pc) {
        return s->mapping.file != 0 && pc >= s->mapping.start && pc < s->mapping.end;
}

/* Why there was no table where a guess led nowhere. */
static __always_inline int end_without_table(struct scratch *s, __u64 pc) {
        if (s->process.n_mappings == 0)
                return STACK_END_NOT_LOADED;
        if (!load_mapping(s, pc))
                return STACK_END_NOT_CODE;
        if (s->mapping.file != 0 || s->mapping.absence == UNWIND_WITHOUT_TABLE)
                return STACK_END_NO_TABLE;
        return s->mapping.absence == UNWIND_AWAITED ? STACK_END_NOT_LOADED : STACK_END_NO_BUDGET;
}

/* One frame further out. STEP_MORE, or the enum sample_stack_end of the stack. */
__noinline int unwind_step(__u32 depth) {
        struct scratch *s = get_scratch();
        bool is_guess = false;
        __u64 pc;
        int r;

        if (!s)
                return STACK_END_NO_TABLE;
        pc = unwind_pc(&s->state);
        if (depth >= SAMPLE_USER_FRAMES_MAX)
                return STACK_END_TRUNCATED;

        r = step_by_table(s);
        if (r == UNWIND_UNKNOWN_CODE) {
                is_guess = true;
                r = unwind_guess(&s->state, MACHINE, s->in_chain, is_in_file(s, pc), &s->window);
                /* The end of a chain of frame pointers is one only if there was a chain. */
                if ((r == UNWIND_COMPLETE && depth <= 1) ||
                    (r != UNWIND_STEPPED && r != UNWIND_COMPLETE))
                        return end_without_table(s, pc);
        }
        if (r != UNWIND_STEPPED)
                return end_of(r);

        /* A frame too few is better than one that never was. */
        if (is_guess && s->process.n_mappings > 0 && !load_mapping(s, unwind_pc(&s->state)))
                return end_without_table(s, pc);
        s->in_chain = is_guess;
        if (is_guess)
                s->record.flags |= SAMPLE_GUESSED;
        push_user(s, s->state.ip);
        return STEP_MORE;
}

static __always_inline bool is_kernel_thread(struct task_struct *task) {
        return (has_typed_task() ? task->flags : BPF_CORE_READ(task, flags)) & PF_KTHREAD;
}

static __always_inline bool is_exiting(struct task_struct *task) {
        return (has_typed_task() ? task->flags : BPF_CORE_READ(task, flags)) & PF_EXITING;
}

/* Of a task in the kernel; NULL: they are out of reach (before Linux 5.15). */
static __always_inline void *get_task_registers(void) {
        if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
                return NULL;
        return (void *) bpf_task_pt_regs((void *) bpf_get_current_task_btf());
}

/* User registers of the current task; event: what has interrupted it, NULL: nothing. false: it has
 * none that can be reached. */
static __always_inline bool load_user_registers(struct bpf_perf_event_data *event,
                                                struct scratch *s,
                                                struct task_struct *task) {
        void *regs;

        s->state.is_return = 0;
        if (is_kernel_thread(task))
                return false;
        if (event && s->record.flags & SAMPLE_IN_USER) {
                load_interrupted(event, &s->state);
                return true;
        }

        regs = get_task_registers();
        if (!regs)
                return false;
        load_entered(regs, &s->state);
        return s->state.ip != 0;
}

static __always_inline void walk_kernel(void *ctx, struct scratch *s) {
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
static __always_inline void walk_user_by_helper(void *ctx, struct scratch *s) {
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
        /* The kernel's walk goes on past null, behind the outermost function, and through code that
         * keeps anything in the frame pointer: what it finds there need not be an address. */
        for (__u32 i = 0; i < SAMPLE_KERNEL_FRAMES_MAX && i < s->record.n_user; i++) {
                __u64 address = s->frames[(first + i) & (FRAMES_ROOM - 1)];

                if (address >= FIRST_MAPPED && address < USER_END)
                        continue;
                s->record.n_user = i;
                s->record.stack_end = address == 0 ? STACK_END_COMPLETE : STACK_END_NOT_CODE;
                break;
        }
}

/* An exit, and an exec from some moment on: the registers are of a program that is no more. */
static __always_inline bool is_stack_gone(struct scratch *s, struct task_struct *task) {
        void *regs;

        if (s->record.flags & SAMPLE_IN_USER)
                return false;
        if (is_exiting(task))
                return true;
        regs = get_task_registers();
        if (!regs || !is_in_exec(regs))
                return false;
        load_entered(regs, &s->state);
        return bpf_probe_read_user(s->state.window, sizeof(__u64),
                                   (void *) s->state.registers[unwind_sp(MACHINE)]) != 0;
}

static __always_inline void load_process(struct scratch *s) {
        struct unwind_process none = {}, *p;

        p = bpf_map_lookup_elem(&unwind_processes, &s->record.pid);
        s->process = p ? *p : none;
        s->mapping.start = s->mapping.end = 0;
}

/* ctx: of the program, which is event where there is one. */
static __always_inline void walk_user(void *ctx,
                                      struct bpf_perf_event_data *event,
                                      struct scratch *s,
                                      struct task_struct *task) {
        int end = STACK_END_TRUNCATED;

        s->record.n_user = 0;
        s->record.stack_end = STACK_END_NONE;
        if (!load_user_registers(event, s, task)) {
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
        if (end != STACK_END_COMPLETE && is_stack_gone(s, task)) {
                s->record.n_user = 0;
                end = STACK_END_NONE;
        }
        s->record.stack_end = end;
}

static __always_inline bool may_copy(struct scratch *s) {
        if (s->record.time_ns - s->copies_since_ns >= 1000 * 1000 * 1000ULL) {
                s->copies_since_ns = s->record.time_ns;
                s->n_copies = 0;
        }
        return s->n_copies++ < SAMPLE_COPIES_MAX;
}

/* A page that no function has touched yet is not there; it holds nothing that leads up the stack.
 */
static __always_inline void copy_piece(struct scratch *s, __u32 to, __u64 from, __u32 end) {
        __u64 page = from >> 12;

        if (s->n_missing > 0 && page == s->missing_page) {
                __builtin_memset(&s->frames[to], 0, SAMPLE_COPY_PIECE);
                return;
        }
        /* What cannot be read is filled with zeros. */
        if (bpf_probe_read_user(&s->frames[to], SAMPLE_COPY_PIECE, (void *) from) == 0) {
                s->record.n_copied = end;
                return;
        }
        s->missing_page = page;
        s->n_missing++;
}

/* Where tables were missing that may come: what user space needs to walk the stack by them. */
static __always_inline void copy_stack(struct bpf_perf_event_data *event,
                                       struct scratch *s,
                                       struct task_struct *task) {
        __u32 first = (s->record.n_kernel + s->record.n_user) & (FRAMES_ROOM - 1);
        __u32 end = s->record.stack_end;
        __u64 from;

        s->record.n_copied = 0;
        if (end != STACK_END_NOT_LOADED && end != STACK_END_NO_BUDGET && end != STACK_END_NOT_CODE)
                return;
        if (!may_copy(s) || !load_user_registers(event, s, task))
                return;

        __builtin_memcpy(&s->frames[first], &s->state, sizeof(struct sample_registers));
        first += sizeof(struct sample_registers) / sizeof(__u64);
        from = sample_copy_start(s->state.registers[unwind_sp(MACHINE)]);
        s->n_missing = 0;
        for (__u32 n = 0; n < SAMPLE_COPY_MAX && s->n_missing <= COPY_MISSING_MAX;
             n += SAMPLE_COPY_PIECE)
                copy_piece(s, first + n / sizeof(__u64), from + n, n + SAMPLE_COPY_PIECE);
}
