/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Process Table
 *
 * The processes that matter: those that were sampled, and what the kernel reports of their
 * children. A process is a pid and its start time, so that a reused pid is another process. Fed in
 * time order with the records of the kernel and with samples; owns no descriptors.
 */

#include "basic/time-util.h"
#include "process/code-map.h"
#include "process/mapping-set.h"

enum {
        PROCESS_TABLE_MAX = 1 << 16,            /* processes; beyond, the longest dead goes first */
        PROCESS_DEAD_MAX = 1 << 12,             /* dead ones that are still kept */
        PROCESS_LINGER_USEC = 10 * 1000 * 1000, /* how long a dead process is kept */
        PROCESS_MAPPINGS_MAX = 1 << 21,         /* of all together; more are refused */
        PROCESS_CHECKS_MAX = 256,               /* processes looked after in one collect */
};

#define PROCESS_OWNER_UNKNOWN ((uid_t) -1)

typedef struct Process {
        pid_t pid;
        nsec_t start_nsec; /* CLOCK_BOOTTIME, 0: not known yet */
        char comm[16];
        char *exe;            /* path of the executable as the process sees it, NULL: unknown */
        MappingSet *mappings; /* NULL: not known yet */
        uid_t owner;   /* who might look at the mappings when they were read; UNKNOWN: they were
                          not, records told them as they came to be */
        CodeMap *code; /* names of code made at run time; NULL: not followed */
        bool dead;
} Process;

typedef struct ProcessTable ProcessTable;

typedef struct ProcessTableStatistics {
        uint64_t maps_read, maps_failed, mappings_refused, evicted;
        size_t n_processes, n_dead, n_files;
} ProcessTableStatistics;

int process_table_new(ProcessTable **ret);
ProcessTable *process_table_free(ProcessTable *t);
DEFINE_CLEANUP(ProcessTable *, process_table_free);

/*
 * The process of a sample, made on first sight. start_nsec tells a reused pid; 0: not known, the
 * process with that pid that lives now. On first sight /proc/PID/maps is read once, if the process
 * is still there. Borrowed until the next call that feeds the table. NULL: out of memory.
 */
Process *process_table_get(ProcessTable *t, pid_t pid, nsec_t start_nsec);
Process *process_table_find(ProcessTable *t, pid_t pid); /* NULL: not known */

/*
 * What the kernel reports, in time order. Of processes the table does not know, only forks of known
 * ones, and mmap and exec of processes that were forked from known ones, are taken up; the rest is
 * ignored, so that the table stays as small as what is profiled.
 */
int process_table_fork(ProcessTable *t, pid_t pid, pid_t parent);
int process_table_exec(ProcessTable *t, pid_t pid, const char *comm);
int process_table_comm(ProcessTable *t, pid_t pid, const char *comm);
int process_table_mmap(ProcessTable *t,
                       pid_t pid,
                       uint64_t start,
                       uint64_t end,
                       uint64_t offset,
                       const FileId *id,
                       const char *path);
void process_table_exit(ProcessTable *t, pid_t pid, usec_t now);

/* After records were lost nothing remembered is certain: maps are read again at the next sample. */
void process_table_invalidate(ProcessTable *t);

/* Forgets what has been dead for PROCESS_LINGER_USEC, and looks after some of the living, whose end
 * may not have been reported. now: as in process_table_exit(). */
void process_table_collect(ProcessTable *t, usec_t now);

/* Who finds the names of code made at run time hands them to the process. Takes its own reference.
 */
void process_table_set_code(ProcessTable *t, pid_t pid, CodeMap *code);

FileTable *process_table_get_files(ProcessTable *t); /* borrowed */
void process_table_get_statistics(const ProcessTable *t, ProcessTableStatistics *ret);
