/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lines of an ELF File
 *
 * Asks every source for lines and inlined functions, within limits of time and memory, and lets
 * none of them cost more than lines.
 */

#include "elf/elf-index.h"
#include "elf/line-table.h"

/* Of the worker: what is beyond them is left to SANDBOX_CPU_SEC, and to who waits for it. */
enum {
        ELF_LINES_CPU_SEC = 20,
        ELF_LINES_WALL_SEC = 80,
};

/*
 * Fills a new table with what the file or its debug file say, to be written by the writer's finish.
 * fd: the writer's.
 */
int elf_lines_read(const ElfIndexInput *input, IndexWriter *w, int fd, LineTable **ret);
