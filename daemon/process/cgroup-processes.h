/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The processes of a cgroup and of those below it (cgroup.procs). */

#include "basic/util.h"

enum {
        CGROUP_PROCESSES_MAX = 1 << 14, /* of one call; more are left out */
        CGROUP_PROCESSES_DEPTH_MAX = 8,
};

/* Pids as our pid namespace numbers them; processes outside of it are left out. The number of
 * calls, or -ENOENT: no such cgroup. */
int cgroup_processes(const char *control_group,
                     void (*callback)(pid_t pid, void *userdata),
                     void *userdata);
