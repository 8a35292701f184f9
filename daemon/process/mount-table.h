/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Mount Table
 *
 * Which files we would wait for if we opened them: those of a file system that a program of some
 * user answers for (FUSE). It may answer never, and nothing bounds an open(). What root has mounted
 * is trusted, as a file system over the network is. Asking the file system itself would be waiting,
 * so the kernel's table is read (proc_pid_mountinfo(5)).
 */

#include "process/file.h"

enum { MOUNT_TABLE_SIZE_MAX = 8 << 20 }; /* bytes; beyond it nothing is known */

/* The table of /proc/PID/mountinfo, as text. Errors of reading, -E2BIG. */
int mount_table_read(const char *path, char **ret);

/* Of the device: 0: it is none of a user's, -EREMOTE: it is, -ENOENT: no mount shows it. */
int mount_table_check_device(const char *text, uint32_t major, uint32_t minor);

/* -EREMOTE: the way along path, which is absolute, leads over a file system of a user; 0: it does
 * not. */
int mount_table_check_path(const char *text, const char *path);
