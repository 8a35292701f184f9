/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* From an ELF file to its index: asks each reader for what it finds, and hands it to the writer. */

#include "elf/elf-file.h"
#include "index/index-format.h"

typedef struct ElfIndexInput {
        const ElfFile *file;
        const ElfFile *debug; /* its separate debug file, which the caller has found to fit; NULL */
        bool lines;           /* and inlined functions: wanted */
        const uint8_t *hash;  /* INDEX_CONTENT_HASH_SIZE bytes, what the index is known by */
} ElfIndexInput;

/*
 * Writes the index of a file into the empty file fd (read and write). -ENOEXEC: nothing that is
 * mapped to be run; -EBADMSG: damaged; -E2BIG: beyond the limits of an index; others: writing
 * failed.
 */
int elf_index_write(const ElfIndexInput *input, int fd);
