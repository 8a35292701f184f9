/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The Ring of Samples, and what did not get into it */

#include "bpf/stack.bpf.h"

/* Bytes in the ring that wake user space; below, it comes by its timer. 0: any sample wakes it. */
volatile __u64 wakeup_bytes = 0;

struct {
        __uint(type, BPF_MAP_TYPE_RINGBUF);
        __uint(max_entries, 1 << 20); /* user space sets it before loading */
} samples SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, _LOSS_MAX);
        __type(key, __u32);
        __type(value, __u64);
} lost SEC(".maps");

static __always_inline void count_loss(__u32 reason) {
        __u64 *n = bpf_map_lookup_elem(&lost, &reason);

        if (n)
                (*n)++;
}

static __always_inline void publish(struct scratch *s) {
        __u32 n = (s->record.n_kernel + s->record.n_user) & (FRAMES_ROOM - 1);
        __u64 size = sizeof(s->record) + n * sizeof(__u64), flags;
        __u32 copied = s->record.n_copied;

        flags = bpf_ringbuf_query(&samples, BPF_RB_AVAIL_DATA) < wakeup_bytes ? BPF_RB_NO_WAKEUP
                                                                              : BPF_RB_FORCE_WAKEUP;
        if (copied > 0 && copied <= SAMPLE_COPY_MAX) {
                /* The process is new and may be gone soon: it is looked at now. */
                flags = BPF_RB_FORCE_WAKEUP;
                size += sizeof(struct sample_registers) + copied;
        }
        /* The compiler knows that it fits, the verifier wants to see it. */
        asm volatile("" : "+r"(size));
        if (size > sizeof(s->record) + sizeof(s->frames))
                return;
        if (bpf_ringbuf_output(&samples, &s->record, size, flags) < 0)
                count_loss(LOSS_RING_FULL);
}
