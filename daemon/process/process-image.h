/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Process Image
 *
 * What /proc/PID says of a process at one moment: when it started, its name, its executable and its
 * mappings.
 */

#include "basic/time-util.h"
#include "process/mapping-set.h"

enum { PROCESS_COMM_SIZE = 16 }; /* TASK_COMM_LEN */

typedef struct ProcessImage {
        uint64_t start_tick; /* as process_image_tick() counts */
        char comm[PROCESS_COMM_SIZE];
        char *exe; /* NULL: unknown */
        MappingSet *mappings;
        uid_t owner;      /* who may look at them without any privilege: root if nobody else */
        size_t n_refused; /* mappings for which a table was full */
} ProcessImage;

void process_image_done(ProcessImage *image);

/* /proc tells the start of a process in clock ticks of 10 ms. */
uint64_t process_image_tick(nsec_t start_nsec);

/* Both roundings of one start are at most a tick apart. */
static inline bool process_image_same_tick(uint64_t a, uint64_t b) {
        return (a > b ? a - b : b - a) <= 1;
}

/*
 * Of the process pid, if it started at *start_tick (NULL: whenever). -ESRCH, -ENOENT: it is gone,
 * or the pid is another process now.
 */
int process_image_read(pid_t pid, const uint64_t *start_tick, FileTable *files, ProcessImage *ret);

/* What /proc/PID/stat says (proc_pid_stat(5)); text ends in a 0 byte. -ESRCH: a zombie; -EBADMSG:
 * not understood. */
int process_image_parse_stat(const char *text, ProcessImage *ret);
