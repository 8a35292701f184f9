/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * /proc/PID/maps
 *
 * Reads the text that the kernel writes (proc_pid_maps(5)). Paths are anything a process may name a
 * file: they are unescaped (\012) and bounded, never trusted.
 */

#include "process/mapping-set.h"

enum {
        MAPS_SIZE_MAX = 32 << 20, /* bytes of one maps file */
        MAPS_PATH_MAX = FILE_PATH_MAX,
};

typedef struct MapsEntry {
        uint64_t start, end, offset;
        FileId id;
        bool executable;
        const char *path; /* "" if none; valid during the call back */
} MapsEntry;

/* Return < 0 stops, and is returned. */
typedef int (*MapsCallback)(const MapsEntry *entry, void *userdata);

/* Lines that are not understood are skipped; *ret_skipped (may be NULL) counts them. */
int maps_parse(
        const char *text, size_t size, MapsCallback callback, void *userdata, size_t *ret_skipped);

/*
 * Adds what an executable entry says to *mappings. Shared with what perf reports, so that both ways
 * of learning a mapping lead to the same one. What lies in the kernel's half is left out. -E2BIG: a
 * table is full.
 */
int maps_add_entry(const MapsEntry *entry, FileTable *files, MappingSet **mappings);

/*
 * The executable mappings of a process. process_fd is an open /proc/PID: it stays the same process,
 * even when the pid is used again. *ret_refused counts mappings for which a table was full. -ESRCH,
 * -ENOENT: it is gone, or is a kernel thread.
 */
int maps_read(int process_fd, FileTable *files, MappingSet **ret, size_t *ret_refused);
