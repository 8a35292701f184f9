/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Code Loader
 *
 * Finds what runtimes tell of the code that they make, and reads it as it grows: the perf map
 * /tmp/perf-PID.map in the root directory of the process and by its pid there, and the jitdump that
 * it has mapped. Both are files of the user that the process runs as; nothing else is read, and
 * never more than there are limits for.
 */

#include "process/process-table.h"

enum {
        CODE_LOADER_SOURCES_MAX = 256,     /* processes that are followed at once */
        CODE_LOADER_BYTES_MAX = 256 << 20, /* of all code maps together */
};
#define CODE_LOADER_REFRESH_USEC USEC_PER_SEC

typedef struct CodeLoader CodeLoader;

typedef struct CodeLoaderStatistics {
        size_t n_processes, n_names;
        uint64_t refused; /* names beyond a limit, and processes, also those not read to the end */
} CodeLoaderStatistics;

/* Once all code maps together hold bytes_max, nothing more is read until some are forgotten. */
int code_loader_new(size_t bytes_max, CodeLoader **ret);
CodeLoader *code_loader_free(CodeLoader *l);
DEFINE_CLEANUP(CodeLoader *, code_loader_free);

/* A sample fell into memory without a file: from now on the process has a code map. */
int code_loader_follow(CodeLoader *l, ProcessTable *processes, const Process *process);
/* Reads what is new, at most once in CODE_LOADER_REFRESH_USEC. */
void code_loader_refresh(CodeLoader *l, const Process *process, usec_t now);
/* Reads what is new of all at once, and forgets those that nobody needs any more. */
void code_loader_refresh_all(CodeLoader *l, usec_t now);

void code_loader_get_statistics(const CodeLoader *l, CodeLoaderStatistics *ret);
