/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Separate Debug File
 *
 * Finds what was stripped off a file of a process: by build id, and by the name that the file
 * gives, below /usr/lib/debug (packages) and /usr/local/lib/debug (administrators) of the root
 * directory of the process, then of the host. Whether it belongs to the file is not known yet:
 * a name is a claim.
 */

#include "basic/util.h"

typedef struct DebugFileQuery {
        pid_t pid;            /* a process that has the file; 0: none */
        const char *path;     /* of the file, as the process sees it */
        const char *build_id; /* lower-case hex; "": none */
        const char *link;     /* the name that the file gives; "": none */
} DebugFileQuery;

/* Returns a descriptor of a regular file. -ENOENT: there is none. */
int debug_file_open(const DebugFileQuery *query);
/* The same below one root directory. */
int debug_file_open_below(const char *root, const DebugFileQuery *query);
