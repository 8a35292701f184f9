/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Control Groups
 *
 * From the path that systemd names to the id that the kernel compares. Ids are those of the
 * cgroup2 tree, on unified and on hybrid hosts alike.
 */

#include <systemd/sd-id128.h>

#include "basic/util.h"

/* Where the cgroup2 tree is mounted; *ret is a constant. -ENOENT: there is none (pure cgroup v1).
 */
int cgroup_mount_path(const char **ret);

/*
 * The id of a cgroup, named by its path below the mount ("/system.slice/x.service"). -ENOENT: no
 * such cgroup, or no cgroup2 tree; -EINVAL: not an absolute and normal path; -ENAMETOOLONG.
 */
int cgroup_get_id(const char *control_group, uint64_t *ret);

/*
 * The invocation that systemd made the cgroup for, from its extended attribute (systemd 245 and
 * newer). It is there before the bus tells. -ENODATA: none; -ENOENT: no such cgroup.
 */
int cgroup_get_invocation_id(const char *control_group, sd_id128_t *ret);

/*
 * The slice that a cgroup lies in, "system.slice"; "-.slice" is the root. NULL: out of memory.
 */
char *cgroup_get_slice(const char *control_group);

/* False also for what is no valid path. */
bool cgroup_exists(const char *control_group);
