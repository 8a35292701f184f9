/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Process Record
 *
 * What the kernel says of the life of processes in perf's records (include/uapi/linux/perf_event.h:
 * PERF_RECORD_MMAP2, _COMM, _FORK, _EXIT), decoded and checked.
 */

#include "basic/time-util.h"

typedef enum ProcessRecordKind {
        PROCESS_RECORD_FORK, /* a new process, not a new thread */
        PROCESS_RECORD_EXEC,
        PROCESS_RECORD_COMM,
        PROCESS_RECORD_MMAP, /* an executable mapping */
        PROCESS_RECORD_EXIT, /* its last-named thread, the leader */
        PROCESS_RECORD_LOST, /* the ring was full: lost says how many */
} ProcessRecordKind;

typedef struct ProcessRecord {
        ProcessRecordKind kind;
        nsec_t time_nsec; /* CLOCK_MONOTONIC */
        pid_t pid;
        pid_t parent;                /* of FORK */
        char comm[16];               /* of EXEC and COMM */
        uint64_t start, end, offset; /* of MMAP */
        uint32_t major, minor;
        uint64_t inode;
        const char *path; /* borrowed from the bytes that were decoded */
        uint64_t lost;
} ProcessRecord;

struct perf_event_header;

/*
 * Decodes one record of an event that was opened by OPEN_RECORDS; size bytes are there, header
 * included. 1: *ret is filled; 0: a record of no interest (threads, tasks outside of our pid
 * namespace); -EBADMSG: its parts do not fit its size.
 */
int process_record_decode(const struct perf_event_header *header, size_t size, ProcessRecord *ret);
