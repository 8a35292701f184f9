/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The children of a process, and theirs, as /proc shows them at one moment. */

#include "basic/util.h"

/*
 * Calls back for each descendant, parents before children. Looks again until nobody new is found,
 * as they may fork meanwhile. start_tick as in process_image.h. The callback returns 1 for one that
 * it did not know, 0 for one that it did, and a negative errno to end it all, which is the result.
 */
int process_children(pid_t pid,
                     int (*callback)(pid_t pid, uint64_t start_tick, void *userdata),
                     void *userdata);
