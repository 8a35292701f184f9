/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Floor
 *
 * What the least that a sampler can do costs: nothing at all, and both stacks by the kernel's own
 * helper into a ring.
 *
 * Attached to: one cpu-clock event of one task.
 * Runs in:     hard interrupt context.
 * Writes:      stacks (ring buffer of struct floor_record).
 * Needs:       Linux 5.8, CAP_BPF and CAP_PERFMON.
 */

#include "bpf/kernel.bpf.h"

enum { FRAMES = 127 };

struct floor_record {
        __u64 kernel_bytes, user_bytes;
        __u64 frames[2 * FRAMES + 2]; /* a power of two: an offset is masked */
};

struct {
        __uint(type, BPF_MAP_TYPE_RINGBUF);
        __uint(max_entries, 1 << 20);
} stacks SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, struct floor_record);
} scratch SEC(".maps");

SEC("perf_event")
int nothing(struct bpf_perf_event_data *ctx) {
        return 0;
}

SEC("perf_event")
int both_stacks(struct bpf_perf_event_data *ctx) {
        struct floor_record *r;
        __u32 zero = 0, size;
        long bytes;

        r = bpf_map_lookup_elem(&scratch, &zero);
        if (!r)
                return 0;
        bytes = bpf_get_stack(ctx, r->frames, FRAMES * sizeof(__u64), 0);
        r->kernel_bytes = bytes > 0 ? bytes : 0;
        size = r->kernel_bytes & (128 * sizeof(__u64) - 1);
        bytes = bpf_get_stack(ctx, (void *) r->frames + size, FRAMES * sizeof(__u64),
                              BPF_F_USER_STACK);
        r->user_bytes = bytes > 0 ? bytes : 0;
        size += r->user_bytes & (128 * sizeof(__u64) - 1);
        bpf_ringbuf_output(&stacks, r, 2 * sizeof(__u64) + size, BPF_RB_NO_WAKEUP);
        return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
