/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Opening a Mapped File
 *
 * Finds the contents of what a process has mapped, wherever they can be reached, and nothing else.
 */

#include "process/file.h"

/*
 * Opens the contents of a file that process pid (0: unknown or gone) has mapped at [start, end).
 * In turn: /proc/PID/map_files, /proc/PID/root/PATH, /proc/1/root/PATH, PATH; what is opened is
 * accepted only if mapping it would show the very same id. Never opens anything but a regular file,
 * never blocks on one. The vDSO is copied from our own memory. Returns a descriptor. -ESTALE: what
 * is there now is another file; -ENOENT: nothing is; -ENODATA: anonymous memory; -EREMOTE: a user's
 * own file system (FUSE), where opening might never end, or may lead over one.
 */
int file_open(const File *f, pid_t pid, uint64_t start, uint64_t end);
