/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Process Status
 *
 * Who a process is to itself, and what it sees: for files that it wrote about itself.
 */

#include "basic/util.h"

typedef struct ProcessStatus {
        uid_t uid;       /* effective */
        pid_t inner_pid; /* in its own pid namespace */
} ProcessStatus;

/* -EPERM: it has a user namespace of its own, in which it may mount what never answers: none of its
 * paths is safe to open. -ESRCH, -ENOENT: it is gone. */
int process_status_read(pid_t pid, ProcessStatus *ret);
/* What /proc/PID/status says (proc_pid_status(5)). -EBADMSG: not understood. */
int process_status_parse(const char *text, ProcessStatus *ret);

bool process_has_our_user_namespace(pid_t pid);

/* A directory below the root directory of the process, only to look at (O_PATH). */
int process_open_directory(pid_t pid, const char *path);
