/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ELF Copy
 *
 * The bytes of a file that others can change, read once. What a file is known by and what becomes
 * of it must come from the same bytes: a mapping writes without a new time stamp, and a file system
 * in user space shows each reader what it likes. So the hash is that of the copy, and the copy is
 * what is read from then on.
 */

#include "index/index-format.h"

/* Larger files go without names. */
#define ELF_COPY_MAX (UINT64_C(4) << 30)

/*
 * Copies what is behind in, from its start and up to size bytes, to the empty file out; blocks of
 * zeros take no room there. *ret: SHA-256 of the copy. out -EBADF: only the hash.
 */
int elf_copy(int in, uint64_t size, int out, uint8_t ret[static INDEX_CONTENT_HASH_SIZE]);

/*
 * The same for a file that goes with another, whose hash is first: *ret is SHA-256 of first and
 * the copy, and so stands for both.
 */
int elf_copy_second(const uint8_t first[static INDEX_CONTENT_HASH_SIZE],
                    int in,
                    uint64_t size,
                    int out,
                    uint8_t ret[static INDEX_CONTENT_HASH_SIZE]);
