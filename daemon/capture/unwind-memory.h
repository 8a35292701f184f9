/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unwind Memory
 *
 * The chunks of bpf/unwind-memory.h from user space: hands out runs of them within a budget, and
 * grows by whole segments as they are needed. All segments lie side by side in our address space,
 * so a run is written like any memory.
 */

#include "basic/util.h"
#include "bpf/unwind-memory.h"

typedef struct UnwindMemory UnwindMemory;

/* segments_fd: the map "unwind_segments", which the caller keeps. */
int unwind_memory_new(UnwindMemory **ret, int segments_fd, uint64_t max_bytes);
UnwindMemory *unwind_memory_free(UnwindMemory *m);
DEFINE_CLEANUP(UnwindMemory *, unwind_memory_free);

/* A lower budget takes nothing back that is in use. */
void unwind_memory_set_max(UnwindMemory *m, uint64_t max_bytes);

/* n consecutive chunks, zeroed; *ret_first is never 0. -ENOSPC: the budget. */
int unwind_memory_allocate(UnwindMemory *m, uint32_t n, uint32_t *ret_first);
/* Gives a run back; it is used again once no program can be reading it. */
void unwind_memory_release(UnwindMemory *m, uint32_t first, uint32_t n);

/* The bytes of a run. */
void *unwind_memory_get(UnwindMemory *m, uint32_t first);

uint64_t unwind_memory_get_used_bytes(const UnwindMemory *m);   /* handed out */
uint64_t unwind_memory_get_mapped_bytes(const UnwindMemory *m); /* taken from the kernel */
