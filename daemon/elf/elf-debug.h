/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Separate Debug File
 *
 * What was stripped off a file lies in another one, which belongs to it if both have the same build
 * id or, where one has none, if its contents have the CRC that the file asks for.
 */

#include "elf/elf-file.h"
#include "index/index-format.h"

/* .gnu_debuglink. false: the file has none, or one without sense. */
bool elf_debug_read_link(const ElfFile *f, IndexDebugLink *ret);

/* debug_fd: the file that debug was opened from. 0: it belongs to f; -ESTALE: it is of another. */
int elf_debug_check(const ElfFile *f, const ElfFile *debug, int debug_fd);
