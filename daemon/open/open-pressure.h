/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pressure Triggers
 *
 * The kernel tells by itself when tasks of a cgroup have stalled for longer than a limit
 * (Documentation/accounting/psi.rst); who wants that writes to a file that belongs to root. What is
 * written is made here, of checked numbers.
 */

#include "open/open-protocol.h"

/* What the directories on the way and the file are opened with; nothing else is written to. */
#define OPEN_DIRECTORY_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define OPEN_PRESSURE_FLAGS  (O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

/* -EBADMSG: no such magic; -EINVAL: resource, times or path are none of those that there are. */
int open_pressure_check(const OpenPressureRequest *request);

/*
 * request is right. A descriptor that is ready for POLLPRI at most once in each window, or
 *   -ENOENT      no such cgroup
 *   -EOPNOTSUPP  the kernel does not count pressure, or has no cgroup2 tree
 * and what openat() and write() say.
 */
int open_pressure(const OpenPressureRequest *request);
