/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Stack Window
 *
 * Reads the user stack for the walk: UNWIND_READ() of bpf/unwind-step.h.
 */

#include "bpf/kernel.bpf.h"
#include "bpf/unwind-rule.h"

/* A piece of the user stack, which holds several frames: a read costs more than what it reads. */
enum {
        STACK_WINDOW_WORDS = 32, /* power of two: an index is masked */
        SMALL_BLOCK_WORDS = 4,   /* of a frame's saved registers, as most are */
};
struct stack_window {
        __u64 start, n_words;
        __u64 words[STACK_WINDOW_WORDS + UNWIND_BLOCK_WORDS];
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

/* As many words, at most UNWIND_BLOCK_WORDS; what is behind them in ret is overwritten. */
static __always_inline int read_block(struct stack_window *w,
                                      __u64 *ret,
                                      __u64 bytes,
                                      __u64 address) {
        __u64 i = (address - w->start) / sizeof(__u64), n = bytes / sizeof(__u64);

        if (address & (sizeof(__u64) - 1))
                return -1;
        if (i >= STACK_WINDOW_WORDS || i + n > w->n_words) {
                if (!move_window(w, address))
                        w->n_words = 0;
                if (n > w->n_words)
                        return bpf_probe_read_user(ret, bytes, (void *) address);
                i = 0;
        }
        i &= STACK_WINDOW_WORDS - 1;
        if (n <= SMALL_BLOCK_WORDS)
                __builtin_memcpy(ret, &w->words[i], SMALL_BLOCK_WORDS * sizeof(__u64));
        else
                __builtin_memcpy(ret, &w->words[i], UNWIND_BLOCK_WORDS * sizeof(__u64));
        return 0;
}

/* A size that is no constant is that of a block; of the three, one is all that is compiled. */
#define UNWIND_READ(context, buffer, size, address)                             \
        (!__builtin_constant_p(size)                                            \
                 ? read_block((context), (__u64 *) (buffer), (size), (address)) \
         : (size) == 2 * sizeof(__u64)                                          \
                 ? read_pair((context), (__u64 *) (buffer), (address))          \
                 : bpf_probe_read_user((buffer), (size), (void *) (address)))
