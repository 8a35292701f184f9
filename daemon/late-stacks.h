/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Late Stacks
 *
 * The first samples of a program come before the unwind tables of its files. They carry registers
 * and a copy of the stack instead; here they wait until the indexes of those files are there, and
 * are walked in user space then. What waits is bounded in number, bytes and time.
 */

#include "basic/time-util.h"
#include "bpf/sample.h"
#include "process/process-table.h"

enum {
        LATE_STACKS_MAX = 1024,
        LATE_STACKS_BYTES_MAX = 8 << 20,
};
#define LATE_STACKS_WAIT_USEC (5 * USEC_PER_SEC)

typedef struct LateStacks LateStacks;

typedef struct LateStacksStatistics {
        uint64_t walked, completed; /* all, and those that reached the start of their thread */
        uint64_t refused;           /* too many waited: they stay as they came */
        size_t n_waiting;
} LateStacksStatistics;

/* A sample, walked as far as it goes: as SamplerCallbacks.on_sample, without a copy of the stack.
 * The process is as it was when the sample came. */
typedef void (*LateStacksCallback)(const Process *process,
                                   const struct sample_record *record,
                                   const uint64_t *frames,
                                   nsec_t weight_nsec,
                                   void *userdata);

int late_stacks_new(LateStacks **ret, LateStacksCallback callback, void *userdata);
/* What still waits is forgotten. */
LateStacks *late_stacks_free(LateStacks *l);
DEFINE_CLEANUP(LateStacks *, late_stacks_free);

/* Takes copies of everything. -E2BIG: too many wait; -EINVAL: the record has no copy, or its
 * process no mappings. */
int late_stacks_add(LateStacks *l,
                    const Process *process,
                    const struct sample_record *record,
                    const uint64_t *frames,
                    nsec_t weight_nsec);

/* Hands on what waits for nothing any more, in the order it came; all: everything. now:
 * CLOCK_MONOTONIC. */
void late_stacks_settle(LateStacks *l, usec_t now, bool all);

void late_stacks_get_statistics(const LateStacks *l, LateStacksStatistics *ret);
