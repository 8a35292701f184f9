/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The build id of the running kernel, from the ELF notes in /sys/kernel/notes. */

#include "basic/util.h"

enum { KERNEL_BUILD_ID_MAX = 64 }; /* bytes */

/* Writes it as lower-case hex. -ENODATA: no such note; -EBADMSG: not a list of notes. */
int kernel_build_id_read(char ret[static 2 * KERNEL_BUILD_ID_MAX + 1]);
/* The same from memory. */
int kernel_build_id_parse(const uint8_t *notes,
                          size_t size,
                          char ret[static 2 * KERNEL_BUILD_ID_MAX + 1]);
