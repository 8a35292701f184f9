/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Unwind Loader
 *
 * Keeps in the kernel what it needs to walk the stacks of the processes that are profiled: the
 * mappings of each address space, shared by the processes that share them, and the unwind table of
 * each file, shared by all. Both go with the last process that needs them.
 */

#include "capture/unwind-memory.h"
#include "process/process-table.h"

typedef struct UnwindLoader UnwindLoader;

typedef struct UnwindLoaderStatistics {
        size_t n_processes, n_address_spaces, n_files;
        uint64_t used_bytes, mapped_bytes;
        uint64_t refused_files;     /* there was no memory for their table */
        uint64_t refused_processes; /* no memory for their mappings, or too many processes */
        size_t n_refused_files;     /* that still have none */
        bool is_short; /* when unwind_loader_retry() was called last, the budget was too small */
} UnwindLoaderStatistics;

/* Descriptors of the maps "unwind_segments" and "unwind_processes", which the caller keeps. */
int unwind_loader_new(UnwindLoader **ret, int segments_fd, int processes_fd, uint64_t max_bytes);
UnwindLoader *unwind_loader_free(UnwindLoader *l);
DEFINE_CLEANUP(UnwindLoader *, unwind_loader_free);

void unwind_loader_set_max(UnwindLoader *l, uint64_t max_bytes);

/*
 * The process runs on these mappings from now on (a reference is taken). Files that have an index
 * bring their tables; others are told by unwind_loader_add_file() when they have one. 1: this is
 * new, 0: nothing changed, which is cheap; -ENOSPC: the budget, counted.
 */
int unwind_loader_set_process(UnwindLoader *l, pid_t pid, MappingSet *mappings);
void unwind_loader_remove_process(UnwindLoader *l, pid_t pid);

/* The file has its index now, or will have none: its table comes into all address spaces that have
 * it mapped. */
void unwind_loader_add_file(UnwindLoader *l, File *file);

/* Loads what was refused before, if there may be room now. To be called from time to time: it may
 * wait for the kernel. */
void unwind_loader_retry(UnwindLoader *l);

void unwind_loader_get_statistics(const UnwindLoader *l, UnwindLoaderStatistics *ret);
